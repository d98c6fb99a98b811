"""`globalapi route`: which model a prompt goes to, and why; calls nothing."""

from __future__ import annotations

from typing import Any

from globalapi_core.cli import _options, _output, _prompt
from globalapi_core.cli._lazy import plain
from globalapi_core.pricing import usd
from globalapi_core.records import Decision
from globalapi_core.router import Router
from globalapi_core.signals import Signals

app = plain()


@app.command(epilog='Example: globalapi route "Write a Python function that merges intervals"')
def route(
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
    """Show which model a prompt goes to, and why, as tables; calls nothing."""
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
        _output.document(_prompt.as_dict(decision))
    else:
        _show(decision, router)


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
