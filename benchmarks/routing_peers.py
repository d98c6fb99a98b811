"""What a routing decision costs beside other routers that decide in process.

Every router is given the same prompts, in one process, and decides among models or routes by
the text alone; nothing is called. It needs an environment with the peers:

    pip install -e . litellm langchain-core semantic-router

A peer that is not installed is named, and the others are measured.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # or importing it asks GitHub

SIZES = (100, 1_000, 10_000, 100_000)
"""Bytes of the prompt in UTF-8."""
TEXTS = {
    "English": (
        "How do I explain the difference between net and gross margin to a new colleague? "
        "We sell tea in 12 shops, and last year the rent went up by a fifth. The accountant says "
        "that {number} orders came in by telephone. ",
        "Could you draft two short paragraphs for them?",
    ),
    "Chinese": (
        "请问怎么向新同事解释毛利率和净利率的区别？我们在12家店里卖茶叶，去年的房租涨了五分之一。"
        "会计说有{number}个订单是打电话来的。",
        "能帮我写两小段话给他们吗？",
    ),
}
"""What a prompt is made of, over and over with other numbers, and how it ends."""
ROUNDS = 9
"""Rounds; a figure is the median of them."""
SECONDS = 0.05
"""CPU time that one measurement takes at least, or one call."""
OURS = "globalapi: signals and decision"
Call = Callable[[str], object]


def prompt(language: str, size: int) -> str:
    """A prompt of *size* bytes."""
    begin, end = TEXTS[language]
    pieces, length = list[str](), len(end.encode())
    while length < size:
        pieces.append(begin.format(number=17 + 13 * len(pieces)))
        length += len(pieces[-1].encode())
    text = "".join(pieces).encode()[: max(0, size - len(end.encode()))]
    return text.decode(errors="ignore") + end


def ours() -> Call:
    """The shipped config's decision: eight routes, all signals."""
    from globalapi_core.router import Router

    router = Router()
    return lambda text: router.decide(router.signals([{"role": "user", "content": text}]))


def litellm() -> Call:
    """LiteLLM's complexity router: weighted keywords over the whole text."""
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

    router: Any = ComplexityRouter("auto", None, {})
    return lambda text: router.classify(text)


def langchain() -> Call:
    """LangChain's RunnableBranch with three lambdas, each a look for a few words."""
    from langchain_core.runnables import RunnableBranch, RunnableLambda

    def says(*words: str) -> Callable[[str], bool]:
        return lambda text: any(word in text.lower() for word in words)

    def goes_to(name: str) -> RunnableLambda[str, str]:
        return RunnableLambda(lambda text: name)

    branch = RunnableBranch(
        (says("code", "python", "代码"), goes_to("coder")),
        (says("prove", "step by step", "证明"), goes_to("reasoner")),
        (says("translate", "翻译"), goes_to("translator")),
        goes_to("default"),
    )
    return branch.invoke


def semantic_router() -> Call:
    """semantic-router's index of 5 routes with 10 utterances each.

    Its encoder costs nothing here; a real one adds 40 to 300 ms.
    """
    from semantic_router import Route
    from semantic_router.encoders import DenseEncoder
    from semantic_router.routers import IndexedRouter

    class Free(DenseEncoder):
        """384 numbers that depend on the text's length alone."""

        def __call__(self, docs: list[Any]) -> list[list[float]]:
            return [[1.0 + (len(doc) * place) % 11 for place in range(384)] for doc in docs]

    routes = [
        Route(name=f"route {each}", utterances=[f"{'word ' * n} {each}" for n in range(1, 11)])
        for each in range(5)
    ]
    router: Any = IndexedRouter(encoder=Free(name="free"), routes=routes)
    return lambda text: router(text)


PEERS: dict[str, tuple[str, Callable[[], Call]]] = {
    "LiteLLM ComplexityRouter.classify": ("litellm", litellm),
    "LangChain RunnableBranch, 3 conditions": ("langchain-core", langchain),
    "semantic-router, encoder left out": ("semantic-router", semantic_router),
}
"""(what it is installed as, how to make it) by name."""


def routers() -> Iterator[tuple[str, Call]]:
    """Who is measured; who is not there is named."""
    yield OURS, ours()
    for name, (package, make) in PEERS.items():
        try:
            print(f"{package} {version(package)}")
        except PackageNotFoundError:
            print(f"{name} is not measured: {package} is not installed")
            continue
        yield name, make()


def microseconds(call: Call, text: str) -> float:
    """CPU time of one call, of all threads, over as many calls as `SECONDS` take."""
    calls, started = 0, time.process_time()
    while (spent := time.process_time() - started) < SECONDS or not calls:
        call(text)
        calls += 1
    return spent / calls * 1e6


def main() -> None:
    """Print a table for each language: medians, and how often ours goes into each peer's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    calls = dict(routers())
    for language in TEXTS:
        texts = [prompt(language, size) for size in SIZES]
        found: dict[str, list[list[float]]] = {name: [[] for _ in SIZES] for name in calls}
        for number in range(rounds + 1):
            for name, call in calls.items():
                for place, text in enumerate(texts):
                    spent = microseconds(call, text)
                    if number:  # the first round warms up
                        found[name][place].append(spent)
        head = "".join(f"{size:>20,}" for size in SIZES)
        print(f"\n{f'{language}, us of CPU; bytes:':42s}{head}")
        base = found[OURS]
        for name, rows in found.items():
            cells = ""
            for taken, own in zip(rows, base, strict=True):
                ratio = statistics.median(a / b for a, b in zip(taken, own, strict=True))
                cells += f"{statistics.median(taken):>12,.0f}{f'{ratio:,.1f}x':>8}"
            print(f"{name:42s}{cells}")


if __name__ == "__main__":
    main()
