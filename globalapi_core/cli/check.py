"""`globalapi check`: is a config file sound, and what of it rests on assumptions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from globalapi_core import policy
from globalapi_core.catalog import ModelInfo
from globalapi_core.cli import _options, _output
from globalapi_core.cli._lazy import plain
from globalapi_core.config import Route
from globalapi_core.router import Router
from globalapi_core.signals import Signals

app = plain()


@app.command(epilog="Example: globalapi check globalapi.yaml")
def check(
    file: Annotated[
        Path | None, typer.Argument(help="The file; else the one that would be used.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the file instead.")
    ] = False,
    json: _options.Json = False,
) -> None:
    """Check a config file: problems end in exit code 2, warnings do not."""
    if schema:
        from globalapi_core.cli._schema import config_schema

        _output.document(config_schema())
        return
    router = Router(file)
    config, models = router.config, router.models
    warnings = [*_blind_spots(models), *_dead_ends(router)]
    if json:
        summary = {"file": config.file, "routes": len(config.routes), "models": len(models)}
        _output.document({"ok": True, **summary, "warnings": warnings})
        return
    routes = _output.count(len(config.routes), "route")
    typer.echo(f"ok: {routes}, {_output.count(len(models), 'model')} ({config.file})")
    for warning in warnings:
        typer.echo(f"warning: {warning}")


def _blind_spots(models: tuple[ModelInfo, ...]) -> Iterator[str]:
    """What is not known of the models that may be called."""
    for model in models:
        prices = {"input": model.price.input_mtok, "output": model.price.output_mtok}
        unknown = [name for name, price in prices.items() if price is None]
        if unknown:
            prices_ = f"{' and '.join(unknown)} price{'s' * (len(unknown) > 1)}"
            yield f"{model.name}: {prices_} unknown, so costs are lower bounds"
        if model.context_window is None:
            yield f"{model.name}: context window unknown, {model.window:,} tokens assumed"


def _dead_ends(router: Router) -> Iterator[str]:
    """Candidates that can take no call their own route fires for."""
    for route in router.config.routes:
        for name in route.candidates:
            model = router.catalog.resolve(name)
            reasons = [policy.unable(model, signals) for signals in _firing(route)]
            if all(reasons):
                yield f"route {route.name!r} never takes {model.name}: {reasons[0]}"


def _firing(route: Route) -> Iterator[Signals]:
    """The least demanding requests that *route* fires for, one for each modality."""
    when = route.when.conditions if route.when else {}
    for modality in when.get("modality", ["text"]):
        yield Signals(
            modalities=frozenset({"text", modality}),
            tools=int(when.get("tools", False)),
            response_format="json_object" if when.get("json_output") else None,
            input_tokens=when.get("min_tokens", 0),
        )
