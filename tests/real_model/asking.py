"""One question, asked of any of the four classes in any of four ways, and what came."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock

from globalapi_core.config import Config, parse_config
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter
from tests.real_model.server import KEY, MODEL, WINDOW, RealServer

Way = Literal["whole", "awhole", "stream", "astream"]
WAYS: tuple[Way, ...] = ("whole", "awhole", "stream", "astream")
LEAST = 3
"""Tokens that the model must say: so small a one may have nothing to say at all."""


def routes(window: int = WINDOW, *, json_schema: bool = False) -> Config:
    """A config file that says of the model what is true of it, or another *window*.

    Nothing is retried: the server is asked as often as a test says.
    """
    schema = str(json_schema).lower()
    facts = f"context_window: {window}, tools: true, json_mode: true, json_schema: {schema}"
    return parse_config(
        f"""
        attempts: {{max_retries: 0, timeout: 100}}
        models: {{{MODEL}: {{{facts}}}}}
        routes:
          - {{name: chinese, when: {{language: zh}}, candidates: [{MODEL}]}}
          - {{name: rest, candidates: [{MODEL}]}}
        """,
        file="routes.yaml",
    )


@dataclass(frozen=True, slots=True)
class Got:
    """An answer, as its caller has it."""

    text: str
    finish: str | None
    usage: tuple[int, int] | None
    calls: tuple[tuple[str, Mapping[str, Any]], ...]
    invalid: tuple[str, ...]
    """The arguments of the calls that must not run."""
    record: Mapping[str, Any]
    pieces: tuple[str, ...] = ()
    """The text as it came, where it was streamed."""


@dataclass(frozen=True, slots=True)
class Asker:
    """One of the four classes, made for a server."""

    make: Callable[..., Any]
    is_langchain: bool
    server: RealServer

    def model(self, **given: Any) -> Any:
        """A model or router of this class, asked for the likeliest words and for some at least."""
        url, more = (
            ("base_url", "model_kwargs") if self.is_langchain else ("api_base", "additional_kwargs")
        )
        own = {"config": routes(), "api_key": KEY, "temperature": 0.0}
        at_least = {"min_tokens": LEAST}
        return self.make(**{**own, url: self.server.base_url, more: at_least, **given})

    def at(self, server: RealServer) -> Asker:
        """The same for another server."""
        return Asker(self.make, self.is_langchain, server)

    async def ask(self, way: Way, prompt: Any, *, made: Any = None, **given: Any) -> Got:
        """Ask *prompt* with the arguments *given*, of a new object or of the one *made*.

        A prompt is a text, or messages as the framework has them.
        """
        model = made or self.model()
        if way in ("whole", "awhole"):
            return await self._whole(way, model, prompt, given)
        items = [item async for item in self.items(way, prompt, made=model, **given)]
        pieces = tuple(piece for piece in map(piece_of, items) if piece)
        return _got(_joined(items), pieces)

    async def items(
        self, way: Way, prompt: Any, *, made: Any = None, **given: Any
    ) -> AsyncGenerator[Any, None]:
        """The chunks or responses of a streamed answer, as they come."""
        model = made or self.model()
        asked = self._messages(prompt)
        if way == "stream":
            call = model.stream if self.is_langchain else model.stream_chat
            for item in call(asked, **given):
                yield item
            return
        stream = (
            model.astream(asked, **given)
            if self.is_langchain
            else await model.astream_chat(asked, **given)
        )
        async for item in stream:
            yield item

    def _messages(self, prompt: Any) -> Any:
        as_it_is = self.is_langchain or not isinstance(prompt, str)
        return prompt if as_it_is else [ChatMessage(prompt)]

    async def _whole(self, way: Way, model: Any, prompt: Any, given: Mapping[str, Any]) -> Got:
        if self.is_langchain:
            if way == "whole":
                return _got(model.invoke(prompt, **given))
            return _got(await model.ainvoke(prompt, **given))
        messages = self._messages(prompt)
        if way == "whole":
            return _got(model.chat(messages, **given))
        return _got(await model.achat(messages, **given))


def _chat(**given: Any) -> BaseChatModel:
    return ChatGlobalAPI(**{"model": MODEL, **given})


def _llm(**given: Any) -> GlobalAPI:
    return GlobalAPI(**{"model": MODEL, **given})


CLASSES: Mapping[str, tuple[Callable[..., Any], bool]] = {
    "ChatGlobalAPI": (_chat, True),
    "RouterRunnable": (RouterRunnable, True),
    "GlobalAPI": (_llm, False),
    "GlobalAPIRouter": (GlobalAPIRouter, False),
}
"""The four classes: how one is made, and whether it is LangChain's."""


def piece_of(item: Any) -> str:
    """The new text of one item of a stream."""
    return item.text if isinstance(item, AIMessageChunk) else item.delta or ""


def _joined(items: Sequence[Any]) -> Any:
    """What a caller has at the end of a stream."""
    assert items, "the stream was empty"
    if isinstance(items[-1], ChatResponse):
        return items[-1]
    whole = items[0]
    for item in items[1:]:
        whole += item
    return whole


def _got(answer: AIMessage | ChatResponse, pieces: tuple[str, ...] = ()) -> Got:
    return _message(answer, pieces) if isinstance(answer, AIMessage) else _response(answer, pieces)


def _message(message: AIMessage, pieces: tuple[str, ...]) -> Got:
    used = message.usage_metadata
    return Got(
        text=str(message.text),
        finish=message.response_metadata.get("finish_reason"),
        usage=(used["input_tokens"], used["output_tokens"]) if used else None,
        calls=tuple((each["name"], each["args"]) for each in message.tool_calls),
        invalid=tuple(each["args"] or "" for each in message.invalid_tool_calls),
        record=message.response_metadata["globalapi"],
        pieces=pieces,
    )


def _response(response: ChatResponse, pieces: tuple[str, ...]) -> Got:
    message, extras = response.message, response.additional_kwargs
    calls = (each for each in message.blocks if isinstance(each, ToolCallBlock))
    invalid = message.additional_kwargs.get("invalid_tool_calls", ())
    counted = "prompt_tokens" in extras
    raw: Any = response.raw
    return Got(
        text=message.content or "",
        finish=raw["finish_reason"],
        usage=(extras["prompt_tokens"], extras["completion_tokens"]) if counted else None,
        calls=tuple((each.tool_name, _arguments(each)) for each in calls),
        invalid=tuple(each["arguments"] for each in invalid),
        record=extras["globalapi"],
        pieces=pieces,
    )


def _arguments(call: ToolCallBlock) -> Mapping[str, Any]:
    assert isinstance(call.tool_kwargs, dict)
    return call.tool_kwargs
