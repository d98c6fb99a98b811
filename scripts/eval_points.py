"""Operating points of a pool, as the shared scorer finds them, and how they are told.

A point is found on dev, out of fold, and told on valid, with intervals by bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from train_router import Row

from globalapi_core.quality import choose


def points(
    scorer: Any,
    models: Sequence[str],
    dev: Sequence[Row],
    valid: Sequence[Row],
    out_of_fold: np.ndarray,
    quality: np.ndarray,
) -> dict[str, Any]:
    """What the scorer's `baselines` prints: operating points found on dev, told on valid."""
    dev_right, dev_cost = scorer.matrices(dev, models)
    right, cost = scorer.matrices(valid, models)
    dev_expected, cost_expected = scorer.expected_cost(dev_cost, dev, valid)
    mean = dev_right.mean(0)
    best = int(mean.argmax())
    grid = range(len(scorer.GRID))
    swept = [
        scorer.summarize(dev_right, dev_cost, picked(out_of_fold, mean, dev_expected, *at))[::-1]
        for at in scorer.GRID
    ]
    top = max(grid, key=lambda at: (round(swept[at][1], 6), -swept[at][0]))
    level = [at for at in grid if swept[at][1] >= mean[best] - 1e-9] or [top]
    singles = list(zip((cost.mean(0) * 1000).tolist(), right.mean(0).tolist(), strict=True))
    hull, best_right = scorer.hull_curve(singles), right[:, best]
    found: dict[str, Any] = {}
    for name, at in (("max", top), ("iso", min(level, key=lambda at: swept[at][0]))):
        pick = picked(quality, mean, cost_expected, *scorer.GRID[at])
        accuracy, usd = scorer.summarize(right, cost, pick)
        chosen = right[np.arange(len(right)), pick]
        found[name] = {
            "accuracy": accuracy,
            "gain": 100 * (accuracy / best_right.mean() - 1),
            "saved": 100 * (1 - usd / (cost[:, best].mean() * 1000)),
            "over hull": 100 * (accuracy - scorer.on_hull(hull, usd)),
            "pairs": (chosen, best_right, cost[np.arange(len(cost)), pick], cost[:, best]),
        }
    return found


def picked(
    quality: np.ndarray, mean: np.ndarray, cost: np.ndarray, shrunk: float, weight: float
) -> np.ndarray:
    """The scorer's `choose`, with the margin that `choose.ranked` leaves the usual model."""
    utility = mean + shrunk * (quality - mean) - weight * cost
    usual = (mean - weight * cost).argmax(1)
    utility[np.arange(len(utility)), usual] += shrunk * choose.MARGIN
    return np.asarray(utility.argmax(1))


def told(name: str, pools: Mapping[str, Mapping[str, Any]]) -> None:
    """Print the figures of *pools*, and their mean with a bootstrap interval."""
    print(f"\n{name}", flush=True)
    for pool, found in pools.items():
        most, level = found["max"], found["iso"]
        print(
            f"  {pool:14s} best accuracy {most['gain']:+5.1f} % {interval([most], _gain)} for "
            f"{most['saved']:+5.1f} % saved, over hull {most['over hull']:+5.2f} pt | "
            f"equal accuracy ({level['gain']:+5.1f} % {interval([level], _gain)}) "
            f"saves {level['saved']:5.1f} %, over hull {level['over hull']:+5.2f} pt"
        )
    most, level = ([found[key] for found in pools.values()] for key in ("max", "iso"))
    print(
        f"  {'mean':14s} gain {_mean(most, 'gain'):+.2f} % {interval(most, _gain)}, over hull "
        f"{_mean(most, 'over hull'):+.2f} pt | saved {_mean(level, 'saved'):.1f} % "
        f"{interval(level, _saved)} at {_mean(level, 'gain'):+.2f} % {interval(level, _gain)}, "
        f"over hull {_mean(level, 'over hull'):+.2f} pt"
    )


def _mean(found: Sequence[Mapping[str, Any]], key: str) -> float:
    return float(np.mean([each[key] for each in found]))


def _gain(chosen: Any, best: Any, cost: Any, best_cost: Any) -> float:
    return 100 * float(chosen.mean() / best.mean() - 1)


def _saved(chosen: Any, best: Any, cost: Any, best_cost: Any) -> float:
    return 100 * float(1 - cost.mean() / best_cost.mean())


def interval(
    found: Sequence[Mapping[str, Any]], of: Callable[..., float], times: int = 1000
) -> str:
    """The 95 % bootstrap interval of the mean of *of* over pools, prompts drawn anew."""
    draw = np.random.default_rng(0)
    means = []
    for _ in range(times):
        values = []
        for each in found:
            ats = draw.integers(0, len(each["pairs"][0]), len(each["pairs"][0]))
            values.append(of(*(side[ats] for side in each["pairs"])))
        means.append(np.mean(values))
    low, high = np.percentile(means, [2.5, 97.5])
    return f"[{low:+.1f}, {high:+.1f}]"
