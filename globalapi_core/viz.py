"""Tables and pictures of calls and decisions, for notebooks; needs the `viz` extra.

Calls are taken as answers carry them (`CallRecord.as_dict()`). Every function that draws
returns a matplotlib `Figure`: a notebook shows it, `savefig` keeps it. Colours can be told
apart by the colour-blind, and none says anything alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame  # type: ignore[import-untyped]

    from globalapi_core.pricing import Price
    from globalapi_core.records import CallRecord, Decision

Call = Mapping[str, Any]
"""A call as answers carry it: `CallRecord.as_dict()`."""

BLUE, ORANGE, GREEN, RED, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#8A8A8A",
)
"""Of the palette of Okabe and Ito."""
_SHARES = 101


def frame(calls: Iterable[Call | CallRecord]) -> DataFrame:
    """A table with a row for each call, as answers or as `recorded_calls` have it.

    Money is `Decimal`, USD: `usd` is `None` where part of the cost is unknown, `at_least`
    is the part that is known. Tokens are those of the attempt that answered.

    Raises:
        ModuleNotFoundError: pandas is not installed; says how to install it.
    """
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise _missing("pandas", error) from None
    told = (each if isinstance(each, Mapping) else each.as_dict() for each in calls)
    return pandas.DataFrame([_row(each) for each in told])


def bars(values: Mapping[str, float], title: str, *, format: str = "{:,.2f}") -> Figure:
    """One horizontal bar for each of *values*, the first on top, its value beside it."""
    figure, axes = _figure(8, 0.8 + 0.42 * len(values))
    drawn = axes.barh(list(values), list(values.values()), color=BLUE, height=0.62)
    labels = [format.format(each) for each in values.values()]
    axes.bar_label(drawn, labels, padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    _titled(axes, title)
    return _plain(figure)


def multiples(
    dear: Price, cheap: Price, marks: Mapping[str, tuple[int, int]], title: str
) -> Figure:
    """How many times *cheap* costs less than *dear*, over the input's share of the tokens.

    Args:
        dear: a price both of whose sides are known.
        cheap: another one.
        marks: calls to point out on the curve: input and output tokens, by what to call them.
        title: whose prices they are.

    Raises:
        ValueError: a price lacks a side.
    """
    figure, axes = _figure(8, 3.6)
    shares = [step / (_SHARES - 1) for step in range(_SHARES)]
    curve = [_times(dear, cheap, share, 1 - share) for share in shares]
    axes.plot([100 * share for share in shares], curve, color=BLUE, linewidth=2)
    for name, (given, said) in marks.items():
        share, times = given / (given + said), _times(dear, cheap, given, said)
        axes.plot([100 * share], [times], "o", color=RED, markersize=7)
        # The curve falls: beside its left half there is room above, beside its right half below.
        left = share < 0.5
        axes.annotate(
            f"{name}: {times:.1f}×",
            (100 * share, times),
            xytext=(10, 4) if left else (-10, -12),
            textcoords="offset points",
            horizontalalignment="left" if left else "right",
        )
    axes.set(xlabel="input tokens, % of all tokens of a call", ylabel="times cheaper", ylim=(0, 44))
    axes.grid(axis="y", color="#E5E5E5")
    _titled(axes, title)
    return _plain(figure)


def matrix(decisions: Mapping[str, Decision]) -> Figure:
    """Prompts by models: who is asked first (1), who stands in (2, 3, ...), who cannot (×)."""
    names = {each.name for decided in decisions.values() for each in decided.candidates}
    names |= {each.name for decided in decisions.values() for each in decided.rejected}
    models = sorted(names, key=lambda name: (_first_asked(name, decisions), name))
    figure, axes = _figure(1.6 + 0.55 * len(models), 1.5 + 0.34 * len(decisions))
    for y, decided in enumerate(decisions.values()):
        for order, candidate in enumerate(decided.candidates, 1):
            _cell(axes, models.index(candidate.name), y, str(order), BLUE if order == 1 else SKY)
        for each in decided.rejected:
            _cell(axes, models.index(each.name), y, "×", "#E5E5E5")
    axes.set_xticks(range(len(models)), models, rotation=40, horizontalalignment="left")
    axes.set_yticks(range(len(decisions)), list(decisions))
    axes.set(xlim=(-0.5, len(models) - 0.5), ylim=(len(decisions) - 0.5, -0.5))
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return _plain(figure)


def confusions(pairs: Mapping[str, Sequence[tuple[str, str]]], labels: Sequence[str]) -> Figure:
    """A table of counts for each group of *pairs*: what is so, by what was said of it.

    Args:
        pairs: for each group, of each thing what it is and what was said.
        labels: the order of both sides.
    """
    figure, row = _figures(2.1 + 2.4 * len(pairs), 3.3, len(pairs))
    for axes, (group, said) in zip(row, pairs.items(), strict=True):
        counts = Counter(said)
        most = max(Counter(truth for truth, _ in said).values())
        for y, truth in enumerate(labels):
            for x, guess in enumerate(labels):
                count = counts[truth, guess]
                shade = BLUE if truth == guess else ORANGE
                _cell(axes, x, y, str(count or ""), shade, count / most)
        right = sum(truth == guess for truth, guess in said)
        axes.set_xticks(range(len(labels)), labels, rotation=40, horizontalalignment="right")
        axes.set_yticks(range(len(labels)), labels if axes is row[0] else [])
        axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(len(labels) - 0.5, -0.5), aspect="equal")
        axes.tick_params(length=0)
        _titled(axes, f"{group}: {right} of {len(said)}")
    row[0].set_ylabel("is")
    row[0].set_xlabel("said")
    return _plain(figure)


def timeline(
    calls: Sequence[tuple[float, Call]],
    asked_first: Sequence[tuple[float, str]],
    down: Mapping[str, tuple[float, float]],
    title: str,
) -> Figure:
    """Every attempt of *calls* over time, and who would have been asked first at each moment.

    Args:
        calls: with the seconds at which each began.
        asked_first: seconds, and the first candidate of a decision made then.
        down: from when to when a model was down, in seconds.
        title: what happened.
    """
    models = list(dict.fromkeys(a["model"] for _, call in calls for a in call["attempts"]))
    figure, axes = _figure(8, 1.3 + 0.62 * len(models))
    for (begin, model), (end, _) in pairwise(asked_first):
        y = models.index(model)
        axes.fill_between([begin, end], y - 0.36, y + 0.36, color="#DCEBF5", linewidth=0)
    for model, (begin, end) in down.items():
        place = models.index(model) - 0.42
        axes.plot([begin, end], [place, place], color=RED, linewidth=3, label="is down")
    marks: dict[str, tuple[list[float], list[float]]] = {"ok": ([], []), "failed": ([], [])}
    for begin, call in calls:
        for seconds, model, ok in _attempts(begin, call):
            times, places = marks["ok" if ok else "failed"]
            times.append(seconds)
            places.append(models.index(model))
    axes.plot(*marks["ok"], "o", color=GREEN, markersize=6, label="answered")
    axes.plot(*marks["failed"], "x", color=RED, markersize=7, markeredgewidth=2, label="failed")
    axes.fill_between([], [], [], color="#DCEBF5", label="would be asked first")
    axes.set_yticks(range(len(models)), models)
    axes.set(ylim=(len(models) - 0.4, -0.65), xlabel="seconds")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=4, frameon=False)
    _titled(axes, title)
    return _plain(figure)


def spending(curves: Mapping[str, Sequence[Decimal]], title: str) -> Figure:
    """What calls came to, added up one after the other; each curve's cost in USD by call."""
    figure, axes = _figure(8, 3.4)
    for (name, costs), colour in zip(curves.items(), (BLUE, RED, ORANGE, GREEN), strict=False):
        sums = [sum(costs[: number + 1], Decimal(0)) for number in range(len(costs))]
        axes.plot(range(1, len(sums) + 1), [float(each) for each in sums], color=colour)
        axes.annotate(
            f" {name}\n ${sums[-1]:.4f}",
            (len(sums), float(sums[-1])),
            color=colour,
            verticalalignment="center",
            annotation_clip=False,
        )
    axes.set(xlabel="calls", ylabel="USD so far", xlim=(1, None), ylim=(0, None))
    axes.grid(axis="y", color="#E5E5E5")
    _titled(axes, title)
    return _plain(figure)


def claims(rows: Sequence[tuple[str, float | None]], title: str) -> Figure:
    """By what factor claims are off: what was stated, over what the prices give.

    Args:
        rows: of each claim its name, and stated over recomputed; 1 is right, `None` is a
            claim that cannot be recomputed.
        title: what the claims are about.
    """
    figure, axes = _figure(8, 1.1 + 0.3 * len(rows))
    axes.axvline(1, color=GREY, linewidth=1)
    for y, (_, off) in enumerate(rows):
        if off is None:
            axes.text(1, y, "  unknown", color=GREY, verticalalignment="center")
            continue
        right = 1 / 1.05 <= off <= 1.05
        axes.plot([1, off], [y, y], color=GREY, linewidth=1)
        axes.plot([off], [y], "o" if right else "D", color=GREEN if right else RED, markersize=6)
        if not right:
            side = "left" if off > 1 else "right"
            text = f"  {off:,.0f}×  " if off >= 10 else f"  {off:.2g}×  "
            axes.text(off, y, text, horizontalalignment=side, verticalalignment="center")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}×")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel="stated ÷ recomputed (log scale)")
    axes.margins(x=0.24)
    _titled(axes, title)
    return _plain(figure)


def _row(call: Call) -> dict[str, Any]:
    usage = (call["attempts"][-1]["usage"] if call["attempts"] else None) or {}
    usd = call["cost"]["usd"]
    return {
        "model": call["model"],
        "route": call["route"],
        "language": call["decision"]["signals"]["language"],
        "attempts": len(call["attempts"]),
        "fell_back": call["fell_back"],
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "usd": None if usd is None else Decimal(usd),
        "at_least": Decimal(call["cost"]["at_least"]),
    }


def _attempts(begin: float, call: Call) -> Iterable[tuple[float, str, bool]]:
    """When each attempt of a call began, at which model, and whether it answered."""
    for attempt in call["attempts"]:
        begin += attempt["wait"]
        yield begin, attempt["model"], attempt["error"] is None
        begin += attempt["seconds"]


def _times(dear: Price, cheap: Price, given: float, said: float) -> float:
    return _dollars(dear, given, said) / _dollars(cheap, given, said)


def _dollars(price: Price, given: float, said: float) -> float:
    if price.input_mtok is None or price.output_mtok is None:
        raise ValueError(f"{price!r} lacks a side; how many times cheaper it is, is unknown")
    return float(price.input_mtok) * given + float(price.output_mtok) * said


def _first_asked(name: str, decisions: Mapping[str, Decision]) -> int:
    """The number of the first prompt whose first candidate is *name*; past the last if none."""
    firsts = [each.primary.name for each in decisions.values()]
    return firsts.index(name) if name in firsts else len(firsts)


def _cell(axes: Axes, x: int, y: int, text: str, colour: str, strength: float = 1.0) -> None:
    axes.fill_between(
        [x - 0.47, x + 0.47], y - 0.45, y + 0.45, color=colour, alpha=strength, linewidth=0
    )
    axes.text(
        x,
        y,
        text,
        color="white" if colour == BLUE and strength > 0.6 else "#222222",
        horizontalalignment="center",
        verticalalignment="center",
    )


def _plain(figure: Figure) -> Figure:
    """*figure*, in which a dollar sign is a dollar sign and begins no formula."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)
    return figure


def _titled(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize="medium")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, row = _figures(width, height, 1)
    return figure, row[0]


def _figures(width: float, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    """A figure of *width* by *height* inches, with axes beside each other."""
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise _missing("matplotlib", error) from None
    figure, found = pyplot.subplots(
        1, columns, figsize=(width, height), squeeze=False, layout="constrained"
    )
    row: list[Axes] = list(found[0])
    for axes in row:
        axes.spines[["top", "right"]].set_visible(False)
    # Closed: a notebook shows what a cell returns, and must not show it twice.
    pyplot.close(figure)
    return figure, row


def _missing(package: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"{package} is not installed: pip install 'globalapi-llm[viz]'", name=error.name
    )
