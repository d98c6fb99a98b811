"""Refusals, told from answers that quote, explain or go beyond one: on answers written for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.refusals import is_refusal

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "refusals.jsonl")
    .read_text("utf-8")
    .split("\n")
    if line
]
PROMISED = 0.97


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("refusal", [True, False], ids=["refusals", "answers"])
def test_refusals_are_told_from_answers(language: str, refusal: bool) -> None:
    """At least 97 of 100 of each kind, in each language, are taken for what they are."""
    cases = [each for each in CASES if (each["language"], each["refusal"]) == (language, refusal)]

    wrong = [each["text"] for each in cases if is_refusal(each["text"]) != refusal]

    assert len(cases) >= 60
    assert len(wrong) <= (1 - PROMISED) * len(cases), wrong


@pytest.mark.parametrize(
    "text",
    [
        "I cannot reproduce the bug, but here is what I would check: the locale and the clock.",
        '"I can\'t help with that" is what the model says when its filter fires.',
        "模型会说“作为一个AI，我无法回答”，这是安全策略所致。",
        "1. Open the file.\n2. Save it.\n" * 20 + "I'm sorry that I can't help with the rest.",
        "",
    ],
)
def test_answer_is_no_refusal(text: str) -> None:
    """What quotes one, gives something, or apologises at its end is an answer."""
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "text", ["I can’t help with that.", "抱歉，我無法協助。", "**I cannot help.**"]
)
def test_spelling_of_a_refusal_does_not_matter(text: str) -> None:
    """Curly quotes, traditional characters and Markdown change nothing."""
    assert is_refusal(text)


def test_refusals_are_told_quickly() -> None:
    """An answer of any length takes some 50 microseconds; ten times that is allowed here."""
    texts = [each["text"] for each in CASES] + ["sorry " * 70 + "can't", "抱歉" * 200 + "不能"]

    began = time.thread_time()
    for text in texts:
        is_refusal(text)
    each = (time.thread_time() - began) / len(texts)

    assert each < 500e-6
