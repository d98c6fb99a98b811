"""The text of `docs/conformance.md`, from what was measured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.llamaindex.conformance.bench import Check
from tests.llamaindex.conformance.differences import DIFFERENCES, TOLD
from tests.llamaindex.conformance.suite import CHECKS, SECTIONS

MEASURED = Path(__file__).parent / "measured.json"
OURS = ("GlobalAPI", "GlobalAPIRouter")
PEERS = (TOLD, "OpenAILike")
EVERYONE = (*OURS, *PEERS)


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of one check, asked of one class."""

    verdict: str
    said: str

    @property
    def right(self) -> bool:
        """Whether the promise is kept."""
        return self.verdict == "right"


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured, and with which versions."""

    versions: Mapping[str, str]
    cells: Mapping[tuple[str, str], Cell]
    """By section and name of the check, and by class."""

    def of(self, check: Check, who: str) -> Cell:
        """What came of *check*, asked of *who*."""
        return self.cells[f"{check.section}: {check.name}", who]


def read() -> Measured:
    """What was measured last."""
    found = json.loads(MEASURED.read_text("utf-8"))
    cells = {(name, who): Cell(*rest) for name, who, *rest in found["cells"]}
    return Measured(found["versions"], cells)


def write(versions: Mapping[str, str], cells: Sequence[Sequence[Any]]) -> None:
    """Keep what was measured, a line for each check and class."""
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in cells)
    head = f'{{"versions": {json.dumps(versions)}, "cells": [\n'
    MEASURED.write_text(f"{head}{lines}\n]}}\n", "utf-8")


def text(measured: Measured) -> str:
    """The page."""
    lines = [*_head(measured), ""]
    for section in SECTIONS:
        lines += [f"## {section}", "", *_table(section, measured), ""]
    return "\n".join([*lines, *_differences(), ""])


def _head(measured: Measured) -> Iterator[str]:
    named = ", ".join(f"{name} {number}" for name, number in measured.versions.items())
    yield from (
        "# Conformance",
        "",
        "What LlamaIndex expects of an LLM, and who does it.",
        "Made by `scripts/build_conformance.py` from the checks in `tests/llamaindex/conformance`; "
        '`pytest tests/llamaindex/test_conformance.py -k "sixty and thousand"` runs some of '
        "them.",
        "",
        "All classes are asked by the same checks, over the strict sandbox, which refuses what the "
        "vendors refuse; where an engine reads a verdict or a ranking in words, over a server that "
        "says them.",
        f"`OpenAILike` ({named}) is asked twice: as it comes, with `is_chat_model=True` alone, and "
        "*told* all that a user can tell it: `context_window`, `is_function_calling_model`.",
        "",
        f"| of {len(CHECKS)} checks | {' | '.join(EVERYONE)} |",
        "| --- " * (len(EVERYONE) + 1) + "|",
    )
    kept = Counter(who for who in EVERYONE for check in CHECKS if measured.of(check, who).right)
    yield f"| kept | {' | '.join(str(kept[who]) for who in EVERYONE)} |"


def _table(section: str, measured: Measured) -> Iterator[str]:
    yield f"| check | promise | {' | '.join(EVERYONE)} |"
    yield "| --- " * (len(EVERYONE) + 2) + "|"
    of_section = [check for check in CHECKS if check.section == section]
    for _, found in groupby(of_section, key=lambda check: check.group):
        cases = list(found)
        # What was measured is told case by case, what was only kept is put together.
        alone = any(measured.of(case, OURS[0]).said for case in cases)
        for row in [[case] for case in cases] if alone else [cases]:
            name = row[0].name if len(row) == 1 else row[0].group
            cells = " | ".join(_cell([measured.of(case, who) for case in row]) for who in EVERYONE)
            yield f"| {name} | {row[0].promise} | {cells} |"


def _cell(cells: Sequence[Cell]) -> str:
    wrong = [cell for cell in cells if not cell.right]
    if not wrong:
        return cells[0].said or "yes"
    part = f" ({len(cells) - len(wrong)} of {len(cells)} kept)" if len(cells) > 1 else ""
    return f"**no**: {wrong[0].said}{part}".replace("|", "/")


def _differences() -> Iterator[str]:
    yield "## Differences"
    yield ""
    yield "Why promises are not kept, by name; the tests hold each of them to fail and no other."
    yield ""
    for each in DIFFERENCES:
        yield f"- **{each.name}** ({' and '.join(each.who)}): {each.sentence}"
