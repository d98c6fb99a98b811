"""The texts that the learned choice is trained on: prompts, views of them, and written ones.

A benchmark asks every question in its own format. A head that sees nothing else learns the
formats, and knows neither the same question as a user asks it nor one of another benchmark.
So it also sees each question without options and instructions, a stretch of it, with words
left out and a polite word before or after, and in near words; and prompts written for this
project.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from globalapi_core.quality import glossary

WRITTEN = Path(__file__).parent.parent / "tests/data/domain_prompts.txt"
VIEWS = ("asked", "bare", "stretch", "gaps")
"""A prompt as it was asked; bare; a stretch of the bare one; with words left out."""
EXPANSIONS = 24
"""Prompts drawn from each written pattern."""
_KEPT = 0.75
"""Share of the words of a prompt with gaps that stay."""
_REPLACED = 0.5
"""Share of the words that have near ones that gives way to one of these."""
_STRETCH = (6, 40)
"""Words of a stretch, least and most."""

_OPTIONS = re.compile(r"\n\s*\(?A[.)] ")
_RULE = re.compile(r"### [A-Za-z]*[^\n]*(?:Rule|Story)[^\n]*:\n")
_HEADING = re.compile(r"### [^\n]*\n")
_FORMAT = re.compile(
    r"(?:Please (?:give|provide|ensure)|Provide your|Ensure that|For example, if|please output"
    r"|After careful thought)[^\n]*|\[\[[^\n]*\]\]"
)
_LABELS = re.compile(r"^Q: |\n?(?:Answer|A):\s*$")
_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")
_BEFORE = (
    "Hi,", "Hello!", "Please help me with this question:", "Could you please tell me",
    "I'd like to know:", "Hey, quick question.", "Can you help?", "Question:",
    "Hello, I have a question about this.", "Please answer the following question.",
    "I was wondering,", "Good morning. Can you help me with something?",
    "Sorry to bother you, but", "I'm stuck on this one:", "My teacher asked me this:",
    "Please solve this:", "Think step by step.", "Be concise.", "As an expert,",
    "Let me ask you something:",
)  # fmt: skip
_AFTER = (
    "Thanks!", "Thank you in advance.", "Please explain your reasoning.",
    "Just give me the answer.", "Please answer briefly.", "Any help is appreciated.",
    "I need this for tomorrow.", "Explain step by step.", "What do you think?",
    "Please be precise.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """A prompt written for this project."""

    domain: str
    text: str


def view(prompt: str, name: str, draw: random.Random) -> str:
    """*prompt* in the view *name*, one of `VIEWS`."""
    if name == "asked":
        return prompt
    text = bare(prompt)
    if name == "stretch":
        text = _stretch(text, draw)
    if name == "gaps":
        text = _gaps(text, draw)
    return text if name == "bare" else politely(text, draw)


def variants(text: str, draw: random.Random) -> Iterator[str]:
    """A written *text*, the same politely, and as English with words left out."""
    yield text
    yield politely(text, draw)
    yield _gaps(glossary.read(text) if glossary.is_chinese(text) else text, draw)


def reworded(
    tokens: Iterable[bytes], near: Mapping[bytes, Sequence[bytes]], draw: random.Random
) -> frozenset[bytes]:
    """*tokens* of a text as if it were asked in other words: *near* has those of each word."""
    return frozenset(
        draw.choice(near[token]) if token in near and draw.random() < _REPLACED else token
        for token in sorted(tokens)
    )


def bare(prompt: str) -> str:
    """The question of *prompt*, without options, labels and what its benchmark says of format."""
    text = prompt.strip()
    if "### Instructions" in text:
        rule = _RULE.search(text)
        text = text[rule.end() :] if rule else text.split("### ", 2)[-1]
        text = _HEADING.sub("", text)
    if "[PYTHON]" in text:
        text = text[text.index("[PYTHON]") + 8 :].replace("[/PYTHON]", "")
    options = _OPTIONS.search(text)
    if options and options.start() > 15:
        text = text[: options.start()]
    return _FORMAT.sub("", _LABELS.sub("", text).strip())


def politely(text: str, draw: random.Random) -> str:
    """*text*, half of the times with a word before it, and a third with one after it."""
    if draw.random() < 1 / 2:
        text = f"{draw.choice(_BEFORE)} {text}"
    return f"{text} {draw.choice(_AFTER)}" if draw.random() < 1 / 3 else text


def _gaps(text: str, draw: random.Random) -> str:
    pieces = re.split(r"(\s+)", text)
    return "".join(each for each in pieces if each.isspace() or draw.random() < _KEPT)


def _stretch(text: str, draw: random.Random) -> str:
    words = text.split(" ")
    size = draw.randint(*_STRETCH)
    if len(words) <= size:
        return text
    # Half of them end where the text does: there the question stands.
    last = len(words) - size
    at = draw.randint(0, last) if draw.random() < 1 / 2 else last
    return " ".join(words[at : at + size])


def written() -> Iterator[Written]:
    """The prompts that the patterns of `tests/data/domain_prompts.txt` stand for."""
    draw, domain = random.Random(0), ""
    for line in WRITTEN.read_text("utf-8").splitlines():
        if line.startswith("== "):
            domain = line[3:]
        elif line and not line.startswith("#"):
            found = dict.fromkeys(_expanded(line, draw) for _ in range(2 * EXPANSIONS))
            yield from (Written(domain, each) for each in list(found)[:EXPANSIONS])


def _expanded(pattern: str, draw: random.Random) -> str:
    text = _CHOICE.sub(lambda match: draw.choice(match[1].split("|")), pattern)
    return text.replace("\\n", "\n")
