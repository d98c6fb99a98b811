"""The notebooks run from top to bottom without a key, and end in the numbers they show."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import run_notebooks as notebooks  # noqa: E402

ALL = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))
_LARGEST = 60_000
"""Bytes of a picture."""
# No environment of the tests has both: ChatOpenAI wants openai 3, beside which LlamaIndex's
# users have openai 2. Each environment runs the notebooks that it has the packages for.
_APART = {"langchain_openai", "llama_index"}
_IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)


def read(notebook: Path) -> nbformat.NotebookNode:
    """*notebook* as it is kept."""
    return nbformat.read(notebook, as_version=4)


def needs(notebook: Path) -> set[str]:
    """Those packages that *notebook* imports which only some environments have."""
    source = "\n".join(cell.source for cell in notebooks.code(read(notebook)))
    found = set(_IMPORT.findall(source))
    return _APART & ({*found, "llama_index"} if "llamaindex_globalapi" in found else found)


def is_installed(package: str) -> bool:
    """Whether *package* is here; a directory of our own is in LlamaIndex's namespace."""
    found = find_spec(package)
    return found is not None and (package != "llama_index" or bool(find_spec("llama_index.core")))


def named(paths: list[Path]) -> list[Any]:
    """*paths* as parameters with names."""
    return [pytest.param(path, id=path.stem) for path in paths]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "notebook", named([each for each in ALL if all(map(is_installed, needs(each)))])
)
def test_notebook_runs_to_its_number(notebook: Path) -> None:
    """Run anew, without a key, a notebook raises and warns nowhere and ends as it is kept."""
    fresh = notebooks.run(notebook)

    assert notebooks.printed(fresh) == notebooks.printed(read(notebook))
    assert re.search(r"\d", notebooks.printed(fresh))


def test_six_notebooks() -> None:
    """There are six; each can run in some environment of the tests."""
    assert [each.stem[0] for each in ALL] == list("123456")
    assert [each.name for each in ALL if needs(each) == _APART] == []


@pytest.mark.parametrize("notebook", named(ALL))
def test_notebook_is_kept_as_it_ran(notebook: Path) -> None:
    """Every cell ran once, in order; nothing tells where or when, and nothing was warned of."""
    kept = read(notebook)
    cells = notebooks.code(kept)
    outputs = [output for cell in cells for output in cell.outputs]

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(not cell.metadata for cell in kept.cells)
    assert set(kept.metadata) == {"kernelspec", "language_info"}
    assert [each for each in outputs if each.get("name") == "stderr"] == []
    assert re.findall(r"/(?:home|root|tmp|work|Users)/", notebook.read_text("utf-8")) == []


@pytest.mark.parametrize("notebook", named(ALL))
def test_pictures_are_small_and_in_docs(notebook: Path) -> None:
    """Each notebook has a picture; the last one is what README shows."""
    pictures = notebooks.pictures(read(notebook))

    assert max(map(len, pictures)) <= _LARGEST
    assert (notebooks.PICTURES / f"{notebook.stem}.png").read_bytes() == pictures[-1]
