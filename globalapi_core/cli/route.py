"""`globalapi route`: which model a prompt goes to, and why; calls nothing."""

from __future__ import annotations

from typing import Any

from globalapi_core.cli import _deciding, _output, _prompt
from globalapi_core.pricing import usd
from globalapi_core.records import Decision
from globalapi_core.router import Router
from globalapi_core.signals import Signals


def _show(decision: Decision, router: Router) -> None:
    console = _output.console()
    chosen = f"route {decision.route}, " if decision.route else ""
    console.print(f"{decision.primary.name} ({chosen}{decision.reason})")
    if note := _prompt.assumptions(decision, router):
        console.print(note)
    console.print("\nsignals")
    console.print(_output.rows(*_signals(decision.signals)))
    console.print(f"\ncandidates, by {decision.choose}")
    console.print(
        _output.rows(
            *(
                (str(number), each.name, _output.amount(each.estimate), _unknown(each.estimate))
                for number, each in enumerate(decision.candidates, 1)
            )
        )
    )
    if decision.policies:
        ceiling = f", {usd(decision.max_cost)} at most" if decision.max_cost is not None else ""
        console.print(f"\npolicies in force: {', '.join(decision.policies)}{ceiling}")
    if decision.rejected:
        console.print("\nturned down")
        console.print(
            _output.rows(
                *((each.name, each.reason, each.policy or "") for each in decision.rejected)
            )
        )
    if decision.passed:
        console.print("\nroutes passed over")
        console.print(_output.rows(*decision.passed))
    console.print(f"\nconfig: {router.config.file}")


def _signals(signals: Signals) -> list[tuple[str, str, str]]:
    """What is known of the prompt, each guess with what showed it."""
    told = signals.as_dict()
    evidence = told.pop("evidence")
    return [
        (name, _text(value), evidence.get(name, ""))
        for name, value in told.items()
        if value not in (None, [], 0, False) or name in ("code", "reasoning")
    ]


def _unknown(estimate: Any) -> str:
    return f"{', '.join(estimate.unknown)} unknown" if estimate and estimate.unknown else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


app = _deciding.command(
    _show,
    help="Show as tables which model a prompt goes to, and why.\n\nIt calls nothing.",
    example='globalapi route "Write a Python function that merges intervals"',
)
