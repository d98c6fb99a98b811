"""Kinds of personal data in a text, best effort: a hint for policies, never the data itself.

What can be checked is (Luhn for cards, the checksums of a Chinese ID and an IBAN), so that an
order number is no card. A tag of the caller's is a contract; this is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import ascii_uppercase, digits
from typing import Any

from globalapi_core.signals.question import text_of

KINDS = ("email", "phone", "card", "cn_id", "iban", "key")
_LOOKED_AT = 4_000
"""Characters looked at in all, the last message first, half of it from a message's head."""
_EMAIL = re.compile(r"[A-Za-z0-9_%+-][\w.%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}")
# No look-behind first: a pattern that starts with a set of characters is looked for fast.
_NUMBER = re.compile(r"[0-9][0-9 ()-]{5,28}[\dXx](?![A-Za-z0-9_-]|\.\d)")
_IBAN = re.compile(r"[A-Z][A-Z]\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_KEY = re.compile(
    r"\b(?:sk-[\w-]{20,}|sk_(?:live|test)_\w{16,}|ga_\w{16,}|gh[pousr]_\w{30,}|AKIA[0-9A-Z]{16}"
    r"|AIza[\w-]{30,}|xox[abpr]-[\w-]{10,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_KEY_STARTS = {
    "-": ("sk-", "PRIVATE KEY"),
    "_": ("sk_", "ga_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    "K": ("AKIA",),
    "z": ("AIza",),
    "x": ("xox",),
    "J": ("eyJ",),
}
"""By a rare character of theirs, which is looked for first: it takes a tenth of the time."""
_CN_MOBILE = re.compile(r"(?:\+?86|0086)?1[3-9]\d{9}")
_SHAPE = bytes.maketrans((digits + ascii_uppercase).encode(), b"0" * 10 + b"A" * 26)
"""Makes every digit a 0 and every capital an A."""
_WIDE = re.compile(
    r"[\uff10-\uff19\uff20-\uff3a\uff41-\uff5a\u00a0\u2009\u202f\u200b-\u200d\ufeff\u00ad]"
)
"""What makes it worth while: Chinese text is full of full-width commas."""
_NARROW = {
    **{wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((0x3000, 0xA0, 0x2009, 0x202F), " "),
    **dict.fromkeys((0x200B, 0x200C, 0x200D, 0xFEFF, 0xAD)),
}
"""Full-width characters, other spaces, and what is not seen, as one types them."""
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_DIGITS = "10X98765432"


def of(messages: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The kinds of personal data found in *messages*, whoever wrote them."""
    found: set[str] = set()
    left = _LOOKED_AT
    for message in reversed(messages):
        text = "\n".join((text_of(message), *_beside(message)))
        if len(text) > left:
            text = f"{text[: left // 2]}\n{text[-(left // 2) :]}"
        if not text.isascii() and _WIDE.search(text):
            text = text.translate(_NARROW)
        found.update(_in_text(text))
        left -= len(text)
        if left <= 0:
            break
    return frozenset(found)


def _beside(message: Mapping[str, Any]) -> Iterator[str]:
    """What a message says beside its text: a name, tool calls, the names of files."""
    if isinstance(name := message.get("name"), str):
        yield name
    for call in message.get("tool_calls") or ():
        yield str((call.get("function") or {}).get("arguments") or "")
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        yield str((part.get("file") or {}).get("filename") or "")


def _in_text(text: str) -> Iterable[str]:
    if "@" in text and _EMAIL.search(text):
        yield "email"
    # No kind of number has fewer than eight digits, of which the last need not be ASCII, nor
    # those after the capitals of an IBAN: what is not ASCII becomes a question mark.
    shape = text.encode("ascii", "replace").translate(_SHAPE, b" ()-")
    for match in _NUMBER.finditer(text) if b"0" * 7 in shape else ():
        start = text[max(0, match.start() - 2) : match.start()]
        if start[-1:].isascii() and (start[-1:].isalnum() or start[-1:] in (".", "-", "_")):
            continue
        opened = start.lstrip() if start.endswith(("+", "(")) else ""
        if kind := _number(opened[-2 if opened[:1] == "+" else -1 :] + match.group()):
            yield kind
    if (b"AA0" in shape or b"AA?" in shape) and any(map(_iban, _IBAN.findall(text))):
        yield "iban"
    starts = (each for rare, some in _KEY_STARTS.items() if rare in text for each in some)
    if any(map(text.__contains__, starts)) and _KEY.search(text):
        yield "key"


def _number(written: str) -> str | None:
    """What a run of digits is: the most certain kind first."""
    bare = "".join(each for each in written if each.isalnum()).upper()
    if len(bare) == 18 and _chinese_id(bare):
        return "cn_id"
    if not bare.isdigit():
        return None
    if 13 <= len(bare) <= 19 and bare[0] in "3456" and _luhn(bare):
        return "card"
    if _CN_MOBILE.fullmatch(bare):
        return "phone"
    # Abroad only what is written as a number to call, or it would be any number.
    if written.startswith("+") and 8 <= len(bare) <= 15:
        return "phone"
    return "phone" if re.fullmatch(r"\(?\d{3}\)?[ -]\d{3}[ -]\d{4}", written) else None


def _luhn(digits: str) -> bool:
    """The checksum of ISO/IEC 7812: every second digit from the right is doubled."""
    if len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(int(each) * 2, 10)) for each in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _chinese_id(written: str) -> bool:
    """The checksum of GB 11643, ISO 7064 MOD 11-2, and a month and a day that there are."""
    if not written[:17].isdigit() or written[6:8] not in ("18", "19", "20"):
        return False
    if not (1 <= int(written[10:12]) <= 12 and 1 <= int(written[12:14]) <= 31):
        return False
    total = sum(int(each) * weight for each, weight in zip(written, _ID_WEIGHTS, strict=False))
    return _ID_DIGITS[total % 11] == written[17]


def _iban(written: str) -> bool:
    """ISO 13616: the country and checksum moved to the end, letters as numbers, modulo 97."""
    bare = written.replace(" ", "")
    if not 15 <= len(bare) <= 34:
        return False
    return int("".join(str(int(each, 36)) for each in bare[4:] + bare[:4])) % 97 == 1
