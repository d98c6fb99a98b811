"""`globalapi explain`: a decision in words, and what would change it; calls nothing."""

from __future__ import annotations

from typing import Any

import typer

from globalapi_core.cli import _deciding, _prompt
from globalapi_core.flips import flips
from globalapi_core.records import Decision
from globalapi_core.router import Router


def _show(decision: Decision, router: Router) -> None:
    typer.echo(decision.explain(router))
    if note := _prompt.assumptions(decision, router):
        typer.echo(f"\n{note}")
    typer.echo(f"\nconfig: {router.config.file}")


def _told(decision: Decision, router: Router) -> dict[str, Any]:
    found = () if decision.forced else flips(decision, router)
    return {
        "explanation": decision.explain(router),
        "flips": [each.as_dict() for each in found],
    }


app = _deciding.command(
    _show,
    _told,
    help="Tell in words where a prompt goes, why, and what changes it.\n\nIt calls nothing.",
    example="globalapi explain 证明根号二是无理数",
)
