"""What calls came to, in dollars, as a LangChain callback."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook

from globalapi_core.checks import Escalations
from globalapi_core.pricing import Cost, total
from langchain_globalapi import _bridge


class CostCallbackHandler(BaseCallbackHandler):
    """Adds up what the calls it listens to came to.

    Every attempt counts once, by the model that was called: one that failed after it was
    billed too, an answer from LangChain's cache as nothing. Only the models of this package
    say what they cost; others are not counted.
    """

    def __init__(self) -> None:
        """Begin at nothing."""
        super().__init__()
        self._lock = threading.Lock()
        self._by_model: dict[str, Cost] = {}
        self._attempts = 0
        self._calls = self._escalated = 0
        self._rejected = Cost(Decimal(0), Decimal(0))
        self._routed: set[UUID] = set()
        """The runs of routers' calls under way."""
        self._asked: dict[UUID, str] = {}
        """The models of the attempts under way, by their runs."""

    @property
    def cost(self) -> Cost:
        """What all of it came to, USD; its `usd` is `None` when part of it is unknown."""
        return total(self.by_model.values())

    @property
    def by_model(self) -> dict[str, Cost]:
        """What the attempts of each model came to, by its name in the catalog."""
        with self._lock:
            return dict(self._by_model)

    @property
    def attempts(self) -> int:
        """How many attempts were made, failed ones included."""
        return self._attempts

    @property
    def escalations(self) -> Escalations:
        """How many calls went up a candidate because of a check, and what was paid in vain."""
        return Escalations(self._calls, self._escalated, self._rejected.usd)

    def __repr__(self) -> str:
        """Cost, attempts, and the rate of calls that were escalated, if any was."""
        rate = f", {self.escalations.rate:.1%} of calls escalated" if self._escalated else ""
        return f"<{self.cost}, {self.attempts} attempts{rate}>"

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note who is asked: of a call that its caller leaves nothing else will tell."""
        if metadata and metadata.get("ls_provider") == _bridge.PROVIDER:
            self._asked[run_id] = str(metadata.get("ls_model_name"))

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Count the attempts of an answer."""
        self._asked.pop(kwargs["run_id"], None)
        for generations in response.generations:
            for each in generations:
                if isinstance(each, ChatGeneration) and isinstance(each.message, AIMessage):
                    self._answered(each.message, kwargs)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """Count the attempts of a call that failed."""
        model = self._asked.pop(kwargs["run_id"], None)
        record = getattr(error, "record", None)
        if record is not None:
            self._count(record.as_dict())
            self._call_ended(record.as_dict(), kwargs)
        elif model is not None and not isinstance(error, Exception):
            # The caller has left, and LangChain is told before the call knows of it.
            self._count({"attempts": [{"model": model, "cost": _UNKNOWN.as_dict()}]})

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Count a router's call."""
        if run_id in self._routed and isinstance(outputs, AIMessage):
            self._escalations_of(_bridge.record_of(outputs))
        self._routed.discard(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Count a router's call that failed."""
        record = getattr(error, "record", None)
        if run_id in self._routed and record is not None:
            self._escalations_of(record.as_dict())
        self._routed.discard(run_id)

    def _answered(self, message: AIMessage, run: Mapping[str, Any]) -> None:
        record = _bridge.record_of(message)
        if record and not _bridge.is_cached(message):
            self._count(record)
            self._call_ended(record, run)

    def _call_ended(self, record: Mapping[str, Any], run: Mapping[str, Any]) -> None:
        """Count the call of *record*; that of an attempt when its router's run ends."""
        if any(tag.startswith("attempt:") for tag in run.get("tags") or ()):
            self._routed.add(run["parent_run_id"])
        else:
            self._escalations_of(record)

    def _escalations_of(self, record: Mapping[str, Any] | None) -> None:
        if record is None:
            return
        costs = [
            cost
            for each in record["attempts"]
            if each["rejected"] and each["number"] != record["handed_over"]
            if (cost := _cost(each["cost"]))
        ]
        with self._lock:
            self._calls += 1
            self._escalated += bool(record["escalated"])
            self._rejected = total([self._rejected, *costs])

    def _count(self, record: Mapping[str, Any]) -> None:
        with self._lock:
            for attempt in record["attempts"]:
                self._attempts += 1
                known = self._by_model.get(attempt["model"])
                costs = [each for each in (known, _cost(attempt["cost"])) if each]
                if costs:
                    self._by_model[attempt["model"]] = total(costs)


@contextmanager
def get_cost_callback() -> Iterator[CostCallbackHandler]:
    """Add up what every call within the block comes to, however deep in a chain it is made.

    ```python
    with get_cost_callback() as costs:
        chain.invoke("How long does a refund take?")
    print(costs.cost, costs.by_model)
    ```
    """
    costs = CostCallbackHandler()
    token = _current.set(costs)
    try:
        yield costs
    finally:
        _current.reset(token)


_UNKNOWN: Final = Cost(None, Decimal(0), ("usage",))

_current: ContextVar[CostCallbackHandler | None] = ContextVar("globalapi_costs", default=None)
register_configure_hook(_current, inheritable=True)


def _cost(found: Mapping[str, Any] | None) -> Cost | None:
    """The cost of an attempt as its record tells it; `None` if it was not billed."""
    if found is None:
        return None
    usd = None if found["usd"] is None else Decimal(found["usd"])
    return Cost(usd, Decimal(found["at_least"]), tuple(found["unknown"]))
