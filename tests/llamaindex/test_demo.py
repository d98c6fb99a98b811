"""The demo's pipeline: every question, on its route, once."""

from __future__ import annotations

import pytest

from globalapi_core.demo import Question, Retriever, load_passages, load_questions
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import Endpoint
from llamaindex_globalapi.demo import answers


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    """Over the whole corpus."""
    return Retriever(load_passages())


@pytest.mark.parametrize("question", load_questions(), ids=lambda question: question.id)
def test_question_takes_its_route_in_one_call(
    sandbox: Sandbox, retriever: Retriever, question: Question
) -> None:
    """With the shipped config, each question goes where it should and is answered."""
    (answered,) = answers([question], retriever, "", Endpoint(sandbox.base_url))

    assert answered.record["route"] == question.route
    assert answered.text
    (request,) = sandbox.requests
    sent = str(request.body["messages"])
    assert ("tools" in request.body) == bool(question.tools)
    assert ("image_url" in sent) == (question.image is not None)
    assert ("response_format" in request.body) == (question.response_format is not None)


def test_long_question_comes_after_every_passage(sandbox: Sandbox, retriever: Retriever) -> None:
    """A long context is the whole corpus, each passage once, and the question last."""
    question = next(each for each in load_questions() if each.long)

    list(answers([question], retriever, "", Endpoint(sandbox.base_url)))

    prompt = sandbox.requests[0].body["messages"][-1]["content"]
    places = [prompt.index(each.text) for each in retriever.passages]
    assert places == sorted(places)
    assert prompt.index(question.question) > places[-1]


def test_answers_come_one_by_one(sandbox: Sandbox, retriever: Retriever) -> None:
    """The pipeline is lazy: a progress line can be shown, and who stops pays no further."""
    stream = answers(load_questions(), retriever, "", Endpoint(sandbox.base_url))

    next(stream)

    assert len(sandbox.requests) == 1
