"""How often the signals are right: task, language, and the same question in two languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from train_router import ROOT

from globalapi_core.signals import Signals, read

DATA = ROOT / "tests/data"
_CHAT = ("summarising", "extraction", "und")
"""Our tasks that sets of six kinds count as chat."""
_NEAR = 0.05
"""How far apart the difficulty of twins may be."""

Row = Mapping[str, Any]


def of(text: str) -> Signals:
    """The signals of one question."""
    return read([{"role": "user", "content": text}])


def rows_of(file: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file; prompts may hold other separators of lines."""
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


def told(data: Path) -> None:
    """Print all of it; *data* is the folder of the routing data."""
    tasks(rows_of(data / "task_type_valid.jsonl"))
    asked = rows_of(DATA / "tasks_277.jsonl")
    for language in ("en", "zh"):
        spoken = [row for row in asked if row["language"] == language]
        figure(f"task in {language}, tasks_277.jsonl", spoken, "task", "text")
    for file in ("language_400.jsonl", "language_100.jsonl"):
        share(f"language, {file}", rows_of(DATA / file), _is_spoken)
    for file in ("twins_200.jsonl", "twins_90.jsonl"):
        rows = rows_of(DATA / file)
        share(f"difficulty within {_NEAR} in both languages, {file}", rows, _equally_hard)
        share(f"code and reasoning alike in both, {file}", rows, _alike)
        for language in ("en", "zh"):
            right = [row for row in rows if of(row[language]).task == row["task"]]
            print(f"task in {language}, {file}: {len(right)} of {len(rows)}")


def tasks(rows: Sequence[Row]) -> None:
    """Macro-F1 of the task, on sources that nothing was trained on, by language."""
    sources = {"unseen": [row for row in rows if row["ood"]], "all": rows}
    for language in sorted({row["lang"] for row in rows}):
        for name, part in sources.items():
            spoken = [row for row in part if row["lang"] == language]
            figure(f"task in {language}, {name} sources", spoken, "label", "prompt")


def figure(name: str, rows: Sequence[Row], label: str, prompt: str) -> None:
    """Print the macro-F1 of *rows*; *label* and *prompt* are the fields they are in."""
    pairs = [(row[label], _task(row[prompt])) for row in rows]
    found = f"macro-F1 {_macro_f1(pairs):.3f}" if pairs else "no figure"
    print(f"{name}: {found}, {len(pairs)} prompts")


def share(name: str, rows: Sequence[Row], right: Callable[[Row], bool]) -> None:
    """Print how many of *rows* are *right*."""
    print(f"{name}: {sum(map(right, rows))} of {len(rows)}")


def _task(prompt: str) -> str:
    found = of(prompt).task
    return "chat" if found in _CHAT else found


def _is_spoken(row: Row) -> bool:
    return of(row["text"]).language == row["language"]


def _equally_hard(row: Row) -> bool:
    return round(abs(of(row["en"]).difficulty - of(row["zh"]).difficulty), 2) <= _NEAR


def _alike(row: Row) -> bool:
    english, chinese = of(row["en"]), of(row["zh"])
    return (english.code, english.reasoning) == (chinese.code, chinese.reasoning)


def _macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """The mean, over the labels there are, of the F1 of (label, guess) *pairs*."""
    scores = []
    for label in {label for label, _ in pairs}:
        both = sum(one == other == label for one, other in pairs)
        either = sum((one == label) + (other == label) for one, other in pairs)
        scores.append(2 * both / either)
    return fmean(scores)
