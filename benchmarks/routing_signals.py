"""What reading the signals of a prompt costs: microseconds a decision by the prompt's size.

`routing_signals.py` prints the best of many runs, in English and in Chinese, beside LiteLLM's
complexity router where `litellm` is installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module

from globalapi_core import signals
from globalapi_core.router import Router

SIZES = (100, 1_000, 10_000, 100_000)
"""Characters of the prompt."""
TEXTS = {
    "English": (
        "How do I explain the difference between net and gross margin to a new colleague? "
        "We sell tea in 12 shops, and last year the rent went up by a fifth. "
    ),
    "Chinese": (
        "请问怎么向新同事解释毛利率和净利率的区别？我们在12家店里卖茶叶，去年的房租涨了五分之一。"
    ),
}
RUNS = 200


def prompt(text: str, size: int) -> str:
    """*text* over and over, cut to *size* characters."""
    return (text * (size // len(text) + 1))[:size]


def microseconds(call: Callable[[], object]) -> float:
    """The best of `RUNS` runs: what the machine does besides only adds to it."""
    best = float("inf")
    for _ in range(RUNS):
        started = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started)
    return best * 1e6


def others() -> dict[str, Callable[[str], object]]:
    """Other routers that are installed, by name."""
    try:
        module = import_module("litellm.router_strategy.complexity_router.complexity_router")
    except ImportError:
        return {}
    router = module.ComplexityRouter("auto", None, {})
    return {"LiteLLM ComplexityRouter.classify": router.classify}


def row(name: str, calls: Iterable[Callable[[], object]]) -> None:
    """Print what each of *calls* takes."""
    print(f"{name:46s}" + "".join(f"{microseconds(call):10.0f}" for call in calls))


def main() -> None:
    """Print a row for each thing measured."""
    router = Router()
    print(f"{f'us, best of {RUNS}; characters:':46s}" + "".join(f"{size:>10,}" for size in SIZES))
    for name, text in TEXTS.items():
        texts = [prompt(text, size) for size in SIZES]
        prompts = [[{"role": "user", "content": each}] for each in texts]
        row(f"{name}, signals", [partial(signals.read, each) for each in prompts])
        known = [signals.read(each) for each in prompts]
        row(f"{name}, decision from signals", [partial(router.decide, each) for each in known])
        for other, call in others().items():
            row(f"{name}, {other}", [partial(call, each) for each in texts])


if __name__ == "__main__":
    main()
