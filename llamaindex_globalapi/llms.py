"""One model on the gateway."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any, Self

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from pydantic import Field, PrivateAttr

from globalapi_core.catalog import ModelInfo
from globalapi_core.client import Client
from globalapi_core.records import Decision
from globalapi_core.reloading import InForce
from globalapi_core.router import Router
from globalapi_core.wire import ChatRequest, Timeouts, Wire
from llamaindex_globalapi import _bridge, _responses
from llamaindex_globalapi._base import NUM_OUTPUT, GatewayLLM, flattened


class GlobalAPI(GatewayLLM):
    """One model on the gateway, as a LlamaIndex LLM.

    Set `GLOBAL_API_KEY`; to try without a key, run `globalapi sandbox` and set
    `GLOBAL_API_BASE_URL` to the address it prints::

        from llamaindex_globalapi import GlobalAPI

        llm = GlobalAPI(model="deepseek-v4-flash", temperature=0)
        Settings.llm = llm

    Arguments have the names that `OpenAILike` gives them, so that moving over is changing
    the class name. Those of a call go before those of the constructor, `model`, `timeout`
    and `max_retries` included; what this class does not know is sent as it is.

    A call keeps to the policies of the config file: `llm.chat(messages, tags=[...],
    metadata={...})` are what they may ask for, as with `GlobalAPIRouter`, and are never sent.

    Responses:
        `additional_kwargs["globalapi"]` has the record of the call: the model, every
        attempt with its outcome, and the cost in USD. `raw` has what the server said
        beside the message. A tool call that is not whole and valid is in the message's
        `additional_kwargs["invalid_tool_calls"]` and never among its blocks.

    Errors:
        `globalapi_core.errors.GatewayError` and its kinds. An answer that was cut short
        raises `IncompleteResponseError`, whose `partial_text` has what came. `PolicyError`:
        a policy of the config file forbids the model for this call.
    """

    model: str = "deepseek-v4-flash"
    """Any spelling the catalog knows, or any other id the server serves."""
    context_window: int | None = Field(None, gt=0)
    """Tokens; `None`: as the catalog and the config file say."""
    is_chat_model: bool = True
    """Accepted for the sake of moving over; every model is called as a chat model."""
    is_function_calling_model: bool | None = None
    """`None`: as the catalog and the config file say."""

    _decided: Decision | None = PrivateAttr(None)
    """What was decided of the call; `None`: it is the caller's to name a model, and he did."""

    @classmethod
    def class_name(cls) -> str:
        """What serialised forms call this class."""
        return "GlobalAPI"

    @property
    def info(self) -> ModelInfo:
        """What the catalog and the config file know of the model."""
        return self._router.catalog.get(self.model)

    @property
    def metadata(self) -> LLMMetadata:
        """What engines plan their prompts by, who read it once: when they are built.

        An edited config file changes it with the next call; `context_window=...` does not move.
        """
        info = self.info
        window = self.context_window or info.window
        can_call = self.is_function_calling_model
        return LLMMetadata(
            context_window=window,
            num_output=num_output(self.max_tokens, window, info.output_limit),
            is_chat_model=True,
            is_function_calling_model=info.tools is True if can_call is None else can_call,
            model_name=info.name,
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask, and wait for the whole answer."""
        return self._chat(messages, kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """`chat`, asynchronously."""
        return await self._achat(messages, kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Ask, and yield the answer so far as it comes; tool calls come with the last item."""
        return self._stream(*self._asked(self._now(), messages, kwargs))

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """`stream_chat`, asynchronously."""
        return self._astream(*self._asked(await self._anow(), messages, kwargs))

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """`chat` with *prompt* as the one message."""
        return _responses.completion(self._chat(_bridge.asked(prompt), kwargs))

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """`complete`, asynchronously."""
        return _responses.completion(await self._achat(_bridge.asked(prompt), kwargs))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """`stream_chat` with *prompt* as the one message."""
        asked = self._asked(self._now(), _bridge.asked(prompt), kwargs)
        return _responses.completions(self._stream(*asked))

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """`stream_complete`, asynchronously."""
        asked = self._asked(await self._anow(), _bridge.asked(prompt), kwargs)
        return _responses.acompletions(self._astream(*asked))

    def _chat(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> ChatResponse:
        client, request, decision = self._asked(self._now(), messages, kwargs)
        return _responses.response(client.complete(request, decision))

    async def _achat(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]
    ) -> ChatResponse:
        client, request, decision = self._asked(await self._anow(), messages, kwargs)
        return _responses.response(await client.acomplete(request, decision))

    def _stream(self, client: Client, request: ChatRequest, decision: Decision) -> ChatResponseGen:
        so_far = _responses.Unfolding(decision.primary.model.family)
        with closing(client.stream(request, decision)) as items:
            for item in items:
                yield so_far.add(item)

    async def _astream(
        self, client: Client, request: ChatRequest, decision: Decision
    ) -> ChatResponseAsyncGen:
        so_far = _responses.Unfolding(decision.primary.model.family)
        async with aclosing(client.astream(request, decision)) as items:
            async for item in items:
                yield so_far.add(item)

    def _asked(
        self, now: InForce, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]
    ) -> tuple[Client, ChatRequest, Decision]:
        """The request of one call, and the decision of a caller who named the model."""
        given = self._params | flattened(kwargs)
        client, decision = self._client(now, given), self._decided
        labels = self._labels(given)
        info = now.router.catalog.get(given.pop("model", None) or self.model)
        request = ChatRequest(
            messages=_bridge.to_wire(messages, reasoning_of=info.family),
            tools=given.pop("tools", None) or (),
            tool_choice=given.pop("tool_choice", None),
            response_format=given.pop("response_format", None),
            params=given,
        )
        return client, request, decision or self._decide(now.router, info, request, labels)

    def _client(self, now: InForce, given: dict[str, Any]) -> Client:
        """What makes the attempts of one call, with what is said of that taken out of *given*."""
        limits, member_for = now.config.attempts, None
        if self._decided is None:
            limits = self._limits(now.config, given, one_model=True)
        else:
            # How often to try is the router's.
            member_for, _ = given.pop("timeout"), given.pop("max_retries", None)
        wire = Wire(self._endpoint, Timeouts.of(limits))
        return Client(wire, limits, self._health, now.budget, member_for=member_for)

    def _decide(
        self, router: Router, info: ModelInfo, request: ChatRequest, labels: Mapping[str, Any]
    ) -> Decision:
        facts = router.signals_for_one(
            request.messages,
            tools=request.tools,
            response_format=request.response_format,
            max_tokens=request.params.get("max_tokens"),
            thinking=request.params.get("thinking"),
            correction=self._health.correction,
            **labels,
        )
        return router.named(info, facts)

    def _told(self, decision: Decision) -> Self:
        """This model for the one attempt of *decision*, which is then not made again."""
        told = copy.copy(self)
        told._decided = decision
        return told


def num_output(max_tokens: int | None, window: int, output_limit: int) -> int:
    """Tokens an engine keeps free for the answer: never so many that no prompt is left."""
    if max_tokens is not None:
        return min(max_tokens, window // 2)
    return min(NUM_OUTPUT, output_limit, window // 4)
