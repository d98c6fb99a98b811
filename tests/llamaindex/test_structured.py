"""Structured output: the best way of each model, and a clear error where it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, model_validator

from globalapi_core.errors import ResponseError
from globalapi_core.sandbox import Sandbox
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter
from llamaindex_globalapi._structured import parsed

from .conftest import LLM


class Order(BaseModel):
    """An order of goods."""

    customer: str
    quantity: int


class Picky(Order):
    """An order that is turned down once."""

    turned_down: ClassVar[list[str]] = []

    @model_validator(mode="after")
    def _turn_down(self) -> Self:
        if not self.turned_down:
            self.turned_down.append(self.customer)
            raise ValueError("not this one")
        return self


Make = Callable[..., GlobalAPI]
PROMPT = PromptTemplate('The customer is "{name}" and the quantity is 12.')


def test_structured_predict_returns_the_object(llm: LLM) -> None:
    """The answer is an object of the class, filled from the prompt."""
    found = llm.structured_predict(Order, PROMPT, name="Maria")

    assert isinstance(found, Order)
    assert found.quantity == 12


async def test_astructured_predict_returns_the_object(llm: LLM) -> None:
    """`astructured_predict` is `structured_predict`."""
    assert (await llm.astructured_predict(Order, PROMPT, name="Maria")).quantity == 12


def test_stream_structured_predict_grows_into_the_object(llm: LLM) -> None:
    """Parts come first, the whole object last."""
    *parts, last = llm.stream_structured_predict(Order, PROMPT, name="Maria")

    assert parts
    assert isinstance(last, Order)
    assert last.quantity == 12


async def test_astream_structured_predict_grows_into_the_object(llm: LLM) -> None:
    """`astream_structured_predict` is `stream_structured_predict`."""
    stream = await llm.astream_structured_predict(Order, PROMPT, name="Maria")

    assert [part async for part in stream][-1].quantity == 12


def test_structured_llm_answers_with_the_object(llm: LLM) -> None:
    """`as_structured_llm` has the object in `raw`."""
    response = llm.as_structured_llm(Order).chat([ChatMessage("12 lamps for Maria")])

    assert isinstance(response.raw, Order)


async def test_structured_llm_streams_the_object(llm: LLM) -> None:
    """So it does asynchronously, streamed."""
    structured = llm.as_structured_llm(Order)

    stream = await structured.astream_chat([ChatMessage("12 lamps for Maria")])

    assert isinstance([part async for part in stream][-1].raw, Order)


def test_arguments_for_the_model_are_passed_on_and_left_alone(sandbox: Sandbox, llm: LLM) -> None:
    """`llm_kwargs` reach the wire, and the caller's dict stays as it was."""
    llm_kwargs = {"temperature": 0.1, "tool_choice": "auto"}

    llm.structured_predict(Order, PROMPT, llm_kwargs=llm_kwargs, name="Maria")

    assert sandbox.requests[0].body["temperature"] == 0.1
    assert "tool_choice" not in sandbox.requests[0].body
    assert llm_kwargs == {"temperature": 0.1, "tool_choice": "auto"}


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-4o", "json_schema"),
        ("deepseek-v4-flash", "json_object"),
        ("claude-3-5-sonnet", None),
    ],
)
def test_model_is_asked_in_the_best_way_it_has(
    sandbox: Sandbox, single: Make, model: str, asked: str | None
) -> None:
    """A schema where it is obeyed, else a JSON mode and the schema in words, else a tool."""
    llm = single(model, system_prompt="Be exact.")
    llm._chat(*_asked(llm))

    body = sandbox.requests[0].body
    assert (body.get("response_format") or {}).get("type") == asked
    assert ("tools" in body) == (asked is None)
    named = {"type": "function", "function": {"name": "Order"}}
    assert body.get("tool_choice") == (named if asked is None else None)
    assert body["messages"][0]["content"].startswith("Be exact.")
    assert ("customer" in body["messages"][0]["content"]) == (asked == "json_object")


def _asked(llm: GlobalAPI) -> tuple[list[ChatMessage], dict[str, object]]:
    return llm._asked_for(Order, PROMPT, None, {"name": "Maria"})


async def test_object_by_way_of_a_tool_comes_in_all_forms(single: Make) -> None:
    """Without a JSON mode the four forms work too."""
    llm = single("claude-3-5-sonnet")

    stream = await llm.astream_structured_predict(Order, PROMPT, name="Maria")
    found = [
        llm.structured_predict(Order, PROMPT, name="Maria"),
        await llm.astructured_predict(Order, PROMPT, name="Maria"),
        list(llm.stream_structured_predict(Order, PROMPT, name="Maria"))[-1],
        [part async for part in stream][-1],
    ]

    assert [each.quantity for each in found] == [12] * 4


@pytest.mark.parametrize("mode", [PydanticProgramMode.FUNCTION, PydanticProgramMode.LLM])
def test_program_mode_of_the_caller_is_kept_to(
    sandbox: Sandbox, router: GlobalAPIRouter, mode: PydanticProgramMode
) -> None:
    """Who names LlamaIndex's own way gets it: by a tool, or in words."""
    router.pydantic_program_mode = mode

    if mode == PydanticProgramMode.FUNCTION:
        assert router.structured_predict(Order, PROMPT, name="Maria").quantity == 12
    else:
        with pytest.raises(ValueError, match="json"):
            router.structured_predict(Order, PROMPT, name="Maria")

    assert ("tools" in sandbox.requests[0].body) == (mode == PydanticProgramMode.FUNCTION)
    assert "response_format" not in sandbox.requests[0].body


def test_answer_that_is_no_such_object_is_an_error_that_says_why(single: Make) -> None:
    """What was wrong, with the model and its text at hand."""
    with pytest.raises(ResponseError, match=r"not a valid Order: .*JSON") as caught:
        single(max_tokens=4).structured_predict(Order, PROMPT, name="Maria")

    assert caught.value.model == "gpt-4o"
    assert caught.value.partial_text


def test_stream_that_is_no_such_object_ends_in_the_error(single: Make) -> None:
    """The parts may be looked at; the end is not taken for an object."""
    stream = single(max_tokens=4).stream_structured_predict(Order, PROMPT, name="Maria")

    with pytest.raises(ResponseError, match="not a valid Order"):
        list(stream)


def test_router_leaves_a_model_whose_answer_is_no_such_object(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """An answer that cannot be used is a failed attempt: the next candidate is asked."""
    found = router.structured_predict(Picky, PROMPT, name="Maria")

    assert found.quantity == 12
    assert Picky.turned_down
    assert [request.model for request in sandbox.requests] == ["gpt-4o-mini", "gpt-4o"]


def test_object_in_a_fence_is_found() -> None:
    """Models without a JSON mode write a Markdown fence around it."""
    text = '```json\n{"customer": "Maria", "quantity": 3}\n```'

    found = parsed(Order, ChatResponse(message=ChatMessage(text, role="assistant")))

    assert found == Order(customer="Maria", quantity=3)
