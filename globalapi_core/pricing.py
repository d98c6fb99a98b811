"""Usage, prices and costs.

A price is in USD per million tokens, a cost is what one call came to in USD; both are
`Decimal`. What is not known is `None`, so that it is never added up as zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt, as the gateway claimed them.

    `None` means the gateway did not say. `cache_read_tokens` are part of
    `input_tokens`, `reasoning_tokens` part of `output_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def total_tokens(self) -> int | None:
        """Input and output together, `None` unless both are known."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

    def as_dict(self) -> dict[str, int]:
        """The known counts by name, for JSON."""
        return {
            name: count for name in self.__slots__ if (count := getattr(self, name)) is not None
        }


@dataclass(frozen=True, slots=True)
class Price:
    """What a model charges, USD per million tokens; `None` where no source states it.

    Prices are dated estimates from published lists (`Catalog.sources`), not a bill.
    """

    input_mtok: Decimal | None = None
    output_mtok: Decimal | None = None
    cache_read_mtok: Decimal | None = None
    """Price of input tokens read from the gateway's cache; `None` bills them as input."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something came to, in USD.

    Attributes:
        usd: the cost, or `None` when part of it is unknown.
        at_least: the part that is known; equal to `usd` when all of it is.
        unknown: what is missing, in words, such as `"input price"`.
    """

    usd: Decimal | None
    at_least: Decimal
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        amount = f"${self.at_least:.6f}"
        if self.usd is not None:
            return amount
        return f"≥ {amount} ({', '.join(self.unknown)} unknown)"

    def as_dict(self) -> dict[str, object]:
        """For JSON: amounts as decimal text, so that nothing is rounded."""
        return {
            "usd": None if self.usd is None else f"{self.usd:f}",
            "at_least": f"{self.at_least:f}",
            "unknown": list(self.unknown),
        }


def cost(usage: Usage | None, price: Price) -> Cost:
    """What *usage* comes to at *price*."""
    if usage is None:
        return Cost(None, Decimal(0), ("usage",))
    cached = (usage.cache_read_tokens or 0) if price.cache_read_mtok is not None else 0
    # Some servers count more cached tokens than input: no part is ever below zero.
    fresh = None if usage.input_tokens is None else max(0, usage.input_tokens - cached)
    known, unknown = Decimal(0), []
    for name, tokens, mtok in (
        ("input", fresh, price.input_mtok),
        ("output", usage.output_tokens, price.output_mtok),
        ("cache read", cached, price.cache_read_mtok),
    ):
        if tokens and mtok is not None:
            known += tokens * mtok
        elif tokens != 0:
            unknown += [f"{name} tokens"] if tokens is None else []
            unknown += [f"{name} price"] if mtok is None else []
    known /= _MILLION
    return Cost(None if unknown else known, known, tuple(unknown))


def total(costs: Iterable[Cost]) -> Cost:
    """Add up *costs*; unknown if any of them is."""
    costs = list(costs)
    if len(costs) == 1:
        return costs[0]
    known = sum((each.at_least for each in costs), Decimal(0))
    unknown = tuple(dict.fromkeys(name for each in costs for name in each.unknown))
    return Cost(None if unknown else known, known, unknown)


def usd(amount: Decimal) -> str:
    """An amount for people, rounded up to a millionth: `$0.0102`."""
    rounded = amount.quantize(Decimal("0.000001"), rounding="ROUND_CEILING").normalize()
    return f"${rounded:f}"
