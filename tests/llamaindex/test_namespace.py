"""`llama_index.llms.globalapi`: LlamaIndex's name for the same classes."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import llama_index
import llama_index.core
from llama_index.llms.globalapi import GlobalAPI, GlobalAPIRouter

import llamaindex_globalapi

ROOT = Path(__file__).parent.parent.parent
_NO_CORE = """
import sys
sys.modules["llama_index.core"] = None
try:
    import llama_index.llms.globalapi
except ModuleNotFoundError as error:
    print(error)
"""


def test_namespace_has_the_same_classes() -> None:
    """Under either name it is one class: `isinstance` and pickles agree."""
    assert GlobalAPI is llamaindex_globalapi.GlobalAPI
    assert GlobalAPIRouter is llamaindex_globalapi.GlobalAPIRouter
    assert GlobalAPI.__module__.startswith("llamaindex_globalapi")


def test_namespace_is_shared() -> None:
    """`llama_index` and `llama_index.llms` stay free for all distributions, core first."""
    ours = sorted(ROOT.glob("llama_index/**/__init__.py"))

    assert ours == [ROOT / "llama_index" / "llms" / "globalapi" / "__init__.py"]
    assert llama_index.__file__ is None
    assert not Path(str(llama_index.core.__file__)).is_relative_to(ROOT / "llama_index")


def test_project_names_the_module_as_llamahub_does() -> None:
    """The wheel ships the module, and the metadata names it and its classes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert "llama_index" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert project["tool"]["llamahub"]["import_path"] == "llama_index.llms.globalapi"
    assert set(project["tool"]["llamahub"]["class_authors"]) == {"GlobalAPI", "GlobalAPIRouter"}


def test_namespace_without_llama_index_says_what_to_install() -> None:
    """Without LlamaIndex the module is there, and says what is missing."""
    done = subprocess.run(
        [sys.executable, "-c", _NO_CORE], capture_output=True, text=True, cwd=ROOT
    )

    assert "pip install 'globalapi-llm[llamaindex]'" in done.stdout, done.stderr
