"""`GlobalAPI`: one model, its arguments and what arrives of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock
from llama_index.core.tools import FunctionTool

from globalapi_core.errors import (
    InsecureURLError,
    InvalidRequestError,
    MissingKeyError,
    ModelNotFoundError,
    ServerError,
)
from globalapi_core.sandbox import Sandbox, faults
from llamaindex_globalapi import GlobalAPI

HELLO = [ChatMessage("Hello")]
Make = Callable[..., GlobalAPI]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ADD = FunctionTool.from_defaults(add)


def test_key_is_missed_at_construction() -> None:
    """Without a key the gateway cannot be called: said at once, with what to do."""
    with pytest.raises(MissingKeyError, match="GLOBAL_API_KEY"):
        GlobalAPI()


def test_key_of_another_vendor_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OPENAI_API_KEY` never goes to the gateway."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-vendor")

    with pytest.raises(MissingKeyError):
        GlobalAPI()


def test_plain_http_to_another_machine_is_refused() -> None:
    """A key and prompts are not sent in clear."""
    with pytest.raises(InsecureURLError):
        GlobalAPI(api_base="http://example.com/v1", api_key="k")


def test_nothing_is_sent_that_was_not_asked_for(sandbox: Sandbox, single: Make) -> None:
    """Without arguments, model and messages alone are sent: no temperature, no limit."""
    single("deepseek-v4-flash").chat(HELLO)

    assert sandbox.requests[0].body == {
        "model": "deepseek-v4-flash",
        "messages": [{"role": "user", "content": "Hello"}],
    }


def test_arguments_of_a_call_go_before_those_of_the_constructor(
    sandbox: Sandbox, single: Make
) -> None:
    """The nearer wins, `None` included; what is not known is sent as it is."""
    llm = single(
        temperature=0.9, max_tokens=100, additional_kwargs={"top_p": 0.5, "presence_penalty": 1}
    )

    llm.chat(HELLO, max_tokens=7, top_p=0.8, presence_penalty=None, seed=3)

    body = dict(sandbox.requests[0].body)
    assert (body.pop("model"), len(body.pop("messages"))) == ("gpt-4o", 1)
    assert body == {"temperature": 0.9, "max_tokens": 7, "top_p": 0.8, "seed": 3}


def test_extra_body_is_sent_flat(sandbox: Sandbox, single: Make) -> None:
    """The openai SDK's way of passing a vendor's own fields works on."""
    llm = single("qwen3-32b", additional_kwargs={"extra_body": {"enable_thinking": False}})

    llm.chat(HELLO, extra_body={"top_k": 5})

    assert sandbox.requests[0].body["enable_thinking"] is False
    assert sandbox.requests[0].body["top_k"] == 5


def test_model_of_a_call_goes_before_that_of_the_constructor(
    sandbox: Sandbox, single: Make
) -> None:
    """One object may call another model once."""
    response = single("gpt-4o").chat(HELLO, model="glm-5")

    assert [request.model for request in sandbox.requests] == ["glm-5"]
    assert response.message.additional_kwargs["globalapi_model"] == "glm-5"


def test_metadata_is_what_the_catalog_says(single: Make) -> None:
    """Engines plan by the true window; the room for the answer is never unknown."""
    metadata = single("kimi-k2.5").metadata

    assert metadata.context_window == 200_000
    assert metadata.num_output == 4_096
    assert metadata.is_chat_model
    assert metadata.is_function_calling_model
    assert metadata.model_name == "kimi-k2.5"


@pytest.mark.parametrize(
    ("given", "window", "output"),
    [
        ({"model": "some-model-of-my-own"}, 32_000, 4_096),
        ({"model": "some-model-of-my-own", "context_window": 8_000}, 8_000, 2_000),
        ({"model": "gpt-4o", "max_tokens": 900}, 128_000, 900),
        ({"model": "gpt-4o", "max_tokens": 10_000, "context_window": 8_000}, 8_000, 4_000),
        ({"model": "hunyuan-turbo-vision"}, 32_000, 2_000),
    ],
)
def test_metadata_always_leaves_room_for_a_prompt(
    single: Make, given: dict[str, object], window: int, output: int
) -> None:
    """Whatever was said, engines get a window and an answer that fits well inside."""
    metadata = single(**given).metadata

    assert (metadata.context_window, metadata.num_output) == (window, output)


def test_function_calling_may_be_said_otherwise(single: Make) -> None:
    """An unknown model counts as unable until the caller knows better."""
    assert not single("my-model").metadata.is_function_calling_model
    assert single("my-model", is_function_calling_model=True).metadata.is_function_calling_model


def test_failure_is_retried_as_often_as_said_and_no_more(sandbox: Sandbox, single: Make) -> None:
    """There is one retry loop: two tries are two requests."""
    sandbox.down("gpt-4o")

    with pytest.raises(ServerError) as caught:
        single(max_retries=1).chat(HELLO)

    assert len(sandbox.requests) == 2
    assert [outcome.error is not None for _, outcome in caught.value.record.attempts] == [True] * 2


def test_retry_mends_what_passes(sandbox: Sandbox, single: Make) -> None:
    """Every try that was allowed is made, and the record tells each."""
    sandbox.script("gpt-4o", [faults.rate_limited(0.01)] * 5)

    response = single(max_retries=5).chat(HELLO)

    tries = response.additional_kwargs["globalapi"]["attempts"]
    assert [each["outcome"] for each in tries] == ["RateLimitError"] * 5 + ["ok"]


def test_unknown_model_is_called_by_its_very_name(sandbox: Sandbox, single: Make) -> None:
    """Any id may be used: it is the server that knows."""
    with pytest.raises(ModelNotFoundError):
        single("My-Org/My_Model:8b").chat(HELLO)

    assert sandbox.requests[0].model == "My-Org/My_Model:8b"


def test_tools_are_offered_and_called(sandbox: Sandbox, single: Make) -> None:
    """The tool call comes as a block, in the older list, and as a selection."""
    llm = single()

    response = llm.chat_with_tools([ADD], "Please add 3 and 4.", tool_required=True)

    body = sandbox.requests[0].body
    assert body["tools"][0]["function"]["name"] == "add"
    assert body["tool_choice"] == "required"
    assert body["parallel_tool_calls"] is False
    (call,) = llm.get_tool_calls_from_response(response)
    assert (call.tool_name, call.tool_kwargs) == ("add", {"a": 3, "b": 4})
    assert response.message.additional_kwargs["tool_calls"][0]["id"] == call.tool_id


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("any", "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        (None, None),
    ],
)
def test_tool_choice_is_put_into_the_wires_form(
    sandbox: Sandbox, single: Make, choice: str | None, sent: object
) -> None:
    """Words and names are understood; without a choice none is sent."""
    single().chat_with_tools([ADD], "add 1 and 2", tool_choice=choice)

    assert sandbox.requests[0].body.get("tool_choice") == sent


def test_several_tool_calls_come_whole_or_are_kept_to_one(single: Make) -> None:
    """Two calls of one answer both arrive where that is allowed, else the first."""
    other = FunctionTool.from_defaults(add, name="subtract")
    llm = single()
    prompt = "add 1 and 2, then subtract 3 and 4"

    both = llm.chat_with_tools([ADD, other], prompt, allow_parallel_tool_calls=True)
    one = llm._validate_chat_with_tools_response(both, [ADD, other])

    assert [c.tool_name for c in llm.get_tool_calls_from_response(both)] == ["add", "subtract"]
    assert [c.tool_name for c in llm.get_tool_calls_from_response(one)] == ["add"]
    assert len(one.message.additional_kwargs["tool_calls"]) == 1
    assert len(both.message.additional_kwargs["tool_calls"]) == 2


def test_streamed_tool_calls_come_with_the_last_item(single: Make) -> None:
    """Half a tool call can never run: no item but the last has any."""
    llm = single()

    parts = list(llm.stream_chat_with_tools([ADD], "add 3 and 4"))

    found = [llm.get_tool_calls_from_response(part, False) for part in parts]
    assert [len(calls) for calls in found] == [0] * (len(parts) - 1) + [1]


def test_tool_call_cut_by_the_limit_cannot_run(single: Make) -> None:
    """A call whose arguments were cut is kept apart, and the error says why."""
    llm = single(max_tokens=3)

    response = llm.chat_with_tools([ADD], "add 3 and 4")

    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    assert "tool_calls" not in response.message.additional_kwargs
    (invalid,) = response.message.additional_kwargs["invalid_tool_calls"]
    assert invalid["name"] == "add"
    with pytest.raises(ValueError, match="add: the answer hit its length limit"):
        llm.get_tool_calls_from_response(response)


async def test_reasoning_is_shown_and_kept(single: Make) -> None:
    """Reasoning streams as thinking deltas, and stands on the message as a block."""
    llm = single("deepseek-r1")

    parts = [part async for part in await llm.astream_chat(HELLO)]

    thought = "".join(part.additional_kwargs.get("thinking_delta", "") for part in parts)
    blocks = [each for each in parts[-1].message.blocks if isinstance(each, ThinkingBlock)]
    assert thought
    assert [each.content for each in blocks] == [thought]
    assert thought not in parts[-1].message.content


def test_reasoning_goes_back_with_its_tool_call_to_its_own_family_only(
    sandbox: Sandbox, single: Make
) -> None:
    """What led to a tool call is sent back to who thought it, and shown to nobody else."""
    kimi, gpt = single("kimi-k2-thinking"), single("gpt-4o")
    asked = [ChatMessage("add 3 and 4")]
    called = kimi.chat_with_tools([ADD], chat_history=asked).message
    (call,) = kimi.get_tool_calls_from_response(kimi.chat_with_tools([ADD], chat_history=asked))
    result = ChatMessage("7", role="tool", additional_kwargs={"tool_call_id": call.tool_id})

    for llm in (kimi, gpt):
        llm.chat_with_tools([ADD], chat_history=[*asked, called, result])

    to_kimi, to_gpt = (request.body["messages"][1] for request in sandbox.requests[-2:])
    assert to_kimi["reasoning_content"]
    assert "reasoning_content" not in to_gpt
    assert to_kimi["tool_calls"] == to_gpt["tool_calls"]
    assert set(to_gpt) == {"role", "content", "tool_calls"}


def test_refused_request_says_who_refused_what(single: Make) -> None:
    """A vendor's refusal is typed and names the model."""
    with pytest.raises(InvalidRequestError, match="temperature") as caught:
        single().chat(HELLO, temperature=9)

    assert caught.value.model == "gpt-4o"
    assert caught.value.status == 400


async def test_abandoned_stream_closes_its_connection(single: Make) -> None:
    """Who stops reading stops paying: the server sees the connection close at once."""
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        writer.write(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n')
        while await reader.read(1 << 16):
            pass
        closed.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        stream = await single(api_base=f"http://127.0.0.1:{port}/v1").astream_chat(HELLO)
        async for part in stream:
            assert part.delta == "a"
            break
        await stream.aclose()

        await asyncio.wait_for(closed.wait(), 30)
