"""What every command writes with: plain tables, JSON documents, amounts."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import typer

from globalapi_core.pricing import Cost, Usage

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

UNKNOWN = "?"
"""Stands for a fact that no source states."""
SHOWN = 100
"""Characters of a file's line that are quoted."""
_WIDE = 300
"""Columns of an output that is no terminal: nothing is folded, `grep` finds it."""
_LEAST = 80
"""Columns that tables are drawn for at least: a narrower terminal folds their lines itself, and
no name and no number is cut."""
_STEERING = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
"""The control characters by which a text could move a terminal's cursor or set its title."""


def document(data: Any) -> None:
    """Write *data* to stdout as one JSON document."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    text = json.dumps(data, ensure_ascii=not encoding.startswith("utf"), indent=2)
    typer.echo(text)


def console(*, stderr: bool = False) -> Console:
    """Where tables are drawn; text is never read as markup."""
    from rich.console import Console

    found = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not found.is_terminal:
        found.width = _WIDE
    elif not stderr:
        found.width = max(found.width, _LEAST)
    return found


def table(*headers: str, numbers: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> Table:
    """A table with a line under its *headers*.

    Columns in *numbers* are set to the right; only those in *words* are folded when the
    terminal is narrow: half a name or half a number helps nobody.
    """
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        header_style="bold",
    )
    for header in headers:
        justify: Literal["right", "left"] = "right" if header in numbers else "left"
        made.add_column(header, justify=justify, no_wrap=header not in words)
    return made


def rows(*lines: tuple[str, ...]) -> Table:
    """Lines of cells set under each other, two spaces in."""
    from rich.padding import Padding
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    for line in lines:
        made.add_row(Padding(line[0], (0, 0, 0, 2)), *line[1:])
    return made


def number(value: float | None) -> str:
    """*value* with thousands set apart, or `?`."""
    return UNKNOWN if value is None else f"{value:,}"


def count(amount: int, noun: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def tokens(usage: Usage | None) -> tuple[str, str]:
    """Input and output tokens, each of them `?` where the gateway did not say."""
    usage = usage or Usage()
    return number(usage.input_tokens), number(usage.output_tokens)


def price(value: Decimal | None) -> str:
    """USD per million tokens, or `?`."""
    return UNKNOWN if value is None else f"{value:.2f}" if value >= 1 else f"{value:f}"


def amount(cost: Cost | None) -> str:
    """A cost without the words on what is unknown, which the sign stands for."""
    if cost is None:
        return UNKNOWN
    return f"{'' if cost.usd is not None else '≥ '}${cost.at_least:.6f}"


def failure(error: BaseException) -> str:
    """The type of *error* and the first line of what it says."""
    return harmless(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}")


def harmless(text: str) -> str:
    """*text*, which a server may have written, without what could steer a terminal."""
    return text.translate(_STEERING)
