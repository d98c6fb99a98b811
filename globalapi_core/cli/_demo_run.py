"""Running the demo's questions through each framework's pipeline."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.metadata import entry_points
from typing import Any

import typer

from globalapi_core.cli import _output
from globalapi_core.demo import Pipeline, Question, Retriever, load_passages
from globalapi_core.errors import GlobalAPIError
from globalapi_core.pricing import Cost, Price, Usage, cost
from globalapi_core.settings import Endpoint

GROUP = "globalapi.pipelines"
"""The entry points by which a framework's adapter offers its pipeline."""


class MissingExtraError(GlobalAPIError):
    """A part of the demo needs a package that is not installed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One question put to one framework, and what came of it."""

    framework: str
    question: Question
    text: str = ""
    record: Mapping[str, Any] | None = None
    """`CallRecord.as_dict()`; `None` if the call left none."""
    error: str | None = None
    """Type and first line of what went wrong; `None` if there is an answer."""

    @property
    def decided(self) -> tuple[str | None, str | None]:
        """Route and model."""
        return (self.record["route"], self.record["model"]) if self.record else (None, None)

    @property
    def reason(self) -> str:
        """Why the route fired."""
        return str(self.record["reason"]) if self.record else ""

    @property
    def attempts(self) -> Sequence[Mapping[str, Any]]:
        """Every attempt of the call, in order."""
        return self.record["attempts"] if self.record else ()

    @property
    def has_fallback(self) -> bool:
        """Whether the call had another candidate than the first."""
        return self.record is not None and len(self.record["decision"]["candidates"]) > 1

    @property
    def usage(self) -> Usage | None:
        """Tokens of the attempt that answered."""
        claimed = self.attempts[-1]["usage"] if self.attempts and self.error is None else None
        return Usage(**claimed) if claimed else None

    @property
    def cost(self) -> Cost | None:
        """What the call came to; `None` without a record of it."""
        return _cost(self.record["cost"]) if self.record else None

    def cost_at(self, price: Price) -> Cost | None:
        """What the same tokens would have come to at *price*; `None` without an answer."""
        return cost(self.usage, price) if self.error is None else None


@dataclass(frozen=True, slots=True)
class Run:
    """What every question of a demo is asked with."""

    pipelines: Mapping[str, Pipeline]
    retriever: Retriever
    config: str
    """Path of the config file; empty: as `load_config` finds it."""
    endpoint: Endpoint

    def ask(self, framework: str, questions: Sequence[Question]) -> Iterator[Row]:
        """Put *questions* to *framework*; an error is the row of its question.

        Raises:
            GatewayError: the first call failed in a way that all others would.
        """
        pipeline = self.pipelines[framework]
        waiting = deque(questions)
        answered = False
        while waiting:
            failure: Exception = RuntimeError("the pipeline ended without an answer to it")
            try:
                for each in pipeline(tuple(waiting), self.retriever, self.config, self.endpoint):
                    yield Row(framework, waiting.popleft(), each.text, each.record)
                    answered = True
            # A framework may raise anything: whatever it is, it is this question's.
            except Exception as error:
                if not answered and getattr(error, "scope", None) in ("key", "endpoint"):
                    raise
                failure = error
            if waiting:
                yield _failed(Row(framework, waiting.popleft()), failure)


def load_pipelines(framework: str) -> tuple[dict[str, Pipeline], dict[str, str]]:
    """The pipelines of *framework*, or of all for `both`; and what is missing, by name.

    Raises:
        BadParameter: there is no such framework.
        MissingExtraError: none of them can be loaded.
    """
    offered = {each.name: each for each in sorted(entry_points(group=GROUP))}
    if framework != "both" and framework not in offered:
        names = ", ".join([*offered, "both"])
        text = f"expected one of {names}; not {framework!r}"
        raise typer.BadParameter(text, param_hint="--framework")
    loaded: dict[str, Pipeline] = {}
    missing: dict[str, str] = {}
    for name in offered if framework == "both" else [framework]:
        try:
            loaded[name] = offered[name].load()
        except ImportError as error:
            missing[name] = f"{error}; pip install 'globalapi-llm[{name},demo]'"
    if not loaded:
        lines = [f"{name}: {text}" for name, text in missing.items()]
        raise MissingExtraError("; ".join(lines) or "no framework's pipeline is installed")
    return loaded, missing


def load_retriever() -> Retriever:
    """The demo's corpus, indexed.

    Raises:
        MissingExtraError: bm25s is not installed.
    """
    try:
        return Retriever(load_passages())
    except ImportError as error:
        text = f"retrieval needs bm25s: {error}; pip install 'globalapi-llm[demo]'"
        raise MissingExtraError(text) from None


def busiest(rows: Sequence[Row]) -> Row | None:
    """The first answered row of the route that fired most often; of those with a fallback."""
    answered = [row for row in rows if row.error is None and row.has_fallback]
    counts = Counter(row.decided[0] for row in answered)
    return max(answered, key=lambda row: counts[row.decided[0]], default=None)


def _failed(row: Row, error: Exception) -> Row:
    record = getattr(error, "record", None)
    return replace(row, error=_output.failure(error), record=record.as_dict() if record else None)


def _cost(told: Mapping[str, Any]) -> Cost:
    usd = told["usd"]
    return Cost(
        None if usd is None else Decimal(usd), Decimal(told["at_least"]), tuple(told["unknown"])
    )
