"""Chat engines, in every mode that LlamaIndex still has."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core import SummaryIndex
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.chat_engine.types import ChatMode
from llama_index.core.schema import TextNode

from tests.llamaindex.conformance.bench import Bench, checks
from tests.llamaindex.conformance.engines import FACTS, QUESTION, Shelf, engine

check = checks("Chat engines")

MODES = ("simple", "context", "condense_question", "condense_plus_context")
GROUNDED = MODES[1:]
CALLS = {"simple": 2, "context": 2, "condense_question": 3, "condense_plus_context": 3}
"""The calls of two questions: those that condense ask for the second one to be rewritten."""


def chat(llm: Any, mode: str) -> Any:
    """A chat engine in *mode*, over the shelf."""
    if mode == "simple":
        return SimpleChatEngine.from_defaults(llm=llm)
    if mode == "context":
        return ContextChatEngine.from_defaults(Shelf(), llm=llm)
    if mode == "condense_question":
        return CondenseQuestionChatEngine.from_defaults(engine(llm, streaming=False), llm=llm)
    return CondensePlusContextChatEngine.from_defaults(Shelf(), llm=llm)


def _calls(bench: Bench, wanted: int) -> str:
    assert bench.calls == wanted, f"{bench.calls} calls"
    return f"{bench.calls} calls"


@check(*MODES)
def conversation(bench: Bench, mode: str) -> str:
    """Two questions are answered, the second knowing the first, in as few calls as it takes."""
    talk = chat(bench.llm(), mode)
    first = str(talk.chat(QUESTION))
    talk.chat("And how many districts does Paris have?")
    assert "330" in first or mode == "simple", first
    assert "Eiffel" in str(bench.bodies[-1 if mode == "simple" else 1]["messages"])
    assert [message.role.value for message in talk.chat_history] == ["user", "assistant"] * 2
    return _calls(bench, CALLS[mode])


@check(*MODES)
def conversation_asynchronously(bench: Bench, mode: str) -> None:
    """`achat` is `chat`."""
    talk = chat(bench.llm(), mode)
    answer = str(asyncio.run(talk.achat(QUESTION)))
    assert "330" in answer or mode == "simple", answer


@check("simple", "context", "condense_plus_context")
def conversation_streamed(bench: Bench, mode: str) -> None:
    """`stream_chat` gives the answer in pieces, and remembers it whole."""
    talk = chat(bench.llm(), mode)
    pieces = list(talk.stream_chat(QUESTION).response_gen)
    assert len(pieces) > 3, f"{len(pieces)} pieces"
    assert talk.chat_history[-1].content == "".join(pieces).strip()


@check("simple", "context", "condense_plus_context")
def conversation_streamed_asynchronously(bench: Bench, mode: str) -> None:
    """`astream_chat` gives the answer in pieces."""

    async def ask() -> list[str]:
        response = await chat(bench.llm(), mode).astream_chat(QUESTION)
        return [piece async for piece in response.async_response_gen()]

    pieces = asyncio.run(ask())
    assert len(pieces) > 3, f"{len(pieces)} pieces"


@check(*(mode.value for mode in (ChatMode.BEST, ChatMode.SIMPLE, ChatMode.CONTEXT)))
def chat_engine_of_an_index(bench: Bench, mode: str) -> None:
    """`as_chat_engine` makes the engine of a mode."""
    index = SummaryIndex([TextNode(text=text) for text in FACTS])
    answer = str(index.as_chat_engine(ChatMode(mode), llm=bench.llm()).chat(QUESTION))
    assert "330" in answer or mode == "simple", answer


@check()
def long_conversation_is_kept(bench: Bench) -> str:
    """What was said 8,000 tokens ago is still sent: memory is as long as the window says."""
    talk = SimpleChatEngine.from_defaults(llm=bench.llm())
    talk.chat("My name is Ada. " + "alpha beta gamma " * 2_600)
    talk.chat("What is my name?")
    sent = bench.bodies[-1]["messages"]
    assert "Ada" in str(sent), f"{len(sent)} of 3 messages sent"
    return f"{len(sent)} of 3 messages sent"


@check()
def system_prompt_comes_first(bench: Bench) -> None:
    """The engine's system prompt is the first message."""
    SimpleChatEngine.from_defaults(llm=bench.llm(), system_prompt="Be brief.").chat(QUESTION)
    first = bench.bodies[0]["messages"][0]
    assert (first["role"], first["content"]) == ("system", "Be brief."), first
