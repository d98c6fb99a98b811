"""The clients that `wire.py` compares, each used as its documentation has it."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from _server import PIECE, TEXT

MODEL = "deepseek-v4-flash"
KEY = "sk-benchmark"
Turns = list[tuple[str, str]]
"""A conversation: roles and texts."""


class Client:
    """One way to ask; the methods take what `messages` made of a conversation."""

    def __init__(self, url: str) -> None:
        """Make what a user makes once, to ask the server at *url*."""
        raise NotImplementedError

    def messages(self, turns: Turns) -> Any:
        """*turns* as this client wants them."""
        return [{"role": role, "content": text} for role, text in turns]

    def call(self, messages: Any) -> str:
        """The text of a whole answer."""
        raise NotImplementedError

    async def acall(self, messages: Any) -> str:
        """`call`, asynchronously."""
        raise NotImplementedError

    def stream(self, messages: Any) -> Iterator[str]:
        """The pieces of a streamed answer."""
        raise NotImplementedError

    def astream(self, messages: Any) -> AsyncIterator[str]:
        """`stream`, asynchronously."""
        raise NotImplementedError


class ByHand(Client):
    """urllib3 and aiohttp, and nothing that a client should do beside."""

    def __init__(self, url: str) -> None:
        import aiohttp
        import urllib3

        self._url = f"{url}/chat/completions"
        self._pool = urllib3.PoolManager(num_pools=64)
        self._aiohttp = aiohttp
        self._session: Any = None

    def _sent(self, messages: Any, stream: bool) -> dict[str, Any]:
        body = json.dumps({"model": MODEL, "messages": messages, "stream": stream}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        return {"url": self._url, "headers": headers, "method": "POST"} | {"body": body}

    def _asent(self, messages: Any, stream: bool) -> Any:
        if self._session is None:
            self._session = self._aiohttp.ClientSession(
                connector=self._aiohttp.TCPConnector(limit=0)
            )
        sent = self._sent(messages, stream)
        return self._session.request(data=sent.pop("body"), **sent)

    def call(self, messages: Any) -> str:
        body = self._pool.request(**self._sent(messages, False)).data
        return str(json.loads(body)["choices"][0]["message"]["content"])

    async def acall(self, messages: Any) -> str:
        async with self._asent(messages, False) as response:
            return str(json.loads(await response.read())["choices"][0]["message"]["content"])

    def stream(self, messages: Any) -> Iterator[str]:
        response = self._pool.request(**self._sent(messages, True), preload_content=False)
        rest = b""
        while read := response.read1(65536):
            *lines, rest = (rest + read).split(b"\n")
            yield from _pieces(lines)
        response.release_conn()

    async def astream(self, messages: Any) -> AsyncIterator[str]:
        async with self._asent(messages, True) as response:
            async for line in response.content:
                for piece in _pieces([line]):
                    yield piece


def _pieces(lines: list[bytes]) -> Iterator[str]:
    for line in lines:
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:])["choices"]:
                yield choice["delta"].get("content") or ""


class OpenAISDK(Client):
    """The openai SDK."""

    def __init__(self, url: str) -> None:
        import openai

        self._client = openai.OpenAI(base_url=url, api_key=KEY)
        self._async = functools.cache(lambda: openai.AsyncOpenAI(base_url=url, api_key=KEY))

    def call(self, messages: Any) -> str:
        done = self._client.chat.completions.create(model=MODEL, messages=messages)
        return done.choices[0].message.content or ""

    async def acall(self, messages: Any) -> str:
        done = await self._async().chat.completions.create(model=MODEL, messages=messages)
        return done.choices[0].message.content or ""

    def stream(self, messages: Any) -> Iterator[str]:
        create = self._client.chat.completions.create
        for chunk in create(model=MODEL, messages=messages, stream=True):
            yield chunk.choices[0].delta.content or "" if chunk.choices else ""

    async def astream(self, messages: Any) -> AsyncIterator[str]:
        create = self._async().chat.completions.create
        async for chunk in await create(model=MODEL, messages=messages, stream=True):
            yield chunk.choices[0].delta.content or "" if chunk.choices else ""


class Core(Client):
    """Our core, without a framework."""

    def __init__(self, url: str) -> None:
        from globalapi_core.client import Client as Ours
        from globalapi_core.router import Router
        from globalapi_core.settings import resolve
        from globalapi_core.wire import ChatRequest, Delta, Wire

        self._client = Ours(Wire(resolve(url, KEY)))
        self._router = Router()
        self._request, self._delta = ChatRequest, Delta

    def _asked(self, messages: Any) -> tuple[Any, Any]:
        decision = self._router.decide(self._router.signals(messages), model=MODEL)
        return self._request(messages), decision

    def call(self, messages: Any) -> str:
        return self._client.complete(*self._asked(messages)).reply.text

    async def acall(self, messages: Any) -> str:
        return (await self._client.acomplete(*self._asked(messages))).reply.text

    def stream(self, messages: Any) -> Iterator[str]:
        for item in self._client.stream(*self._asked(messages)):
            yield item.text if isinstance(item, self._delta) else ""

    async def astream(self, messages: Any) -> AsyncIterator[str]:
        async for item in self._client.astream(*self._asked(messages)):
            yield item.text if isinstance(item, self._delta) else ""


class LangChain(Client):
    """A chat model of LangChain's."""

    def __init__(self, make: Callable[[str], Any], url: str) -> None:
        self._model = make(url)

    def messages(self, turns: Turns) -> Any:
        from langchain_core.messages import AIMessage, HumanMessage

        kinds = {"user": HumanMessage, "assistant": AIMessage}
        return [kinds[role](text) for role, text in turns]

    def call(self, messages: Any) -> str:
        return str(self._model.invoke(messages).content)

    async def acall(self, messages: Any) -> str:
        return str((await self._model.ainvoke(messages)).content)

    def stream(self, messages: Any) -> Iterator[str]:
        for chunk in self._model.stream(messages):
            yield chunk.content

    async def astream(self, messages: Any) -> AsyncIterator[str]:
        async for chunk in self._model.astream(messages):
            yield chunk.content


class LlamaIndex(Client):
    """An LLM of LlamaIndex's."""

    def __init__(self, make: Callable[[str], Any], url: str) -> None:
        self._llm = make(url)

    def messages(self, turns: Turns) -> Any:
        from llama_index.core.llms import ChatMessage

        return [ChatMessage(role=role, content=text) for role, text in turns]

    def call(self, messages: Any) -> str:
        return self._llm.chat(messages).message.content or ""

    async def acall(self, messages: Any) -> str:
        return (await self._llm.achat(messages)).message.content or ""

    def stream(self, messages: Any) -> Iterator[str]:
        for response in self._llm.stream_chat(messages):
            yield response.delta or ""

    async def astream(self, messages: Any) -> AsyncIterator[str]:
        async for response in await self._llm.astream_chat(messages):
            yield response.delta or ""


def _chat_openai(url: str) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=MODEL, base_url=url, api_key=KEY)


def _chat_globalapi(url: str) -> Any:
    from langchain_globalapi import ChatGlobalAPI

    return ChatGlobalAPI(model=MODEL, base_url=url, api_key=KEY)


def _router_runnable(url: str) -> Any:
    from langchain_globalapi import RouterRunnable

    return RouterRunnable(base_url=url, api_key=KEY)


def _openai_like(url: str) -> Any:
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(model=MODEL, api_base=url, api_key=KEY, is_chat_model=True)


def _globalapi(url: str) -> Any:
    from llamaindex_globalapi import GlobalAPI

    return GlobalAPI(model=MODEL, api_base=url, api_key=KEY)


def _globalapi_router(url: str) -> Any:
    from llamaindex_globalapi import GlobalAPIRouter

    return GlobalAPIRouter(api_base=url, api_key=KEY)


def _no_io(url: str) -> Any:
    return _no_io_class()(chunks=int(url.split("/")[3]))


@functools.cache
def _no_io_class() -> Any:
    """A LangChain model that has its answer already: what LangChain itself costs."""
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

    class NoIO(BaseChatModel):
        chunks: int
        _llm_type = "no-io"

        def _generate(self, *_: Any, **__: Any) -> ChatResult:
            return ChatResult(generations=[ChatGeneration(message=AIMessage(content=TEXT))])

        async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
            return self._generate()

        def _stream(self, *_: Any, run_manager: Any = None, **__: Any) -> Iterator[Any]:
            for _number in range(self.chunks):
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=PIECE))
                if run_manager:
                    run_manager.on_llm_new_token(PIECE, chunk=chunk)
                yield chunk

        async def _astream(self, *_: Any, run_manager: Any = None, **__: Any) -> AsyncIterator[Any]:
            for _number in range(self.chunks):
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=PIECE))
                if run_manager:
                    await run_manager.on_llm_new_token(PIECE, chunk=chunk)
                yield chunk

    return NoIO


CLIENTS: dict[str, Callable[[str], Client]] = {
    "urllib3, aiohttp": ByHand,
    "LangChain, no I/O": functools.partial(LangChain, _no_io),
    "openai SDK": OpenAISDK,
    "ChatOpenAI": functools.partial(LangChain, _chat_openai),
    "OpenAILike": functools.partial(LlamaIndex, _openai_like),
    "globalapi_core": Core,
    "ChatGlobalAPI": functools.partial(LangChain, _chat_globalapi),
    "RouterRunnable": functools.partial(LangChain, _router_runnable),
    "GlobalAPI": functools.partial(LlamaIndex, _globalapi),
    "GlobalAPIRouter": functools.partial(LlamaIndex, _globalapi_router),
}
