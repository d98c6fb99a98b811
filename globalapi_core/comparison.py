"""What shadows said, kept in a file and compared with what the users were answered."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any

from globalapi_core.errors import GlobalAPIError, InvalidInputError
from globalapi_core.hooks import Shadowed, on_shadow
from globalapi_core.pricing import Cost, total


def shadows_to(path: str | os.PathLike[str], *, texts: bool = False) -> Callable[[], None]:
    """Append every shadow of this process to the file *path*, a line of JSON each.

    A line has `call` and `shadow`, which are `CallRecord.as_dict()`, `equal` and `error`.
    Several processes may write to one file.

    Args:
        path: is made if it is not there.
        texts: whether the lines have `answer` and `shadow_answer` too. A prompt is in none.

    Returns:
        What ends it.

    Raises:
        OSError: nothing can be written there.
    """
    name, lock = os.path.abspath(path), threading.Lock()
    os.close(_opened(name))

    def append(shadowed: Shadowed) -> None:
        line = json.dumps(_line(shadowed, texts=texts), ensure_ascii=False) + "\n"
        # Half of a surrogate pair, as a cut answer may have: escaped, it is still JSON.
        data = line.encode("utf-8", "backslashreplace")
        with lock:
            file = _opened(name)
            try:
                os.write(file, data)
            finally:
                os.close(file)

    return on_shadow(append)


@dataclass(frozen=True, slots=True)
class Pair:
    """The calls of one route that one model answered, and one shadow of theirs.

    Costs and seconds are those of the calls that both answered.
    """

    route: str
    model: str
    shadow: str
    asked: int
    """How often the shadow was to be asked."""
    answered: int
    """How often it answered."""
    equal: int
    """How often it said the same, but for white space around it."""
    cost: Cost
    shadow_cost: Cost
    seconds: float | None
    """The median; a streamed call takes as long as its reader. `None`: nobody answered."""
    shadow_seconds: float | None

    @property
    def share_equal(self) -> float | None:
        """The share of its answers that are equal, 0 to 1; `None`: it gave none."""
        return self.equal / self.answered if self.answered else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a file of shadows says, by route and models."""

    pairs: tuple[Pair, ...]

    def __str__(self) -> str:
        rows = [_HEAD, *map(_row, self.pairs)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        padded = ([each.ljust(n) for each, n in zip(row, widths, strict=True)] for row in rows)
        return "\n".join("  ".join(row).rstrip() for row in padded)


def compare(path: str | os.PathLike[str]) -> Comparison:
    """Compare the answers of a file that `shadows_to` wrote; print it, or use its numbers.

    Equality says how often it would have made no difference, and nothing of who was right.

    Raises:
        InvalidInputError: a line of it is none of `shadows_to`.
        OSError: it cannot be read.
    """
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for key, line in _lines(path):
        groups.setdefault(key, []).append(line)
    return Comparison(tuple(_pair(*key, lines) for key, lines in sorted(groups.items())))


def _opened(name: str) -> int:
    """The file, of which one write is one line, whoever writes too."""
    binary = getattr(os, "O_BINARY", 0)
    return os.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | binary, 0o666)


def _line(shadowed: Shadowed, *, texts: bool) -> dict[str, Any]:
    error, shadow = shadowed.error, shadowed.shadow
    line: dict[str, Any] = {
        "call": shadowed.call.as_dict(),
        "shadow": shadow and shadow.as_dict(),
        "equal": shadowed.equal,
        "error": error and type(error).__name__,
        # Others' errors may quote the prompt.
        "why": str(error) if isinstance(error, GlobalAPIError) else None,
    }
    if texts:
        line |= {"answer": shadowed.answer, "shadow_answer": shadowed.shadow_answer}
    return line


def _lines(
    path: str | os.PathLike[str],
) -> Iterator[tuple[tuple[str, str, str], Mapping[str, Any]]]:
    """Route, model, shadow and the rest of each line."""
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, 1):
            try:
                line = json.loads(text)
                call, _ = line["call"], line["equal"]
                yield (call["route"], call["model"], call["decision"]["shadow"]), line
            except (ValueError, TypeError, KeyError):
                name = os.fspath(path)
                raise InvalidInputError(
                    f"{name}:{number} is no line that shadows_to wrote; leave it out"
                ) from None


def _pair(route: str, model: str, shadow: str, lines: list[Mapping[str, Any]]) -> Pair:
    both = [line for line in lines if line["equal"] is not None]
    own, others = ([line[who] for line in both] for who in ("call", "shadow"))
    return Pair(
        route,
        model,
        shadow,
        asked=len(lines),
        answered=len(both),
        equal=sum(line["equal"] for line in both),
        cost=total(map(_cost, own)),
        shadow_cost=total(map(_cost, others)),
        seconds=median(each["seconds"] for each in own) if both else None,
        shadow_seconds=median(each["seconds"] for each in others) if both else None,
    )


def _cost(record: Mapping[str, Any]) -> Cost:
    said = record["cost"]
    usd = None if said["usd"] is None else Decimal(said["usd"])
    return Cost(usd, Decimal(said["at_least"]), tuple(said["unknown"]))


_HEAD = (
    *("route", "model", "shadow", "asked", "answered", "equal"),
    *("cost", "shadow's", "seconds", "shadow's"),
)


def _row(pair: Pair) -> tuple[str, ...]:
    equal = "-" if pair.share_equal is None else f"{pair.share_equal:.1%}"
    seconds = ("-" if s is None else f"{s:.2f}" for s in (pair.seconds, pair.shadow_seconds))
    counts = (str(pair.asked), str(pair.answered), equal)
    costs = (str(pair.cost), str(pair.shadow_cost))
    return (pair.route, pair.model, pair.shadow, *counts, *costs, *seconds)
