"""Which language is asked in: 400 prompts, each with what it is and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.signals import language, read

DATA = Path(__file__).parents[2] / "data"


def rows_of(file: str) -> list[dict[str, Any]]:
    """The prompts of a data file."""
    return [json.loads(line) for line in (DATA / file).read_text("utf-8").split("\n") if line]


ROWS = rows_of("language_400.jsonl")
LATER = rows_of("language_100.jsonl")


def wrong(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """What was taken for another language: expected, found, text."""
    found = [read([{"role": "user", "content": row["text"]}]).language for row in rows]
    told = zip(rows, found, strict=True)
    return [(row["language"], each, row["text"]) for row, each in told if row["language"] != each]


def test_there_are_400_prompts() -> None:
    """The set is as large as it says, without repeats, a quarter of it kept for the end."""
    assert len({row["text"] for row in ROWS}) == 400
    assert sum(row["held"] for row in ROWS) == 100


@pytest.mark.parametrize(("held", "share"), [(False, 0.99), (True, 0.92)])
def test_language_of_400_prompts(held: bool, share: float) -> None:
    """99 of 100 prompts are told right, and no fewer than before of those that nobody tuned to."""
    rows = [row for row in ROWS if row["held"] is held]

    assert len(wrong(rows)) <= (1 - share) * len(rows), wrong(rows)


def test_language_of_100_later_prompts() -> None:
    """99 of 100 prompts written later are right; 87 were before any change, as `blind` says."""
    assert len({row["text"] for row in LATER} - {row["text"] for row in ROWS}) == 100

    assert len(wrong(LATER)) <= 1, wrong(LATER)


def test_script_is_never_the_other_one() -> None:
    """Simplified Chinese is never taken for traditional or the reverse; both may fit."""
    for row in (*ROWS, *LATER):
        if row["script"]:
            found = read([{"role": "user", "content": row["text"]}]).script
            assert found in (row["script"], None), row["text"]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("请问退货怎么办理", "Hans"),
        ("請問退貨要怎麼辦理", "Hant"),
        ("你好", None),
        ("Where is my order?", None),
        ("把「憂鬱」两个字转换成简体", "Hans"),
    ],
)
def test_script(text: str, script: str | None) -> None:
    """The script is the one that is asked in; `None` when the characters fit both."""
    assert language.told(text).script == script


@pytest.mark.parametrize(
    ("text", "expected"),
    [("What do la, le and el mean?", "en"), ("¿Dónde está mi pedido el lunes?", "other")],
)
def test_words_of_other_languages(text: str, expected: str) -> None:
    """English with some foreign words in it is English, as long as they are no more."""
    assert language.of(text)[0] == expected


@pytest.mark.parametrize(
    "piece", ["“", "：", "翻译", "translate ", "\n", "说", "the a is ", "ア", "《"]
)
def test_language_of_odd_text(piece: str) -> None:
    """Text that is one piece over and over is told in no time, whatever it is."""
    assert language.of(piece * 2_000)[0] in ("en", "zh", "ja", "ko", "mixed", "other", "und")


def test_unanswerable_language_is_that_of_the_question_before() -> None:
    """A message without words ("?") is asked in the language that was spoken before it."""
    messages = [
        {"role": "user", "content": "怎么退款"},
        {"role": "assistant", "content": "..."},
        {"role": "user", "content": "???"},
    ]

    assert read(messages).language == "zh"
