"""The right model for each call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

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
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.base import BaseEvent  # type: ignore[attr-defined]
from llama_index.core.types import Model
from pydantic import Field, PrivateAttr

from globalapi_core import checks
from globalapi_core.errors import GatewayError, RejectedAnswerError
from globalapi_core.flow import Call, attempts
from globalapi_core.hooks import watched
from globalapi_core.records import Attempt, CallRecord, Decision, Outcome
from globalapi_core.reloading import InForce
from globalapi_core.router import Router, alone
from globalapi_core.shadow import ShadowedCall, draw
from globalapi_core.wire import ChatRequest
from llamaindex_globalapi import _bridge, _responses, _shadowing, _structured
from llamaindex_globalapi._base import GatewayLLM, flattened
from llamaindex_globalapi.llms import GlobalAPI, num_output

_dispatcher = get_dispatcher(__name__)

Ready = Callable[[Attempt], tuple[GlobalAPI, dict[str, Any]]]
"""The model of each attempt, and its arguments."""
Parse = Callable[[ChatResponse], object]
"""Raises a `GatewayError` for an answer that is not the object that was asked for."""
Handed = Callable[[RejectedAnswerError], list[ChatResponse]]
"""What an answer that was rejected is handed over as, where there is no other."""


class CallEndEvent(BaseEvent):
    """A call of the router's has been answered.

    Engines pass on an answer's text alone: an event handler gets its record from here.
    """

    record: dict[str, Any]
    """`CallRecord.as_dict()`: the decision, every attempt, usage and cost."""

    @classmethod
    def class_name(cls) -> str:
        """What serialised forms call this class."""
        return "CallEndEvent"


class GlobalAPIRouter(GatewayLLM):
    """Sends each call to the model that suits it, as a LlamaIndex LLM.

    The config file says which model that is, and which ones stand in for it::

        from llamaindex_globalapi import GlobalAPIRouter

        Settings.llm = GlobalAPIRouter(config="globalapi.yaml")

    A model that fails before anything of its answer was shown is left for the next
    candidate. A tool loop stays with the model that began it.

    For one call, `llm.chat(messages, route="code")` forces a route and `model="glm-5"` a
    model; `tags=[...]` and `metadata={...}` are what routes may ask for. Arguments here, such
    as `temperature`, hold for every model; a route's `params` go before them, and those of
    a call before both.

    Responses:
        As those of `GlobalAPI`; the record in `additional_kwargs["globalapi"]` tells the
        decision and every attempt. `CallEndEvent` carries the same record.

    Events:
        Each attempt emits the LLM events of one call of its model, so that tokens are
        counted once. The router's own is `CallEndEvent`.

    Errors:
        `NoCandidateError`, `PolicyError`, `BudgetExceededError`, `UnknownRouteError`,
        `AllModelsFailedError`, or a `GatewayError` that no other model would have mended;
        each has the `record` of its attempts.
    """

    route: str | None = None
    """The route of every call; `None`: the first that fires."""
    check: checks.Own | None = Field(None, exclude=True, repr=False)
    """Takes an answer's text and says whether it will do: `None` and `True` let it pass; for
    `False` or a reason the next candidate is asked. What it raises, the call raises. A stream
    is held back until its end. It holds for every call, beside a route's `escalate`."""
    context_window_policy: Literal["min", "max"] | Annotated[int, Field(gt=0)] = "max"
    """The context window that engines are told of, in tokens: they read it once.

    "max" is the largest window among the candidates of the last route, which takes every
    call that no other route can: a prompt of that size always has a model, and models that
    are too small for a prompt are passed over. "min" is the smallest window of all models:
    one of 32,000 tokens makes several calls of what the others answer in one.
    """

    _members: dict[str, GlobalAPI] = PrivateAttr(default_factory=dict)

    @classmethod
    def class_name(cls) -> str:
        """What serialised forms call this class."""
        return "GlobalAPIRouter"

    @property
    def metadata(self) -> LLMMetadata:
        """What engines plan their prompts by, who read it once: when they are built.

        It is the same until the config file is edited, and follows with the next call: who is
        built then plans by the models that will answer. An engine of before plans on by the old
        window; where that may have become too large, set a number as `context_window_policy`.
        """
        router = self._router
        models, window = router.models, self._window(router)
        return LLMMetadata(
            context_window=window,
            num_output=num_output(
                self.max_tokens, window, min(model.output_limit for model in models)
            ),
            is_chat_model=True,
            is_function_calling_model=any(model.tools is True for model in models),
            model_name="globalapi-router",
        )

    def decide(self, messages: str | Sequence[ChatMessage], **kwargs: Any) -> Decision:
        """Which models `chat` would try, and why; calls nothing."""
        if isinstance(messages, str):
            messages = _bridge.asked(messages)
        return self._decide(self._now(), messages, flattened(kwargs))

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask the model that suits, and wait for the whole answer."""
        return self._chat(messages, kwargs)

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """`chat`, asynchronously."""
        return await self._achat(messages, kwargs)

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Ask the model that suits, and yield the answer so far as it comes."""
        called = self._call(self._now(), messages, kwargs, _responses.streamed_again)
        return self._stream(messages, *called)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """`stream_chat`, asynchronously."""
        called = self._call(await self._anow(), messages, kwargs, _responses.streamed_again)
        return self._astream(messages, *called)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """`chat` with *prompt* as the one message."""
        return _responses.completion(self.chat(_bridge.asked(prompt), **kwargs))

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """`complete`, asynchronously."""
        return _responses.completion(await self.achat(_bridge.asked(prompt), **kwargs))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """`stream_chat` with *prompt* as the one message."""
        return _responses.completions(self.stream_chat(_bridge.asked(prompt), **kwargs))

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """`stream_complete`, asynchronously."""
        return _responses.acompletions(await self.astream_chat(_bridge.asked(prompt), **kwargs))

    def _chat(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any], parse: Parse | None = None
    ) -> ChatResponse:
        call, ready = self._call(self._now(), messages, kwargs, parse=parse)

        def make(attempt: Attempt) -> ChatResponse:
            member, given = ready(attempt)
            response: ChatResponse = member.chat(messages, **given)
            return _checked(response, parse)

        return call.run(make)

    async def _achat(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any], parse: Parse | None = None
    ) -> ChatResponse:
        call, ready = self._call(await self._anow(), messages, kwargs, parse=parse)

        async def make(attempt: Attempt) -> ChatResponse:
            member, given = ready(attempt)
            response = await member.achat(messages, **given)
            return _checked(response, parse)

        return await call.arun(make)

    def _stream(
        self, messages: Sequence[ChatMessage], call: Call[ChatResponse], ready: Ready
    ) -> ChatResponseGen:
        def make(attempt: Attempt) -> ChatResponseGen:
            member, given = ready(attempt)
            stream: ChatResponseGen = member.stream_chat(messages, **given)
            return stream

        yield from call.stream(make, _responses.is_visible)

    async def _astream(
        self, messages: Sequence[ChatMessage], call: Call[ChatResponse], ready: Ready
    ) -> ChatResponseAsyncGen:
        async def make(attempt: Attempt) -> ChatResponseAsyncGen:
            member, given = ready(attempt)
            stream = await member.astream_chat(messages, **given)
            async with aclosing(stream):
                async for response in stream:
                    yield response

        async with aclosing(call.astream(make, _responses.is_visible)) as responses:
            async for response in responses:
                yield response

    def _call(
        self,
        now: InForce,
        messages: Sequence[ChatMessage],
        kwargs: Mapping[str, Any],
        handed: Handed = _responses.whole_again,
        parse: Parse | None = None,
    ) -> tuple[Call[ChatResponse], Ready]:
        """Decide on one call; the call, and what gives each attempt its model and arguments."""
        given = flattened(kwargs)
        own = given.pop("check", None) or self.check
        limits = self._limits(now.config, given)
        decision = self._decide(now, messages, given)
        flow = attempts(decision, limits, self._health, now.budget, hook=watched(now.drift))
        held_to = checks.of(decision.escalate, own, for_object=parse is not None)
        call = ShadowedCall(
            flow, _responses.outcome, mark=_finished, text=_responses.brought, handed=handed
        )

        def ready(attempt: Attempt) -> tuple[GlobalAPI, dict[str, Any]]:
            params = attempt.candidate.params
            told = checks.held(alone(attempt.candidate, decision.signals), held_to)
            member = self._member(now, attempt)._told(told)
            # LlamaIndex sets these on the router at any time.
            member.callback_manager = self.callback_manager
            member.rate_limiter = self.rate_limiter
            return member, {**self._params, **params, **given, "timeout": attempt.timeout}

        asked = list(messages)  # the caller goes on with his

        def same(attempt: Attempt) -> ChatRequest:
            member, own = ready(attempt)
            return member._asked(now, asked, own)[1]

        lot = (now, decision, self._endpoint, limits)
        call.shadow = draw(*lot, ask=same, said=_shadowing.answer, last_only=True)
        return call, ready

    def _decide(
        self, now: InForce, messages: Sequence[ChatMessage], given: dict[str, Any]
    ) -> Decision:
        """Decide by *given*, and take out of it what only decisions go by."""
        route, model = given.pop("route", None), given.pop("model", None)
        labels = self._labels(given)
        router, health = now.router, self._health
        facts = router.signals(
            _bridge.to_wire(messages),
            tools=given.get("tools") or (),
            response_format=given.get("response_format"),
            max_tokens=given.get("max_tokens") or self.max_tokens,
            thinking=given.get("thinking", self._params.get("thinking")),
            tool_loop=_bridge.answered_by(messages),
            previous=_bridge.previous(messages),
            correction=health.correction,
            **labels,
        )
        cooling = health.cooling()
        return router.decide(facts, route=route or self.route, model=model or None, cooling=cooling)

    def _member(self, now: InForce, attempt: Attempt) -> GlobalAPI:
        """The one model of *attempt*: it tries once and emits the events."""
        model = attempt.candidate.model
        name = model.asked or model.name
        member = self._members.get(name)
        # One made before an edit goes by another config.
        if member is None or member._router.config is not now.config:
            endpoint = self._endpoint
            shared = {"config": now.config, "api_base": endpoint.base_url}
            member = GlobalAPI(model=name, api_key=endpoint.api_key, **shared)
            self._members[name] = member
        return member

    def _window(self, router: Router) -> int:
        policy = self.context_window_policy
        if isinstance(policy, int):
            return policy
        if policy == "min":
            return min(model.window for model in router.models)
        names = router.config.routes[-1].candidates
        return max(router.catalog.resolve(name).window for name in names)

    def _predict(
        self, output_cls: type[Model], messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> Model:
        def parse(response: ChatResponse) -> Model:
            return _structured.parsed(output_cls, response)

        return parse(self._chat(messages, kwargs, parse))

    async def _apredict(
        self, output_cls: type[Model], messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> Model:
        def parse(response: ChatResponse) -> Model:
            return _structured.parsed(output_cls, response)

        return parse(await self._achat(messages, kwargs, parse))


def _checked(response: ChatResponse, parse: Parse | None) -> ChatResponse:
    """*response*, if *parse* can read it; if not, it was paid for all the same."""
    if parse is not None:
        try:
            parse(response)
        except GatewayError as error:
            outcome = _responses.outcome(response) or Outcome()
            error.usage, error.request_id = outcome.usage, outcome.request_id
            error.partial_tokens = outcome.estimate.output_tokens if outcome.estimate else 0
            raise
    return response


def _finished(response: ChatResponse, record: CallRecord) -> ChatResponse:
    """*response* with the record of the whole call, which an event tells too."""
    whole = _responses.recorded(response, record)
    _dispatcher.event(CallEndEvent(record=whole.additional_kwargs[_bridge.RECORD]))
    return whole
