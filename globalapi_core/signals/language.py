"""Which language is asked in, by script and by whose grammar holds the sentence.

What is quoted, logged, or handed over to be worked on does not count, unless there is
nothing else: "Translate 你好 into English" asks in English, and a Chinese stack trace under
an English question leaves it English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from globalapi_core.signals import words as w

_HAN_CHARACTERS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN = re.compile(f"[{_HAN_CHARACTERS}]+")
_KANA = re.compile(r"[\u3041-\u30fa\u30fc-\u30ff]")
_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")
_OTHER = re.compile(r"[\u0370-\u10ff\u1200-\u1cff]")
_WORD = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ][A-Za-zÀ-ɏḀ-ỿ'’-]*")
_RUNS = re.compile(
    f"(?P<han>[{_HAN_CHARACTERS}]+)|(?P<word>{_WORD.pattern})|(?P<stop>[.?!,;:。？！，；：\n—]+)"
)
_ADDRESS = re.compile(r"https?://\S+|[\w.+-]{1,64}@[\w.-]+")
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|“[^”\n]*”|「[^」\n]*」|『[^』\n]*』|《[^》\n]*》|\"[^\"\n]*\"",
    re.DOTALL,
)
_MACHINE_LINE = re.compile(
    r"^(?: {4,}|\t|[+@-]{1,3} |[ \t]*File \"|[ \t]+at |\d{4}-\d\d-\d\d[ T]\d\d:|\S+:\d+:"
    r"|[\w.]+(?:Error|Exception):|(?:SELECT|INSERT|UPDATE|DELETE) "
    r"|(?:def|class|while|elif|except) [^\n]*:$|(?:import|from) [\w.]+|[^\n。？！]*[;{}]$).*$",
    re.MULTILINE,
)
_ORDER = re.compile(
    r"\b(?:translat|summari[sz]|proofread|correct|classify|label|rewrite|rephrase|extract|fix|turn"
    r"|polish|convert|below|following|review)|[?？]|[:：]\s*$"
    r"|翻译|翻譯|总结|總結|润色|潤色|校对|检查|改写|提取|概括|下面|以下|整理|英译|这段|這段"
    r"|翻訳|要約|訳して|번역|요약",
    re.IGNORECASE,
)
# "Translate this: ...", 把下面这句话翻译成中文：... What follows is what to work on.
_HANDED_OVER = re.compile(
    r"(?:\b(?:translat\w*|into|this|following|below|sentence|tone|from|of|rewrite\b[^:]*|correct"
    r"|grammar[^:]*|extract[^:]*|proofread)\b[^:：\n]{0,40}"
    r"|翻译|翻譯|译|总结|總結|润色|校对|改写|提取|概括|下面|以下|这段|这句|整理|意见"
    r"|翻訳|要約|訳して|번역|요약)"
    r"[^:：\n。]{0,24}[:：]"
)
_MENTIONED_IN_ENGLISH = re.compile(
    r"\b(?:translat\w+|pronounce|meaning|means?|synonyms?|characters?|radical|chengyu|idiom"
    r"|phrase|surname|the word|say(?:s|ing)?|said|wrote|typed|called|named|titled"
    r"|prints?|the (?:sign|button)|(?:get|gets|see|shows?|displays?|returns?)(?= ?[^\x00-\x7f]))\b",
    re.IGNORECASE,
)
_MENTIONED_IN_CHINESE = re.compile(
    r"什么意思|什麼意思|怎么翻译|怎麼翻譯|翻译成|翻譯成|怎么说|怎麼說|怎么读|怎么念|发音|怎么用"
    r"|区别|區別|不同|区分|歌词|台词|(?:说|說|叫|写着|寫著|报错|報錯|提示|显示|回复|有|是)\s*$"
)
_GRAMMAR = frozenset(
    "的了吗嗎呢吧我你您他她们們这這那哪是不没沒请請怎什么麼帮幫把被就都也还還能要想给給再但未"
)
"""Characters that carry Chinese grammar: a name or a dish has none of them."""
_ONLY_CHINESE = re.compile("[吗嗎么麼什怎这這您们們咋哪呢吧嘅唔咗冇哋啲嘢喺咁嚟佢乜]")
_SYLLABLE = re.compile(
    r"(?:[zcs]h|[bpmfdtnlgkhjqxrzcsyw])?(?:[iu]?an?g?|[iu]?a[io]|u?ai|[iu]?eng?|[iu]?e|ei|ou?|i?ong|uo|iu"
    r"|ing?|i|un|ui|u|er)"
)
_ENOUGH = 300
"""Characters of plain ASCII that are enough: there is no second script to find."""
_ENOUGH_HAN = 100
"""Chinese characters that are enough to tell the script."""
_MAXIMUM = 300
"""Characters looked at: a language shows in a few sentences."""


@dataclass(frozen=True, slots=True)
class Told:
    """The language of a text."""

    language: str
    """en, zh, ja, ko, mixed (English and Chinese, each with a sentence of its own), other, or
    und when there are no words."""
    evidence: str | None
    """What showed it; `None` for und."""
    script: str | None = None
    """Hans or Hant, of the Chinese in it; `None` without any, or if it fits both."""


def of(question: str) -> tuple[str, str | None]:
    """The language of *question*, and what showed it."""
    found = told(question)
    return found.language, found.evidence


def told(question: str) -> Told:
    """The language and the script of *question*."""
    if len(question) > _MAXIMUM:
        question = f"{question[: _MAXIMUM // 2]}\n{question[-_MAXIMUM // 2 :]}"
    if question.isascii():
        return Told(*_latin(question[:_ENOUGH]))
    spoken = _spoken(question)
    if not _says(spoken):
        spoken = _unquoted(question)
    spoken = spoken if _says(spoken) else question
    language, evidence = _of_scripts(spoken)
    return Told(language, evidence, _script(spoken) if language in ("zh", "mixed") else None)


_CODES = ("gb2312", "big5")
"""Codes of the simplified and of the traditional characters."""
_SIMPLE_IN_BIG5 = "么个气"
"""Simplified characters that Big5 has too, and that nobody writes in traditional text."""


def _script(spoken: str) -> str | None:
    """Hans or Hant: GB 2312 has the simplified characters, Big5 the traditional ones."""
    han = "".join(_HAN.findall(spoken))[:_ENOUGH_HAN]
    simplified, traditional = (len(han.encode(each, "ignore")) for each in _CODES)
    simplified += 2 * sum(map(han.count, _SIMPLE_IN_BIG5))
    if simplified == traditional:
        return None
    return "Hans" if simplified > traditional else "Hant"


def _spoken(question: str) -> str:
    """*question* without what is quoted, logged or handed over."""
    text = _MACHINE_LINE.sub(" ", _unquoted(question)).strip()
    handed = _HANDED_OVER.search(text) if ":" in text or "：" in text else None
    if handed and _says(text[: handed.end()]):
        return text[: handed.end()]
    lines = [line for line in text.splitlines() if _says(line)]
    if len(lines) < 2:
        return text
    for line in (lines[0], lines[-1]):
        if _ORDER.search(line):
            return line
    return text


def _unquoted(text: str) -> str:
    """*text* without what is in quotation marks, code marks or brackets, and without addresses."""
    return _unaddressed(_QUOTED.sub(" ", text))


def _unaddressed(text: str) -> str:
    return _ADDRESS.sub(" ", text) if "@" in text or "://" in text else text


def _says(text: str) -> bool:
    return any(map(str.isalpha, text))


def _of_scripts(text: str) -> tuple[str, str | None]:
    han, kana, hangul = (sum(map(len, each.findall(text))) for each in (_HAN, _KANA, _HANGUL))
    if not (han or kana or hangul):
        return _without_han(text)
    if (kana or hangul) and _english_around(text):
        return "en", "English grammar around other words"
    if not _ONLY_CHINESE.search(text):
        if hangul * 2 >= max(han, 1):
            return "ko", "Hangul"
        if kana * 10 > han or _japanese(text):
            return "ja", "kana" if kana else "Japanese characters"
    return _with_han(text)


def _japanese(text: str) -> bool:
    """Whether only Japan writes like this.

    It has characters of its own, such as 検, and simplified some of those that it kept, as
    the second of 番号確認.
    """
    han = "".join(_HAN.findall(text))[:_ENOUGH_HAN]
    simplified, traditional = (set(han.encode(each, "ignore").decode(each)) for each in _CODES)
    others = set(han) - simplified - traditional
    if others:
        return any(each.encode("shift_jis", "ignore") for each in others)
    mixed = simplified - traditional and traditional - simplified
    return bool(mixed) and len(han.encode("shift_jis", "ignore")) == 2 * len(han)


def _with_han(text: str) -> tuple[str, str]:
    runs = [(match.lastgroup or "", match.group()) for match in _RUNS.finditer(text)]
    english = [segment for segment in _segments(runs) if _is_sentence(segment[1])]
    chinese = list(_clauses(runs))
    if len(_OTHER.findall(text)) > sum(len(run) for kind, run in runs if kind == "han"):
        return "other", "another script"
    if not chinese:
        latin = [run for kind, run in runs if kind == "word"]
        if _is_sentence(latin):
            return "en", "English grammar around Chinese words"
        # A letter by itself, such as y, is a variable there and no Spanish word.
        longer = [run for run in latin if len(run) > 1]
        if _foreign(longer) > 0 and not any(map(_lower_english, latin)):
            return "other", "another language's words"
        return "zh", "Chinese around Latin names" if latin else "Chinese"
    asked = english or (
        runs[0][0] == "word" and _is_sentence([run for kind, run in runs if kind == "word"])
    )
    if asked and _MENTIONED_IN_ENGLISH.search(text):
        outside = [run for run in chinese if len(run) > 2 and _far(text, run)]
        if not outside:
            return "en", "English grammar around Chinese words"
    if any(not _MENTIONED_IN_CHINESE.search(before) for before, _ in english) and not (
        _ASKS_FOR_WORDS.search(text)
    ):
        return "mixed", "a sentence in English and one in Chinese"
    return "zh", "Chinese grammar" + (" around English words" if english else "")


_ASKS_FOR_WORDS = re.compile(r"什么意思|什麼意思|怎么翻译|怎麼翻譯|怎么说|怎麼說|歌词|台词")


def _clauses(runs: Sequence[tuple[str, str]]) -> Iterable[str]:
    """The Chinese runs that have grammar, or that are a sentence to themselves."""
    around = (("stop", "\n"), *runs, ("stop", "\n"))
    for (_, before), (kind, run), (_, after) in zip(around, around[1:], around[2:], strict=False):
        if kind == "han" and len(run) > 2:
            ends = before[-1] in _SENTENCE_ENDS, after[0] in _SENTENCE_ENDS
            apart = before[-1] in ",，" or after[0] in ",，"
            alone = all(ends) or (any(ends) and apart and len(run) > 4)
            if alone or not _GRAMMAR.isdisjoint(run):
                yield run


_SENTENCE_ENDS = ".?!。？！\n"


def _far(text: str, run: str) -> bool:
    """Whether a Chinese clause stands apart from the word that would mention it."""
    start = text.find(run)
    return _MENTIONED_IN_ENGLISH.search(text[max(0, start - 24) : start + 1]) is None and (
        _MENTIONED_IN_ENGLISH.search(text[start + len(run) : start + len(run) + 16]) is None
    )


def _segments(runs: Sequence[tuple[str, str]]) -> Iterable[tuple[str, list[str]]]:
    """Each unbroken run of Latin words, with the Chinese just before it or its colon."""
    before, words, cited = "", list[str](), False
    for kind, run in (*runs, ("stop", "")):
        if kind == "word":
            words.append(run)
            continue
        if words:
            yield before, words
            words = []
        cited = kind == "stop" and (cited or run[:1] in (":", "："))
        before = run if kind == "han" else before if cited else ""


def _is_sentence(words: Sequence[str]) -> bool:
    """Whether some Latin words make an English sentence, not a name or a message of a program."""
    lowered = [word.lower() for word in words if not word.isupper() or word == "I"]
    if len(lowered) < 2:
        return False
    if lowered[0] == "please":
        return True
    known = set(lowered)
    grammar = sum(word in w.ENGLISH for word in lowered)
    if known & w.PERSONS or known & w.QUESTIONS:
        return grammar > 1 or len(lowered) > 2
    if known & w.AUXILIARIES and (known & w.ARTICLES or lowered[0] in w.AUXILIARIES):
        return len(lowered) > 2
    if lowered[0] in w.ARTICLES:  # "The app keeps crashing", but not "The North Face"
        return sum(word.islower() for word in words[1:]) > 2
    return lowered[0] in w.ORDERS and grammar > 1


def _english_around(text: str) -> bool:
    words = _WORD.findall(text)
    return _is_sentence(words) and _foreign(words) <= 0


def _without_han(text: str) -> tuple[str, str | None]:
    words = _WORD.findall(text)
    others = len(_OTHER.findall(text))
    if others and (others * 3 > sum(map(len, words)) or not words) and not _english_around(text):
        return "other", "another script"
    return _latin(text)


def _latin(text: str) -> tuple[str, str | None]:
    words = _WORD.findall(_unaddressed(text))
    if not any(len(word) > 1 for word in words):
        return "und", None
    if _foreign(words) > 0:
        return "other", "another language's words"
    if len(words) > 2 and _pinyin(words):
        return "other", "Chinese in Latin letters"
    return "en", "Latin script"


def _pinyin(words: Sequence[str]) -> bool:
    """Whether every word is a syllable of Mandarin, and half of them are no English words."""
    return all(_SYLLABLE.fullmatch(word) for word in words) and (
        2 * sum(word in w.ENGLISH for word in words) <= len(words)
    )


def _foreign(words: Sequence[str]) -> float:
    """By how much the words of other languages outnumber the English ones."""
    words = words[:_WORDS]
    text = " ".join(words).lower().replace("’", "'")
    lowered = text.split()
    foreign = sum(map(_ONLY_FOREIGN.__contains__, lowered))
    foreign -= sum(map(_INITIALS.__contains__, words)) if foreign else 0
    accented = 0 if text.isascii() else sum(not word.isascii() for word in lowered)
    if accented * 3 >= len(lowered):
        foreign += accented
    if foreign * 5 < len(lowered):
        return 0
    return foreign - sum(map(_ONLY_ENGLISH.__contains__, lowered))


_WORDS = 60
"""Words that are enough to tell English from other languages in Latin script."""
_ONLY_ENGLISH = w.ENGLISH - w.FOREIGN
_ONLY_FOREIGN = w.FOREIGN - w.ENGLISH
_INITIALS = frozenset(word.upper() for word in _ONLY_FOREIGN if len(word) == 1)
"""Words that are names when written large, as in "Model Y"."""


def _lower_english(word: str) -> bool:
    return word.lower() in _ONLY_ENGLISH
