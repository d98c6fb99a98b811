"""What is asked for, and how hard it is, in English and in Chinese alike."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.signals import Signals, head, read, task

DATA = Path(__file__).parents[2] / "data"


def rows_of(file: str) -> list[dict[str, Any]]:
    """The prompts of a data file."""
    return [json.loads(line) for line in (DATA / file).read_text("utf-8").split("\n") if line]


PAIRS = rows_of("twins_200.jsonl")
LATER = rows_of("twins_90.jsonl")
"""Written after the first, and most of the rules were changed with them in view; `last`: written
after that, though some wordings changed since; `blind`: equally hard in both languages when
first looked at."""
MISREAD = rows_of("misread_68.jsonl")
ASKED = rows_of("tasks_277.jsonl")
"""Written last, in the manner of examinations and of assistants' users; `blind`: right when first
asked."""


def of(text: str) -> Signals:
    """The signals of one question."""
    return read([{"role": "user", "content": text}])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_task_of_200_prompts(language: str) -> None:
    """99 of 100 prompts are told right in either language."""
    wrong = [(row["task"], row[language]) for row in PAIRS if of(row[language]).task != row["task"]]

    assert len(wrong) <= 2, wrong


def test_difficulty_of_twins() -> None:
    """A question is as hard in Chinese as in English, within 0.05, for all 200 pairs."""
    assert apart(PAIRS) == []


def unequal(rows: list[dict[str, Any]]) -> list[str]:
    """Pairs that a config file could route apart by what they ask for."""
    return [
        row["en"]
        for row in rows
        if (of(row["en"]).code, of(row["en"]).reasoning)
        != (of(row["zh"]).code, of(row["zh"]).reasoning)
    ]


def apart(rows: list[dict[str, Any]]) -> list[str]:
    """Pairs more than 0.05 of difficulty apart."""
    return [
        row["en"]
        for row in rows
        if round(abs(of(row["en"]).difficulty - of(row["zh"]).difficulty), 2) > 0.05
    ]


def test_200_twins_are_routed_alike() -> None:
    """A question is of program text, or asks for reasoning, in both languages or in neither."""
    assert unequal(PAIRS) == []


# What is reached: of the last pairs, a tenth is not equal.
@pytest.mark.parametrize(("last", "most"), [(False, 0), (True, 3)])
def test_later_twins_are_equally_hard_and_routed_alike(last: bool, most: int) -> None:
    """60 pairs of ten further fields, and 30 of others that came later."""
    rows = [row for row in LATER if row["last"] is last]
    assert len(rows) == (30 if last else 60)

    assert len(apart(rows)) <= most, apart(rows)
    assert len(unequal(rows)) <= most, unequal(rows)


@pytest.mark.parametrize(
    ("last", "language", "most"),
    [
        (False, "en", 2),
        (False, "zh", 2),
        (True, "en", 5),
        (True, "zh", 3),
    ],
)
def test_task_of_later_twins(last: bool, language: str, most: int) -> None:
    """No more are told wrong than when they were written."""
    rows = [row for row in LATER if row["last"] is last]
    wrong = [row[language] for row in rows if of(row[language]).task != row["task"]]

    assert len(wrong) <= most, wrong


@pytest.mark.parametrize(("language", "blind", "most"), [("en", 5, 5), ("zh", 15, 6)])
def test_task_of_prompts_written_last(language: str, blind: int, most: int) -> None:
    """Of 65 English prompts 5 are told wrong, of 212 Chinese ones 6; 5 and 15 when first asked."""
    rows = [row for row in ASKED if row["language"] == language]
    alike = {"summarising": "chat", "extraction": "chat"}
    told = [(row, of(row["text"]).task) for row in rows]
    wrong = [row["text"] for row, task in told if alike.get(task, task) != row["task"]]

    assert sum(not row["blind"] for row in rows) == blind
    assert len(wrong) <= most, wrong


def test_what_is_easily_misread() -> None:
    """Negation, quotation and words of two meanings: 64 of 68 are read right."""
    wrong = []
    for row in MISREAD:
        found = of(row["text"]).as_dict()
        names = ("task", "code", "reasoning")
        if any(row[name] not in (None, found[name]) for name in names):
            wrong.append(row["text"])

    assert len(wrong) <= 4, wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write a poem about a proof of love", "chat"),
        ("写一首关于证明的诗", "chat"),
        ("不要翻译，跟我打个招呼就行", "chat"),
        ("请总结这个 diff 的改动要点", "summarising"),
        ("SELECT name FROM users WHERE id = 1", "code"),
        ("diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b", "code"),
        ("写一个 Go 函数，把字符串反转", "code"),
        ("这段代码报错了，帮我看看", "code"),
        ("为什么我的 React 组件渲染了两次？", "code"),
        ("Translate this Python function to Rust", "code"),
        ("Translate 你好 into English", "translation"),
        ("Extract all dates from this email", "extraction"),
    ],
)
def test_task(text: str, expected: str) -> None:
    """Rules, negation and quotation decide before wording does."""
    assert of(text).task == expected


@pytest.mark.parametrize(
    "text",
    [
        "What is a reasonable price?",
        "Write a poem about mathematics",
        "写一首关于数学的诗",
        "这句话是：请证明这一点",
        "Don't prove anything, just say hello",
        "Who sings “Prove that you love me”?",
    ],
)
def test_no_reasoning(text: str) -> None:
    """What only sounds like a proof asks for none."""
    assert not of(text).reasoning


NEGATIONS = {
    "en": ["do not ", "Don't ", "never ", "no need to ", "without having to "],
    "zh": ["不要", "请勿", "不用", "无需", "不必", "不需要", "禁止", "别"],
}
PROOF = {"en": "derive it step by step, just say hello", "zh": "证明这个定理，打个招呼就行"}


@pytest.mark.parametrize(
    ("language", "words"), [(key, each) for key, words in NEGATIONS.items() for each in words]
)
def test_what_is_negated_does_not_count(language: str, words: str) -> None:
    """A proof counts as reasoning, and one that is not wanted does not."""
    assert of(f"Well, {PROOF[language]}").reasoning
    assert not of(f"Well, {words}{PROOF[language]}").reasoning


@pytest.mark.parametrize("words", ["特别", "分别"])
def test_part_of_a_word_negates_nothing(words: str) -> None:
    """The character of a prohibition is part of other words too."""
    assert of(f"{words}{PROOF['zh']}").reasoning


@pytest.mark.parametrize("quoted", ["“{}”", "「{}」", '"{}"', "《{}》", "'{}'", "这句话是：{}"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_quoted_does_not_count(language: str, quoted: str) -> None:
    """A request that somebody else made is none, whichever marks it stands in."""
    assert not of("She said " + quoted.format(PROOF[language])).reasoning


@pytest.mark.parametrize("pattern", [task._NEGATED, task._QUOTED, head._NUMBER, head._PIECE])
@pytest.mark.parametrize("piece", ["don't ", "no", "不要", "别", "'a ", "“", '"', "：", "1", "1a"])
def test_no_text_is_slow(pattern: re.Pattern[str], piece: str) -> None:
    """No text makes a pattern go over it again and again."""
    started = time.perf_counter()
    pattern.findall(piece * 10_000)

    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Let the function f(x) = x^2 + 1. Find f(3).", False),
        ("这句话是：写一个 Python 函数", False),
        ("不要写代码，告诉我思路就行", False),
        ("def f(x):\n    return x", True),
    ],
)
def test_code(text: str, code: bool) -> None:
    """The function of mathematics is no program, and nor is what is quoted or negated."""
    assert of(text).code is code


@pytest.mark.parametrize("text", ["and in Java?", "继续", "why?"])
def test_short_question_follows_up(text: str) -> None:
    """A question of a few words asks for what the one before it asked for."""
    messages = [
        {"role": "user", "content": "Write a Python function that reverses a linked list"},
        {"role": "assistant", "content": "def ..."},
        {"role": "user", "content": text},
    ]

    assert read(messages).task == "code"


def test_long_question_stands_alone() -> None:
    """A whole question is not taken for a follow-up of what came before."""
    messages = [
        {"role": "user", "content": "Write a Python function that reverses a linked list"},
        {"role": "user", "content": "Thanks! Now tell me a bedtime story about a small bear."},
    ]

    assert read(messages).task == "chat"


def test_harder_is_more_difficult() -> None:
    """A proof is harder than a sum, and a sum harder than a greeting."""
    greeting, total, proof = (
        of(text).difficulty
        for text in ("Hello!", "What is 15% of 240?", "Prove that √2 is irrational.")
    )

    assert 0 <= greeting < total < proof <= 1


def test_list_makes_a_question_more_difficult() -> None:
    """Three points to be met are harder than one sentence of the same words."""
    text = "Write a Python function that does this:\n1. reads\n2. sorts\n3. prints"

    assert of(text).difficulty > of(text.replace("\n", " ")).difficulty


@pytest.mark.parametrize(
    ("text", "formula"), [("Is $x$ odd?", True), (r"Is \frac12 odd?", True), ("Is $5 less?", False)]
)
def test_formula_is_a_feature(text: str, formula: bool) -> None:
    """A formula shows by its marks; a price has but one of them."""
    assert ("~tex" in head.features(text)) is formula


def test_probabilities_are_of_every_task() -> None:
    """The learned head spreads one whole over all tasks, for any text."""
    for text in ("", "?", "hello", "证明", "🙂"):
        found = head.default().probabilities(text)

        assert set(found) == set(head.TASKS)
        assert sum(found.values()) == pytest.approx(1)


def test_guess_has_evidence_without_text() -> None:
    """What led to a guess is named; nothing of the prompt is in it."""
    guess = task.of("Write a Python function called canary")

    assert guess.evidence == "a request for code"
    assert "canary" not in repr(guess)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Why does my Python script raise KeyError: 'id'?", True),
        ("为什么我的程序报错 NullPointerException？", True),
        ("用Python写一个快速排序", True),
        ("Write a merge sort in Go", True),
        ("What is an Error of judgement?", False),
        ("不要写代码，只解释什么是二叉树", False),
        ("don't write code, just explain what a binary tree is", False),
        ("Who should review my pull request?", False),
    ],
)
def test_what_is_about_program_text(text: str, code: bool) -> None:
    """A program to be mended or written is program text; a question about programming is not."""
    assert of(text).code is code


@pytest.mark.parametrize(
    ("en", "zh"),
    [
        ("Solve x^2 - 5x + 6 = 0", "解 x^2 - 5x + 6 = 0"),
        ("Solve the equation x^2 - 5x + 6 = 0", "求解方程 x^2-5x+6=0"),
        ("Solve the equation x^2 - 5x + 6 = 0", "求方程 x^2-5x+6=0 的根"),
        ("Solve this differential equation: y' = y", "求解微分方程 y' = y"),
    ],
)
def test_equations_ask_for_steps_in_both_languages(en: str, zh: str) -> None:
    """An equation to be solved is as hard, and as much reasoning, in Chinese as in English."""
    assert of(en).reasoning
    assert of(zh).reasoning
    assert abs(of(en).difficulty - of(zh).difficulty) <= 0.05
