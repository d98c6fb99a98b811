"""The notebooks run from top to bottom without a key, and end in the numbers they show."""

from __future__ import annotations

import re
import sys
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


def read(notebook: Path) -> nbformat.NotebookNode:
    """*notebook* as it is kept."""
    return nbformat.read(notebook, as_version=4)


def named(paths: list[Path]) -> list[Any]:
    """*paths* as parameters with names."""
    return [pytest.param(path, id=path.stem) for path in paths]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("notebook", named(ALL))
def test_notebook_runs_to_its_number(notebook: Path) -> None:
    """Run anew, without a key, a notebook raises and warns nowhere and ends as it is kept."""
    fresh = notebooks.run(notebook)

    assert notebooks.printed(fresh) == notebooks.printed(read(notebook))
    assert re.search(r"\d", notebooks.printed(fresh))


def test_six_notebooks() -> None:
    """There are six."""
    assert [each.stem[0] for each in ALL] == list("123456")


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
