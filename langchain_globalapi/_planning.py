"""One call of the router's, decided: what it goes by, and what each attempt is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue

from globalapi_core import checks
from globalapi_core.errors import InvalidInputError
from globalapi_core.records import Attempt, Decision
from globalapi_core.reloading import InForce
from langchain_globalapi._checking import Check

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
