"""What may know what: import contracts, and what a bare import brings along."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("pydantic", "aiohttp", "urllib3", "ruamel", "typer", "rich", "h11", "certifi")
FRAMEWORKS = ("langchain", "langchain_core", "langchain_openai", "llama_index", "openai")


def imported(code: str) -> set[str]:
    """The top-level packages that *code* imports in a fresh interpreter."""
    code = f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    modules: list[str] = json.loads(done.stdout.splitlines()[-1])
    # A namespace package may be made at start-up, by a path file, without any of its parts.
    named = {each.partition(".")[0] for each in modules}
    return {
        each for each in named if any(m.startswith(f"{each}.") for m in modules) or each in modules
    }


def test_import_contracts() -> None:
    """Every contract of `pyproject.toml` holds: layers, frameworks, who speaks HTTP."""
    pytest.importorskip("importlinter")

    # In a process of its own: it switches off all loggers that there are.
    command = "import sys; from importlinter.cli import lint_imports; "
    command += "sys.exit(lint_imports('pyproject.toml', no_cache=True))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


def test_bare_import_is_light() -> None:
    """`import globalapi_core` loads no framework and nothing that costs."""
    assert not imported("import globalapi_core") & {*HEAVY, *FRAMEWORKS}


@pytest.mark.parametrize(
    "module", ["errors", "pricing", "catalog", "signals", "records", "settings"]
)
def test_values_are_light(module: str) -> None:
    """What is pure needs no pydantic, no YAML and no HTTP."""
    assert not imported(f"import globalapi_core.{module}") & {*HEAVY, *FRAMEWORKS}


def test_decisions_need_no_http() -> None:
    """Deciding loads no HTTP library and no framework."""
    code = "from globalapi_core import Router; Router()"

    assert not imported(code) & {"aiohttp", "urllib3", "typer", "rich", "h11", *FRAMEWORKS}


def test_client_needs_no_http_before_the_first_call() -> None:
    """The HTTP libraries are loaded by the first call, not by the import."""
    assert not imported("from globalapi_core import Client") & {"aiohttp", "urllib3", *FRAMEWORKS}


def test_help_is_light() -> None:
    """`globalapi --help` loads no framework, no HTTP library and no YAML."""
    code = (
        "from globalapi_core.cli import main\n"
        "sys.argv = ['globalapi', '--help']\n"
        "try: main()\nexcept SystemExit: pass"
    )

    assert not imported(code) & {"aiohttp", "urllib3", "ruamel", "pydantic", *FRAMEWORKS}


def test_langchain_brings_no_llamaindex() -> None:
    """Importing the LangChain package loads neither the other framework nor OpenAI's SDK."""
    if find_spec("langchain_core") is None:
        pytest.skip("LangChain is not installed")

    found = imported("import langchain_globalapi; langchain_globalapi.ChatGlobalAPI")

    assert "langchain_core" in found
    assert not {each for each in found if each.startswith(("llama_index", "llamaindex_"))}
    assert not found & {"openai", "langchain_openai"}


def test_llamaindex_brings_no_langchain() -> None:
    """Importing the LlamaIndex package loads neither the other framework nor OpenAI's SDK."""
    if find_spec("llama_index.core") is None:
        pytest.skip("LlamaIndex is not installed")

    found = imported("import llamaindex_globalapi; llamaindex_globalapi.GlobalAPI")

    assert "llama_index" in found
    assert not {each for each in found if each.startswith("langchain")}
    assert "openai" not in found


@pytest.mark.parametrize(
    "package", ["globalapi_core", "langchain_globalapi", "llamaindex_globalapi"]
)
def test_no_path_of_a_machine(package: str) -> None:
    """No file of a package names a path of the machine it was written on."""
    for file in (ROOT / package).rglob("*.py"):
        text = file.read_text("utf-8")
        assert str(ROOT) not in text, file
        assert "/home/" not in text, file
