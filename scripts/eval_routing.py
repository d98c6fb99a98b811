"""Measure the learned choice, and print what docs/routing-quality.md records.

    python scripts/eval_routing.py --data DIR [--parts signals,seen,unseen,pair,share,same,time]

DIR is the folder of the routing data, with `score_router.py` beside or above it: its
metrics, its grid and its operating points are used, so that figures compare with its
baselines. Operating points and tables come from `routing_dev` alone, out of fold; only the
last figure of each line is on `routing_valid`. Needs what training needs; takes about a
quarter of an hour.
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

# As in training: what more threads add up differs in the last bits.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import eval_signals
import eval_stability
import numpy as np
import train_router
from eval_points import points, told
from train_router import Row

from globalapi_core.catalog import fold
from globalapi_core.quality import choose, table
from globalapi_core.quality.predict import Guess, Predictor

POOLS = ("mixed24", "mmlu_pro", "korbench", "llmrouter_nim")
DEAR, CHEAP = "gpt-4-1106-preview", "mixtral-8x7b-instruct-v0.1"
FOLDS = 4

Guesses = Mapping[str, Guess]


class Bench:
    """The data, the shared scorer, and predictors trained on parts of the data."""

    def __init__(self, data: Path) -> None:
        self.data = data
        sys.path[:0] = [str(data), str(data.parent)]
        self.scorer = importlib.import_module("score_router")
        self.dev, self.valid = (train_router.load(data, split) for split in ("dev", "valid"))
        self.pools = self.scorer.pools()
        self._trained: dict[str, Predictor] = {}

    def rows(self, split: Sequence[Row], pool: str) -> list[Row]:
        """The rows of *split* that belong to *pool*."""
        return [row for row in split if row["suite"] in self.pools[pool]["suites"]]

    def without(self, name: str, left_out: Callable[[Row], bool]) -> Predictor:
        """A predictor trained on all of dev but what is *left_out*; made once for each *name*."""
        if name not in self._trained:
            rows = [row for row in self.dev if not left_out(row)]
            self._trained[name] = Predictor(train_router.train(rows))
        return self._trained[name]

    def guesses(self) -> Guesses:
        """Of every row, by predictors that never saw it: dev's are out of fold."""
        found = {}
        for each in range(FOLDS):
            predictor = self.without(f"fold {each}", lambda row, each=each: fold_of(row) == each)
            found |= {r["id"]: predictor.guess(r["prompt"]) for r in self.dev if fold_of(r) == each}
        whole = self.without("nothing", lambda row: False)
        return found | {row["id"]: whole.guess(row["prompt"]) for row in self.valid}

    def guesses_without_suites(self, suites: Sequence[str]) -> Guesses:
        """Of the rows of *suites*, each by a predictor that never saw its suite."""
        found = {}
        for suite in suites:
            predictor = self.without(suite, lambda row, suite=suite: row["suite"] == suite)
            rows = [row for row in (*self.dev, *self.valid) if row["suite"] == suite]
            found |= {row["id"]: predictor.guess(row["prompt"]) for row in rows}
        return found


def fold_of(row: Row) -> int:
    """One of `FOLDS`; the same for the same question, as the scorer has it."""
    return int(row["gid"][:6], 16) % FOLDS


def table_of(rows: Sequence[Row], guesses: Guesses, models: Sequence[str]) -> table.Table:
    """The table a user would measure on *rows*."""
    return table.measured(
        table.Result(guesses[row["id"]], {model: row["score"][model] for model in models})
        for row in rows
    )


def expected(
    rows: Sequence[Row], guesses: Guesses, found: table.Table, models: Sequence[str]
) -> np.ndarray:
    """The expected quality of each model for each row."""
    profiles = [found.profiles[fold(model)] for model in models]
    return np.array([[each.expected(guesses[row["id"]]) for each in profiles] for row in rows])


def pool_points(
    bench: Bench,
    pool: str,
    guesses: Guesses,
    source: Callable[[Row, Row], bool] = lambda of, to: True,
) -> dict[str, Any]:
    """The figures of one pool; *source* says whether one row may tell of another's models."""
    scorer, models = bench.scorer, bench.pools[pool]["models"]
    dev, valid = bench.rows(bench.dev, pool), bench.rows(bench.valid, pool)

    def quality(rows: Sequence[Row], of: Sequence[Row]) -> np.ndarray:
        groups: dict[str, list[int]] = {}
        for at, row in enumerate(rows):
            groups.setdefault(row["suite"] + "/" + row["domain"], []).append(at)
        found = np.zeros((len(rows), len(models)))
        for ats in groups.values():
            told = table_of([row for row in of if source(row, rows[ats[0]])], guesses, models)
            found[ats] = expected([rows[at] for at in ats], guesses, told, models)
        return found

    out_of_fold = np.zeros((len(dev), len(models)))
    for each in range(FOLDS):
        ats = [at for at, row in enumerate(dev) if fold_of(row) == each]
        rest = [row for row in dev if fold_of(row) != each]
        out_of_fold[ats] = quality([dev[at] for at in ats], rest)
    return points(scorer, models, dev, valid, out_of_fold, quality(valid, dev))


def seen(bench: Bench) -> None:
    """Suites that the training has seen; rows that it has not."""
    guesses = bench.guesses()
    told(
        "seen: head and table know the suites",
        {pool: pool_points(bench, pool, guesses) for pool in POOLS},
    )


def unseen(bench: Bench) -> None:
    """Leave one suite out, of the head alone and of the table too."""
    suites = sorted({suite for pool in POOLS for suite in bench.pools[pool]["suites"]})
    guesses = bench.guesses_without_suites(suites)
    told(
        "unseen text: the head never saw the suite; the table is measured on its dev rows",
        {pool: pool_points(bench, pool, guesses) for pool in POOLS},
    )

    def other_suite(of: Row, to: Row) -> bool:
        return bool(of["suite"] != to["suite"])

    told(
        "unseen suite: neither head nor table saw the suite",
        {"mixed24": pool_points(bench, "mixed24", guesses, other_suite)},
    )


def pair(bench: Bench) -> None:
    """RouteLLM's metric on its own two models."""
    print("\nRouteLLM: APGR of GPT-4-1106 and Mixtral 8x7B, valid")
    rows = [row for row in bench.dev if row["suite"] in ("routellm_mmlu", "routellm_gsm8k")]
    mmlu = [row for row in rows if row["suite"] == "routellm_mmlu"]
    gold = sorted(mmlu, key=lambda row: row["gid"])[:1500]
    chosen = {row["id"] for row in gold}

    def foreign(row: Row) -> bool:
        return not row["suite"].startswith("routellm")

    few = Predictor(train_router.train(bench.dev, lambda row: foreign(row) or row["id"] in chosen))
    none = Predictor(train_router.train([row for row in bench.dev if foreign(row)]))
    guesses = bench.guesses()
    apgr(bench, "all labels", guesses, table_of(rows, guesses, (DEAR, CHEAP)))
    # As RouteLLM had it: few labels of these two models on MMLU, many of others elsewhere.
    guesses = {row["id"]: few.guess(row["prompt"]) for row in (*bench.dev, *bench.valid)}
    apgr(bench, "1,500 labels", guesses, table_of(gold, guesses, (DEAR, CHEAP)))
    guesses = {row["id"]: none.guess(row["prompt"]) for row in bench.valid}
    apgr(bench, "no labels, other suites", guesses, table.Table())


def apgr(bench: Bench, name: str, guesses: Guesses, found: table.Table) -> None:
    """Print APGR with a bootstrap interval for each of RouteLLM's suites."""
    for suite in ("routellm_mmlu", "routellm_gsm8k"):
        rows = [row for row in bench.valid if row["suite"] == suite]
        needs = np.array(
            [choose.need(guesses[row["id"]], found, dear=DEAR, cheap=CHEAP) for row in rows]
        )
        strong, weak = (np.array([row["score"][each] for row in rows]) for each in (DEAR, CHEAP))
        figures = bench.scorer.apgr(strong, weak, needs)
        draw, values = np.random.default_rng(0), []
        for _ in range(1000):
            ats = draw.integers(0, len(rows), len(rows))
            values.append(bench.scorer.apgr(strong[ats], weak[ats], needs[ats])["apgr"])
        low, high = np.percentile(values, [2.5, 97.5])
        print(
            f"  {name:24s} {suite[9:]:6s} {figures['apgr']:.3f} [{low:.3f}, {high:.3f}] "
            f"CPT50 {figures['cpt50']:.1f} CPT80 {figures['cpt80']:.1f}"
        )


def share(bench: Bench) -> None:
    """How near a threshold set on a sample keeps the wanted share on unseen prompts."""
    print("\ntarget share: dear share of unseen prompts, 200 splits a line")
    guesses = bench.guesses()
    rows = [row for row in bench.dev if row["suite"] == "routellm_mmlu"]
    half = {row["id"] for row in rows[::2]}
    found = table_of([row for row in rows if row["id"] in half], guesses, (DEAR, CHEAP))
    needs = [
        choose.need(guesses[row["id"]], found, dear=DEAR, cheap=CHEAP)
        for row in (*bench.dev, *bench.valid)
        if row["id"] not in half
    ]
    draw = random.Random(0)
    for wanted in (0.1, 0.2, 0.5):
        for size in (200, 500, 1000, 2000, 5000):
            off = []
            for _ in range(200):
                draw.shuffle(needs)
                limit = choose.threshold(needs[:size], wanted)
                rest = needs[size:]
                off.append(100 * (sum(need > limit for need in rest) / len(rest) - wanted))
            within = sum(abs(each) <= 2 for each in off) / len(off)
            low, high = np.percentile(off, [2.5, 97.5])
            print(
                f"  {wanted:.0%} from {size:5,d}: off by {np.mean(np.abs(off)):.2f} pt, "
                f"95 % in [{low:+.2f}, {high:+.2f}], within 2 pt {within:.0%}"
            )


def pace(bench: Bench) -> None:
    """Microseconds of CPU a guess."""
    print("\ntime: CPU of a guess")
    predictor = bench.without("nothing", lambda row: False)
    text = "\n".join(row["prompt"] for row in bench.valid)
    predictor.guess(text)
    for size in (100, 1_000, 10_000, 100_000):
        spent = []
        for at in range(500):
            cut = text[at * 1500 : at * 1500 + size]
            started = time.thread_time()
            predictor.guess(cut)
            spent.append(time.thread_time() - started)
        middle, late = np.percentile(spent, [50, 99]) * 1e6
        print(f"  {size:7,d} characters: median {middle:.0f} us, p99 {late:.0f} us")


def same(bench: Bench) -> None:
    """Whether Chinese questions and reworded ones get the same decision."""
    predictor = bench.without("nothing", lambda row: False)
    guesses = {row["id"]: predictor.guess(row["prompt"]) for row in bench.dev}
    pools = []
    for name in POOLS:
        rows, models = bench.rows(bench.dev, name), bench.pools[name]["models"]
        usd = bench.scorer.matrices(rows, models)[1].mean(0).tolist()
        told = table_of(rows, guesses, models)
        pools.append(eval_stability.Pool(name, told, dict(zip(models, usd, strict=True))))
    routed = [row for row in bench.dev if row["suite"] in ("routellm_mmlu", "routellm_gsm8k")]
    two = table_of(routed, guesses, (DEAR, CHEAP))
    for name, pairs in {**eval_stability.twins(), **eval_stability.rewordings()}.items():
        eval_stability.same(name, pairs, predictor.guess, pools, two, (DEAR, CHEAP))


def signals(bench: Bench) -> None:
    """What `when` goes by: task, language, and the same question in two languages."""
    eval_signals.told(bench.data)


PARTS = {
    "signals": signals,
    "seen": seen, "unseen": unseen, "pair": pair, "share": share, "same": same, "time": pace,
}  # fmt: skip


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the routing data")
    parser.add_argument("--parts", default=",".join(PARTS), help="which figures, by commas")
    arguments = parser.parse_args()
    bench = Bench(arguments.data)
    for name in arguments.parts.split(","):
        PARTS[name](bench)


if __name__ == "__main__":
    main()
