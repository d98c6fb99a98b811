"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from globalapi_core.cli import _files


def file_option(*names: str, help: str) -> Any:
    """An option that names a file."""
    return typer.Option(*names, metavar="FILE", parser=_files.named, help=help)


Config = Annotated[
    Path | None,
    file_option(
        "--config",
        "-c",
        help="Config file; else GLOBAL_API_CONFIG, ./globalapi.yaml, the shipped default.",
    ),
]
ConfigArgument = Annotated[
    Path | None,
    typer.Argument(metavar="FILE", parser=_files.named, help="The same as --config FILE."),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json", help='Print one JSON document; errors go to stderr as {"error": {...}}.'
    ),
]
Prompt = Annotated[
    str | None,
    typer.Argument(metavar="PROMPT", help="The prompt, in quotes; - reads it from stdin."),
]
File = Annotated[
    Path | None, file_option("--file", help="Read the prompt from a file; - from stdin.")
]
Image = Annotated[
    Path | None, file_option("--image", help="A picture to send with it, such as .png or .jpg.")
]
Tools = Annotated[
    Path | None,
    file_option("--tools", help="Tools to bind: JSON, one definition or a list of them."),
]
JsonOutput = Annotated[bool, typer.Option("--json-output", help="The model's answer must be JSON.")]
Meta = Annotated[
    list[str] | None,
    typer.Option(
        "--meta",
        metavar="KEY=VALUE",
        help="Metadata of the call, such as user=7, for conditions and splits; repeatable.",
    ),
]
System = Annotated[str | None, typer.Option("--system", metavar="TEXT", help="A system message.")]
Tag = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag of the call; repeatable.")
]
Route = Annotated[
    str | None,
    typer.Option("--route", metavar="NAME", help="Take this route, whatever its conditions."),
]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Take this model, by any of its spellings."),
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", metavar="N", min=1, help="Longest answer, in tokens.")
]


def one_config(argument: Path | None, option: Path | None) -> Path | None:
    """The config file of a command that takes it as an argument too; `None`: none was named.

    Raises:
        BadParameter: both were given.
    """
    if argument is not None and option is not None:
        said = f"two config files: FILE is {str(argument)!r}, --config is {str(option)!r}; give one"
        raise typer.BadParameter(said)
    return argument or option
