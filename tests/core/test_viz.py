"""Tables and pictures of calls: what is in them, and what is asked for when they cannot be."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from globalapi_core import Catalog, Client, Router, recorded_calls, viz
from globalapi_core.config import parse_config
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Wire

FILE = """\
version: 1
routes:
  - name: long
    when: {min_tokens: 20000}
    candidates: [qwen3-32b, kimi-k2.5]
  - name: default
    candidates: [deepseek-v4-flash, qwen3-32b]
"""
PRICES = {name: Catalog.default().resolve(name).price for name in ("gpt-4o", "deepseek-v4-flash")}


def call(model: str, *, usd: str | None = "0.10", tokens: int | None = 5) -> dict[str, Any]:
    """A call as answers carry it, with what the pictures read."""
    usage = {} if tokens is None else {"input_tokens": tokens, "output_tokens": 1}
    failed = {"model": "glm-5", "wait": 0.0, "seconds": 0.5, "error": "down", "usage": None}
    answered = {"model": model, "wait": 0.2, "seconds": 0.1, "error": None, "usage": usage}
    return {
        "model": model,
        "route": "default",
        "fell_back": True,
        "attempts": [failed, answered],
        "cost": {"usd": usd, "at_least": usd or "0.04", "unknown": []},
        "decision": {"signals": {"language": "en"}},
    }


def texts(figure: Figure) -> list[str]:
    """What *figure* says once it is drawn, each piece once; none of it may be read as a formula."""
    figure.draw_without_rendering()
    found = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
    assert not any(text.get_parse_math() for text in found)
    return list(dict.fromkeys(text.get_text() for text in found))


def test_frame_keeps_money_exact_and_the_unknown_unknown() -> None:
    """Costs are decimals; an unknown cost or count is missing, and never 0."""
    table = viz.frame([call("glm-5"), call("kimi-k2.5", usd=None, tokens=None)])

    assert table["usd"][0] == Decimal("0.10")
    assert table["at_least"].sum() == Decimal("0.14")
    assert table["usd"].isna().tolist() == [False, True]
    assert table["input_tokens"].isna().tolist() == [False, True]
    assert table["attempts"].tolist() == [2, 2]


def test_frame_takes_records_as_they_are(sandbox: Sandbox) -> None:
    """What `recorded_calls` collects makes the same table as what answers carry."""
    router = Router()
    messages = [{"role": "user", "content": "How long does a refund take?"}]
    client = Client(Wire(Endpoint(sandbox.base_url)))

    with recorded_calls() as calls:
        client.complete(ChatRequest(messages), router.decide(router.signals(messages)))

    told = viz.frame([each.as_dict() for each in calls])
    assert viz.frame(calls).to_dict() == told.to_dict()
    assert told["model"].tolist() == [calls[0].model]


def test_bars_show_their_values() -> None:
    """Each bar has its name and its value; a dollar sign begins no formula."""
    shown = texts(viz.bars({"costs $1 or $2": 2.5, "b": 1.0}, "$ and $", format="${:.2f}"))

    assert {"costs $1 or $2", "b", "$2.50", "$1.00", "$ and $"} <= set(shown)


def test_multiples_are_those_of_the_prices() -> None:
    """What is dear for its output is less so the more input a call has."""
    marks = {"said": (0, 1), "read": (60_000, 500)}
    figure = viz.multiples(PRICES["gpt-4o"], PRICES["deepseek-v4-flash"], marks, "prices")

    assert {"said: 40.0×", "read: 14.2×"} <= set(texts(figure))


def test_multiples_of_an_unknown_price_are_refused() -> None:
    """A price that lacks a side cannot be compared: it is not taken for 0."""
    unknown = Catalog.default().resolve("qwen3-coder-30b").price

    with pytest.raises(ValueError, match="lacks a side"):
        viz.multiples(PRICES["gpt-4o"], unknown, {}, "prices")


def test_matrix_orders_candidates() -> None:
    """Who is asked first is 1, who stands in is 2, and who cannot take the call is crossed out."""
    router = Router(parse_config(FILE))
    decisions = {
        name: router.decide(router.signals([{"role": "user", "content": text}]))
        for name, text in {"short": "hello", "long": "word " * 40_000}.items()
    }

    axes: Axes = viz.matrix(decisions).axes[0]

    columns = [each.get_text() for each in axes.get_xticklabels()]
    cells = {
        (columns[round(each.get_position()[0])], round(each.get_position()[1])): each.get_text()
        for each in axes.texts
    }
    assert cells == {
        ("deepseek-v4-flash", 0): "1",
        ("qwen3-32b", 0): "2",
        ("kimi-k2.5", 1): "1",
        ("qwen3-32b", 1): "×",
    }


def test_confusions_count_each_group() -> None:
    """Each group has its counts and how many were right."""
    pairs = {"one": [("a", "a"), ("a", "b"), ("b", "b")], "two": [("b", "a")]}

    first, second = viz.confusions(pairs, ["a", "b"]).axes

    assert [each.get_text() for each in first.texts] == ["1", "1", "", "1"]
    assert first.get_title(loc="left") == "one: 2 of 3"
    assert second.get_title(loc="left") == "two: 0 of 1"


def test_timeline_places_attempts_by_their_waits() -> None:
    """An attempt begins after those before it and its own wait."""
    calls = [(1.0, call("kimi-k2.5"))]
    first = [(0.0, "glm-5"), (1.5, "kimi-k2.5"), (2.0, "kimi-k2.5")]

    axes = viz.timeline(calls, first, {"glm-5": (0.9, 1.2)}, "an outage").axes[0]

    lines: dict[Any, Any] = {each.get_label(): each for each in axes.lines}
    assert list(lines["failed"].get_xdata()) == [1.0]
    assert list(lines["answered"].get_xdata()) == pytest.approx([1.7])
    assert list(lines["is down"].get_xdata()) == [0.9, 1.2]


def test_spending_adds_up() -> None:
    """A curve ends at the sum of its costs."""
    figure = viz.spending({"routed": [Decimal("0.25")] * 3, "dear": [Decimal(1)]}, "spent")

    assert any("$0.7500" in each for each in texts(figure))


def test_claims_tell_right_wrong_and_unknown() -> None:
    """A right claim stands alone, a wrong one has its factor, an unknown one says so."""
    shown = texts(viz.claims([("right", 1.0), ("wrong", 1000.0), ("who knows", None)], "claims"))

    said = [each.strip() for each in shown]
    assert {"right", "wrong", "who knows", "1,000×", "unknown"} <= set(said)


@pytest.mark.parametrize(
    ("package", "use"),
    [("matplotlib", "viz.bars({'a': 1.0}, 'b')"), ("pandas", "viz.frame([])")],
)
def test_missing_package_says_what_to_install(package: str, use: str) -> None:
    """Without the extra the module imports; what needs a package names it and the extra."""
    code = (
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"
        "from globalapi_core import viz\n"
        f"assert not {{'matplotlib', 'pandas'}} - {{{package!r}}} & sys.modules.keys()\n"
        f"try: {use}\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == (
        f"{package} is not installed: pip install 'globalapi-llm[viz]'"
    ), done.stderr
