"""Tool calls and JSON: whole and valid, or not handed out as such."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from llama_index.core import PromptTemplate
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from globalapi_core.errors import ResponseError
from tests.real_model.asking import CLASSES, Asker, Way
from tests.real_model.server import RealServer

City = Literal["Rome", "Oslo"]
WEATHER: Mapping[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Rome", "Oslo"]}},
    "required": ["city"],
}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of a city.",
            "parameters": WEATHER,
        },
    }
]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
PROMPT = "What is the weather in Rome?"


class Place(BaseModel):
    """A city."""

    city: City


def get_weather(city: City) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


async def test_named_tool_is_called_with_what_its_schema_allows(asker: Asker, way: Way) -> None:
    """The server holds a named tool to its schema; the call comes out whole, and once."""
    got = await asker.ask(way, PROMPT, tools=TOOLS, tool_choice=NAMED, max_tokens=60)

    ((name, arguments),) = got.calls
    assert name == "get_weather"
    assert arguments in ({"city": "Rome"}, {"city": "Oslo"})
    assert got.invalid == ()


async def test_call_that_was_cut_is_invalid(asker: Asker, way: Way) -> None:
    """The server calls a cut call `tool_calls` like a whole one: it is not handed out to be run."""
    got = await asker.ask(way, PROMPT, tools=TOOLS, tool_choice=NAMED, max_tokens=2)

    assert got.finish == "tool_calls"
    assert got.calls == ()
    (arguments,) = got.invalid
    assert "Rome" not in arguments


async def test_tool_loop_goes_on(asker: Asker, way: Way) -> None:
    """The call without a text and its result are taken back, and an answer follows."""
    loop = _loop() if asker.is_langchain else _loop_of_blocks()

    got = await asker.ask(way, loop, tools=TOOLS, max_tokens=8)

    assert got.text
    assert not got.calls


def _loop() -> list[Any]:
    call = {"id": "c1", "name": "get_weather", "args": {"city": "Rome"}}
    return [
        HumanMessage(PROMPT),
        AIMessage("", tool_calls=[call]),
        ToolMessage("sunny", tool_call_id="c1"),
    ]


def _loop_of_blocks() -> list[Any]:
    call = ToolCallBlock(tool_call_id="c1", tool_name="get_weather", tool_kwargs={"city": "Rome"})
    return [
        ChatMessage(PROMPT),
        ChatMessage(role="assistant", blocks=[call]),
        ChatMessage("sunny", role="tool", additional_kwargs={"tool_call_id": "c1"}),
    ]


async def test_offered_tool_need_not_be_called(asker: Asker, way: Way) -> None:
    """Without a named choice this server does not tell the model of its tools: text comes."""
    got = await asker.ask(way, PROMPT, tools=TOOLS, max_tokens=8)

    assert got.text
    assert not got.calls
    assert not got.invalid


async def test_tools_as_the_frameworks_bind_them(asker: Asker) -> None:
    """`bind_tools` and `chat_with_tools` come to the same call, whole and streamed."""
    calls = await (_bound if asker.is_langchain else _with_tools)(asker.model(max_tokens=60))

    assert len(calls) == 4
    for name, arguments in calls:
        assert name == "get_weather"
        assert arguments["city"] in ("Rome", "Oslo")


async def _bound(model: Any) -> list[tuple[str, Any]]:
    bound = model.bind_tools([tool(get_weather)], tool_choice="get_weather")
    streamed, astreamed = None, None
    for chunk in bound.stream(PROMPT):
        streamed = chunk if streamed is None else streamed + chunk
    async for chunk in bound.astream([HumanMessage(PROMPT)]):
        astreamed = chunk if astreamed is None else astreamed + chunk
    answers = [bound.invoke(PROMPT), await bound.ainvoke(PROMPT), streamed, astreamed]
    return [(call["name"], call["args"]) for each in answers for call in each.tool_calls]


async def _with_tools(llm: Any) -> list[tuple[str, Any]]:
    given = {"user_msg": PROMPT, "tool_choice": "get_weather"}
    tools = [FunctionTool.from_defaults(get_weather, fn_schema=Place)]
    *_, streamed = llm.stream_chat_with_tools(tools, **given)
    *_, astreamed = [each async for each in await llm.astream_chat_with_tools(tools, **given)]
    answers = [
        llm.chat_with_tools(tools, **given),
        await llm.achat_with_tools(tools, **given),
        streamed,
        astreamed,
    ]
    found = [each for answer in answers for each in llm.get_tool_calls_from_response(answer)]
    return [(each.tool_name, each.tool_kwargs) for each in found]


async def test_json_mode_with_a_schema_gives_what_the_schema_allows(asker: Asker, way: Way) -> None:
    """llama.cpp's own form of a schema passes through, and the answer follows it."""
    asked = {"type": "json_object", "schema": WEATHER}
    got = await asker.ask(way, PROMPT, response_format=asked, max_tokens=60)

    assert got.finish == "stop"
    assert json.loads(got.text) in ({"city": "Rome"}, {"city": "Oslo"})


async def test_json_mode_gives_an_object_or_says_it_was_cut(asker: Asker, way: Way) -> None:
    """An answer that ended is a JSON object; one that did not says length."""
    got = await asker.ask(way, PROMPT, response_format={"type": "json_object"}, max_tokens=80)

    assert got.text.lstrip().startswith("{")
    if got.finish == "stop":
        assert isinstance(json.loads(got.text), dict)
    else:
        assert got.finish == "length"


@pytest.mark.parametrize("name", ["ChatGlobalAPI", "RouterRunnable"])
async def test_structured_output_by_a_tool_is_an_object(server: RealServer, name: str) -> None:
    """LangChain's structured output names the tool, which this server enforces."""
    asker = Asker(*CLASSES[name], server)
    chain = asker.model(max_tokens=60).with_structured_output(Place, method="function_calling")

    assert chain.invoke(PROMPT).city in ("Rome", "Oslo")
    assert (await chain.ainvoke(PROMPT)).city in ("Rome", "Oslo")


async def test_half_an_object_is_none(asker: Asker) -> None:
    """Structured output that hit its limit is a typed error, never an object made of half."""
    model = asker.model(max_tokens=3)
    asked = (
        model.with_structured_output(Place).ainvoke(PROMPT)
        if asker.is_langchain
        else model.astructured_predict(Place, PromptTemplate(PROMPT))
    )

    with pytest.raises((OutputParserException, ResponseError)):
        await asked
