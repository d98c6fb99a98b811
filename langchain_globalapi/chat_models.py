"""One model on the gateway."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    CallbackManagerForLLMRun,
)
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from pydantic import AliasChoices, Field, PrivateAttr

from globalapi_core.catalog import ModelInfo
from globalapi_core.client import Client
from globalapi_core.records import Decision
from globalapi_core.reloading import InForce
from globalapi_core.router import Router
from globalapi_core.wire import ChatRequest, Timeouts, Wire
from langchain_globalapi import _bridge, _kinds
from langchain_globalapi._base import GatewayChatModel
from langchain_globalapi._errors import in_both_families
from langchain_globalapi._moving import flattened
from langchain_globalapi._tracing import seen, seen_under


class ChatGlobalAPI(GatewayChatModel):
    """Chat with one model on the gateway.

    Setup:
        Set `GLOBAL_API_KEY`. To try without a key, run `globalapi sandbox` and set
        `GLOBAL_API_BASE_URL` to the address it prints.

    Instantiate:
        ```python
        from langchain_globalapi import ChatGlobalAPI

        model = ChatGlobalAPI(model="deepseek-v4-flash", temperature=0)
        ```

    Invoke, stream, batch and their async forms work as for every chat model, and so do
    `bind_tools` and `with_structured_output`.

    Another model for one call:
        `model.invoke(prompt, model="glm-5")`, or
        `model.with_config(configurable={"model": "glm-5"})`.

    Response metadata:
        `response_metadata["globalapi"]` has the record of the call: the model, every
        attempt with its outcome, and the cost in USD.

    Errors:
        `globalapi_core.errors.GatewayError` and its kinds. An answer that was cut short
        raises `IncompleteResponseError`, whose `partial_text` has what came; a tool call
        that is not whole and valid is in `invalid_tool_calls` and never in `tool_calls`.
        `PolicyError`: a policy of the config file forbids the model for this call, of which it
        knows tags and metadata; a cached answer of the model is not handed out either.
    """

    model_name: str = Field(
        "deepseek-v4-flash", validation_alias=AliasChoices("model", "model_name")
    )
    """Any spelling the catalog knows, or any other id the server serves."""

    _decided: Decision | None = PrivateAttr(None)
    """What a router decided of the attempt this model makes; `None`: the call is the caller's."""
    _original: ChatGlobalAPI | None = PrivateAttr(None)
    """What this is a copy of, made for one call; `None`: it is the caller's own."""
    _seen: RunnableConfig | None = PrivateAttr(None)
    """What is known of the config of a stream, whose runs LangChain keeps to itself."""

    @property
    def model(self) -> str:
        """The model's name, as it was given."""
        return self.model_name

    @property
    def info(self) -> ModelInfo:
        """What the catalog and the config file know of the model."""
        return self._config.catalog.get(self.model_name)

    def invoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """Ask, and wait for the whole answer."""
        return super().invoke(input, config, **self._with(config, kwargs))

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """`invoke`, asynchronously."""
        return await super().ainvoke(input, config, **self._with(config, kwargs))

    def stream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        """Ask, and yield the answer as it comes."""
        told = self._seeing(seen_under(config))
        return super(ChatGlobalAPI, told).stream(input, config, **self._with(config, kwargs))

    def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """`stream`, asynchronously."""
        told = self._seeing(seen_under(config))
        return super(ChatGlobalAPI, told).astream(input, config, **self._with(config, kwargs))

    # Where LangChain hands out what is cached, and streams underneath without telling the run.

    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        told = self._seeing(seen(run_manager))
        if self._may_be_cached:
            told._asked(self._now().router, messages, stop, {}, kwargs)
        return super(ChatGlobalAPI, told)._generate_with_cache(
            messages, stop=stop, run_manager=run_manager, **kwargs
        )

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        told = self._seeing(seen(run_manager))
        if self._may_be_cached:
            told._asked((await self._anow()).router, messages, stop, {}, kwargs)
        return await super(ChatGlobalAPI, told)._agenerate_with_cache(
            messages, stop=stop, run_manager=run_manager, **kwargs
        )

    @property
    def _may_be_cached(self) -> bool:
        """Whether an answer may come from a cache, of a call that nobody has decided yet."""
        asked = self.cache is not False and (self.cache or get_llm_cache()) is not None
        return asked and self._decided is None

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        now = self._now()
        asked = self._asked(now.router, messages, stop, seen(run_manager), kwargs)
        with in_both_families():
            return _kinds.result(self._client(now, kwargs).complete(*asked))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        now = await self._anow()
        asked = self._asked(now.router, messages, stop, seen(run_manager), kwargs)
        with in_both_families():
            return _kinds.result(await self._client(now, kwargs).acomplete(*asked))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        now = self._now()
        asked = self._asked(now.router, messages, stop, seen(run_manager), kwargs)
        items = self._client(now, kwargs).stream(*asked)
        with in_both_families(), closing(items):
            for item in items:
                chunk = _kinds.chunk(item)
                if run_manager:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        now = await self._anow()
        asked = self._asked(now.router, messages, stop, seen(run_manager), kwargs)
        items = self._client(now, kwargs).astream(*asked)
        with in_both_families():
            async with aclosing(items):
                async for item in items:
                    chunk = _kinds.chunk(item)
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def _asked(
        self,
        router: Router,
        messages: Sequence[BaseMessage],
        stop: list[str] | None,
        config: RunnableConfig,
        kwargs: Mapping[str, Any],
    ) -> tuple[ChatRequest, Decision]:
        """The request of one call, and the decision of a caller who named the model."""
        given = {**self._params, **flattened(kwargs)}
        for name in ("stream", "stream_usage", "timeout"):
            given.pop(name, None)
        info = router.catalog.get(given.pop("model", None) or self.model_name)
        given["stop"] = (given.get("stop") if stop is None else stop) or None
        request = ChatRequest(
            messages=_bridge.to_wire(messages, reasoning_of=info.family),
            tools=given.pop("tools", None) or (),
            tool_choice=given.pop("tool_choice", None),
            response_format=given.pop("response_format", None),
            params=given,
        )
        seen_of = config or self._seen or {}
        return request, self._decided or self._decide(router, info, request, seen_of)

    def _decide(
        self, router: Router, info: ModelInfo, request: ChatRequest, config: RunnableConfig
    ) -> Decision:
        facts = router.signals_for_one(
            request.messages,
            tools=request.tools,
            response_format=request.response_format,
            max_tokens=request.params.get("max_tokens"),
            thinking=request.params.get("thinking"),
            correction=self._health.correction,
            tags=[*(self.tags or ()), *(config.get("tags") or ())],
            metadata={**(self.metadata or {}), **(config.get("metadata") or {})},
        )
        return router.named(info, facts)

    def _client(self, now: InForce, kwargs: Mapping[str, Any]) -> Client:
        """What makes the attempts of one call."""
        limits, member_for = now.config.attempts, None
        if self._decided is None:
            limits = self._limits(now.config, kwargs, one_model=True)
        else:
            member_for = kwargs["timeout"]
        wire = Wire(self._endpoint, Timeouts.of(limits))
        return Client(wire, limits, self._health, now.budget, member_for=member_for)

    def _told(self, decision: Decision) -> Self:
        """This model for the one attempt of *decision*, which is then not made again."""
        told = self._copied()
        told._decided = decision
        return told

    def _seeing(self, config: RunnableConfig) -> Self:
        """This model for one call, which policies judge by *config*."""
        if self._decided is not None:
            return self
        told = self._copied()
        told._seen = config
        return told

    def _copied(self) -> Self:
        # LangChain keeps this on the object when it is first used: a copy would make its own.
        getattr(self, "_serialized", None)
        copied = copy.copy(self)
        copied._original = self._original or self
        return copied

    def _following(self, found: InForce) -> InForce:
        # What the copy for a call finds in the file, the caller's own model is to follow.
        original = self._original
        return super()._following(found) if original is None else original._following(found)

    def _with(self, config: RunnableConfig | None, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call, with those its config sets."""
        # A router names the model of each attempt.
        return kwargs if "model" in kwargs else {**self._configured(config), **kwargs}

    @property
    def _llm_type(self) -> str:
        return "globalapi-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model_name, "base_url": self._endpoint.base_url, **self._params}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        params = super()._get_ls_params(stop=stop, **kwargs)
        # Tracers add up by it: one model has one name, however it is spelled.
        model = kwargs.get("model") or self.model_name
        params["ls_model_name"] = self._config.catalog.get(model).name
        return params

    @property
    def _models(self) -> Sequence[ModelInfo]:
        return [self.info]
