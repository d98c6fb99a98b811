"""What every test stands on: an environment of nobody's, a sandbox, and the canaries."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import KEY_VARIABLE
from tests import canary

_FOREIGN = ("GLOBAL_API_", "OPENAI_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

# How long an example takes says something of the machine, and nothing of the code.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


def pytest_collection_finish() -> None:
    """Have no collection go through what is imported, which nothing ever frees.

    It takes most of a second, which is what some calls under test are given.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No key, address, proxy or config file of whoever runs the tests.

    A test with a sandbox calls it with the canary for a key.
    """
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    if "sandbox" in request.fixturenames:
        monkeypatch.setenv(KEY_VARIABLE, canary.KEY)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def canaries_are_silent() -> Iterator[None]:
    """No key and no prompt is in what anybody logs, at any level."""
    watch, root = canary.Watch(), logging.getLogger()
    level = root.level
    root.addHandler(watch)
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    root.removeHandler(watch)

    assert not watch.heard, f"logged with a key or a prompt in it: {watch.heard}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    """Fail a test whose output has a canary in it."""
    report = yield
    own = [each for each in report.sections if each[0].endswith(report.when)]
    sung = [title for title, text in own if canary.SONG.search(text)]
    if report.passed and sung:
        report.outcome = "failed"
        report.longrepr = f"there is a key or a prompt in what was captured: {', '.join(sung)}"
    return report


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of the shipped catalog that answers at once."""
    with Sandbox() as running:
        yield running
