"""What reading Chinese as English promises: the longest term, either script, nothing invented."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from globalapi_core.quality import features, glossary

SMALL = glossary.parsed(
    "# a comment\n= 數数證证\n"
    "number: 数\nfunction: 函数\ntrigonometric: 三角函数\nprove: 证明 求证\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("三角函数", "trigonometric"),
        ("函数", "function"),
        ("证明函数", "prove function"),
        ("三角", ""),
        ("函数三角", "function"),
        ("数", "number"),
        ("證明函數", "prove function"),
        ("求证 f(x)，函数？", "prove f(x), function ?"),
    ],
)
def test_longest_term_counts(text: str, words: str) -> None:
    """A term within a longer one is not read; what is no term is left out; the rest stays."""
    assert SMALL.read(text).split() == words.split()


def test_other_scripts_stay() -> None:
    """A text without Chinese characters is not looked at."""
    for text in ("a “quoted” café", "привет", "テスト", "안녕"):
        assert not glossary.is_chinese(text)


def test_chinese_has_the_shape_of_text() -> None:
    """Chinese marks count as the English ones do."""
    _, shape = features.read("证明：函数，函数；（数）？？？")

    assert {b"~questions2", b"~colons1", b"~commas1", b"~semicolons1", b"~parens1"} <= shape


def test_terms_are_written_once_and_simplified() -> None:
    """A term with two meanings, or one that no text can meet, would be a silent mistake."""
    content = resources.files("globalapi_core").joinpath(glossary.FILE).read_text("utf-8")
    lines = [line for line in content.splitlines() if line and line[0] not in "#="]
    terms = [term for line in lines for term in line.partition(": ")[2].split()]
    traditional = glossary.shipped().traditional

    assert len(terms) == len(set(terms)) > 4_000
    assert [term for term in terms if not traditional.isdisjoint(term)] == []
    assert all(re.fullmatch(r"[a-z ]+: [\u3400-\u9fff ]+", line) for line in lines)


def test_scripts_read_alike() -> None:
    """A question in traditional characters is read as the same in simplified ones."""
    simplified = "请问三角形内角和为什么等于一百八十度？证明这个定理。"
    traditional = "請問三角形內角和為什麼等於一百八十度？證明這個定理。"

    assert features.read(traditional) == features.read(simplified)


def test_chinese_beyond_both_ends() -> None:
    """Of a long Chinese text both ends are read, where questions stand."""
    start, end = "原告起诉被告。" * 100, "法院应当如何判决？" * 100

    assert features.read(f"{start}{'求积分。' * 5_000}{end}") == features.read(f"{start}{end}")
