"""The demo's pipeline: its questions in LangChain, decided as the core decides them."""

from __future__ import annotations

from typing import Any

import pytest

from globalapi_core.demo import Question, Retriever, load_passages, load_questions
from globalapi_core.router import Router
from globalapi_core.sandbox import Sandbox, faults
from globalapi_core.settings import Endpoint
from langchain_globalapi import RouterRunnable, demo

QUESTIONS = {each.id: each for each in load_questions()}


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    """The corpus, indexed."""
    return Retriever(load_passages())


def wire_messages(question: Question, retriever: Retriever) -> list[dict[str, Any]]:
    """The conversation that the pipeline should make of *question*, written out."""
    text = question.question
    if question.retrieve or question.long:
        found = retriever.passages if question.long else retriever.search(text)
        context = "\n\n".join(f"{each.title}\n{each.text}" for each in found)
        text = (
            "Answer the question from the context below.\n\n"
            f"Context:\n{context}\n\nQuestion: {question.question}"
        )
    if question.image is None:
        return [{"role": "user", "content": text}]
    picture = {"type": "image_url", "image_url": {"url": question.image}}
    return [{"role": "user", "content": [{"type": "text", "text": text}, picture]}]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_question_is_decided_as_the_core_decides_it(
    question: Question, retriever: Retriever, sandbox: Sandbox
) -> None:
    """The framework in between changes nothing of the decision, and it is the one foreseen."""
    core = Router()
    signals = core.signals(
        wire_messages(question, retriever),
        tools=question.tools,
        response_format=question.response_format,
    )

    message = demo.ask(RouterRunnable(base_url=sandbox.base_url), question, retriever)

    decided = message.response_metadata["globalapi"]["decision"]
    assert decided == core.decide(signals).as_dict()
    assert decided["route"] == question.route


def test_answers_come_with_their_records(retriever: Retriever, sandbox: Sandbox) -> None:
    """The pipeline yields a text and a record for each question, and survives a dead model."""
    questions = [QUESTIONS["en-memory"], QUESTIONS["en-price"]]
    sandbox.script("deepseek-v4-flash", [faults.dead()] * 2)

    answered = list(demo.answers(questions, retriever, "", Endpoint(sandbox.base_url)))

    assert [each.question for each in answered] == questions
    assert all(each.text for each in answered)
    assert answered[0].record["fell_back"] is True
    assert answered[0].record["model"] != "deepseek-v4-flash"
