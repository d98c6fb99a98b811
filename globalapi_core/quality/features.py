"""What of a text the learned choice looks at: its words, and the shape of it in coarse steps.

Only words in Latin script count, each once, whatever its case; Chinese is read as English
by `glossary`. Long texts are read at both ends, where questions stand, so that the time of a
decision does not grow with them.
"""

from __future__ import annotations

import math
import string

from globalapi_core.quality import glossary

PART = 2_000
"""Characters read from each end of a text."""
PART_IN_CHINESE = 400
"""The same where a character says as much as half a word, and takes longer to look up."""

_MARKS = {
    "lines": b"\n", "tex": b"\\", "dollars": b"$", "equals": b"=", "parens": b"(",
    "braces": b"{", "ticks": b"`", "colons": b":", "commas": b",", "quotes": b'"',
    "pluses": b"+", "hats": b"^", "semicolons": b";", "underscores": b"_", "less": b"<",
    "percents": b"%",
}  # fmt: skip


def _only(kept: str) -> bytes:
    """A table for `bytes.translate` that leaves *kept*, in lower case, and spaces."""
    return bytes(ord(chr(each).lower()) if chr(each) in kept else 32 for each in range(256))


# Splitting bytes takes a quarter of the time of a regular expression over text.
_LETTERS, _DIGITS = _only(string.ascii_letters), _only(string.digits)


def read(text: str) -> tuple[set[bytes], set[bytes]]:
    """The words of *text*, and its shape as tokens such as `~lines3`: 4 to 7 of them."""
    text = _ends(text, PART)
    if glossary.is_chinese(text):
        text = glossary.read(_ends(text, PART_IN_CHINESE))
    # What is not ASCII becomes a question mark, which parts words.
    plain = text.encode("ascii", "replace")
    words = plain.translate(_LETTERS).split()
    shape = {b"~%s%d" % (name, plain.count(mark).bit_length()) for name, mark in _NAMED}
    shape.add(b"~questions%d" % text.count("?").bit_length())
    shape.add(b"~length%d" % int(math.log2(len(text) + 1) * 2))
    shape.add(b"~numbers%d" % len(plain.translate(_DIGITS).split()).bit_length())
    shape.add(b"~words%d" % len(words).bit_length())
    return set(words), shape


def _ends(text: str, part: int) -> str:
    return text if len(text) <= 2 * part else f"{text[:part]}\n{text[-part:]}"


_NAMED = tuple((name.encode(), mark) for name, mark in _MARKS.items())
