"""What the core promises by name."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

import pytest

import globalapi_core

NAMES = [
    "Answer",
    "Budget",
    "CallRecord",
    "Catalog",
    "Client",
    "Config",
    "Cost",
    "Decision",
    "GatewayError",
    "GlobalAPIError",
    "ModelInfo",
    "Price",
    "Router",
    "Sandbox",
    "Shadowed",
    "Signals",
    "Usage",
    "compare",
    "escalations",
    "load_config",
    "on_alert",
    "on_call",
    "on_shadow",
    "parse_config",
    "recorded_calls",
    "shadows_to",
]


def test_names() -> None:
    """The public names are these, in order; adding one is a decision."""
    assert globalapi_core.__all__ == NAMES
    assert set(dir(globalapi_core)) == {*NAMES, "__version__"}


@pytest.mark.parametrize("name", NAMES)
def test_name_is_there(name: str) -> None:
    """Every public name can be imported, has a docstring, and is always the same object."""
    found = getattr(globalapi_core, name)

    assert found.__doc__
    assert found is getattr(globalapi_core, name)


def test_version() -> None:
    """The version is that of the installed distribution."""
    assert globalapi_core.__version__ == version("globalapi-llm")


def test_name_that_is_not_there() -> None:
    """A name that is not there is an attribute error that says so."""
    with pytest.raises(AttributeError, match=r"globalapi_core.*'Nothing'"):
        _ = globalapi_core.Nothing


def test_star_import() -> None:
    """`from globalapi_core import *` brings the public names."""
    names: dict[str, object] = {}
    exec("from globalapi_core import *", names)  # noqa: S102

    assert set(NAMES) <= set(names)


def test_types_are_shipped() -> None:
    """Type checkers may read the package's own types."""
    assert (files("globalapi_core") / "py.typed").is_file()


def test_works_without_the_environment() -> None:
    """A decision needs no key, no file and no network."""
    code = (
        "from globalapi_core import Router; router = Router();"
        "print(router.decide(router.signals([{'role': 'user', 'content': '你好'}])).route)"
    )

    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "chinese"
