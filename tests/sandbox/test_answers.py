"""What the sandbox says in text."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest

from globalapi_core.sandbox import Sandbox

from .client import chat

SEQUENCES = (
    "A list is a mutable sequence. Tuples are immutable sequences, often of heterogeneous data. "
    "Dictionaries preserve insertion order."
)
SEQUENCES_ZH = "列表是一种可变序列。元组属于不可变类型，常用于储存异构数据。字典会保留插入顺序。"

LLAMA_INDEX = (
    "Context information is below.\n---------------------\n{context}\n---------------------\n"
    "Given the context information and not prior knowledge, answer the query.\n"
    "Query: {question}\nAnswer: "
)


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = (b"\0" + b"\xff" * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _picture(data: bytes) -> dict[str, Any]:
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def test_answer_is_the_sentence_of_the_context_nearest_to_the_question(sandbox: Sandbox) -> None:
    """Of the retrieved text, what shares most words with the query, as it stands there."""
    prompt = LLAMA_INDEX.format(context=SEQUENCES, question="Are tuples immutable?")

    assert chat(sandbox.port, prompt).text == (
        "[sandbox] Tuples are immutable sequences, often of heterogeneous data."
    )


def test_context_in_the_system_message_is_found_too(sandbox: Sandbox) -> None:
    """Pipelines put what they retrieved in either place."""
    messages = [
        {"role": "system", "content": f"Answer from this context only.\n\n{SEQUENCES}"},
        {"role": "user", "content": "Do dictionaries keep their insertion order?"},
    ]

    assert chat(sandbox.port, messages=messages).text == (
        "[sandbox] Dictionaries preserve insertion order."
    )


def test_chinese_answer_is_found_by_pairs_of_characters(sandbox: Sandbox) -> None:
    """Chinese has no spaces between words; two characters that stand together count as one."""
    prompt = f"请根据以下资料回答。\n\n资料：{SEQUENCES_ZH}\n\n问题：字典的插入顺序会保留吗？"

    assert chat(sandbox.port, prompt).text == "[sandbox] 字典会保留插入顺序。"


def test_sentences_are_given_in_the_order_they_stand(sandbox: Sandbox) -> None:
    """Several that are equally near come in the order of the text, at most three."""
    context = "Zebra one runs. Nothing here. Zebra two runs. Zebra three runs. Zebra four runs."
    prompt = LLAMA_INDEX.format(context=context, question="zebra runs")

    assert chat(sandbox.port, prompt).text == (
        "[sandbox] Zebra one runs. Zebra two runs. Zebra three runs."
    )


def test_unlabelled_question_after_a_long_text_is_told_from_it(sandbox: Sandbox) -> None:
    """A pasted text with a question behind it is context, too."""
    filler = "Nothing of interest happens in this sentence of the text. " * 5
    prompt = f"{filler}\n{SEQUENCES}\n\nAre tuples immutable?"

    assert chat(sandbox.port, prompt).text == (
        "[sandbox] Tuples are immutable sequences, often of heterogeneous data."
    )


def test_earlier_turns_are_context(sandbox: Sandbox) -> None:
    """What the user said before can be asked for; our own earlier words cannot."""
    messages = [
        {"role": "user", "content": "My cat is called Tom."},
        {"role": "assistant", "content": "[sandbox] Asked what the cat is called."},
        {"role": "user", "content": "What is my cat called?"},
    ]

    assert chat(sandbox.port, messages=messages).text == "[sandbox] My cat is called Tom."


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "Who wrote Faust?",
            "[sandbox] The sandbox has no knowledge of its own; asked of flash: Who wrote Faust?",
        ),
        (
            "谁写了《红楼梦》？",
            "[sandbox] 沙盒本身没有知识；向 flash 提的问题是：谁写了《红楼梦》？",
        ),
        (
            "long " * 50,
            "[sandbox] The sandbox has no knowledge of its own; asked of flash: " + ("long " * 12),
        ),
    ],
)
def test_question_without_context_gets_an_honest_sentence(
    sandbox: Sandbox, question: str, said: str
) -> None:
    """Nothing is made up: the sandbox says that it knows nothing, in the language asked."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": question},
    ]

    assert chat(sandbox.port, messages=messages).text == said


def test_picture_is_named_with_its_size(sandbox: Sandbox) -> None:
    """The answer shows that the picture arrived whole."""
    data = _png(7, 5)
    content = [{"type": "text", "text": "What is this?"}, _picture(data)]

    assert chat(sandbox.port, content, model="eyes").text == (
        f"[sandbox] Received image/png, {len(data)} bytes, 7 x 5 pixels."
    )


def test_picture_is_named_in_chinese_when_asked_so(sandbox: Sandbox) -> None:
    """The answer is in the language of the question."""
    data = _png(3, 2)
    content = [{"type": "text", "text": "这张图片里有什么？"}, _picture(data)]

    assert chat(sandbox.port, content, model="eyes").text == (
        f"[sandbox] 收到附件：image/png, {len(data)} bytes, 3 x 2 pixels。"
    )


def test_picture_at_an_address_is_not_opened(sandbox: Sandbox) -> None:
    """The sandbox reaches for nothing outside."""
    link = {"type": "image_url", "image_url": {"url": "https://example.invalid/a.png"}}

    assert chat(sandbox.port, [link], model="eyes").text == (
        "[sandbox] Received image at an address (not opened)."
    )


def test_picture_costs_a_fixed_number_of_tokens(sandbox: Sandbox) -> None:
    """765 tokens for each, whatever its size."""
    bare = chat(sandbox.port, "Hello", model="eyes").json["usage"]["prompt_tokens"]
    content = [{"type": "text", "text": "Hello"}, _picture(_png(9, 9))]
    seen = chat(sandbox.port, content, model="eyes").json["usage"]["prompt_tokens"]

    assert seen == bare + 765


def test_text_after_a_picture_is_still_answered_from_its_context(sandbox: Sandbox) -> None:
    """A picture beside a context does not hide it."""
    prompt = LLAMA_INDEX.format(context=SEQUENCES, question="Are tuples immutable?")
    content = [{"type": "text", "text": prompt}, _picture(_png(1, 1))]

    text = chat(sandbox.port, content, model="eyes").text
    assert "Received image/png" in text
    assert "Tuples are immutable" in text
