"""Structured output: asking for a schema, and taking only what keeps to it."""

from __future__ import annotations

import contextlib
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, Field

from globalapi_core.config import parse_config
from globalapi_core.errors import ResponseError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain.servers import events, saying, whole

Chat = Callable[..., ChatGlobalAPI]
Either = Callable[..., ChatGlobalAPI | RouterRunnable]


class Ticket(BaseModel):
    """A support ticket."""

    topic: str = Field(description="what it is about")
    urgent: bool = Field(description="whether it cannot wait")


class TicketDict(TypedDict):
    """A support ticket."""

    topic: str
    urgent: bool


SCHEMA = Ticket.model_json_schema()
PROMPT = 'Sort this ticket as JSON with the keys "topic" and "urgent": the invoice is wrong.'
METHODS = ["json_schema", "function_calling"]


def only(answer: dict[str, Any], **more: Any) -> bytes:
    """An answer that holds *answer* as JSON."""
    return whole({"content": json.dumps(answer)}, **more)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("schema", [Ticket, TicketDict, SCHEMA], ids=["class", "typed", "json"])
async def test_answer_keeps_to_the_schema(chat: Chat, schema: Any, method: Any) -> None:
    """A class gives its instance, a TypedDict and a JSON schema a dict, in every form."""
    asked = chat("gpt-4o-mini").with_structured_output(schema, method=method)

    answers = [asked.invoke(PROMPT), await asked.ainvoke(PROMPT), list(asked.stream(PROMPT))[-1]]

    kind = Ticket if schema is Ticket else dict
    assert all(isinstance(each, kind) for each in answers)
    assert answers[0] == answers[1] == answers[2]


def test_router_asks_in_the_chosen_models_way(
    router: Callable[..., RouterRunnable], sandbox: Sandbox
) -> None:
    """A router decides first; a model without a schema mode gets the schema in its prompt."""
    asked = router().with_structured_output(TicketDict)

    asked.invoke(PROMPT, {"configurable": {"model": "gpt-4o-mini"}})
    asked.invoke(PROMPT)

    first, second = (each.body for each in sandbox.requests)
    assert first["response_format"]["type"] == "json_schema"
    assert second["response_format"]["type"] == "json_object"
    assert '"urgent"' in second["messages"][0]["content"]


def test_model_without_json_is_given_a_tool(chat: Chat, sandbox: Sandbox) -> None:
    """The best way of a model that has tools and no JSON mode is a tool."""
    answer = chat("claude-3.5-sonnet").with_structured_output(Ticket).invoke(PROMPT)

    assert isinstance(answer, Ticket)
    assert sandbox.requests[0].body["tool_choice"]["function"]["name"] == "Ticket"


def test_json_mode_parses_without_a_schema_sent(chat: Chat, sandbox: Sandbox) -> None:
    """`json_mode` asks for JSON alone and checks the answer here."""
    prompt = 'Answer with JSON like {"topic": "food", "urgent": false}: the invoice is wrong.'
    answer = chat().with_structured_output(Ticket, method="json_mode").invoke(prompt)

    assert isinstance(answer, Ticket)
    assert sandbox.requests[0].body["response_format"] == {"type": "json_object"}


def test_structured_output_follows_a_prompt(model: Either) -> None:
    """It takes its place in a chain, and keeps the model that a config names."""
    chain = ChatPromptTemplate.from_template("{text}") | model().with_structured_output(Ticket)

    answer = chain.invoke({"text": PROMPT}, {"configurable": {"model": "gpt-4o-mini"}})

    assert isinstance(answer, Ticket)


def test_raw_answer_can_be_had_too(model: Either, sandbox: Sandbox) -> None:
    """`include_raw` gives the message, which has the record of the call."""
    asked = model().with_structured_output(Ticket, include_raw=True, method="function_calling")

    answer: Any = asked.invoke(PROMPT)

    assert isinstance(answer["parsed"], Ticket)
    assert answer["parsing_error"] is None
    assert answer["raw"].response_metadata["globalapi"]["model"]


def test_raw_answer_survives_what_does_not_parse() -> None:
    """With `include_raw` an answer that does not fit is handed over, with the error."""
    with saying(only({"topic": "a"}), kind=b"application/json") as server:
        model = ChatGlobalAPI(model="m", base_url=server.base_url)
        answer: Any = model.with_structured_output(Ticket, include_raw=True).invoke(PROMPT)

    assert answer["parsed"] is None
    assert "urgent" in str(answer["parsing_error"])
    assert answer["raw"].text == '{"topic": "a"}'


def test_answer_that_does_not_fit_raises() -> None:
    """An answer that lacks a field is no answer."""
    with saying(only({"topic": "a"}), kind=b"application/json") as server:
        model = ChatGlobalAPI(model="m", base_url=server.base_url)
        with pytest.raises(OutputParserException, match="urgent"):
            model.with_structured_output(Ticket, method="json_schema").invoke(PROMPT)


@pytest.mark.parametrize("schema", [Ticket, TicketDict])
@pytest.mark.parametrize("stream", [False, True])
def test_cut_json_is_not_completed(schema: Any, stream: bool) -> None:
    """JSON that hit its length limit raises: its brackets are not closed and handed on."""
    text = '{"topic": "invoice", "urgent": true, "note": "the cust'
    body = events([{"content": text}], "length") if stream else whole({"content": text}, "length")
    kind = b"text/event-stream" if stream else b"application/json"

    with saying(body, kind=kind) as server:
        model = ChatGlobalAPI(model="m", base_url=server.base_url)
        asked = model.with_structured_output(schema, method="json_schema")
        with pytest.raises(OutputParserException, match="length limit"):
            list(asked.stream(PROMPT)) if stream else asked.invoke(PROMPT)


def test_title_becomes_a_name_that_servers_take(chat: Chat, sandbox: Sandbox) -> None:
    """A schema's title may hold anything; its name on the wire may not."""
    schema = {**SCHEMA, "title": "Support ticket (工单)"}

    chat("gpt-4o-mini").with_structured_output(schema).invoke(PROMPT)

    sent = sandbox.requests[0].body["response_format"]["json_schema"]["name"]
    assert sent.isascii()
    assert " " not in sent


def test_strictness_reaches_the_wire(chat: Chat, sandbox: Sandbox) -> None:
    """`strict` is asked of the model, by either method."""
    model = chat("gpt-4o-mini")

    model.with_structured_output(Ticket, strict=True).invoke(PROMPT)
    model.with_structured_output(Ticket, method="function_calling", strict=True).invoke(PROMPT)

    schema, tool = (each.body for each in sandbox.requests)
    assert schema["response_format"]["json_schema"]["strict"] is True
    assert schema["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
    assert tool["tools"][0]["function"]["strict"] is True


def test_unknown_method_is_refused(chat: Chat) -> None:
    """A method there is not is an error that names those there are."""
    with pytest.raises(ValueError, match="json_schema"):
        chat().with_structured_output(Ticket, method="grammar")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["claude-3.5-sonnet", "minimax-m2.5"])
@pytest.mark.parametrize("schema", [Ticket, TicketDict], ids=["class", "typed"])
async def test_router_asks_models_without_json_by_a_tool(
    router: Callable[..., RouterRunnable], sandbox: Sandbox, name: str, schema: Any
) -> None:
    """A model with tools and no JSON mode is no longer passed over, in any form of a call."""
    config = parse_config(f"routes: [{{name: all, candidates: [{name}]}}]")
    asked = router(config=config).with_structured_output(schema)

    answers = [asked.invoke(PROMPT), await asked.ainvoke(PROMPT), list(asked.stream(PROMPT))[-1]]
    answers.append([part async for part in asked.astream(PROMPT)][-1])

    kind = Ticket if schema is Ticket else dict
    assert all(isinstance(each, kind) for each in answers)
    assert all(each.body["tool_choice"]["function"]["name"] for each in sandbox.requests)


GOOD = {"topic": "invoice", "urgent": True}
BAD = {"topic": "invoice"}


@contextlib.contextmanager
def candidates(first: bytes, second: bytes, **kind: Any) -> Iterator[RouterRunnable]:
    """A router over two models, whose answers are these, in turn."""
    with saying(first, then=second, **kind) as server:
        config = parse_config(
            "attempts: {max_retries: 0}\n"
            "models:\n"
            "  a: {json_schema: true}\n"
            "  b: {json_schema: true}\n"
            "routes: [{name: all, candidates: [a, b]}]"
        )
        yield RouterRunnable(config=config, base_url=server.base_url)


USAGE = {"usage": {"prompt_tokens": 5, "completion_tokens": 7}}
PLAIN: dict[str, Any] = {"kind": b"application/json"}


@pytest.mark.parametrize("schema", [Ticket, TicketDict, SCHEMA], ids=["class", "typed", "json"])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_router_leaves_a_model_whose_answer_does_not_fit(
    schema: Any, asynchronous: bool
) -> None:
    """An answer that lacks a field is a failed attempt: it was paid for, and the next is asked."""
    with candidates(only(BAD, **USAGE), only(GOOD), **PLAIN) as router:
        asked = router.with_structured_output(schema, include_raw=True)
        answer: Any = await asked.ainvoke(PROMPT) if asynchronous else asked.invoke(PROMPT)

    record = answer["raw"].response_metadata["globalapi"]
    assert answer["parsed"] is not None
    assert answer["parsing_error"] is None
    assert [each["model"] for each in record["attempts"]] == ["a", "b"]
    assert "urgent" in record["attempts"][0]["error"]
    assert record["attempts"][0]["usage"]["output_tokens"] == 7


def test_router_says_what_was_wrong() -> None:
    """The last error is typed, is LangChain's own for this too, and holds no values."""
    config = parse_config("attempts: {max_retries: 0}\nroutes: [{name: all, candidates: [gpt-4o]}]")
    with saying(only({"topic": "secret"}, **USAGE), **PLAIN) as server:
        router = RouterRunnable(config=config, base_url=server.base_url)
        with pytest.raises(OutputParserException) as caught:
            router.with_structured_output(Ticket).invoke(PROMPT)

    error = caught.value
    assert isinstance(error, ResponseError)
    assert str(error) == "the answer is not a valid Ticket: urgent: Field required"
    assert error.usage is not None
    assert error.usage.output_tokens == 7
    assert pickle.loads(pickle.dumps(error)).usage == error.usage  # noqa: S301


def test_router_hands_over_what_does_not_fit() -> None:
    """With `include_raw`, where no model gave the object, the last answer and what was wrong."""
    with candidates(only(BAD), only({"urgent": True}), **PLAIN) as router:
        answer: Any = router.with_structured_output(Ticket, include_raw=True).invoke(PROMPT)

    assert answer["parsed"] is None
    assert "topic" in str(answer["parsing_error"])
    assert json.loads(answer["raw"].text) == {"urgent": True}
    assert len(answer["raw"].response_metadata["globalapi"]["attempts"]) == 2


@pytest.mark.parametrize("include_raw", [False, True])
async def test_streamed_object_in_one_piece_falls_back(include_raw: bool) -> None:
    """What is whole when it comes is judged before it is shown, so another can be asked."""
    first, second = (events([{"content": json.dumps(each)}]) for each in (BAD, GOOD))
    for asynchronous in (False, True):
        with candidates(first, second) as router:
            asked = router.with_structured_output(TicketDict, include_raw=include_raw)
            if asynchronous:
                parts: list[Any] = [part async for part in asked.astream(PROMPT)]
            else:
                parts = list(asked.stream(PROMPT))

        found = [part["parsed"] for part in parts if "parsed" in part] if include_raw else parts
        assert found[-1] == GOOD
        assert BAD not in found


def test_streamed_object_in_pieces_cannot_fall_back() -> None:
    """Two models' objects are never mixed: what was shown and does not fit ends in the error."""
    first = events([{"content": '{"topic": '}, {"content": '"inv'}, {"content": 'oice"}'}])
    with candidates(first, first) as router, pytest.raises(OutputParserException) as caught:
        list(router.with_structured_output(TicketDict).stream(PROMPT))

    assert isinstance(caught.value, ResponseError)
    assert caught.value.shown


def test_streamed_raw_in_pieces_is_handed_over() -> None:
    """With `include_raw` it is no error: LangChain cannot add one to what it has shown."""
    first = events([{"content": '{"topic": '}, {"content": '"inv'}, {"content": 'oice"}'}])
    with candidates(first, first) as router:
        parts: list[Any] = list(
            router.with_structured_output(Ticket, include_raw=True).stream(PROMPT)
        )

    assert not any(part.get("parsed") for part in parts)
    text = "".join(part["raw"].text for part in parts if "raw" in part)
    assert json.loads(text) == BAD


def test_stream_that_does_not_fit_ends_in_the_error() -> None:
    """One model's, too: a stream does not end without its object and without a word."""
    with saying(events([{"content": '{"topic": '}, {"content": '"invoice"}'}])) as server:
        model = ChatGlobalAPI(model="m", base_url=server.base_url)
        with pytest.raises(OutputParserException, match="urgent"):
            list(model.with_structured_output(Ticket).stream(PROMPT))


@pytest.mark.parametrize("method", METHODS)
def test_structured_router_can_be_pickled(
    router: Callable[..., RouterRunnable], method: Any
) -> None:
    """It holds to its schema after a journey, too."""
    asked = router().with_structured_output(Ticket, method=method)

    again = pickle.loads(pickle.dumps(asked))  # noqa: S301

    assert isinstance(again.invoke(PROMPT), Ticket)


def test_structured_output_falls_back(
    router: Callable[..., RouterRunnable], sandbox: Sandbox
) -> None:
    """The schema goes along to the next candidate, in that one's own way."""
    sandbox.script("deepseek-v4-flash", [faults.overloaded()])

    answer = router().with_structured_output(Ticket).invoke(PROMPT)

    assert isinstance(answer, Ticket)
    kinds = [each.body["response_format"]["type"] for each in sandbox.requests]
    assert kinds == ["json_object", "json_schema"]
