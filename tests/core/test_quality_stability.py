"""What routing promises: a question in other words, or in Chinese, mostly goes the same way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from globalapi_core.quality.choose import need, ranked
from globalapi_core.quality.predict import guess
from globalapi_core.quality.table import Profile, Table, published

DATA = Path(__file__).parents[1] / "data"
HARD = (
    "mathematics", "arithmetic", "physics", "chemistry", "engineering", "computing",
    "formal_logic", "logic_puzzle", "puzzle", "operation", "code_reading", "code_writing",
)  # fmt: skip
TABLE = Table(
    {
        "everyday": Profile(0.7, dict.fromkeys(HARD, 0.62)),
        "thinker": Profile(0.72, dict.fromkeys(HARD, 0.86)),
    }
)
"""Two models: one is better by 24 points at what is hard, and by 2 in the mean."""
USD = [("everyday", 0.001), ("thinker", 0.011)]
WEIGHT = 12.0


def rows(name: str) -> list[dict[str, str]]:
    """The lines of a file of tests/data."""
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def reworded(language: str) -> list[tuple[str, str]]:
    """Each question of `rewordings.jsonl` with each of its rewordings."""
    return [
        (row["original"], each)
        for row in rows("rewordings.jsonl")
        if row["lang"] == language
        for each in row["rewordings"]
    ]


def twins() -> list[tuple[str, str]]:
    """200 questions in English and in Chinese."""
    return [(row["en"], row["zh"]) for row in rows("twins_200.jsonl")]


def pick(text: str) -> str:
    """The model that a route of the two would try first."""
    return ranked(USD, guess(text), TABLE, cost_weight=WEIGHT)[0].model


@pytest.mark.parametrize(
    ("pairs", "least"), [(reworded("en"), 0.92), (reworded("zh"), 0.94), (twins(), 0.9)]
)
def test_same_pick_while_routing(pairs: list[tuple[str, str]], least: float) -> None:
    """Both texts get the same model, where each of the two models gets a good part of them."""
    picks = [(pick(one), pick(other)) for one, other in pairs]
    dear = sum(one == "thinker" for one, _ in picks) / len(picks)

    assert 0.15 <= dear <= 0.85
    assert sum(one == other for one, other in picks) / len(picks) >= least


@pytest.mark.parametrize(
    ("pairs", "least"), [(reworded("en"), 0.8), (reworded("zh"), 0.85), (twins(), 0.7)]
)
def test_same_domain(pairs: list[tuple[str, str]], least: float) -> None:
    """Both texts are guessed to be of the same of 35 domains."""
    same = [guess(one).domain == guess(other).domain for one, other in pairs]

    assert sum(same) / len(same) >= least


def test_domains_of_plain_questions() -> None:
    """Most questions in nobody's benchmark format are told rightly, in both languages."""
    for language in ("en", "zh"):
        right = [
            guess(row["original"]).domain == row["domain"]
            for row in rows("rewordings.jsonl")
            if row["lang"] == language
        ]

        assert sum(right) / len(right) >= 0.8


def test_need_is_the_same_in_both_scripts() -> None:
    """A question in traditional characters goes where it goes in simplified ones."""
    one, other = (
        need(guess(text), published(), dear="gpt-5", cheap="gemini-2.5-flash")
        for text in ("证明三角形的内角和等于一百八十度。", "證明三角形的內角和等於一百八十度。")
    )

    assert one == other


def test_questions_are_not_trained_on() -> None:
    """None of the questions measured on is among the prompts that training draws from patterns."""
    measured = {
        _letters(text) for pair in (*reworded("en"), *reworded("zh"), *twins()) for text in pair
    }
    patterns = (DATA / "domain_prompts.txt").read_text("utf-8").splitlines()
    written = {_letters(each) for line in patterns if line[:1] not in "#=" for each in _all(line)}

    assert len(rows("rewordings.jsonl")) >= 150
    assert written.isdisjoint(measured)


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text).lower()


def _all(pattern: str, limit: int = 20_000) -> Iterator[str]:
    """Everything that *pattern* stands for, up to *limit*."""
    found = [""]
    for part in re.split(r"\{([^{}]*\|[^{}]*)\}", pattern):
        choices = part.split("|") if f"{{{part}}}" in pattern and "|" in part else [part]
        found = [start + each for start in found for each in choices][:limit]
    yield from found
