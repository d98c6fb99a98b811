"""Putting tool calls together from their pieces, and telling the sound ones from the rest.

Servers leave out `index` or `id`, repeat the name in every piece, or send the arguments
as an object. A call is sound only when its name is there and its arguments are a JSON
object, whole; anything else must never run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that can be run."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InvalidToolCall:
    """A call that must not be run, and why."""

    id: str
    name: str | None
    arguments: str
    """As far as they came."""
    error: str


@dataclass(slots=True)
class _Slot:
    index: Any
    id: str = ""
    name: str = ""
    arguments: str = ""

    def is_another(self, id_: str, name: str, index: Any) -> bool:
        """Whether a piece with this id and name begins a call other than this one.

        A second id under one index, or without any, does; so does a name after arguments
        that are whole, where neither id nor index tells.
        """
        if id_ and self.id:
            return id_ != self.id
        if index is not None or not name or not self.name:
            return False
        return name != self.name or (bool(self.arguments) and _parsed(self.arguments)[1] is None)


class Assembler:
    """Collects the pieces of the tool calls of one answer."""

    def __init__(self) -> None:
        self._slots: list[_Slot] = []

    @property
    def begun(self) -> bool:
        """Whether any call has been seen."""
        return bool(self._slots)

    def add(self, pieces: object) -> None:
        """Take the `tool_calls` of one delta, or of one whole message."""
        if isinstance(pieces, Sequence) and not isinstance(pieces, str):
            for piece in pieces:
                if isinstance(piece, Mapping):
                    self._add(piece)

    def _add(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        slot = self._slot(piece.get("index"), _text(piece.get("id")), _text(function.get("name")))
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            slot.arguments += arguments
        elif arguments is not None:
            slot.arguments = json.dumps(arguments, ensure_ascii=False)

    def _slot(self, index: Any, id_: str, name: str) -> _Slot:
        same = [each for each in self._slots if index is None or each.index == index]
        named = [each for each in same if id_ and each.id == id_]
        slot = next(reversed(named or same), None)
        if slot is None or slot.is_another(id_, name, index):
            slot = _Slot(index)
            self._slots.append(slot)
        slot.id = slot.id or id_
        slot.name = slot.name or name
        return slot

    def calls(
        self,
        *,
        answer_id: str,
        cut: str | None = None,
        offered: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> tuple[tuple[ToolCall, ...], tuple[InvalidToolCall, ...]]:
        """The sound calls and the others.

        Args:
            answer_id: names calls that came without an id.
            cut: why no call of this answer may run, for instance that it hit its limit.
            offered: the tools there are, by name, with the arguments each requires; empty:
                not known.
        """
        sound: list[ToolCall] = []
        invalid: list[InvalidToolCall] = []
        for number, slot in enumerate(self._slots):
            id_ = slot.id or f"call_{answer_id}_{number}"
            arguments, error = _parsed(slot.arguments)
            error = cut or error or _unfit(slot, offered)
            if error is None and arguments is not None:
                sound.append(ToolCall(id_, slot.name, arguments))
            else:
                invalid.append(InvalidToolCall(id_, slot.name or None, slot.arguments, error or ""))
        return tuple(sound), tuple(invalid)


def _unfit(slot: _Slot, offered: Mapping[str, Sequence[str]]) -> str | None:
    """Why a call whose arguments parse must not run, or `None` if it may."""
    if not slot.name:
        return "the call has no name"
    if offered and slot.name not in offered:
        return f"no tool of that name was offered, but {', '.join(offered)}"
    required = offered.get(slot.name, ())
    if required and slot.arguments.strip() in ("", "null"):
        return f"the call has no arguments, and {slot.name} needs {', '.join(map(str, required))}"
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _parsed(text: str) -> tuple[dict[str, Any] | None, str | None]:
    if not text.strip() or text.strip() == "null":
        return {}, None
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        return None, f"the arguments are not JSON: {error}"
    if not isinstance(arguments, dict):
        return None, "the arguments are not a JSON object"
    return arguments, None
