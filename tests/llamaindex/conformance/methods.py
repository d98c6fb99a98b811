"""The abstract methods of `LLM` and `FunctionCallingLLM`, and what is said of their answers."""

from __future__ import annotations

import asyncio
import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import FunctionTool

from globalapi_core.sandbox import faults
from tests.llamaindex.conformance.bench import Bench, checks, joined, text_of

check = checks("Methods")

PROMPT = "What is the capital of France?"
WHOLE = ("chat", "achat", "complete", "acomplete")
STREAMED = ("stream_chat", "astream_chat", "stream_complete", "astream_complete")
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ADD = FunctionTool.from_defaults(add)


def asked(llm: Any, way: str, prompt: str = PROMPT, **kwargs: Any) -> list[Any]:
    """What comes of asking *llm* in *way*: the parts of a stream, or the one answer."""
    given = prompt if way.endswith("complete") else [ChatMessage(prompt)]
    if not way.startswith("a"):
        found = getattr(llm, way)(given, **kwargs)
        return list(found) if "stream" in way else [found]

    async def ask() -> list[Any]:
        found = await getattr(llm, way)(given, **kwargs)
        return [part async for part in found] if "stream" in way else [found]

    return asyncio.run(ask())


@check()
def class_leaves_no_method_abstract(bench: Bench) -> None:
    """The class is a `FunctionCallingLLM` with nothing left to implement."""
    llm = bench.llm()
    assert isinstance(llm, FunctionCallingLLM), type(llm).__mro__
    assert not type(llm).__abstractmethods__, type(llm).__abstractmethods__


@check(*WHOLE)
def answers(bench: Bench, way: str) -> None:
    """The answer is the server's text, with the tokens it counted."""
    (response,) = asked(bench.llm(), way)
    assert text_of(response).startswith("[sandbox]"), text_of(response)
    counts = response.additional_kwargs
    assert counts.get("total_tokens"), "no token counts"
    assert counts["total_tokens"] == counts["prompt_tokens"] + counts["completion_tokens"]


@check(*STREAMED)
def streams(bench: Bench, way: str) -> None:
    """The deltas add up to the text of the last item."""
    parts = asked(bench.llm(), way)
    assert len(parts) > 3, f"{len(parts)} items"
    assert joined(parts) == text_of(parts[-1]) != "", "the deltas are not the text"


@check(*STREAMED)
def counts_tokens_of_a_stream(bench: Bench, way: str) -> None:
    """A stream ends with the tokens the server counted, without being asked to."""
    parts = asked(bench.llm(), way)
    assert parts[-1].additional_kwargs.get("total_tokens"), "no token counts"


@check()
def metadata_has_the_window_of_the_model(bench: Bench) -> str:
    """Engines are told the model's own context window."""
    window = bench.llm("deepseek-v4-pro").metadata.context_window
    assert window == 200_000, f"{window:,} tokens"
    return f"{window:,} tokens"


@check()
def metadata_keeps_room_for_the_answer(bench: Bench) -> str:
    """`num_output` is a number of tokens: engines take -1 for 256."""
    room = bench.llm().metadata.num_output
    assert room > 0, f"num_output {room}"
    return f"{room:,} tokens"


@check()
def metadata_says_that_tools_can_be_called(bench: Bench) -> None:
    """Agents and selectors ask whether the model can call functions."""
    assert bench.llm().metadata.is_chat_model, "not a chat model"
    assert bench.llm().metadata.is_function_calling_model, "said to have no tools"


@check()
def tools_are_offered_and_called(bench: Bench) -> None:
    """`chat_with_tools` gives a call that `get_tool_calls_from_response` reads."""
    llm = bench.llm()
    response = llm.chat_with_tools([ADD], "Please add 3 and 4.")
    (call,) = llm.get_tool_calls_from_response(response)
    assert (call.tool_name, call.tool_kwargs) == ("add", {"a": 3, "b": 4}), call


@check()
def answer_without_a_call_is_told(bench: Bench) -> None:
    """Without a call, `get_tool_calls_from_response` raises, or returns nothing if asked."""
    llm = bench.llm()
    response = llm.chat([ChatMessage(PROMPT)])
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    try:
        llm.get_tool_calls_from_response(response)
    except ValueError:
        return
    raise AssertionError("no error")


@check()
def streamed_tool_calls_are_whole(bench: Bench) -> None:
    """The last item of `stream_chat_with_tools` has the call, ready to run."""
    parts = list(bench.llm().stream_chat_with_tools([ADD], "Please add 3 and 4."))
    blocks = [each for each in parts[-1].message.blocks if isinstance(each, ToolCallBlock)]
    (call,) = bench.llm().get_tool_calls_from_response(parts[-1])
    assert len(blocks) == 1, blocks
    assert call.tool_kwargs == {"a": 3, "b": 4}, call


@check()
def conversation_is_left_as_it_was(bench: Bench) -> None:
    """`chat_with_tools` does not change the caller's list."""
    history = [ChatMessage("You help.", role="system"), ChatMessage("Hello")]
    before = copy.deepcopy(history)
    bench.llm().chat_with_tools([ADD], "And now?", chat_history=history)
    assert history == before, f"{len(before)} messages became {len(history)}"


@check()
def images_are_sent(bench: Bench) -> None:
    """An image block reaches the model."""
    blocks = [TextBlock(text="What is this?"), ImageBlock(url=PIXEL)]
    response = bench.llm().chat([ChatMessage(blocks=blocks)])
    assert "image" in text_of(response), text_of(response)


@check()
def temperature_is_sent_if_it_was_given(bench: Bench) -> None:
    """What the caller did not set is not sent: some models refuse any but their own."""
    bench.llm().chat([ChatMessage(PROMPT)])
    bench.llm(temperature=0.7).chat([ChatMessage(PROMPT)])
    sent = [body.get("temperature") for body in bench.bodies]
    assert sent == [None, 0.7], f"sent {sent[0]} unasked"


@check("max_tokens", "temperature")
def argument_of_a_call_goes_first(bench: Bench, name: str) -> None:
    """What one call says goes before what the constructor said."""
    bench.llm(**{name: 1}).chat([ChatMessage(PROMPT)], **{name: 2})
    assert bench.bodies[-1][name] == 2, f"sent {bench.bodies[-1][name]}"


@check()
def one_object_serves_several_event_loops(bench: Bench) -> None:
    """A notebook or a web server starts loop after loop."""
    llm = bench.llm()
    for _ in range(3):
        (response,) = asked(llm, "achat")
        assert text_of(response).startswith("[sandbox]")


@check()
def one_object_serves_several_threads(bench: Bench) -> None:
    """Calls at the same time do not mix."""
    llm = bench.llm()
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda number: str(llm.complete(f"Word{number}?")), range(24)))
    mixed = [each for number, each in enumerate(said) if not each.endswith(f"Word{number}?")]
    assert not mixed, mixed[:1]


@check()
def one_failure_is_retried_as_often_as_was_said(bench: Bench) -> str:
    """`max_retries=2` makes three requests of an error that stays."""
    bench.sandbox.down("gpt-4o", faults.server_error())
    try:
        bench.llm(max_retries=2).chat([ChatMessage(PROMPT)])
    except Exception:
        assert bench.calls == 3, f"{bench.calls} requests"
        return f"{bench.calls} requests"
    raise AssertionError("no error")
