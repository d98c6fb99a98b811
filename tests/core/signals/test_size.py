"""Tokens are estimated by family and script, with a band, and corrected by what was billed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.signals import read, size
from globalapi_core.signals.correction import Correction
from globalapi_core.signals.size import Estimate

ENGLISH = "The council met on Tuesday evening to discuss the plans for a new bridge. " * 40
CHINESE = "市议会周二晚上开会，讨论了新桥的建设计划和明年的预算安排。" * 40
FAMILIES = ["gpt", "deepseek", "qwen", "claude", None]


@pytest.mark.parametrize(
    ("text", "family", "tokens"),
    [
        # 14 words and a full stop, counted by o200k_base, DeepSeek V4's and Qwen 3.5's tokenizers.
        (ENGLISH, "gpt", 600),
        (ENGLISH, "deepseek", 600),
        (ENGLISH, "qwen", 600),
    ],
)
def test_english_is_counted_by_tokenizers(text: str, family: str, tokens: int) -> None:
    """Plain prose is within a fifth of what the family's tokenizer counts."""
    assert size.of_text(text, family) == pytest.approx(tokens, rel=0.2)


@pytest.mark.parametrize("family", FAMILIES)
def test_chinese_costs_more_a_character(family: str | None) -> None:
    """A Chinese character is half a token to a whole one, a Latin letter about a quarter."""
    assert 0.15 < size.of_text(ENGLISH, family) / len(ENGLISH) < 0.3
    assert 0.45 < size.of_text(CHINESE, family) / len(CHINESE) < 1.2


@pytest.mark.parametrize("family", [*FAMILIES, "kimi", "never heard of"])
def test_estimate_has_a_band(family: str | None) -> None:
    """The estimate lies within its band, and the band is not empty."""
    found = read([{"role": "user", "content": ENGLISH}]).estimate(family)

    assert 0 < found.low < found.tokens < found.high


def test_signals_and_size_agree() -> None:
    """A request's input tokens are the estimate for no family in particular."""
    signals = read([{"role": "user", "content": CHINESE}])

    assert signals.input_tokens == signals.tokens()


@pytest.mark.parametrize("text", [ENGLISH, CHINESE, ENGLISH + CHINESE])
def test_long_text_is_counted_by_samples(text: str) -> None:
    """Twice the text is twice the tokens, within 3 %, though only samples are read."""
    long = text * (200_000 // len(text))

    assert size.of_text(long * 2) == pytest.approx(2 * size.of_text(long), rel=0.03)
    assert size.of_text(long) == pytest.approx(size.of_text(text) * (200_000 // len(text)), rel=0.1)


@given(st.text(), st.sampled_from(FAMILIES))
def test_counts_are_of_every_character(text: str, family: str | None) -> None:
    """Each character is of one kind, so that no text has less than nothing of any."""
    assert all(each >= 0 for each in size._count(text))
    assert sum(size._count(text)) == len(text)
    assert 0 <= size.of_text(text, family) <= 1.5 * len(text)


def test_correction_learns_a_family() -> None:
    """After many calls that took a fifth more, so does the estimate; others keep theirs."""
    correction = Correction()
    for _ in range(200):
        correction = correction.after("kimi", 1_000, 1_200)

    assert correction.factor("kimi") == pytest.approx(1.17, abs=0.02)
    assert correction.factor("qwen") == 1
    assert correction.applied(Estimate(100, 80, 160), "kimi") == Estimate(117, 93, 187)


@pytest.mark.parametrize("actual", [None, 0, 10, 100_000])
def test_correction_ignores_what_cannot_be(actual: int | None) -> None:
    """No usage, a cut answer's zero or a claim ten times off teaches nothing."""
    assert Correction().after("kimi", 1_000, actual) == Correction()


def test_one_odd_call_changes_little() -> None:
    """A single call moves the estimate by less than a tenth."""
    assert 1 < Correction().after("kimi", 1_000, 2_000).factor("kimi") < 1.1
