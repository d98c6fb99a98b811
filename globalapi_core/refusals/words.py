"""Regular expressions made of words."""

from __future__ import annotations


def any_of(*alternatives: str) -> str:
    """One of *alternatives*, each a regular expression; the first that fits is taken."""
    return f"(?:{'|'.join(alternatives)})"


def spread(words: str) -> list[str]:
    """The *words*, which stand between blanks."""
    return words.split()
