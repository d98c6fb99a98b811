"""Faults of tool calls: rows 66 to 77."""

from __future__ import annotations

from typing import Any

from tests.core.wire.server import body, stream
from tests.faults.case import DONE, ROLE, STREAMED, WHOLE, Case, piece, said, whole
from tests.faults.promise import ALL, Promise, answers, fails

RUN = {"x": 1, "y": [1, 2]}
TEXT = '{"x": 1, "y": [1, 2]}'


def _tool(*required: str) -> dict[str, Any]:
    properties = {"x": {"type": "integer"}, "y": {"type": "array", "items": {"type": "integer"}}}
    schema = {"type": "object", "properties": properties, "required": list(required)}
    function = {"name": "f", "description": "Does f.", "parameters": schema}
    return {"type": "function", "function": function}


_OTHER = {"type": "function", "function": {"name": "g", "description": "", "parameters": {}}}
TOOLS = {"tools": [_tool("x"), _OTHER]}


def _piece(
    arguments: Any, *, index: int | None = 0, id_: str | None = "a1", name: str | None = "f"
) -> dict[str, Any]:
    """One piece of a call; what is `None` is left out."""
    function = {"name": name, "arguments": arguments}
    own = {"index": index, "id": id_, "type": "function"}
    kept = {key: value for key, value in own.items() if value is not None}
    return {
        **kept,
        "function": {key: value for key, value in function.items() if value is not None},
    }


def _streamed(
    row: int,
    name: str,
    promise: Promise,
    *deltas: list[dict[str, Any]],
    finish: str | None = "tool_calls",
    **more: Any,
) -> Case:
    """A streamed answer with these pieces of calls in its deltas."""
    end = (piece({}, finish), DONE) if finish else ()
    events = (ROLE, *(piece({"tool_calls": each}) for each in deltas), *end)
    return Case(row, name, (stream(*events),), promise, **{"ways": STREAMED, "given": TOOLS} | more)


def _whole(
    row: int,
    name: str,
    promise: Promise,
    *calls: dict[str, Any],
    finish: str = "tool_calls",
    **more: Any,
) -> Case:
    """An answer that is not streamed, with these calls."""
    script = (body(whole(said(None, tool_calls=list(calls)), finish)),)
    return Case(row, name, script, promise, **{"ways": WHOLE, "given": TOOLS} | more)


def _runs(sentence: str, *calls: tuple[str, dict[str, Any]], **more: Any) -> Promise:
    return answers(sentence, "", calls=calls, **more)


_ONE = _runs("The call is put together, once.", ("f", RUN))
_TWO = _runs("Two calls stay two.", ("f", RUN), ("g", {}))
_NONE = _runs("A call that is not whole and valid cannot be run.")
_CUT = fails(
    "A call that is cut off is no call, and the answer is an error.",
    "IncompleteResponseError",
    requests=(ALL, ALL),
    fallback=True,
)
_FIRST, _SECOND = TEXT[:9], TEXT[9:]

CASES = (
    _streamed(
        66,
        "index-missing",
        _ONE,
        [_piece(_FIRST, index=None)],
        [_piece(_SECOND, index=None, id_=None, name=None)],
    ),
    _streamed(
        67,
        "index-missing-in-two-calls",
        _TWO,
        [_piece(TEXT, index=None)],
        [_piece("{}", index=None, id_="a2", name="g")],
    ),
    _streamed(
        68,
        "one-index-for-two-calls",
        _TWO,
        [_piece(_FIRST)],
        [_piece(_SECOND, id_=None, name=None)],
        [_piece("{}", id_="a2", name="g")],
    ),
    _streamed(
        69, "id-missing", _ONE, [_piece(_FIRST, id_=None)], [_piece(_SECOND, id_=None, name=None)]
    ),
    _whole(69, "id-missing-in-a-body", _ONE, _piece(TEXT, id_=None, index=None)),
    _streamed(70, "id-and-name-repeated", _ONE, [_piece(_FIRST)], [_piece(_SECOND)]),
    _streamed(71, "arguments-are-no-json", _NONE, [_piece('{"x": oops')]),
    _whole(71, "arguments-are-no-json-in-a-body", _NONE, _piece('{"x": oops', index=None)),
    _streamed(71, "arguments-are-half", _NONE, [_piece(TEXT[:-2])]),
    _streamed(71, "arguments-are-a-list", _NONE, [_piece("[1, 2]")]),
    _streamed(72, "cut-with-the-stream", _CUT, [_piece(TEXT[:-2])], finish=None),
    _streamed(72, "whole-but-no-finish", _CUT, [_piece(TEXT)], finish=None),
    _streamed(73, "arguments-are-an-object", _ONE, [_piece(RUN)]),
    _whole(73, "arguments-are-an-object-in-a-body", _ONE, _piece(RUN, index=None)),
    *(
        _streamed(
            74,
            f"arguments-{name}",
            _runs("No arguments are {}, where the tool needs none.", ("g", {})),
            [_piece(arguments, name="g")],
        )
        for name, arguments in (("null", None), ("empty", ""))
    ),
    _streamed(
        74,
        "arguments-empty-where-one-is-needed",
        _runs("No arguments are not {} where the tool needs some."),
        [_piece("")],
    ),
    _streamed(75, "finish-stop", _ONE, [_piece(TEXT)], finish="stop"),
    _whole(75, "finish-stop-in-a-body", _ONE, _piece(TEXT, index=None), finish="stop"),
    _streamed(75, "finish-length", _NONE, [_piece(TEXT)], finish="length"),
    _whole(75, "finish-length-in-a-body", _NONE, _piece(TEXT, index=None), finish="length"),
    _streamed(
        76,
        "never-offered",
        _runs("A call of a tool that was not offered cannot be run."),
        [_piece("{}", name="delete_everything")],
    ),
    _whole(
        76,
        "never-offered-in-a-body",
        _runs("A call of a tool that was not offered cannot be run."),
        _piece("{}", name="delete_everything", index=None),
    ),
)
