"""The catalogue is whole, points to tests that exist, and is what `docs/faults.md` says."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.faults.catalogue import ROWS, Row
from tests.faults.scripts import CASES

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "faults.md"
_LINE = re.compile(r"^\| (\d+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|", re.MULTILINE)


@functools.cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, kinds))


def test_every_row_is_there_once() -> None:
    """The catalogue has the rows 1 to 154, in order."""
    assert [row.number for row in ROWS] == list(range(1, 155))


def test_every_case_has_a_name_of_its_own() -> None:
    """No two scripted faults have one name, and each belongs to a row."""
    names = [case.id for case in CASES]

    assert len(set(names)) == len(names)
    assert {case.row for case in CASES} <= {row.number for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number:03d}")
def test_every_row_is_accounted_for(row: Row) -> None:
    """A row is scripted, tested elsewhere, or says why it is neither."""
    assert row.cases or row.elsewhere or row.decided or row.not_yet


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number:03d}")
def test_tests_elsewhere_exist(row: Row) -> None:
    """A test that a row points to is there."""
    missing = [
        each
        for each in row.elsewhere
        if each.partition("::")[2] not in _functions(each.partition("::")[0])
    ]

    assert missing == []


def test_page_is_the_catalogue() -> None:
    """The page has every row with its title, what is expected, and our verdict."""
    shown = [
        (int(number), title, expected, verdict.partition(":")[0])
        for number, title, expected, verdict in _LINE.findall(PAGE.read_text("utf-8"))
    ]

    assert shown == [(row.number, row.title, row.expected, row.verdict) for row in ROWS]


def test_page_says_what_is_not_kept() -> None:
    """Whatever is not kept yet is on the page, in its words."""
    text = PAGE.read_text("utf-8")

    assert [lack for row in ROWS for lack in row.lacks if lack not in text] == []
