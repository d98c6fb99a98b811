"""What a demo shows of its rows: a table, sums, and where the frameworks decided apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globalapi_core.cli import _output
from globalapi_core.cli._demo_run import Row
from globalapi_core.pricing import Cost, Price, total

if TYPE_CHECKING:
    from rich.table import Table

_WIDEST = 120
"""Columns beyond which a wider table is no easier to read."""
_NUMBERS = 47
"""Columns that model, tokens, costs and the gaps take; the rest is for words."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What all calls of one framework came to."""

    questions: int
    answered: int
    input_tokens: int
    output_tokens: int
    cost: Cost
    baseline: Cost
    """What the same tokens would have come to at the baseline's price."""

    @property
    def saved(self) -> float | None:
        """Share of the baseline's cost that was saved, an upper bound unless `cost.usd` is known.

        `None` without a known cost of the baseline.
        """
        if not self.baseline.usd:
            return None
        return float(1 - self.cost.at_least / self.baseline.usd)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "questions": self.questions,
            "answered": self.answered,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost": self.cost.as_dict(),
            "baseline_cost": self.baseline.as_dict(),
            "saved": self.saved,
        }


def sums(rows: Sequence[Row], baseline: Price) -> Sums:
    """Add up *rows*; what is unknown of one makes the sum a lower bound."""
    usages = [row.usage for row in rows if row.usage is not None]
    return Sums(
        questions=len(rows),
        answered=sum(row.error is None for row in rows),
        input_tokens=sum(usage.input_tokens or 0 for usage in usages),
        output_tokens=sum(usage.output_tokens or 0 for usage in usages),
        cost=total(row.cost for row in rows if row.cost is not None),
        baseline=total(each for row in rows if (each := row.cost_at(baseline)) is not None),
    )


def apart(rows: Sequence[Row]) -> list[str]:
    """Ids of the questions for which the frameworks took different routes or models."""
    decided: dict[str, set[tuple[str | None, str | None]]] = {}
    for row in rows:
        decided.setdefault(row.question.id, set()).add(row.decided)
    return [question for question, decisions in decided.items() if len(decisions) > 1]


def table(rows: Sequence[Row], baseline: Price, baseline_name: str, width: int) -> Table:
    """Two lines for each question: itself and its answer, the route and why, model and numbers.

    Rows of one question are one where the frameworks decided alike; the numbers are then
    those of the first.
    """
    words = min(width, _WIDEST) - _NUMBERS
    widths = max(18, words * 3 // 5), max(14, words * 2 // 5)
    numbers = ("tokens in\nout", f"cost\n{baseline_name}")
    made = _output.table(
        "question\nanswer", "route\nwhy", "model\nframework", *numbers, numbers=numbers
    )
    for row, frameworks in _merged(rows):
        made.add_row(*_cells(row, frameworks, baseline, widths))
    return made


def sums_table(by_framework: Mapping[str, Sums], baseline_name: str) -> Table:
    """A line for each framework."""
    numbers = ("answered", "tokens in", "out", "cost", f"at {baseline_name}'s price", "saved")
    made = _output.table("sum", *numbers, numbers=numbers)
    for name, each in by_framework.items():
        made.add_row(
            name,
            f"{each.answered} of {each.questions}",
            f"{each.input_tokens:,}",
            f"{each.output_tokens:,}",
            _output.amount(each.cost),
            _output.amount(each.baseline),
            percent(each),
        )
    return made


def percent(each: Sums) -> str:
    """How much was saved; with a sign where the cost is a lower bound."""
    if each.saved is None:
        return _output.UNKNOWN
    return f"{'' if each.cost.usd is not None else '≤ '}{each.saved:.0%}"


def row_dict(row: Row, baseline: Price) -> dict[str, Any]:
    """For JSON."""
    route, model = row.decided
    at_baseline = row.cost_at(baseline)
    return {
        "framework": row.framework,
        "question": row.question.id,
        "text": row.question.question,
        "expected_route": row.question.route,
        "route": route,
        "reason": row.reason,
        "model": model,
        "answer": row.text,
        "usage": row.usage and row.usage.as_dict(),
        "cost": row.cost and row.cost.as_dict(),
        "baseline_cost": at_baseline and at_baseline.as_dict(),
        "attempts": [dict(each) for each in row.attempts],
        "error": row.error,
    }


def _merged(rows: Sequence[Row]) -> Iterator[tuple[Row, list[str]]]:
    """Rows in the order of the questions, those decided alike as one."""
    alike: dict[tuple[Any, ...], list[Row]] = {}
    order = {row.question.id: None for row in rows}
    for row in rows:
        alike.setdefault((row.question.id, row.decided, row.error), []).append(row)
    for question in order:
        for (asked, *_), group in alike.items():
            if asked == question:
                yield group[0], [row.framework for row in group]


def _cells(
    row: Row, frameworks: Sequence[str], baseline: Price, widths: tuple[int, int]
) -> Iterator[str]:
    route, model = row.decided
    question, why = widths
    said = row.text if row.error is None else f"failed: {row.error}"
    yield f"{_short(row.question.question, question)}\n  {_short(said, question - 2)}"
    yield f"{route or _output.UNKNOWN}\n  {_short(row.reason, why - 2)}"
    yield f"{model or 'none'}\n  {frameworks[0] if len(frameworks) == 1 else 'both'}"
    yield "\n".join(_output.tokens(row.usage))
    yield f"{_output.amount(row.cost)}\n{_output.amount(row.cost_at(baseline))}"


def _short(text: str, width: int) -> str:
    """The first *width* columns of *text* on one line; a Chinese character takes two."""
    from rich.text import Text

    cut = Text(" ".join(text.split()))
    cut.truncate(width, overflow="ellipsis")
    return cut.plain.replace(" …", "…")
