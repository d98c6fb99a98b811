"""What ships, as functions that a scorer of routers can call.

`task` names the kind of a prompt, `need` says how much it needs a strong model, and `pick`
chooses among models whose results are in the file that `RESULTS` names (lines of
`{"prompt": ..., "scores": {model: 0 to 1}, "costs": {model: USD}}`), at `COST_WEIGHT`.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from globalapi_core import signals
from globalapi_core.quality import choose, predict, table

_OTHERS = {"summarising": "chat", "extraction": "chat", "und": "chat"}
"""Our tasks that task sets of six kinds do not have."""


def task(prompt: str) -> str:
    """chat, code, knowledge, math, reasoning or translation."""
    found = signals.read([{"role": "user", "content": prompt}]).task
    return _OTHERS.get(found, found)


def need(prompt: str, row: Mapping[str, Any] | None = None) -> float:
    """How much better a strong model is expected to answer than a weak one."""
    guess = predict.guess(prompt)
    return guess.strong - guess.weak


def pick(prompt: str, models: Sequence[str], row: Mapping[str, Any] | None = None) -> str:
    """The model of the best expected answer for its cost."""
    known, costs = _measured()
    candidates = [(model, costs.get(model)) for model in models]
    weight = float(os.environ.get("COST_WEIGHT", "0"))
    return choose.ranked(candidates, predict.guess(prompt), known, cost_weight=weight)[0].model


@functools.cache
def _measured() -> tuple[table.Table, Mapping[str, float]]:
    """How good each model is in each domain, and what a call of it costs on average."""
    lines = Path(os.environ["RESULTS"]).read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    results = [table.Result(predict.guess(row["prompt"]), row["scores"]) for row in rows]
    spent: dict[str, list[float]] = {}
    for row in rows:
        for model, usd in row.get("costs", {}).items():
            spent.setdefault(model, []).append(usd)
    return table.measured(results), {model: fmean(each) for model, each in spent.items()}
