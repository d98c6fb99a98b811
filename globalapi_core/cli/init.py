"""`globalapi init`: a config file to begin with, and the tests that hold it."""

from __future__ import annotations

import shlex
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from globalapi_core.cli import _files, _options, _output
from globalapi_core.cli._lazy import plain
from globalapi_core.config.file import FILE_NAME, parse_config
from globalapi_core.errors import InvalidInputError

app = plain()

TEMPLATES = {
    "cto": "cheap by default, the best where it pays, another maker behind each",
    "tiers": "premium, volume, Chinese and code, by tag and by content",
    "rag": "questions over retrieved documents, by the question and the size",
    "support": "tickets in English and Chinese: triage, refunds, escalation",
    "code-review": "diffs, stack traces and SQL, to models that know code",
    "batch": "many small jobs under a ceiling of cost",
    "bilingual": "each language to the models that are best in it",
}
"""Name of a template, which is also its file's: what it is for."""


@app.command(epilog="Example: globalapi init --template tiers")
def init(
    template: Annotated[
        str,
        typer.Option("--template", "-t", metavar="NAME", help=f"One of {', '.join(TEMPLATES)}."),
    ] = "cto",
    output: Annotated[
        Path | None,
        _options.file_option(
            "--output", "-o", help=f"Where to write it, else {FILE_NAME}; - is stdout."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file there is.")] = False,
    templates: Annotated[
        bool, typer.Option("--list", help="Say which templates there are, and write nothing.")
    ] = False,
    json: _options.Json = False,
) -> None:
    """Write a config file from a template, with its tests."""
    if templates:
        _list(as_json=json)
        return
    text = _read(template)
    output = output or Path(FILE_NAME)
    if output == _files.STREAM:
        if json:
            raise typer.BadParameter("give --json or --output -, not both")
        typer.echo(text, nl=False)
        return
    _write(text, output, force=force)
    config = parse_config(text, file=str(output))
    if json:
        counts = {"routes": len(config.routes), "tests": len(config.tests)}
        _output.document({"file": str(output), "template": template, **counts})
        return
    told = f"{_output.count(len(config.routes), 'route')}, {len(config.tests)} tests"
    file = shlex.quote(str(output))
    typer.echo(f"wrote {output}: {told}; try `globalapi check {file}` and `globalapi test {file}`")


def _list(*, as_json: bool) -> None:
    if as_json:
        _output.document(TEMPLATES)
        return
    for name, what in TEMPLATES.items():
        typer.echo(f"{name:<11}  {what}")


def _write(text: str, output: Path, *, force: bool) -> None:
    if output.is_dir():
        raise InvalidInputError(f"cannot write {output}: it is a directory")
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidInputError(f"{output} is there already; --force writes over it") from None
    except OSError as error:
        raise InvalidInputError(f"cannot write {output}: {error.strerror or error}") from None


def _read(template: str) -> str:
    if template not in TEMPLATES:
        text = f"unknown template {template!r}; there are {', '.join(TEMPLATES)}"
        raise typer.BadParameter(text, param_hint="--template")
    folder = resources.files("globalapi_core").joinpath("data/templates")
    return folder.joinpath(f"{template}.yaml").read_text("utf-8")
