"""Reasoning, read from every form in which it comes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.errors import IncompleteResponseError
from globalapi_core.wire import Delta, Reply
from globalapi_core.wire.request import Payload
from globalapi_core.wire.response import parse
from globalapi_core.wire.stream import StreamReader

HEAD: Any = SimpleNamespace(status=200, headers={})
PAYLOAD = Payload(b"", "m", ())


def whole(message: Mapping[str, Any]) -> Reply:
    """The answer with *message*, as one body."""
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return parse(json.dumps(body).encode(), PAYLOAD, HEAD, secret=None)


def streamed(
    deltas: Iterable[Mapping[str, Any]], *, finish: str | None = "stop"
) -> tuple[list[Delta], Reply]:
    """What is shown of *deltas*, and the answer."""
    reader = StreamReader(PAYLOAD, HEAD, secret=None)
    shown: list[Any] = []
    ends: list[dict[str, Any]] = [] if finish is None else [{}]
    for delta in (*deltas, *ends):
        choice = {"index": 0, "delta": delta, "finish_reason": None if delta else finish}
        shown += reader.feed(b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n")
    *rest, reply = (*shown, *reader.close())
    return rest, reply


FORMS = [
    ("reasoning_content", {"reasoning_content": "Hm."}),
    ("reasoning", {"reasoning": "Hm."}),
    ("texts", {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}),
    ("summaries", {"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]}),
    (
        "several",
        {"reasoning_details": [{"text": "H"}, {"type": "reasoning.encrypted", "data": "x"},
                               "no part", {"text": "m."}]},
    ),
    ("both of OpenRouter's", {"reasoning": "Hm.", "reasoning_details": [{"text": "Hm."}]}),
    ("none of the others", {"reasoning_content": "Hm.", "reasoning": None, "reasoning_details": 1}),
]  # fmt: skip


@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[name for name, _ in FORMS])
def test_reasoning_is_kept_apart(form: dict[str, Any]) -> None:
    """Reasoning is the same, by whatever name it comes, whole and streamed, and no text."""
    reply = whole({"content": "Yes.", **form})
    deltas, last = streamed([form, {"content": "Yes."}])

    assert (reply.text, reply.reasoning) == ("Yes.", "Hm.")
    assert (last.text, last.reasoning) == ("Yes.", "Hm.")
    assert deltas == [Delta("", "Hm."), Delta("Yes.", "")]


TAGGED = [
    ("<think>Hm.</think>Yes.", "Yes.", "Hm."),
    ("\n<think>\nHm.\n</think>\n\nYes.", "Yes.", "Hm.\n"),
    ("<think>\n\n</think>\n\nYes.", "Yes.", ""),
    ("<think></think>Yes.", "Yes.", ""),
    ("<think>a < b </thin> c</think> Yes. ", "Yes. ", "a < b </thin> c"),
    ("<think>Hm.</think>Yes. <think>no</think>", "Yes. <think>no</think>", "Hm."),
    ("Yes. <think>no</think>", "Yes. <think>no</think>", ""),
    (" <thinking>Yes.", " <thinking>Yes.", ""),
    ("<", "<", ""),
    ("  <thin", "  <thin", ""),
    ("  ", "  ", ""),
    ("<think>Hm", "", "Hm"),
    ("<think>Hm.</thi", "", "Hm.</thi"),
    ("<think>Hm.</think>", "", "Hm."),
    ("</think>Yes.", "</think>Yes.", ""),
]


@pytest.mark.parametrize(("content", "text", "reasoning"), TAGGED)
def test_tags_at_the_beginning(content: str, text: str, reasoning: str) -> None:
    """Reasoning between tags at the very beginning is reasoning; anywhere else it is text."""
    reply = whole({"content": content})
    deltas, last = streamed({"content": each} for each in content)

    assert (reply.text, reply.reasoning) == (text, reasoning)
    assert (last.text, last.reasoning) == (text, reasoning)
    assert "".join(each.text for each in deltas) == text
    assert "".join(each.reasoning for each in deltas) == reasoning


_pieces = st.lists(
    st.sampled_from(
        ["<think>", "</think>", "<thi", "nk>", "</th", "ink>", "<", "/", "a", " ", "\n", "思考"]
    ),
    max_size=9,
)


@given(_pieces, st.data())
def test_any_split_reads_the_same(pieces: list[str], data: st.DataObject) -> None:
    """However a stream is split, its text and its reasoning are those of the whole."""
    content = "".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    bounds = [0, *cuts, len(content)]
    parts = [content[a:b] for a, b in pairwise(bounds)]

    expected = whole({"content": content})
    deltas, reply = streamed({"content": each} for each in parts)

    assert (reply.text, reply.reasoning) == (expected.text, expected.reasoning)
    assert "".join(each.text for each in deltas) == reply.text
    assert "".join(each.reasoning for each in deltas) == reply.reasoning


def test_cut_stream_keeps_what_was_held_back() -> None:
    """What might have become a tag is part of what a cut stream had said."""
    with pytest.raises(IncompleteResponseError) as caught:
        streamed([{"content": "<thi"}], finish=None)

    assert caught.value.partial_text == "<thi"


def test_cut_while_thinking_has_no_text() -> None:
    """Reasoning is no part of the text of an answer that was cut."""
    with pytest.raises(IncompleteResponseError) as caught:
        streamed([{"content": "<think>Hm"}], finish=None)

    assert caught.value.partial_text == ""
