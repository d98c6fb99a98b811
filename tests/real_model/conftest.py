"""Two real servers, and the four classes to ask them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_model.asking import CLASSES, WAYS, Asker, Way
from tests.real_model.server import RealServer, running


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """Leave these tests to those who name them: they need a server that compiles for minutes."""
    named = (Path(str(each).partition("::")[0]).parts for each in config.args)
    asked = any(Path(__file__).parent.name in parts for parts in named)
    return None if asked else True


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server whose requests wait for each other."""
    with running(tmp_path_factory.mktemp("server") / "log", interrupting=False) as started:
        yield started


@pytest.fixture(scope="session")
def interrupting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server as it comes: a new request ends the stream that is being sent."""
    with running(tmp_path_factory.mktemp("interrupting") / "log", interrupting=True) as started:
        yield started


@pytest.fixture(params=CLASSES)
def asker(request: pytest.FixtureRequest, server: RealServer) -> Asker:
    """Each of the four classes."""
    return Asker(*CLASSES[request.param], server)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the four ways to ask."""
    asked: Way = request.param
    return asked
