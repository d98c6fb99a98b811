"""`globalapi check`: what is wrong with a config file, and what a careful colleague would say."""

from __future__ import annotations

from typing import Annotated

import typer

from globalapi_core.cli import _advice, _findings, _options, _output
from globalapi_core.cli._lazy import plain
from globalapi_core.config.file import Reading, examine_file
from globalapi_core.config.keys import masked

app = plain()


@app.command(epilog="Example: globalapi check globalapi.yaml")
def check(
    file: _options.ConfigArgument = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the file instead.")
    ] = False,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Find what is wrong with a config file, or unwise in it.

    Errors end in exit code 2, warnings do not. The tests in the file are run too.
    """
    if schema:
        from globalapi_core.cli._schema import config_schema

        _output.document(config_schema())
        return
    reading = examine_file(_options.one_config(file, config))
    findings = _findings.of(reading)
    ok = not any(each.severity == "error" for each in findings)
    if json:
        told = [each.as_dict() for each in findings]
        _output.document({"ok": ok, "file": reading.file, **_counts(reading), "findings": told})
    else:
        for each in findings:
            _show(each, reading)
        typer.echo(_summary(findings, reading))
    if not ok:
        raise typer.Exit(2)


def _counts(reading: Reading) -> dict[str, int]:
    if reading.problems or reading.mended is None:
        return {}
    config = reading.mended.config
    models = _advice.usable(config)[0].models
    return {"routes": len(config.routes), "models": len(models), "tests": len(config.tests)}


def _show(finding: _findings.Finding, reading: Reading) -> None:
    where = ":".join(str(each) for each in (reading.file, finding.line) if each is not None)
    key = f" [{finding.key}]" if finding.key else ""
    typer.echo(f"{where}: {finding.severity}: {finding.text}{key}")
    lines = reading.text.splitlines()
    if finding.line and finding.line <= len(lines):
        typer.echo(f"    | {masked(lines[finding.line - 1].strip())[: _output.SHOWN]}")
    if finding.help:
        typer.echo(f"    = {finding.help}")


def _summary(findings: list[_findings.Finding], reading: Reading) -> str:
    errors = sum(each.severity == "error" for each in findings)
    warnings = len(findings) - errors
    told = [_output.count(number, noun) for noun, number in (("error", errors),) if number]
    told += [_output.count(warnings, "warning")] if warnings else []
    counts = [
        _output.count(number, noun.removesuffix("s"))
        for noun, number in _counts(reading).items()
        if number
    ]
    verdict = "not ok" if errors else "ok"
    return f"{verdict}: {', '.join((*counts, *told))} ({reading.file})"
