"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE",
        help="Config file; else GLOBAL_API_CONFIG, ./globalapi.yaml, the shipped default.",
    ),
]  # fmt: skip
Json = Annotated[
    bool,
    typer.Option(
        "--json", help='Print one JSON document; errors go to stderr as {"error": {...}}.'
    ),
]
Prompt = Annotated[str | None, typer.Argument(help="The prompt; - reads it from stdin.")]
File = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Read the prompt from a file.")
]
Image = Annotated[
    Path | None, typer.Option("--image", metavar="FILE", help="A picture to send with it.")
]
Tools = Annotated[
    Path | None, typer.Option("--tools", metavar="FILE", help="Tool definitions, as JSON.")
]
JsonOutput = Annotated[bool, typer.Option("--json-output", help="The answer must be JSON.")]
Meta = Annotated[
    list[str] | None,
    typer.Option("--meta", metavar="KEY=VALUE", help="Metadata of the call; repeatable."),
]
System = Annotated[str | None, typer.Option("--system", metavar="TEXT", help="A system message.")]
Tag = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="A tag of the call; repeatable.")
]
Route = Annotated[
    str | None, typer.Option("--route", metavar="NAME", help="Take this route, come what may.")
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Take this model, by any spelling.")
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", metavar="N", min=1, help="Longest answer, in tokens.")
]
