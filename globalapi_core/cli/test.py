"""`globalapi test`: do requests go where the config file says they must; calls nothing."""

from __future__ import annotations

import typer

from globalapi_core.cli import _cases, _options, _output
from globalapi_core.cli._lazy import plain
from globalapi_core.config.file import Reading, examine_file
from globalapi_core.config.problems import line_of
from globalapi_core.errors import ConfigError
from globalapi_core.router import Router

app = plain()


@app.command(epilog="Example: globalapi test globalapi.yaml")
def run_tests(
    file: _options.ConfigArgument = None,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Run the tests in a config file; calls nothing.

    One that fails ends in exit code 1, with the route that fired and why the expected one
    did not.
    """
    reading = examine_file(_options.one_config(file, config))
    router = Router(reading.config)
    if not router.config.tests:
        text = "there are no tests in it; write some: tests: [{input: ..., expect: {route: ...}}]"
        raise ConfigError(text, file=reading.file)
    results = list(_cases.run(router))
    failed = [each for each in results if not each.passed]
    if json:
        told = [{"line": _line(reading, each), **each.as_dict()} for each in results]
        counts = {"tests": len(results), "failed": len(failed)}
        _output.document({"ok": not failed, "file": reading.file, **counts, "results": told})
    else:
        _show(failed, len(results), reading)
    if failed:
        raise typer.Exit(1)


def _show(failed: list[_cases.Result], tests: int, reading: Reading) -> None:
    for each in failed:
        typer.echo(f"{reading.file}:{_line(reading, each)}: failed: {each.name!r}")
        for text in (*each.wrong, *each.why):
            typer.echo(f"  {text}")
    if failed:
        typer.echo(f"{len(failed):,} of {_output.count(tests, 'test')} failed ({reading.file})")
    else:
        typer.echo(f"ok: {_output.count(tests, 'test')} ({reading.file})")


def _line(reading: Reading, result: _cases.Result) -> int | None:
    return line_of(reading.document, ("tests", result.number))
