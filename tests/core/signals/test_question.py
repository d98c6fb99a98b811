"""A retrieval prompt is routed by its question, in both frameworks' templates and in Chinese."""

from __future__ import annotations

import pytest

from globalapi_core.signals import read
from globalapi_core.signals.question import in_message

CONTEXT = "def f(x): 请证明 question: why?\n检索增强生成 is a long text.\n" * 60
TEMPLATES = {
    "rag-prompt": (
        "Use the following pieces of retrieved context to answer the question.\n"
        "Question: {question} \nContext: {context} \nAnswer:"
    ),
    "stuff": "Use the following context:\n\n{context}\n\nQuestion: {question}\nHelpful Answer:",
    "react": (
        "Answer as best you can.\n\nQuestion: the input question you must answer\nThought: think\n"
        "\nBegin!\n\nQuestion: {question}\nThought:"
    ),
    "condense": (
        "Given the following conversation, rephrase the follow up question.\n\nChat History:\n"
        "{context}\nFollow Up Input: {question}\nStandalone question:"
    ),
    "text_qa": (
        "Context information is below.\n-----\n{context}\n-----\nGiven the context information "
        "and not prior knowledge, answer the query.\nQuery: {question}\nAnswer: "
    ),
    "refine": (
        "The original query is as follows: {question}\nWe have provided an existing answer: two.\n"
        "Refine it with some more context below.\n-----\n{context}\n-----\nRefined Answer: "
    ),
    "chat refine": (
        "New Context: {context}\nQuery: {question}\nOriginal Answer: two years\nNew Answer: "
    ),
    "LlamaIndex condense": (
        "Given a conversation, rewrite the message.\n\n<Chat History>\n{context}\n\n"
        "<Follow Up Message>\n{question}\n\n<Standalone question>\n"
    ),
    "Chinese": "请根据上下文回答。\n\n上下文：\n{context}\n\n问题：{question}\n回答：",
    "Chinese, running": (
        "已知信息：\n{context}\n\n根据上述已知信息回答用户的问题。问题是：{question}"
    ),
    "Chinese, brackets": "【已知信息】\n{context}\n【问题】{question}\n【回答】",
    "tags": "<context>\n{context}\n</context>\n\n<question>\n{question}\n</question>",
    "no label": "Context:\n{context}\n\n{question}",
    "headings": "## Context\n{context}\n## Question\n{question}\n",
}


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES)
@pytest.mark.parametrize("question", ["How long is the warranty?", "保修期是多久？"])
def test_question_of_a_template(template: str, question: str) -> None:
    """The question decides, not the context, and not what looks like a question in it."""
    text = template.format(question=question, context=CONTEXT)

    assert in_message(text) == question
    signals = read([{"role": "user", "content": text}])
    assert signals.language == ("en" if question.isascii() else "zh")
    assert not signals.code


def test_exam_question_is_read_whole() -> None:
    """A label alone makes no pipeline: the rules above "Question:" belong to it."""
    text = "Rule: each letter moves two places.\nQuestion: encrypt ABC.\nAnswer:"

    assert in_message(text) == text


def test_input_of_a_programming_task_is_no_question() -> None:
    """In a programming task "Input:" introduces an example."""
    text = "Given an array, return its sum.\nInput: [1, 2]\nOutput: 3"

    assert in_message(text) == text
