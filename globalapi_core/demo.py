"""The demo's corpus, questions and retriever, and what a pipeline over them must do.

Each framework's adapter has a `demo` module with a pipeline; `globalapi demo` finds them
by their entry points (`globalapi.pipelines`) and runs the same questions through each.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from globalapi_core.settings import Endpoint

_FILES = resources.files("globalapi_core").joinpath("data/demo")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d+|[\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the corpus; `data/demo/NOTICE.md` names its source and licence."""

    id: str
    lang: str
    title: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question, what it needs beside its words, and the route it should take."""

    id: str
    question: str
    lang: str
    kind: str
    route: str
    """The route of the shipped default config that it should take."""
    retrieve: bool = False
    """Whether the passages found for it go before it."""
    long: bool = False
    """Whether the whole corpus goes before it."""
    image: str | None = None
    """A picture to send with it, as a data URL."""
    tools: tuple[Mapping[str, Any], ...] = ()
    response_format: Mapping[str, Any] | None = None
    answers: tuple[str, ...] = ()
    """Ids of passages that answer it."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its answer and the record of the call."""

    question: Question
    text: str
    record: Mapping[str, Any]
    """`CallRecord.as_dict()`, as it came on the answer."""


Pipeline = Callable[[Iterable[Question], "Retriever", str, Endpoint], Iterator[Answered]]
"""Answers questions in one framework: questions, retriever, path of the config file
(empty: as `load_config` finds it), endpoint. Errors of one question are raised."""


class Retriever:
    """BM25 over the passages; Chinese is cut into pairs of characters."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        """Index *passages*; needs the package bm25s."""
        import bm25s

        self.passages = tuple(passages)
        self._index = bm25s.BM25()
        self._index.index(
            [tokens(f"{each.title} {each.text}") for each in self.passages], show_progress=False
        )

    def search(self, question: str, k: int = 4) -> list[Passage]:
        """The *k* passages that fit *question* best, the best first."""
        found, _ = self._index.retrieve(
            [tokens(question)], corpus=list(range(len(self.passages))), k=k, show_progress=False
        )
        return [self.passages[int(number)] for number in found[0]]


def tokens(text: str) -> list[str]:
    """Words in small letters, and the pairs of neighbours in a run of Chinese."""
    found: list[str] = []
    for word in _WORD.findall(text):
        if word[0] < "\u3400":
            found.append(word.lower())
        else:
            found += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
    return found


def load_passages() -> list[Passage]:
    """The corpus."""
    lines = _FILES.joinpath("passages.jsonl").read_text("utf-8").splitlines()
    return [Passage(**json.loads(line)) for line in lines]


def load_questions() -> list[Question]:
    """The demo's questions, in the order they are asked."""
    from ruamel.yaml import YAML

    entries = YAML(typ="safe", pure=True).load(_FILES.joinpath("questions.yaml").read_text("utf-8"))
    return [_question(entry) for entry in entries]


def _question(entry: Mapping[str, Any]) -> Question:
    needs = entry["needs"]
    return Question(
        id=entry["id"],
        question=entry["question"],
        lang=entry["lang"],
        kind=entry["kind"],
        route=entry["route"],
        retrieve=bool(needs.get("retrieve")),
        long=needs.get("context") == "long",
        image=_data_url(needs["image"]) if "image" in needs else None,
        tools=tuple(needs.get("tools", ())),
        response_format=needs.get("response_format"),
        answers=tuple(entry["answers"]),
    )


def _data_url(file: str) -> str:
    encoded = base64.b64encode(_FILES.joinpath(file).read_bytes()).decode()
    return f"data:image/png;base64,{encoded}"
