"""Reasoning that comes inside the text, between `<think>` and `</think>` at its beginning.

Servers that run open models, and gateways that turn reasoning into text, send it so.
"""

from __future__ import annotations

_OPEN = "<think>"
_CLOSE = "</think>"


class Opening:
    """The beginning of an answer, up to where reasoning can no longer stand.

    Fed the text piece by piece, however it was split, it gives the text and the reasoning
    in it. A tag further on is text like any other.
    """

    __slots__ = ("_held", "_inside", "_spoken", "over")

    def __init__(self) -> None:
        self.over = False
        """Whether all that follows is text: it need not be fed any more."""
        self._held = ""
        self._inside: bool | None = None
        """`None` before the first tag, `False` after the second."""
        self._spoken = False

    @property
    def begun(self) -> bool:
        """Whether anything has come."""
        return bool(self._held) or self._inside is not None or self.over

    @property
    def text(self) -> str:
        """Text held back so far: it may yet turn out to be a tag."""
        return self._held if self._inside is None else ""

    def feed(self, piece: str) -> tuple[str, str]:
        """Take the next *piece* of text; the text and the reasoning that are certain by now."""
        piece, self._held = self._held + piece, ""
        thought = ""
        if self._inside is None:
            begun = piece.lstrip()
            if not begun.startswith(_OPEN):
                return self._before(piece, begun)
            self._inside, piece = True, begun.removeprefix(_OPEN)
        if self._inside:
            thought, closed, piece = self._within(piece)
            if not closed:
                return "", thought
            self._inside = False
        piece = piece.lstrip()
        self.over = bool(piece)
        return piece, thought

    def rest(self) -> tuple[str, str]:
        """What was held back, now that nothing more comes."""
        held, self._held = self._held, ""
        self.over = True
        return ("", held) if self._inside else (held, "")

    def _before(self, piece: str, begun: str) -> tuple[str, str]:
        if _OPEN.startswith(begun):
            self._held = piece
            return "", ""
        self.over = True
        return piece, ""

    def _within(self, piece: str) -> tuple[str, bool, str]:
        """The reasoning in *piece*, whether it is closed in it, and what follows."""
        if not self._spoken:
            piece = piece.lstrip()
        thought, tag, after = piece.partition(_CLOSE)
        if not tag:
            kept = next(n for n in range(len(_CLOSE) - 1, -1, -1) if piece.endswith(_CLOSE[:n]))
            thought, self._held = piece[: len(piece) - kept], piece[len(piece) - kept :]
        self._spoken = self._spoken or bool(thought)
        return thought, bool(tag), after
