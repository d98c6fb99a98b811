"""Tool calls put together from their pieces: mended where sound, never runnable where not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.wire.toolcalls import Assembler, InvalidToolCall, ToolCall


def assembled(
    *deltas: object, cut: str | None = None
) -> tuple[tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]:
    """The calls of an answer with these `tool_calls`, one after the other."""
    assembler = Assembler()
    for each in deltas:
        assembler.add(each)
    return assembler.calls(answer_id="c1", cut=cut)


def piece(
    arguments: object = None, *, index: Any = None, id: Any = None, name: Any = None
) -> list[dict[str, Any]]:
    """One piece of one call, without what is `None`."""
    function = {"name": name, "arguments": arguments}
    whole = {"index": index, "id": id, "function": function}
    function_ = {key: value for key, value in function.items() if value is not None}
    return [
        {key: value for key, value in {**whole, "function": function_}.items() if value is not None}
    ]


def test_pieces_of_two_calls() -> None:
    """Pieces belong to the call whose index they have, in whatever order they come."""
    sound, invalid = assembled(
        piece("", index=0, id="a", name="f"),
        piece("", index=1, id="b", name="g"),
        piece('{"x": ', index=0),
        piece('{"y": ', index=1),
        piece("1}", index=0),
        piece("2}", index=1),
    )

    assert sound == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {"y": 2}))
    assert not invalid


def test_index_missing() -> None:
    """Without an index a piece without an id goes on with the last call."""
    sound, invalid = assembled(piece('{"x": ', id="a", name="f"), piece("1}"))

    assert sound == (ToolCall("a", "f", {"x": 1}),)
    assert not invalid


def test_index_missing_in_two_calls() -> None:
    """Without an index another id begins another call."""
    sound, _ = assembled(piece('{"x": 1}', id="a", name="f"), piece("{}", id="b", name="f"))

    assert [each.id for each in sound] == ["a", "b"]


def test_two_ids_under_one_index() -> None:
    """A second id under one index is another call, and each piece finds its own."""
    sound, invalid = assembled(
        piece('{"x": ', index=0, id="a", name="f"),
        piece('{"y": ', index=0, id="b", name="g"),
        piece("1}", index=0, id="a"),
        piece("2}", index=0, id="b"),
    )

    assert sound == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {"y": 2}))
    assert not invalid


def test_id_missing() -> None:
    """A call without an id gets one of its own, the same whenever it is asked for."""
    pieces = [piece("{}", index=0, name="f"), piece("{}", index=1, name="f")]

    first, _ = assembled(*pieces)
    again, _ = assembled(*pieces)

    assert first == again
    assert first[0].id
    assert first[0].id != first[1].id


def test_name_repeated() -> None:
    """A name and an id that come with each piece are one name and one id."""
    sound, _ = assembled(*(piece(text, index=0, id="a", name="f") for text in ('{"x"', ": ", "1}")))

    assert sound == (ToolCall("a", "f", {"x": 1}),)


def test_name_repeated_without_id_and_index() -> None:
    """The same name after whole arguments, without id and index, is a second call."""
    sound, _ = assembled(piece('{"x": 1}', name="f"), piece('{"x": 2}', name="f"))

    assert [each.arguments for each in sound] == [{"x": 1}, {"x": 2}]


@pytest.mark.parametrize("arguments", [None, "", "  ", "null", "{}", {}])
def test_no_arguments(arguments: object) -> None:
    """A call without arguments has none."""
    sound, _ = assembled(piece(arguments, index=0, id="a", name="f"))

    assert sound == (ToolCall("a", "f", {}),)


def test_arguments_as_an_object() -> None:
    """Arguments that come as an object in place of text are accepted."""
    sound, _ = assembled(piece({"x": [1, "你"]}, index=0, id="a", name="f"))

    assert sound == (ToolCall("a", "f", {"x": [1, "你"]}),)


@pytest.mark.parametrize(
    "arguments",
    [
        '{"x": oops}',
        "[1]",
        '"x"',
        "1",
        "true",
        '{"x": 1} {"y": 2}',
        "{",
        "[" * 100_000,
        "9" * 5_000,
    ],
)
def test_arguments_that_are_no_object(arguments: str) -> None:
    """Arguments that are not one JSON object never make a runnable call."""
    sound, invalid = assembled(piece(arguments, index=0, id="a", name="f"))

    assert not sound
    assert [(each.id, each.name, each.arguments) for each in invalid] == [("a", "f", arguments)]
    assert invalid[0].error


@given(
    st.dictionaries(
        st.text(max_size=4), st.integers() | st.text(max_size=4), min_size=1, max_size=3
    ),
    st.data(),
)
def test_cut_arguments(arguments: dict[str, Any], data: st.DataObject) -> None:
    """Arguments cut anywhere never make a runnable call."""
    text = json.dumps(arguments)
    length = data.draw(st.integers(1, len(text) - 1))

    sound, invalid = assembled(piece(text[:length], index=0, id="a", name="f"))

    assert not sound
    assert len(invalid) == 1


def test_cut_answer() -> None:
    """When the answer was cut no call of it may run, however whole it looks."""
    sound, invalid = assembled(piece("{}", index=0, id="a", name="f"), cut="hit its limit")

    assert not sound
    assert invalid[0].error == "hit its limit"


@pytest.mark.parametrize("name", [None, "", 7, ["f"], {"f": 1}])
def test_name_that_is_none(name: object) -> None:
    """A call without a name that is text may not run."""
    sound, invalid = assembled(piece("{}", index=0, id="a", name=name))

    assert not sound
    assert invalid[0].name is None


@pytest.mark.parametrize("pieces", [None, "text", 7, {}, [None], ["x"], [[]], [{"function": 1}]])
def test_pieces_of_another_shape(pieces: object) -> None:
    """What is no list of calls makes no call that runs."""
    sound, _ = assembled(pieces)

    assert not sound
