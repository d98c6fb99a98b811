"""Write `docs/faults.md`: what comes of each fault, here and with three peers.

The peers live in `.venv-peers`, which is made if it is not there. Everybody is asked by
the same scripts and judged by the same function, the one the tests use. Takes minutes.

    python scripts/build_faults.py            # everybody
    python scripts/build_faults.py --ours     # only what the tests say; the peers as they were
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from globalapi_core import flow  # noqa: E402
from tests.faults import ours  # noqa: E402
from tests.faults.case import Case  # noqa: E402
from tests.faults.catalogue import ROWS, SECTIONS, Row  # noqa: E402
from tests.faults.promise import Verdict  # noqa: E402
from tests.faults.scripts import CASES  # noqa: E402

PAGE = ROOT / "docs" / "faults.md"
MEASURED = ROOT / "tests" / "faults" / "peers.json"
VENV = ROOT / ".venv-peers"
PYTHON = VENV / ("Scripts" if sys.platform == "win32" else "bin") / "python"
NEEDED = ("openai<3", "langchain-openai", "llama-index-llms-openai-like")
PEERS = ("openai", "ChatOpenAI", "OpenAILike")
ORDER = [each.value for each in Verdict]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one peer does about one row: the worst of all its cases and ways."""

    verdict: str = ""
    why: str = ""
    part: str = ""
    """How many of the row's calls went right, where not all did."""

    def __str__(self) -> str:
        if not self.verdict:
            return "-"
        amiss = f": {self.why}" if self.why else ""
        return f"{self.verdict}{amiss}{self.part}".replace("|", "/").replace("\n", " ")


def measure() -> None:
    """Ask the peers in their own environment, and keep what they do."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", *NEEDED], check=True)
    done = subprocess.run(
        [str(PYTHON), "-m", "tests.faults.peers"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    )
    keep(json.loads(done.stdout))


def keep(measured: Mapping[str, Any]) -> None:
    """Write down what the peers do, a line for each row and peer."""
    lines = [
        json.dumps([*place, cell.verdict, cell.why, cell.part], ensure_ascii=False)
        for place, cell in cells(measured["rows"]).items()
    ]
    versions = json.dumps(measured["versions"])
    rows = ",\n".join(lines)
    MEASURED.write_text(f'{{"versions": {versions}, "cells": [\n{rows}\n]}}\n', "utf-8")


def kept() -> tuple[Mapping[str, str], dict[tuple[int, str], Cell]]:
    """The peers' versions, and what each of them was last seen to do."""
    measured = json.loads(MEASURED.read_text("utf-8"))
    found = {(row, peer): Cell(*facts) for row, peer, *facts in measured["cells"]}
    return measured["versions"], found


def cells(rows: Iterable[Mapping[str, str]]) -> dict[tuple[int, str], Cell]:
    """What each peer does about each row."""
    grouped: dict[tuple[int, str], list[Mapping[str, str]]] = {}
    for row in rows:
        grouped.setdefault((int(row["case"][:3]), row["peer"]), []).append(row)
    return {place: _worst(found) for place, found in grouped.items()}


def _worst(found: Sequence[Mapping[str, str]]) -> Cell:
    worst = max(found, key=lambda each: ORDER.index(each["verdict"]))
    right = sum(each["verdict"] == Verdict.RIGHT for each in found)
    part = f" ({right} of {len(found)} right)" if 0 < right < len(found) else ""
    return Cell(worst["verdict"], worst["why"], part)


def page(versions: Mapping[str, str], peers: Mapping[tuple[int, str], Cell]) -> str:
    """The text of the page."""
    scripted = [row for row in ROWS if row.cases]
    lines = [*_head(versions), *_counts(peers, scripted), ""]
    for section, rows in SECTIONS.items():
        lines += [f"## {section}", "", *_table(rows, peers), ""]
    return "\n".join([*lines, *_notes()])


def _head(versions: Mapping[str, str]) -> list[str]:
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    return [
        "# Faults",
        "",
        "What can go wrong in a call, what its caller expects, and what happens.",
        "Made by `scripts/build_faults.py` from the tests in `tests/faults`; "
        "`pytest tests/faults -k 027` runs row 27.",
        "",
        "Each fault is scripted, byte by byte, on a loopback server. `ChatGlobalAPI` and "
        "`GlobalAPI` are asked in four ways (sync and async, whole and streamed) where the row "
        "applies, and the two routers where it matters whether they fall back.",
        f"The peers are asked by the same scripts and judged by the same function: {named}. "
        "Everybody is told `max_retries=2`.",
        "",
        "- **right**: as expected, in every way of asking and every case of the row",
        "- **partly**: the right end, with one thing amiss: another error class, other requests",
        "- **wrong**: an answer where none was, another answer, or two things amiss",
        "- **crash**: an error that is not of the library's own kinds",
        "- **-**: not asked: the row is about this library's own settings or processes",
        "",
        "A cell shows the worst that was seen. An error of a peer counts as the right one where "
        "its class or its status tells the same.",
        "",
    ]


def _counts(peers: Mapping[tuple[int, str], Cell], scripted: Sequence[Row]) -> list[str]:
    own = Counter(row.verdict for row in scripted)
    lines = [
        f"Of the {len(scripted)} rows that are scripted:",
        "",
        "| | right | partly | wrong | crash | not yet |",
        "| --- | --- | --- | --- | --- | --- |",
        f"| **globalapi-llm** | {own['right'] + own['decided otherwise']} | 0 | 0 | 0 "
        f"| {own['not yet']} |",
    ]
    for peer in PEERS:
        found = Counter(peers[row.number, peer].verdict for row in scripted)
        counts = " | ".join(str(found[each]) for each in ORDER)
        lines.append(f"| {peer} | {counts} | |")
    every = Counter(row.verdict for row in ROWS)
    return [
        *lines,
        "",
        f"Of all {len(ROWS)} rows: {every['right']} right, {every['decided otherwise']} decided "
        f"otherwise, {every['not yet']} not yet.",
    ]


def _table(rows: Sequence[Row], peers: Mapping[tuple[int, str], Cell]) -> list[str]:
    lines = [
        f"| # | fault | expected | globalapi-llm | {' | '.join(PEERS)} |",
        "| --- " * 7 + "|",
    ]
    for row in rows:
        theirs = " | ".join(str(peers.get((row.number, peer), Cell())) for peer in PEERS)
        own = row.verdict + (f": {'; '.join(row.lacks)}" if row.lacks else "")
        lines.append(f"| {row.number} | {row.title} | {row.expected} | {own} | {theirs} |")
    return lines


def _notes() -> list[str]:
    lines = ["## What we do", ""]
    for row in ROWS:
        sentences = list(dict.fromkeys(case.promise.sentence for case in row.cases))
        said = " ".join([*sentences, *filter(None, [row.decided, *row.lacks])])
        tests = ", ".join(f"`{each}`" for each in row.elsewhere)
        lines.append(f"- **{row.number}** {' '.join(filter(None, [said, tests]))}")
    return [*lines, ""]


def stale() -> list[str]:
    """Cases marked as not kept yet that are kept by now."""
    flow.FIRST_WAIT = 0.005
    marked = [case for case in CASES if case.not_yet]

    def right(case: Case) -> bool:
        asked = [(caller, way) for caller in ours.SINGLE for way in case.ways]
        return not any(ours.judged(case.promise, ours.see(case, *each)).why for each in asked)

    with ThreadPoolExecutor(4) as pool:
        return [
            case.id for case, found in zip(marked, pool.map(right, marked), strict=True) if found
        ]


if __name__ == "__main__":
    if "--ours" not in sys.argv:
        measure()
    PAGE.write_text(page(*kept()), "utf-8")
    for name in stale():
        print(f"{name} is kept by now: remove its not_yet")
