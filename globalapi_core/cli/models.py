"""`globalapi models`: what models there are, what they can do and what they charge."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from globalapi_core.catalog import ModelInfo, Source
from globalapi_core.cli import _options, _output
from globalapi_core.cli._lazy import plain
from globalapi_core.config import load_config


class Capability(StrEnum):
    """What a model may be asked to be able to do, in one word each."""

    TOOLS = "tools"
    JSON = "json"
    SCHEMA = "schema"
    THINKING = "thinking"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"


_KNOWN_TO: Mapping[Capability, Callable[[ModelInfo], bool | None]] = {
    Capability.TOOLS: lambda model: model.tools,
    Capability.JSON: lambda model: model.json_mode,
    Capability.SCHEMA: lambda model: model.json_schema,
    Capability.THINKING: lambda model: model.thinking in ("optional", "always"),
}
"""Whether a model is known to have each capability; the others are modalities."""


class _ListByDefault(TyperGroup):
    """`models --json` is `models list --json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` where no command was named."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = plain(cls=_ListByDefault, epilog="Example: globalapi models list --can tools --family qwen")


@app.callback()
def models() -> None:
    """What models there are, what they can do and what they charge."""


@app.command("list", epilog="Example: globalapi models list --can image")
def list_(
    family: Annotated[
        str | None, typer.Option("--family", metavar="NAME", help="Only this family.")
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", metavar="NAME", help="Only this origin: cn, us.")
    ] = None,
    can: Annotated[
        list[Capability] | None,
        typer.Option(
            "--can",
            metavar="WORD",
            help=f"Only models known to: {', '.join(Capability)}; repeatable.",
        ),
    ] = None,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """List the models with their prices, in USD per million tokens.

    in and out are the prices of input and output, context is in tokens, tok/s is the speed of
    an answer; ? is not known.
    """
    catalog = load_config(config).catalog
    _expect(family, {each.family for each in catalog}, "--family")
    _expect(origin, {each.origin for each in catalog if each.origin}, "--origin")
    found = [
        model
        for model in catalog
        if family in (None, model.family)
        and origin in (None, model.origin)
        and all(_can(model, each) for each in can or ())
    ]
    if json:
        _output.document([_described(model) for model in found])
        return
    numbers = ("in", "out", "context", "tok/s")
    headers = ("name", "family", "origin", *numbers, "can")
    table = _output.table(*headers, numbers=numbers, words=("can",))
    for model in found:
        table.add_row(*_row(model))
    _output.console().print(table)
    typer.echo(_output.count(len(found), "model"), err=True)


@app.command(epilog="Example: globalapi models show moonshot-k2.5")
def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The model, by any of its spellings.")
    ],
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Show what is known of one model, with sources and dates.

    Prices are in USD per million tokens, ttft_ms is the milliseconds until the first token;
    ? is not known.
    """
    model = load_config(config).catalog.resolve(name)
    if json:
        _output.document(_described(model) | {"sources": _sources(model)})
        return
    console = _output.console()
    console.print(f"{model.name}: {model.title or 'no title'}")
    table = _output.table("fact", "value", "date", "source", words=("value", "source"))
    for fact, value in _facts(model).items():
        table.add_row(fact, value, *_cited(model.sources.get(fact)))
    console.print(table)
    if model.aliases:
        console.print(f"also spelled: {', '.join(model.aliases)}")
    if model.notes:
        console.print(f"notes: {model.notes}")


def _expect(name: str | None, known: set[str], option: str) -> None:
    """Refuse a *name* that no model has: an empty list would look like an answer."""
    if name is not None and name not in known:
        text = f"expected one of {', '.join(sorted(known))}; not {name!r}"
        raise typer.BadParameter(text, param_hint=option)


def _row(model: ModelInfo) -> tuple[str, ...]:
    known = [each.value for each in Capability if _can(model, each)]
    return (
        model.name,
        model.family,
        model.origin or _output.UNKNOWN,
        _output.price(model.price.input_mtok),
        _output.price(model.price.output_mtok),
        _output.number(model.context_window),
        _output.number(model.tokens_per_second),
        " ".join(known) or _output.UNKNOWN,
    )


def _facts(model: ModelInfo) -> dict[str, str]:
    """Each fact as text, by the name its source is kept under."""
    prices = dataclasses.asdict(model.price)
    told = {name: _output.price(value) for name, value in prices.items()}
    told |= {
        name: _text(getattr(model, name))
        for name in (
            "id", "family", "origin", "context_window", "max_output", "modalities", "tools",
            "json_mode", "json_schema", "thinking", "tokens_per_second", "ttft_ms", "scores",
        )
    }  # fmt: skip
    return told | ({"variant_of": model.variant_of} if model.variant_of else {})


def _described(model: ModelInfo) -> dict[str, Any]:
    """For JSON: unknown is null, and prices are decimal text, so that nothing is rounded."""
    skipped = ("asked", "sources", "price")
    names = [field.name for field in dataclasses.fields(model) if field.name not in skipped]
    told: dict[str, Any] = {name: getattr(model, name) for name in names}
    told["modalities"] = None if model.modalities is None else sorted(model.modalities)
    told["scores"] = dict(model.scores)
    told["price"] = {
        name: None if value is None else f"{value:f}"
        for name, value in dataclasses.asdict(model.price).items()
    }
    return told


def _sources(model: ModelInfo) -> dict[str, Any]:
    return {fact: dataclasses.asdict(source) for fact, source in model.sources.items()}


def _cited(source: Source | None) -> tuple[str, str]:
    return (source.date or _output.UNKNOWN, source.title) if source else ("", "")


def _can(model: ModelInfo, capability: Capability) -> bool:
    known = _KNOWN_TO.get(capability)
    return bool(known(model) if known else capability in (model.modalities or ()))


def _text(value: Any) -> str:
    if value is None or value == {} or value == "":
        return _output.UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {score}" for name, score in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)
