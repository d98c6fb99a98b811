"""Whether the same question gets the same decision: in Chinese as in English, and reworded.

A router that never routes is perfectly stable, so agreement counts only at operating points
that really route: there the model picked most often gets 15 to 85 % of the questions.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from train_router import ROOT

from globalapi_core.quality import choose
from globalapi_core.quality.predict import Guess
from globalapi_core.quality.table import Table

DATA = ROOT / "tests/data"
LEAST, MOST = 0.15, 0.85
"""Between them the share of questions that do not go to the model picked most often."""
SHARES = (0.2, 0.5, 0.8)
WEIGHTS = (0.0, *(float(each) for each in np.geomspace(1, 1000, 25)))
"""Cost weights looked at: from cost counts nothing to a tenth of a cent is a whole answer."""

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool as a user has it: the table of their results, and what a call costs."""

    name: str
    table: Table
    usd: Mapping[str, float]


def twins() -> dict[str, Pairs]:
    """The questions of `twins_200.jsonl`, in English and in Chinese."""
    rows = _rows("twins_200.jsonl")
    return {"200 twins": [(row["en"], row["zh"]) for row in rows]}


def rewordings() -> dict[str, Pairs]:
    """The questions of `rewordings.jsonl`, each with each of its rewordings, by language."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in _rows("rewordings.jsonl"):
        pairs = [(row["original"], each) for each in row["rewordings"]]
        found.setdefault(f"reworded, {row['lang']}", []).extend(pairs)
    return {**found}


def _rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def same(
    name: str,
    pairs: Pairs,
    guess: Callable[[str], Guess],
    pools: Sequence[Pool],
    two: Table,
    models: tuple[str, str],
) -> None:
    """Print how often both texts of *pairs* get the same domain and the same model.

    Args:
        name: of the pairs.
        pairs: texts that ask the same.
        guess: of a text.
        pools: whose models are chosen among, at each of `WEIGHTS`.
        two: a table of two models, for a target share.
        models: those two, the dear one first.
    """
    guesses = [(guess(one), guess(other)) for one, other in pairs]
    domains = np.array([one.domain == other.domain for one, other in guesses])
    print(f"\n{name}: {len(pairs)} pairs, the same domain {_told(domains)}", flush=True)
    every = []
    for pool in pools:
        points = list(_points(guesses, pool))
        every += points
        if points:
            agree = _told(np.mean(points, 0))
            print(f"  {pool.name:14s} the same pick {agree} at {len(points)} points")
        else:
            print(f"  {pool.name:14s} does not route at any point")
    if every:
        print(f"  {'all points':14s} the same pick {_told(np.mean(every, 0))}")
    dear, cheap = models
    needs = np.array(
        [[choose.need(each, two, dear=dear, cheap=cheap) for each in both] for both in guesses]
    )
    for share in SHARES:
        limit = choose.threshold(needs[:, 0].tolist(), share)
        told = _told((needs[:, 0] > limit) == (needs[:, 1] > limit))
        print(f"  share of {share:.0%} for the dear of two: the same side {told}")


def _points(guesses: Sequence[tuple[Guess, Guess]], pool: Pool) -> list[np.ndarray]:
    """Of each cost weight at which *pool* routes: for which pairs the picks agree."""
    found = []
    for weight in WEIGHTS:
        picks = [tuple(_pick(each, pool, weight) for each in both) for both in guesses]
        routed = 1 - max(Counter(one for one, _ in picks).values()) / len(picks)
        if LEAST <= routed <= MOST:
            found.append(np.array([one == other for one, other in picks], float))
    return found


def _pick(guess: Guess, pool: Pool, weight: float) -> str:
    return choose.ranked(pool.usd.items(), guess, pool.table, cost_weight=weight)[0].model


def _told(agree: np.ndarray, times: int = 1000) -> str:
    """A share with its 95 % bootstrap interval, pairs drawn anew."""
    draw = np.random.default_rng(0)
    means = [agree[draw.integers(0, len(agree), len(agree))].mean() for _ in range(times)]
    low, high = 100 * np.percentile(means, [2.5, 97.5])
    return f"{100 * agree.mean():.1f} % [{low:.1f}, {high:.1f}]"
