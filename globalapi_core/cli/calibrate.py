"""`globalapi calibrate`: from where on a route's calls are hard enough for its dear model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from globalapi_core.cli import _calibration, _files, _options, _output, _placing, _samples
from globalapi_core.cli._calibration import Calibration
from globalapi_core.cli._lazy import plain
from globalapi_core.config import Config, Route
from globalapi_core.config.file import DEFAULT_NAME, Reading, examine_file
from globalapi_core.errors import ConfigError, UnknownRouteError
from globalapi_core.router import Router
from globalapi_core.signals import Message

app = plain()


@app.command(epilog="Example: globalapi calibrate prompts.jsonl --write")
def calibrate(
    prompts: Annotated[
        Path,
        typer.Argument(
            metavar="PROMPTS",
            parser=_files.named,
            help="A sample of your prompts: JSONL, or text with one a line; - reads stdin.",
        ),
    ],
    config: _options.Config = None,
    route: Annotated[
        str | None,
        typer.Option("--route", metavar="NAME", help="All prompts are calls of this route."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put need_above into the config file.")
    ] = False,
    json: _options.Json = False,
) -> None:
    """Find need_above for a target_share from a sample of prompts.

    It calls nothing. Prompts that take another route do not count, unless the route is
    named. Prompts are neither shown nor kept.
    """
    reading = examine_file(config)
    routes = _with_a_share(reading, route)
    found = _calibrated(reading.config, routes, _samples.read(prompts), forced=route is not None)
    if write:
        _write(reading, found)
    if json:
        told = [each.as_dict() for each in found.values()]
        _output.document({"file": reading.file, "written": write, "routes": told})
        return
    for number, each in found.items():
        _show(each, reading.config.routes[number])
    typer.echo(f"wrote {reading.file}" if write else f"config: {reading.file}")


def _with_a_share(reading: Reading, name: str | None) -> dict[int, Route]:
    """The routes to calibrate, by their places.

    Raises:
        ConfigError: there is none.
        UnknownRouteError: there is no route of that *name*.
    """
    routes = reading.config.routes
    if name is not None and reading.config.route(name) is None:
        raise UnknownRouteError(name, known=[each.name for each in routes])
    found = {
        number: each
        for number, each in enumerate(routes)
        if each.target_share and name in (None, each.name)
    }
    if not found:
        which = f"route {name!r} has no target_share" if name else "no route has a target_share"
        text = f"{which}; give it one, such as target_share: {{claude-3-5-sonnet: 0.2}}"
        raise ConfigError(text, file=reading.file)
    return found


def _calibrated(
    config: Config, routes: dict[int, Route], prompts: list[list[Message]], *, forced: bool
) -> dict[int, Calibration]:
    bare = [_calibration.plain(each) for each in config.routes]
    router = Router(config.model_copy(update={"routes": bare}))
    return {
        number: _calibration.calibrated(
            each, _calibration.sample(router, each, prompts, forced=forced)
        )
        for number, each in routes.items()
    }


def _write(reading: Reading, found: dict[int, Calibration]) -> None:
    if reading.file is None or reading.file == DEFAULT_NAME:
        raise ConfigError("--write needs a config file of your own; `globalapi init` writes one")
    values = {number: each.need_above for number, each in found.items()}
    _placing.write(reading.file, _placing.placed(reading, values), before=reading.text)


def _show(found: Calibration, route: Route) -> None:
    sample, (least, most) = found.sample, found.interval
    prompts = _output.count(len(sample.needs), "prompt")
    typer.echo(f"route {found.route}: {_percent(found.wanted)} of its calls for {found.model}")
    typer.echo(f"  {found.share:.1%} of {prompts} are above {found.need_above!r}")
    typer.echo(
        f"  {found.validated:.1%} by half-sample cross-validation; "
        f"of unseen prompts {least:.1%} to {most:.1%}, 19 times of 20"
    )
    for text in _notes(found):
        typer.echo(f"  {text}")
    shares = ", ".join(
        f"{name}: {share:.12g}" for name, share in (route.target_share or {}).items()
    )
    typer.echo(f"\n    target_share: {{{shares}}}\n    need_above: {found.need_above!r}\n")


def _notes(found: Calibration) -> Iterator[str]:
    """What else there is to know of the sample, warnings first."""
    sample = found.sample
    if found.is_small:
        yield (
            f"warning: a small sample; with {_calibration.ENOUGH:,} prompts the share of unseen "
            "ones is within 2 points"
        )
    if found.is_tied:
        yield (
            f"warning: no threshold gives {_percent(found.wanted)}, for too many prompts have the "
            "same need"
        )
    if sample.unknown:
        prompts = _output.count(sample.unknown, "prompt")
        yield f"{prompts} without a known word: nothing is known of how hard they are"
    if sample.elsewhere:
        prompts = _output.count(sample.elsewhere, "prompt")
        yield f"{prompts} left out, by other routes; --route {found.route} counts all"
    if sample.without_choice:
        prompts = _output.count(sample.without_choice, "prompt")
        yield f"{prompts} left out, without a choice between {found.model} and another"


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"
