"""What is known of a request: the right guesses, at any size, and never its text."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.errors import InvalidInputError
from globalapi_core.router import Router
from globalapi_core.signals import Signals, read, size
from globalapi_core.signals.question import asked


def of(text: str, **facts: Any) -> Signals:
    """The signals of one question."""
    return read([{"role": "user", "content": text}], **facts)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is retrieval-augmented generation?", "en"),
        ("什么是检索增强生成？", "zh"),
        ("什麼是檢索增強生成？", "zh"),
        ("iPhone 15 Pro Max 256GB 报价", "zh"),
        ("FastAPI 怎么用 WebSocket", "zh"),
        ("Translate 你好 into English", "en"),
        ('Translate "你好，请问火车站怎么走" into English', "en"),
        ("What does “加油” mean?", "en"),
        ("検索拡張生成とは何ですか", "ja"),
        ("검색 증강 생성이란 무엇입니까", "ko"),
        ("Что такое поиск?", "other"),
        ("ما هو البحث؟", "other"),
        ("¿Qué es la búsqueda?", "other"),
        ("12345 + 67890 =", "und"),
        ("🙂🙂🙂", "und"),
        ("你好", "zh"),
        ("`你好`", "zh"),
    ],
)
def test_language(text: str, language: str) -> None:
    """The language is the one that is asked in, not the one that is quoted."""
    assert of(text).language == language


def test_language_of_a_mixed_question() -> None:
    """A question that is half one and half the other language is mixed."""
    assert of("Please explain 检索增强生成的工作原理 to me in detail").language in ("mixed", "zh")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Write a Python function that reverses a list", True),
        ("写一个 Python 函数反转列表", True),
        ("Why?\n```\nx = 1\n```", True),
        ('Traceback (most recent call last):\n  File "a.py", line 1', True),
        ("diff --git a/x b/x\n@@ -1 +1 @@", True),
        ("def f(x):\n    return x", True),
        ("SELECT a FROM b WHERE c = 1", True),
        ("What is a reasonable price?", False),
        ("Write a poem about the sea", False),
        ("Which import taxes apply to cars?", False),
        ("今天天气怎么样？", False),
        ("Who wrote the Swift novel about Gulliver?", False),
    ],
)
def test_code(text: str, code: bool) -> None:
    """A question about program text is told from one that only sounds so."""
    assert of(text).code is code


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        ("Prove that there are infinitely many primes", True),
        ("请证明素数有无穷多个", True),
        ("證明勾股定理", True),
        ("Explain it step by step", True),
        ("推导贝叶斯公式", True),
        ("What is a reasonable price?", False),
        ("What is the reason for the delay?", False),
        ("How does it prove to the server who it is?", False),
        ("怎样证明域名是我的", False),
        ("身份证明文件在哪里办理", False),
        ("Is the jacket waterproof?", False),
    ],
)
def test_reasoning(text: str, reasoning: bool) -> None:
    """A proof is told from a reasonable price and from a proof of identity."""
    assert of(text).reasoning is reasoning


@pytest.mark.parametrize(
    ("keyword", "text", "found"),
    [
        ("reason", "What is a reasonable price?", False),
        ("reason", "For what REASON?", True),
        ("证明", "请证明这一点", True),
        ("c++", "Is C++ fast?", True),
        ("C++", "c++11", True),
        ("a.b", "aXb", False),
        ("go", "ago", False),
        ("go", "let's go!", True),
        ("go", "用go写", True),
    ],
)
def test_keywords(keyword: str, text: str, found: bool) -> None:
    """A Latin keyword is a whole word, a Chinese one is found anywhere."""
    assert of(text, keywords=[keyword]).keywords == (frozenset({keyword}) if found else frozenset())


@pytest.mark.parametrize("label", ["Question:", "Query: ", "**Question**:", "问题：", "> Query:"])
def test_question_of_a_retrieval_prompt(label: str) -> None:
    """In a prompt with context the labelled question decides, not the context."""
    context = "Chinese context: 检索增强生成 def f(x): return x\n" * 50
    text = f"Context:\n{context}\n{label} What is the price?\nAnswer:"

    assert asked([{"role": "user", "content": text}]) == "What is the price?"
    assert of(text).language == "en"
    assert not of(text).code


def test_question_before_its_context() -> None:
    """A question that stands before a long context decides too."""
    text = "Question: 价格是多少？\n\nContext:\n" + "english words here\n" * 1_000

    assert of(text).language == "zh"


def test_last_user_message_is_the_question() -> None:
    """What is asked is the last message of the user, not what was answered to it."""
    signals = read(
        [
            {"role": "system", "content": "你是助手"},
            {"role": "user", "content": "你好"},
            {"role": "assistant", "content": "你好！"},
            {"role": "user", "content": "What is the price?"},
        ]
    )

    assert (signals.language, signals.turns) == ("en", 2)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": []}],
        [{"role": "user", "content": "  \n\t"}],
        [{"role": "user", "content": [{"type": "text", "text": " "}]}],
        [{"role": "user"}],
    ],
)
def test_empty_prompt(messages: list[dict[str, Any]]) -> None:
    """A prompt in which nothing is said is refused before any model is asked."""
    with pytest.raises(InvalidInputError, match="empty"):
        read(messages)


def test_prompt_of_attachments_or_calls() -> None:
    """A picture alone is something, and so is a tool call."""
    picture = {"type": "image_url", "image_url": {"url": "data:"}}

    assert "image" in read([{"role": "user", "content": [picture]}]).modalities
    assert read([{"role": "assistant", "tool_calls": [{"id": "a"}]}]).turns == 0


@pytest.mark.parametrize(
    ("part", "modality"),
    [
        ("image_url", "image"),
        ("input_audio", "audio"),
        ("video_url", "video"),
        ("file", "file"),
    ],
)
def test_modalities(part: str, modality: str) -> None:
    """What is attached anywhere in the conversation counts."""
    signals = read(
        [
            {"role": "user", "content": [{"type": part}, {"type": "text", "text": "a"}]},
            {"role": "user", "content": "b"},
        ]
    )

    assert signals.modalities == {"text", modality}


@pytest.mark.parametrize(
    ("response_format", "kind"),
    [
        ({"type": "json_object"}, "json_object"),
        ({"type": "json_schema", "json_schema": {}}, "json_schema"),
        ({"type": "text"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_response_format(response_format: Any, kind: str | None) -> None:
    """JSON is asked for by the wire's own words; plain text is not JSON."""
    assert of("a", response_format=response_format).response_format == kind


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a" * 1_000, 216),
        ("你" * 1_000, 667),
        ("a" * 500 + "你" * 500, 441.5),
        ("", 0),
    ],
)
def test_tokens_of_text(text: str, tokens: int) -> None:
    """Letters and Chinese characters have their rates, mixed text is counted by its parts."""
    assert size.of_text(text) == pytest.approx(tokens)


@given(st.text())
def test_tokens_are_never_negative(text: str) -> None:
    """Any text, emoji and halves of characters included, has a count in proportion to it."""
    assert 0 <= size.of_text(text) <= 1.5 * len(text)


@pytest.mark.parametrize("text", ["🙂" * 100, "héllo" * 20, "\ud83d" * 100, "\u2028" * 100])
def test_tokens_of_odd_text(text: str) -> None:
    """Emoji, accents and halves of characters cost some tokens and break nothing."""
    assert 0 < of(text + "x").input_tokens < 400


def test_tools_count() -> None:
    """The definitions of tools are part of the prompt."""
    tool = {"type": "function", "function": {"name": "f", "description": "x" * 1_000}}

    signals = of("a", tools=[tool])

    assert signals.tools == 1
    assert signals.input_tokens > 220


CANARY = "canary-5f2c 请证明 ```code``` Traceback (most recent call last)"


def test_no_text_of_the_prompt_is_kept() -> None:
    """Nothing of a prompt is in signals, decisions or records: not shown, not pickled."""
    messages = [
        {"role": "system", "content": CANARY},
        {"role": "user", "content": [{"type": "text", "text": CANARY}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": CANARY, "arguments": CANARY}}]},
        {"role": "user", "content": CANARY},
    ]
    router = Router()
    tool = {"function": {"name": CANARY, "description": CANARY}}

    signals = router.signals(messages, tools=[tool])
    decision = router.decide(signals)

    for value in (signals, decision):
        shown = f"{value!r} {value} {json.dumps(value.as_dict())}"
        assert "canary" not in shown
        assert b"canary" not in pickle.dumps(value)


def test_as_dict_has_every_signal() -> None:
    """For JSON every signal is there, but for the caller's metadata and counts of characters."""
    names = {each.name for each in dataclasses.fields(Signals)} - {"metadata", "size", "correction"}

    assert set(Signals().as_dict()) == names
    assert json.dumps(Signals().as_dict())


def test_metadata_is_compared_as_text() -> None:
    """The caller's metadata is kept as text, whatever it was; what is `None` is not given."""
    assert of("a", metadata={"level": 3, "x": None}).metadata == {"level": "3"}


def test_tags_are_text() -> None:
    """Tags that are no text are taken as it, so that every signal can be told and recorded."""
    assert of("a", tags=["vip", 7, None]).as_dict()["tags"] == ["7", "None", "vip"]


@pytest.mark.parametrize("limit", ["100", -5, 0, 2.5, None])
def test_limit_that_is_none_counts_for_nothing(limit: Any) -> None:
    """A limit of tokens that no server takes is left to the server, and estimates nothing."""
    assert of("a", max_tokens=limit).max_tokens is None


@pytest.mark.parametrize("form", ["{} " + "Answer as a lawyer would. " * 200, "x" * 9_000 + "{}"])
def test_conversations_that_begin_alike_fall_apart(form: str) -> None:
    """What a pipeline puts before or behind every question does not send all one way."""
    buckets = {of(form.format(number)).bucket for number in range(50)}

    assert len(buckets) > 45


def test_bucket_is_that_of_the_first_message() -> None:
    """All turns of a conversation fall alike, whatever is said later."""
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    later = [{"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Prove it"}]

    assert read(said).bucket == read(said + later).bucket == of("Hello").bucket


def test_cache_holds_what_came_up_to_the_last_answer() -> None:
    """Of a conversation whose model is known, all but what was said since may be cached."""
    said = [
        {"role": role, "content": "word " * 500} for role in ("user", "assistant", "user")
    ]  # fmt: skip
    tools = [{"type": "function", "function": {"name": "f", "description": "word " * 500}}]

    known = read(said, tools=tools, previous="m")

    assert known.cached_tokens == known.input_tokens - size.tokens(said[2:])
    assert read(said, tools=tools).cached_tokens == 0
    assert read(said[2:], previous="m").cached_tokens == 0
    assert read(said[:2], previous="m").cached_tokens == read(said[:2]).input_tokens


def test_signals_are_values() -> None:
    """Signals of the same request are equal, copied or not, and cannot be changed."""
    signals = of("Prove it")

    assert signals == of("Prove it") == copy.deepcopy(signals)
    with pytest.raises(dataclasses.FrozenInstanceError):
        signals.language = "zh"  # type: ignore[misc]


def seconds(text: str) -> float:
    """The processor's time for the shortest of a few readings of *text*."""
    times = []
    for _ in range(7):
        started = time.thread_time()
        of(text)
        times.append(time.thread_time() - started)
    return min(times)


def test_large_prompt_is_read_fast() -> None:
    """A prompt a thousand times as long takes nothing like a thousand times as long."""
    text = "What is the price of 检索 in the shop? "
    of(text)

    assert seconds(text * 30_000) < 40 * seconds(text * 30)


@pytest.mark.parametrize(
    "piece",
    ["\n", " \n", "“", '"', "```", "SELECT ", "write ", "写", "证明", "import\n", "   at a.b.c"],
)
def test_no_text_is_slow(piece: str) -> None:
    """No text makes a pattern go over it again and again: all are within reach of plain prose."""
    prose = ("The price of tea in the shop. " * 200)[:4_000]

    assert seconds("x" + (piece * 4_000)[:4_000]) < 40 * seconds(prose)


def test_facts_without_guesses() -> None:
    """For a model that was named only the hard facts are read; they are the same ones."""
    text = "请证明 2 是质数, mail a@example.com"

    facts, whole = of(text, guess=False, keywords=["mail"]), of(text, keywords=["mail"])

    assert (facts.language, facts.task, facts.pii, facts.keywords) == ("und", "und", set(), set())
    assert facts.input_tokens == whole.input_tokens > 0
    assert (whole.language, whole.pii, whole.keywords) == ("zh", {"email"}, {"mail"})
