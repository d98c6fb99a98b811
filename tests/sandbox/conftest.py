from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.pricing import Price
from globalapi_core.sandbox import Sandbox

FLASH = ModelInfo(
    name="flash",
    id="flash",
    aliases=("vendor/Flash-Chat",),
    price=Price(Decimal("0.18"), Decimal("0.25"), Decimal("0.02")),
    context_window=10_000,
    max_output=500,
    modalities=frozenset({"text"}),
    tools=True,
    json_mode=True,
    json_schema=True,
    thinking="optional",
    tokens_per_second=200,
    ttft_ms=100,
)
EYES = ModelInfo(
    name="eyes",
    id="eyes",
    price=Price(Decimal(1), Decimal(2)),
    modalities=frozenset({"text", "image", "audio", "file"}),
    tools=True,
    json_mode=True,
    json_schema=False,
)
THINKER = ModelInfo(name="thinker", id="thinker", thinking="always")
PLAIN = ModelInfo(name="plain", id="plain", tools=False, json_mode=False, thinking="never")
SWITCH = ModelInfo(
    name="switch", id="switch", thinking="optional", price=Price(Decimal(1), Decimal(1))
)
SWITCHED = ModelInfo(
    name="switch-thinking",
    id="switch",
    variant_of="switch",
    thinking="always",
    price=Price(Decimal(1), Decimal(5)),
)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """A few models, one for each thing the sandbox treats in its own way."""
    return Catalog([FLASH, EYES, THINKER, PLAIN, SWITCH, SWITCHED])


@pytest.fixture
def sandbox(catalog: Catalog) -> Iterator[Sandbox]:
    """A sandbox that answers at once."""
    with Sandbox(catalog) as running:
        yield running
