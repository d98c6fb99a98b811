"""One call of the router's: how it is decided, what it goes by, what each attempt is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig, ensure_config
from pydantic import Field

from globalapi_core import checks
from globalapi_core.errors import InvalidInputError
from globalapi_core.records import Attempt, Decision
from globalapi_core.reloading import InForce
from langchain_globalapi import _bridge
from langchain_globalapi._base import GatewayChatModel
from langchain_globalapi._checking import Check
from langchain_globalapi._moving import flattened
from langchain_globalapi._tracing import inherited, seen

RouterInput: TypeAlias = LanguageModelInput | Mapping[str, Any]
"""What every chat model takes, or `{"key": route, "input": that}`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One call, decided."""

    now: InForce
    """The config it goes by to its end, whatever becomes of the file."""
    decision: Decision
    prompt: PromptValue
    messages: list[BaseMessage]
    """Those of *prompt*."""
    kwargs: Mapping[str, Any]
    schema: Check | None = None
    """What object the answer must be; `None`: anything will do."""
    held_to: checks.Checks = checks.NONE
    """What its text is held to."""

    @property
    def streamed(self) -> Plan:
        """The same for a stream: what it shows of a refusal would be too late for its schema."""
        if self.schema is None:
            return self
        held_to = checks.of(self.decision.escalate, self.held_to.own)
        return replace(self, held_to=replace(held_to, refusal_will_do=self.schema.keeps_raw))

    def given(self, attempt: Attempt) -> dict[str, Any]:
        """The arguments for one attempt: the route's, under the caller's."""
        # Named outright, or a model that the config names would be asked in its place.
        own = {"model": asked(attempt), "timeout": attempt.timeout}
        return {**attempt.candidate.params, **self.kwargs, **own}


class Planner(GatewayChatModel):
    """Base of the router, which decides its calls; not for use by itself."""

    route: str | None = None
    """Take this route for every call; `None`: decide."""
    check: checks.Own | None = Field(None, exclude=True, repr=False)
    """Takes an answer's text and says whether it will do: `None` and `True` let it pass; for
    `False` or a reason the next candidate is asked. What it raises, the call raises. A stream
    is held back until its end. It holds for every call, beside a route's `escalate`."""

    _configurable: ClassVar[tuple[str, ...]] = ("model", "route")

    def decide(
        self, input: RouterInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Decision:
        """Which models `invoke` would try, and why; calls nothing."""
        return self._plan(self._now(), input, ensure_config(config), kwargs).decision

    def _under(
        self,
        now: InForce,
        run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
        messages: list[BaseMessage],
        stop: list[str] | None,
        kwargs: Mapping[str, Any],
    ) -> Plan:
        """Decide a call for which LangChain has made *run* already."""
        return self._plan(now, messages, ensure_config(seen(run)), {"stop": stop, **kwargs})

    def _plan(
        self, now: InForce, input: RouterInput, config: RunnableConfig, kwargs: Mapping[str, Any]
    ) -> Plan:
        """Decide one call, by its input, its arguments and its config, completed by LangChain."""
        given = {name: value for name, value in flattened(kwargs).items() if value is not None}
        schema = given.pop("schema_check", None)
        own = given.pop("check", self.check)
        key, prompt = keyed(input) if isinstance(input, Mapping) else (None, input)
        named = {"route": given.pop("route", None), "model": given.pop("model", None)}
        route, model = first_named(
            named, {"route": key}, self._set_by(config), {"route": self.route}
        )
        prompt = self._convert_input(prompt)
        messages = prompt.to_messages()
        router, health, labels = now.router, self._health, inherited(config)
        signals = router.signals(
            _bridge.to_wire(messages),
            tools=given.get("tools") or (),
            response_format=given.get("response_format"),
            max_tokens=given.get("max_tokens") or self.max_tokens,
            thinking=given.get("thinking", self.model_kwargs.get("thinking")),
            tool_loop=_bridge.answered_by(messages),
            previous=_bridge.previous(messages),
            correction=health.correction,
            tags=[*(self.tags or ()), *(labels.get("tags") or ())],
            metadata={**(self.metadata or {}), **(labels.get("metadata") or {})},
        )
        cooling = health.cooling()
        decision = router.decide(signals, route=route, model=model, cooling=cooling)
        held_to = checks.of(decision.escalate, own, for_object=schema is not None)
        return Plan(now, decision, prompt, messages, given, schema, held_to)


def asked(attempt: Attempt) -> str:
    """The model of an attempt, as the file or the caller spells it."""
    return attempt.candidate.model.asked or attempt.candidate.name


def first_named(*sources: Mapping[str, str | None]) -> tuple[str | None, str | None]:
    """Route and model of the first of *sources* that names either."""
    for source in sources:
        named = source.get("route"), source.get("model")
        if any(named):
            return named
    return None, None


def keyed(input: Mapping[str, Any]) -> tuple[str, Any]:
    """Route and input of `{"key": ..., "input": ...}`, as `langchain_core`'s router takes it."""
    if set(input) != {"key", "input"}:
        raise InvalidInputError(
            f"expected a prompt, messages, or a mapping of 'key' (a route) and 'input', "
            f"not one of {sorted(input)}"
        )
    return str(input["key"]), input["input"]
