"""What the head is trained on: a question without its benchmark's format, and never a prompt."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import router_prompts  # noqa: E402

from globalapi_core.quality import features, predict  # noqa: E402

CHOICE = "Which planet is the largest?\nA. Mars\nB. Jupiter\nC. Venus\nAnswer:"
RULED = (
    "You are an assistant.\n### Instructions:\n1. Read.\n### Cipher Rule:\nShift by 3.\n"
    "### Question:\nEncrypt HELLO.\nPlease provide it in [[double]] brackets.\n### Answer:\n"
)


@pytest.mark.parametrize(
    ("prompt", "question"),
    [
        (CHOICE, "Which planet is the largest?"),
        (RULED, "Shift by 3.\nEncrypt HELLO."),
        ("Q: How many apples?", "How many apples?"),
        ("A. is a letter", "A. is a letter"),
    ],
)
def test_bare_leaves_the_question(prompt: str, question: str) -> None:
    """Words of options, labels and what a benchmark says of format go; those asked stay."""
    words, _ = features.read(router_prompts.bare(prompt))

    assert words == features.read(question)[0]


@pytest.mark.parametrize("name", router_prompts.VIEWS)
def test_view_is_the_same_again(name: str) -> None:
    """Training draws the same views on every run."""
    one, other = (
        [router_prompts.view(CHOICE, name, draw) for _ in range(5)]
        for draw in (random.Random("seed"), random.Random("seed"))
    )

    assert one == other


def test_view_asked_is_the_prompt() -> None:
    """One view is the prompt as its benchmark asked it."""
    assert router_prompts.view(CHOICE, "asked", random.Random(0)) == CHOICE


def test_reworded_takes_near_words() -> None:
    """About half of the words with near ones give way, to one of theirs; the others stay."""
    words = {b"word%d" % at for at in range(200)}
    near = {word: [word + b"a", word + b"b"] for word in sorted(words)[:100]}

    found = router_prompts.reworded(words, near, random.Random(0))

    assert len(found) == 200
    assert found - words < {other for each in near.values() for other in each}
    assert 35 < len(found - words) < 65
    assert router_prompts.reworded(words, near, random.Random(0)) == found


def test_written_prompts_are_of_known_domains() -> None:
    """Every written prompt has a domain of the predictor, and none a brace left over."""
    written = list(router_prompts.written())

    assert {each.domain for each in written} <= set(predict.shipped().domains)
    assert [each.text for each in written if "|" in each.text and "{" in each.text] == []
    assert len({each.text for each in written}) > 3_000
