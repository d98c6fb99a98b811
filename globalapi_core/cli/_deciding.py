"""A command that decides on a prompt and calls nothing: `route` and `explain` are two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from globalapi_core.cli import _options, _output, _prompt
from globalapi_core.cli._lazy import plain
from globalapi_core.records import Decision
from globalapi_core.router import Router


def command(
    show: Callable[[Decision, Router], None],
    told: Callable[[Decision, Router], dict[str, Any]] | None = None,
    *,
    help: str,
    example: str,
) -> typer.Typer:
    """The command, with all that can be said of a prompt.

    Args:
        show: writes a decision for people.
        told: what it says of a decision for JSON beside the decision itself; `None`: nothing.
        help: what the command is for.
        example: a call of it.
    """
    app = plain()

    @app.command(help=help, epilog=f"Example: {example}")
    def decided(
        prompt: _options.Prompt = None,
        file: _options.File = None,
        image: _options.Image = None,
        system: _options.System = None,
        tools: _options.Tools = None,
        json_output: _options.JsonOutput = False,
        tag: _options.Tag = None,
        meta: _options.Meta = None,
        max_tokens: _options.MaxTokens = None,
        route: _options.Route = None,
        model: _options.Model = None,
        config: _options.Config = None,
        json: _options.Json = False,
    ) -> None:
        router = Router(config)
        asked = _prompt.asked(
            prompt, file=file, image=image, system=system, tools=tools, json_output=json_output,
            max_tokens=max_tokens, tag=tag, meta=meta,
        )  # fmt: skip
        decision = _prompt.decide(router, asked, route=route, model=model)
        if json:
            _output.document(_as_dict(decision) | (told(decision, router) if told else {}))
        else:
            show(decision, router)

    return app


def _as_dict(decision: Decision) -> dict[str, Any]:
    """A decision for JSON, with the estimated cost of each candidate."""
    estimates = {
        each.name: each.estimate and each.estimate.as_dict() for each in decision.candidates
    }
    return decision.as_dict() | {"estimates": estimates}
