"""`globalapi explain`: a decision in words, and what would change it; calls nothing."""

from __future__ import annotations

import typer

from globalapi_core.cli import _options, _output, _prompt
from globalapi_core.cli._lazy import plain
from globalapi_core.flips import flips
from globalapi_core.router import Router

app = plain()


@app.command(epilog="Example: globalapi explain 证明根号二是无理数")
def explain(
    prompt: _options.Prompt = None,
    file: _options.File = None,
    image: _options.Image = None,
    tools: _options.Tools = None,
    json_output: _options.JsonOutput = False,
    system: _options.System = None,
    tag: _options.Tag = None,
    meta: _options.Meta = None,
    max_tokens: _options.MaxTokens = None,
    route: _options.Route = None,
    model: _options.Model = None,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Tell in words where a prompt goes, why, and what would change it; calls nothing."""
    router = Router(config)
    signals = _prompt.signals(
        router,
        _prompt.messages(_prompt.read(prompt, file), system=system, image=image),
        tools_file=tools,
        json_output=json_output,
        max_tokens=max_tokens,
        tag=tag,
        meta=meta,
    )
    decision = _prompt.decide(router, signals, route=route, model=model)
    if json:
        told = {"explanation": decision.explain(router)}
        found = () if decision.forced else flips(decision, router)
        told_flips = {"flips": [each.as_dict() for each in found]}
        _output.document(_prompt.as_dict(decision) | told | told_flips)
        return
    typer.echo(decision.explain(router))
    if note := _prompt.assumptions(decision, router):
        typer.echo(f"\n{note}")
    typer.echo(f"\nconfig: {router.config.file}")
