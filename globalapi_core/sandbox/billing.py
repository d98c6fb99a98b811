"""The sandbox's own bill, to check a client's ledger against."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from globalapi_core.catalog import ModelInfo
from globalapi_core.pricing import Cost, Usage, cost, total


@dataclass(frozen=True, slots=True)
class BillRow:
    """What one model was used for and what that came to."""

    model: str
    """The catalog's name for it."""
    calls: int
    """Calls that got an answer or part of one; refused and failed calls are free."""
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    """Those of the input tokens that were read from the prompt cache."""
    cost: Cost

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "model": self.model,
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cost": self.cost.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """Everything used since the sandbox started or was reset."""

    rows: tuple[BillRow, ...]
    """One for each model, by name."""
    total: Cost

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"rows": [row.as_dict() for row in self.rows], "total": self.total.as_dict()}


@dataclass(frozen=True, slots=True)
class _Meter:
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0


class Account:
    """Counts what is used while answers are being sent; safe across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._meters: dict[str, tuple[ModelInfo, _Meter]] = {}

    def open(self, model: ModelInfo, input_tokens: int, cache_read_tokens: int = 0) -> None:
        """Count a call of *model* and its prompt."""
        with self._lock:
            _, meter = self._meters.get(model.name, (model, _Meter()))
            meter = _Meter(
                meter.calls + 1,
                meter.input_tokens + input_tokens,
                meter.output_tokens,
                meter.cache_read_tokens + cache_read_tokens,
            )
            self._meters[model.name] = model, meter

    def output(self, model: ModelInfo, tokens: int) -> None:
        """Count *tokens* that are about to be sent."""
        with self._lock:
            _, meter = self._meters.get(model.name, (model, _Meter()))
            meter = replace(meter, output_tokens=meter.output_tokens + tokens)
            self._meters[model.name] = model, meter

    def bill(self) -> Bill:
        """What was used so far."""
        with self._lock:
            meters = sorted(self._meters.items())
        rows = tuple(_row(model, meter) for _, (model, meter) in meters)
        return Bill(rows, total(row.cost for row in rows))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._meters.clear()


def _row(model: ModelInfo, meter: _Meter) -> BillRow:
    # A cost is linear in tokens, so that of the sums is the sum of the costs.
    usage = Usage(meter.input_tokens, meter.output_tokens, meter.cache_read_tokens)
    return BillRow(
        model.name,
        meter.calls,
        meter.input_tokens,
        meter.output_tokens,
        meter.cache_read_tokens,
        cost(usage, model.price),
    )
