"""Choices, verdicts and rankings: by the words that are shared, in the form asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from globalapi_core.sandbox import Sandbox

from .client import chat

LISTED = (
    "(1) Lists are mutable.\n\n(2) Tuples are immutable.\n\n(3) Sets are unordered, and mutable."
)
CHOOSE = (
    f"Choose from these.\n---\n{LISTED}\n---\nReturn the choice that is most relevant to the "
    "question: 'Are tuples immutable?'\n"
)
AS_JSON = f'{CHOOSE}Only JSON, such as [{{choice: 1, reason: "why"}}].'
RANKED = (
    "Order the passages by how relevant they are.\nFor example:\nQuestion: <question>\nAnswer:\n"
    "Doc: 9, Relevance: 7\nDoc: 3, Relevance: 4\n\nLet's try this now:\n\n"
    "Document 1:\nLists are mutable.\n\nDocument 2:\nTuples are immutable.\n\n"
    "Question: {question}\nAnswer:\n"
)


def test_choice_shares_most_words_with_the_question(sandbox: Sandbox) -> None:
    """The number, marked."""
    assert chat(sandbox.port, CHOOSE).text == "[sandbox] 2"


def test_choice_is_given_as_the_answer_is_spelled(sandbox: Sandbox) -> None:
    """Where the prompt says how."""
    prompt = f"{CHOOSE}Give it as 'ANSWER: <number>'."

    assert chat(sandbox.port, prompt).text == "[sandbox] ANSWER: 2"


def test_choice_as_json_says_why(sandbox: Sandbox) -> None:
    """A list of objects, whose reason has the mark."""
    assert json.loads(chat(sandbox.port, AS_JSON).text) == [
        {"choice": 2, "reason": "[sandbox] shares with the question: immutable, tuple"}
    ]


def test_choice_that_nothing_speaks_for_says_so(sandbox: Sandbox) -> None:
    """The first one is taken, and not passed off as chosen."""
    prompt = AS_JSON.replace("Are tuples immutable?", "Who wrote Faust?")

    (first,) = json.loads(chat(sandbox.port, prompt).text)
    assert first["choice"] == 1
    assert "no choice shares a word" in first["reason"]


def test_several_choices_are_those_nearly_as_near(sandbox: Sandbox) -> None:
    """As many as are allowed, the best first."""
    prompt = CHOOSE.replace("Return the choice that is", "Return the top choices (no more than 2)")
    prompt = prompt.replace("Are tuples immutable?", "What is mutable?")

    assert chat(sandbox.port, prompt).text == "[sandbox] 1, 3"


@pytest.mark.parametrize(("name", "forced"), [("choice", False), ("index", True)])
def test_choice_fills_a_schema_too(sandbox: Sandbox, name: str, forced: bool) -> None:
    """Asked for by a schema or by a tool, it is the same choice."""
    properties = {name: {"type": "integer"}, "reason": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": [name, "reason"]}
    asked: dict[str, Any] = (
        {
            "tools": [{"type": "function", "function": {"name": "pick", "parameters": schema}}],
            "tool_choice": "required",
        }
        if forced
        else {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": schema},
            }
        }
    )

    message = chat(sandbox.port, CHOOSE, **asked).message
    called = message.get("tool_calls")
    said = json.loads(called[0]["function"]["arguments"] if called else message["content"])
    assert said == {name: 2, "reason": "[sandbox] shares with the question: immutable, tuple"}


def test_list_of_choices_has_each(sandbox: Sandbox) -> None:
    """A schema that takes several gets them, the best first."""
    one = {"type": "object", "properties": {"choice": {"type": "integer"}}, "required": ["choice"]}
    items = {"choices": {"type": "array", "items": one, "minItems": 1}}
    schema = {"type": "object", "properties": items, "required": ["choices"]}
    prompt = CHOOSE.replace("Return the choice that is", "Return the top choices (no more than 2)")
    prompt = prompt.replace("Are tuples immutable?", "What is mutable?")
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    said = json.loads(chat(sandbox.port, prompt, response_format=asked).text)
    assert said == {"choices": [{"choice": 1}, {"choice": 3}]}


@pytest.mark.parametrize(
    ("prompt", "verdict"),
    [
        ("Information: {}\nContext: Tuples are immutable.\nAnswer: ", "Tuples are immutable"),
        ("Query and Response: \n {}\nContext: \n Tuples are immutable.\nAnswer: ", "tuples"),
    ],
)
def test_statement_is_judged_by_its_context(sandbox: Sandbox, prompt: str, verdict: str) -> None:
    """YES where the context has most of its words, else NO; examples before it do not count."""
    task = "Is it supported? Say YES or NO.\nInformation: Cats purr.\nContext: Cats.\nAnswer: YES\n"

    said = [
        chat(sandbox.port, task + prompt.format(each)).text for each in (verdict, "Cats eat mice.")
    ]
    assert said == ["[sandbox] YES", "[sandbox] NO"]


@pytest.mark.parametrize(
    ("before", "context", "verdict"),
    [
        ("NO", "Tuples are immutable.", "YES"),
        ("NO", "Lists grow.", "NO"),
        ("YES", "Lists grow.", "YES"),
    ],
)
def test_verdict_is_refined(sandbox: Sandbox, before: str, context: str, verdict: str) -> None:
    """What was found stays found; what was not may be found in more context."""
    prompt = (
        "Is this in the context information: Tuples are immutable\n"
        f"We have provided an existing YES/NO answer: {before}\nThere is more context.\n"
        f"------------\n{context}\n------------\nOtherwise answer NO.\n"
    )

    assert chat(sandbox.port, prompt).text == f"[sandbox] {verdict}"


@pytest.mark.parametrize(
    ("question", "said"),
    [("Are tuples immutable?", "[sandbox] YES"), ("Do cats eat mice?", "[sandbox] NO")],
)
def test_question_for_yes_or_no_is_answered_so(sandbox: Sandbox, question: str, said: str) -> None:
    """By the sentence of the context that is nearest to it."""
    prompt = f"Tuples are immutable. Lists grow.\nAnswer with yes or no.\nQuestion: {question}"

    assert chat(sandbox.port, prompt).text == said


def test_yes_or_no_without_context_is_not_guessed(sandbox: Sandbox) -> None:
    """Nothing to judge by: the sandbox says so."""
    text = chat(sandbox.port, "Answer with yes or no: do cats purr?").text

    assert "no knowledge of its own" in text


def test_documents_are_ranked_with_a_relevance(sandbox: Sandbox) -> None:
    """From 1 to 10; those that share nothing are left out, as asked."""
    text = chat(sandbox.port, RANKED.format(question="Are tuples immutable?")).text

    assert text.splitlines() == ["[sandbox]", "Doc: 2, Relevance: 10"]


def test_documents_that_share_nothing_are_not_ranked(sandbox: Sandbox) -> None:
    """None of them is called relevant."""
    text = chat(sandbox.port, RANKED.format(question="Who wrote Faust?")).text

    assert text == "[sandbox] No document shares a word with the question."


def test_passages_are_ordered(sandbox: Sandbox) -> None:
    """Those of earlier messages, all of them, the nearest first."""
    passages = ["Lists are mutable.", "Tuples are immutable.", "Sets are unordered."]
    messages: list[dict[str, Any]] = []
    for number, passage in enumerate(passages, 1):
        messages.append({"role": "user", "content": f"[{number}] {passage}"})
        messages.append({"role": "assistant", "content": f"Received passage [{number}]."})
    asked = "Search Query: immutable tuples. \nAnswer in the format [] > [], e.g., [1] > [2]."
    messages.append({"role": "user", "content": asked})

    assert chat(sandbox.port, messages=messages).text == "[sandbox] [2] > [1] > [3]"


@pytest.mark.parametrize(
    "prompt",
    [
        "Is tea or coffee the better choice? (1) is what I say.",
        "The manual says yes or no to everything. Who wrote it?",
        "Which list has (1) and (2)?",
    ],
)
def test_words_that_only_look_so_change_nothing(sandbox: Sandbox, prompt: str) -> None:
    """Without a list to choose from, or a verdict asked for, a question is a question."""
    assert "no knowledge of its own" in chat(sandbox.port, prompt).text


REFINE = (
    "You are a system that refines answers:\n1. **Rewrite** the answer by the new context.\n"
    "2. **Repeat** the original answer if the new context isn't useful.\n"
    "When in doubt, just repeat the original answer.\n"
    "New Context: {context}\nQuery: Does the original answer say whether tuples are immutable?\n"
    "Original Answer: {answer}\nNew Answer: "
)


@pytest.mark.parametrize(
    ("context", "answer", "said"),
    [
        ("Tuples are immutable.", "[sandbox] Lists grow.", "Tuples are immutable."),
        ("Lists grow.", "[sandbox] Tuples are immutable.", "Tuples are immutable."),
        (
            "Lists grow.",
            "[sandbox] The sandbox has no knowledge of its own; asked of flash: Are tuples so",
            "The sandbox has no knowledge of its own; asked of flash: Does the original answer say "
            "whether tuples are immutable?",
        ),
    ],
)
def test_refined_answer_is_no_instruction(
    sandbox: Sandbox, context: str, answer: str, said: str
) -> None:
    """The new context or the answer there was: never what the prompt says about answering."""
    prompt = REFINE.format(context=context, answer=answer)

    assert chat(sandbox.port, prompt).text == f"[sandbox] {said}"


def test_query_at_the_top_is_the_question(sandbox: Sandbox) -> None:
    """Another form of the same: the query first, the answer there is, then the context."""
    prompt = (
        "The original query is as follows: Are tuples immutable?\n"
        "We have provided an existing answer: Lists grow.\n------------\nTuples are immutable.\n"
        "------------\nGiven the new context, refine the original answer.\nRefined Answer: "
    )

    assert chat(sandbox.port, prompt).text == "[sandbox] Tuples are immutable."


@pytest.mark.parametrize(
    "sentence",
    ["Return parcels within a month.", "Use the blue door.", "If you are late, call the desk."],
)
def test_imperative_of_the_context_is_context(sandbox: Sandbox, sentence: str) -> None:
    """An order is no instruction to the model unless it is about the answer."""
    prompt = f"Context: {sentence} Cats purr.\n\nQuestion: parcels, blue door, late desk"

    assert chat(sandbox.port, prompt).text == f"[sandbox] {sentence}"
