"""Whether an answer is a refusal: the model declines, in English or Chinese, and gives nothing.

Read off the opening, where refusals stand, and off what follows: an answer that declines a
part and gives the rest is none, nor one that quotes, translates or explains a refusal. It is
a guess by words; `tests/core/test_refusals.py` says how good a one.
"""

from __future__ import annotations

import re

from globalapi_core.refusals import chinese, english
from globalapi_core.refusals.words import any_of

LOOKED_AT = 420
"""Characters of the opening in which a refusal must stand."""
LONGEST = 1_800
"""Characters; a longer answer gives something."""
LONGEST_REST = 330
"""Characters of reasons after a refusal, offers apart; with more it is an answer.

Here and below a Chinese character counts as three.
"""
LONGEST_SENTENCE = 150
"""Characters of the sentence that declines which tell what is declined, and no more than that."""
LEAST_GIVEN = 25
"""Characters after a "but" that make an answer of it."""

_HINTS = (*english.HINTS, *chinese.HINTS)
_LEAD = re.compile(rf"{any_of(english.LEADS, chinese.LEADS)}[\s,;:.!—–\-，；：。！、~～]*")
_IN_CONTEXT = re.compile(any_of(english.IN_CONTEXT, chinese.IN_CONTEXT))
_OFFER = re.compile(any_of(english.OFFERS, chinese.OFFERS))
_BUT = re.compile(
    rf"(?:[,;.—–:]|^) ?{english.BUT}\b[, ]*(?P<english>[^.!?\n]*)|"
    rf"[，。；,;]{chinese.BUT}[，,]?(?P<chinese>[^。！？\n]*)"
)
_FORMS = (
    (english.DECLINES, english.DECLINES_LED, english.CLAUSE_BEFORE),
    (chinese.DECLINES, chinese.DECLINES_LED, chinese.CLAUSE_BEFORE),
)
_MANNERS = re.compile(any_of(english.MANNERS, chinese.MANNERS))

_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*\s*")
_MARKUP = re.compile(r"[\s*_#>~\-–—•·|]+")
_ITEM = re.compile(r"^\s*(?:[-*•]|\d+[.)、]|[一二三四五六七八九十]+、)\s*\S", re.MULTILINE)
_LETTER = re.compile(
    r"(?:dear|subject|hi|hello|hey|主题|致)\b[^\n.!?。]{0,60}[:：,，]?\s*\n|"
    r"dear |尊敬的(?!用户|客户)"
)
_QUOTES = '"“”「」『』《》«»'
_INTRODUCES = (":", "：", "```")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


def is_refusal(text: str) -> bool:
    """Whether *text*, a whole answer or the beginning of one, declines and gives nothing."""
    if len(text) > LONGEST:
        return False
    opening = _plain(text[:LOOKED_AT])
    # Most answers end here, a few microseconds later.
    if not any(each in opening for each in _HINTS) or _LETTER.match(opening):
        return False
    place = _declined(opening.translate(chinese.SIMPLIFIED))
    return place is not None and not _gives_more(_plain(text).translate(chinese.SIMPLIFIED)[place:])


def _plain(text: str) -> str:
    """*text* as the words here are spelled, but for traditional characters."""
    return text.replace("’", "'").lower()


def _declined(opening: str) -> int | None:
    """Where in the opening the words end that decline; `None`: there are none."""
    read = 0
    for found in _SENTENCE.finditer(opening):
        sentence = found[0]
        began = _after_markup(sentence)
        if sentence[began : began + 1] in _QUOTES and sentence[began:].strip():
            return None
        at = began
        while lead := _LEAD.match(sentence, at):
            at = lead.end()
        end = _end_of_refusal(sentence, at, sentence[began:at])
        if end is not None:
            return None if _IN_CONTEXT.search(sentence) else found.start() + end
        if sentence.rstrip().endswith(_INTRODUCES) or sentence.lstrip().startswith("```"):
            return None
        read += bool(sentence[at:].strip())
        if read > 2:
            return None
    return None


def _after_markup(sentence: str) -> int:
    markup = _MARKUP.match(sentence)
    return markup.end() if markup else 0


def _end_of_refusal(sentence: str, at: int, lead: str) -> int | None:
    """Where the words end that decline, from *at* on or after a clause that stands there.

    *lead* is what was passed over before.
    """
    is_led, is_said = bool(_MANNERS.search(lead)), bool(chinese.SPEAKER.search(lead))
    for declines, declines_led, clause_before in _FORMS:
        clause = clause_before.match(sentence, at)
        for place in (at, clause.end()) if clause else (at,):
            if any(each in sentence[:place] for each in _QUOTES):
                continue
            found = declines.match(sentence, place)
            if found is None and is_led:
                found = declines_led.match(sentence, place)
            if found:
                return found.end()
            # Who speaks was told before, as "作为一个AI，" does.
            if is_said and (found := declines.match(f"我{sentence[place:]}")):
                return place + found.end() - 1
    return None


def _gives_more(rest: str) -> bool:
    """Whether *rest*, what follows the words that decline, is an answer by itself."""
    if "```" in rest:
        return True
    if clause := _BUT.search(rest):
        given = clause["english"] or clause["chinese"] or ""
        if not _OFFER.search(given) and _length(given) >= LEAST_GIVEN:
            return True
    first, *sentences = [each[0] for each in _SENTENCE.finditer(rest)] or [""]
    if len(_ITEM.findall(rest)) >= 3 and not any(_OFFER.search(each) for each in sentences[:4]):
        return True
    told, lists_offers = max(0, _length(first) - LONGEST_SENTENCE), False
    for each in sentences:
        is_offer = bool(_OFFER.search(each))
        ends_in_colon = each.rstrip().endswith(_INTRODUCES)
        lists_offers = (is_offer and ends_in_colon) or (lists_offers and bool(_ITEM.match(each)))
        told += 0 if is_offer or lists_offers else _length(each)
    return told > LONGEST_REST


def _length(text: str) -> int:
    return len(text) + 2 * len(_CHINESE.findall(text))
