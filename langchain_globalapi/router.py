"""The right model for each call: a chat model that decides, calls and falls back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig
from pydantic import PrivateAttr

from globalapi_core import checks
from globalapi_core.catalog import ModelInfo
from globalapi_core.flow import attempts
from globalapi_core.health import Health
from globalapi_core.hooks import watched
from globalapi_core.records import Attempt
from globalapi_core.router import alone
from globalapi_core.shadow import ShadowedCall, draw
from globalapi_core.wire import ChatRequest
from langchain_globalapi import _kinds, _shadowing
from langchain_globalapi._base import SHARED
from langchain_globalapi._checking import Check, CheckedCall
from langchain_globalapi._kinds import Kind
from langchain_globalapi._planning import Plan, Planner, RouterInput, asked
from langchain_globalapi._tracing import atraced, traced
from langchain_globalapi.chat_models import ChatGlobalAPI


class RouterRunnable(Planner):
    """A chat model that sends each call to the right model, not `langchain_core`'s class.

    `langchain_core.runnables` has another `RouterRunnable`; import this one under its
    alias `ChatGlobalAPIRouter` beside it. That one's input, `{"key": ..., "input": ...}`,
    names a route here.

    Instantiate:
        ```python
        from langchain_globalapi import RouterRunnable

        router = RouterRunnable(config="globalapi.yaml")
        router.invoke("退款怎么办？").response_metadata["globalapi"]["reason"]
        ```

    It is a real `BaseChatModel`: use it in chains, agents and graphs, with `bind_tools`
    and `with_structured_output`. Arguments such as `temperature` hold for every model; a
    route's `params` go before them, and those of a call before both.

    One route or model for a call:
        `invoke(prompt, route="code")` or `model="glm-5"`; `with_config(configurable={"route":
        "code"})` or `{"model": "glm-5"}`. Tags and metadata of the config meet the routes'
        `when: {tags: ..., metadata: ...}`.

    Fallback:
        A model that fails before anything was shown is left for the next candidate, as is one
        whose answer fails a check: `check` here, or `escalate` of the route.
        `response_metadata["globalapi"]` lists every attempt and says why the route fired.

    Errors:
        `NoCandidateError`: no model can take the call; `PolicyError`: none may.
        `BudgetExceededError`: none can be paid. `AllModelsFailedError`: each was
        tried. `IncompleteResponseError`: a stream broke after its first token was shown.
    """

    _members: dict[str, ChatGlobalAPI] = PrivateAttr(default_factory=dict)

    # Members have the settings we had when they were made: with others we make new ones.
    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._members = {}
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        copied._members = {}
        return copied

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in SHARED:
            self._members.clear()
        if name in ("api_key", "base_url"):
            self._health = Health()

    def invoke(
        self, input: RouterInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """Ask the right model, and wait for the whole answer."""
        with traced(self, input, config) as run:
            plan = self._plan(self._now(), input, run.config, kwargs)
            run.decision = plan.decision
            message: AIMessage = self._call(plan, _kinds.MESSAGE).run(
                lambda attempt: self._member(plan, attempt).invoke(
                    plan.prompt, run.child(attempt), **plan.given(attempt)
                )
            )
            run.output = message
        return message

    async def ainvoke(
        self, input: RouterInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        """`invoke`, asynchronously."""
        async with atraced(self, input, config) as run:
            now = await self._anow()
            plan = self._plan(now, input, run.config, kwargs)
            run.decision = plan.decision
            message: AIMessage = await self._call(plan, _kinds.MESSAGE).arun(
                lambda attempt: self._member(plan, attempt).ainvoke(
                    plan.prompt, run.child(attempt), **plan.given(attempt)
                )
            )
            run.output = message
        return message

    def stream(
        self, input: RouterInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        """Ask the right model, and yield the answer as it comes."""
        with traced(self, input, config) as run:
            plan = self._plan(self._now(), input, run.config, kwargs).streamed
            run.decision = plan.decision
            for chunk in self._call(plan, _kinds.PIECE).stream(
                lambda attempt: self._member(plan, attempt).stream(
                    plan.prompt, run.child(attempt), **plan.given(attempt)
                )
            ):
                yield run.note(chunk)

    async def astream(
        self, input: RouterInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        """`stream`, asynchronously."""
        async with atraced(self, input, config) as run:
            now = await self._anow()
            plan = self._plan(now, input, run.config, kwargs).streamed
            run.decision = plan.decision
            chunks = self._call(plan, _kinds.PIECE).astream(
                lambda attempt: self._member(plan, attempt).astream(
                    plan.prompt, run.child(attempt), **plan.given(attempt)
                )
            )
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield run.note(chunk)

    # What `generate` and the v3 events call has an LLM run around it already: the members'
    # own hooks are called directly, for a run of theirs would count everything twice.

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        plan = kwargs.pop("plan", None) or self._under(
            self._now(), run_manager, messages, stop, kwargs
        )
        result: ChatResult = self._call(plan, _kinds.RESULT).run(
            lambda attempt: self._member(plan, attempt)._generate(
                plan.messages, **plan.given(attempt)
            )
        )
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        plan = kwargs.pop("plan", None) or self._under(
            await self._anow(), run_manager, messages, stop, kwargs
        )
        result: ChatResult = await self._call(plan, _kinds.RESULT).arun(
            lambda attempt: self._member(plan, attempt)._agenerate(
                plan.messages, **plan.given(attempt)
            )
        )
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        plan = kwargs.pop("plan", None) or self._under(
            self._now(), run_manager, messages, stop, kwargs
        )
        plan = plan.streamed
        yield from self._call(plan, _kinds.CHUNK).stream(
            lambda attempt: self._member(plan, attempt)._stream(
                plan.messages, run_manager=run_manager, **plan.given(attempt)
            )
        )

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        plan = kwargs.pop("plan", None) or self._under(
            await self._anow(), run_manager, messages, stop, kwargs
        )
        plan = plan.streamed
        chunks = self._call(plan, _kinds.CHUNK).astream(
            lambda attempt: self._member(plan, attempt)._astream(
                plan.messages, run_manager=run_manager, **plan.given(attempt)
            )
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    # Decided before LangChain looks into its cache, and streams underneath without a run.

    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        plan = self._under(self._now(), run_manager, messages, stop, kwargs)
        return super()._generate_with_cache(
            messages, stop=stop, run_manager=run_manager, plan=plan, **kwargs
        )

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        plan = self._under(await self._anow(), run_manager, messages, stop, kwargs)
        return await super()._agenerate_with_cache(
            messages, stop=stop, run_manager=run_manager, plan=plan, **kwargs
        )

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        # What another call was answered is an answer to this one if the same models may be asked.
        plan = kwargs.pop("plan", None)
        if plan is not None:
            kwargs["candidates"] = sorted(each.name for each in plan.decision.candidates)
        return super()._get_llm_string(stop=stop, **kwargs)

    def _call(self, plan: Plan, kind: Kind) -> CheckedCall:
        limits = self._limits(plan.now.config, plan.kwargs)
        now = plan.now
        flow = attempts(plan.decision, limits, self._health, now.budget, hook=watched(now.drift))
        call = ShadowedCall[Any](
            flow, kind.outcome, kind.recorded, text=kind.text, handed=kind.handed
        )
        call.shadow = draw(
            *(plan.now, plan.decision, self._endpoint, limits),
            ask=lambda attempt: self._same(plan, attempt),
            said=lambda items: _shadowing.answer([kind.message(each) for each in items]),
        )
        return CheckedCall(call, kind, plan.schema)

    def _same(self, plan: Plan, attempt: Attempt) -> ChatRequest:
        """What the model of *attempt* is asked by *plan*."""
        given = plan.given(attempt)
        for name in _shadowing.FOR_TRACERS:
            given.pop(name, None)
        member = self._member(plan, attempt)
        return member._asked(plan.now.router, plan.messages, None, {}, given)[0]

    def _checking(self, check: Check) -> dict[str, Any]:
        return {"schema_check": check}

    def _member(self, plan: Plan, attempt: Attempt) -> ChatGlobalAPI:
        """The model of one attempt. It does not retry: the router is the only loop."""
        name, config = asked(attempt), plan.now.config
        member = self._members.get(name)
        # One made before an edit goes by another config.
        if member is None or member._config is not config:
            given = self.model_fields_set.intersection(SHARED)
            shared = {field: getattr(self, field) for field in given}
            # The file may name another address by now; the circuits are those of ours.
            shared["base_url"] = self.base_url or self._endpoint.base_url
            shared |= {"config": config, "model": name}
            member = ChatGlobalAPI(**shared)
            self._members[name] = member
        own = alone(attempt.candidate, plan.decision.signals)
        return member._told(checks.held(own, plan.held_to))

    @property
    def _models(self) -> Sequence[ModelInfo]:
        return self._router.models

    @property
    def _llm_type(self) -> str:
        return "globalapi-router"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        routes = [route.model_dump(mode="json") for route in self._config.routes]
        return {"routes": routes, "base_url": self._endpoint.base_url, **self._params}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        params = super()._get_ls_params(stop=stop, **kwargs)
        return {**params, "ls_model_name": kwargs.get("model") or "globalapi-router"}


ChatGlobalAPIRouter = RouterRunnable
"""`RouterRunnable`, for those who import `langchain_core`'s class of that name too."""
