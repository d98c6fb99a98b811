"""A prompt from arguments, files and stdin, in the form the wire has it."""

from __future__ import annotations

import base64
import json
import mimetypes
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from globalapi_core.errors import InvalidInputError
from globalapi_core.records import Decision
from globalapi_core.router import Router
from globalapi_core.signals import Message, Signals


def read(argument: str | None, file: Path | None) -> str:
    """The text of the prompt: the argument, stdin for `-`, or the file.

    Raises:
        BadParameter: there is none, there are two, or it is not text.
    """
    if (argument is None) == (file is None):
        given = "nothing" if file is None else "both"
        raise typer.BadParameter(f"expected a prompt, - for stdin, or --file FILE; got {given}")
    if argument is not None and argument != "-":
        return argument
    hint = "PROMPT" if file is None else "--file"
    raw = content(file or Path("-"), hint)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"not UTF-8 text: {error}", param_hint=hint) from None


def messages(text: str, *, system: str | None = None, image: Path | None = None) -> list[Message]:
    """The conversation that asks *text*.

    Raises:
        InvalidInputError: there is nothing in it.
        BadParameter: *image* is no picture that can be read.
    """
    if not text.strip() and image is None:
        raise InvalidInputError("the prompt is empty")
    said: list[Message] = [{"role": "system", "content": system}] if system else []
    if image is None:
        return [*said, {"role": "user", "content": text}]
    parts: list[Mapping[str, Any]] = [{"type": "text", "text": text}] if text.strip() else []
    parts.append({"type": "image_url", "image_url": {"url": _data_url(image)}})
    return [*said, {"role": "user", "content": parts}]


def tools(file: Path | None) -> list[Mapping[str, Any]]:
    """The tool definitions in a JSON file: one or a list, with or without `function` around.

    Raises:
        BadParameter: the file holds something else.
    """
    if file is None:
        return []
    try:
        data = json.loads(_bytes(file, "--tools"))
    except ValueError as error:
        raise typer.BadParameter(f"{file}: not JSON: {error}", param_hint="--tools") from None
    except RecursionError:
        said = f"{file}: it is nested too deeply"
        raise typer.BadParameter(said, param_hint="--tools") from None
    entries = data if isinstance(data, list) else [data]
    return [_tool(entry, file) for entry in entries]


def pairs(entries: Iterable[str], option: str) -> dict[str, str]:
    """`key=value` arguments as a mapping.

    Raises:
        BadParameter: there is no `=` in one of them.
    """
    split = [entry.partition("=") for entry in entries]
    for key, sign, _ in split:
        if not (key and sign):
            raise typer.BadParameter(f"expected KEY=VALUE, not {key!r}", param_hint=option)
    return {key: value for key, _, value in split}


def _tool(entry: Any, file: Path) -> Mapping[str, Any]:
    function = entry.get("function", entry) if isinstance(entry, dict) else None
    if not (isinstance(function, dict) and isinstance(function.get("name"), str)):
        text = f"{file}: expected tool definitions with a function and its name, not {entry!r:.80}"
        raise typer.BadParameter(text, param_hint="--tools")
    return {"type": "function", "function": function}


def _data_url(image: Path) -> str:
    kind, _ = mimetypes.guess_type(image.name)
    if kind is None or not kind.startswith("image/"):
        text = f"{image}: expected a picture such as .png or .jpg"
        raise typer.BadParameter(text, param_hint="--image")
    return f"data:{kind};base64,{base64.b64encode(_bytes(image, '--image')).decode()}"


def content(file: Path, hint: str) -> bytes:
    """What is in *file*, or in stdin for `-`.

    Raises:
        BadParameter: it cannot be read; *hint* is what named it.
    """
    return sys.stdin.buffer.read() if file == Path("-") else _bytes(file, hint)


def _bytes(file: Path, hint: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise typer.BadParameter(f"cannot read {file}: {reason}", param_hint=hint) from None


def signals(
    router: Router,
    messages: list[Message],
    *,
    tools_file: Path | None,
    json_output: bool,
    max_tokens: int | None,
    tag: list[str] | None,
    meta: list[str] | None,
) -> Signals:
    """What the options of `route` and `explain` say of a prompt."""
    return router.signals(
        messages,
        tools=tools(tools_file),
        response_format={"type": "json_object"} if json_output else None,
        max_tokens=max_tokens,
        tags=tag or (),
        metadata=pairs(meta or (), "--meta"),
    )


def decide(router: Router, signals: Signals, *, route: str | None, model: str | None) -> Decision:
    """Decide along the routes, or by the route or the model that was named.

    Raises:
        BadParameter: both a route and a model are named.
    """
    if route is not None and model is not None:
        raise typer.BadParameter("give --route or --model, not both")
    return router.decide(signals, route=route, model=model)


def as_dict(decision: Decision) -> dict[str, Any]:
    """A decision for JSON, with the estimated cost of each candidate."""
    estimates = {
        each.name: each.estimate and each.estimate.as_dict() for each in decision.candidates
    }
    return decision.as_dict() | {"estimates": estimates}


def assumptions(decision: Decision, router: Router) -> str | None:
    """A note when the model named is one that nothing is known of, else `None`."""
    model = decision.primary.model
    if model.known:
        return None
    near = router.catalog.near(model.name)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return (
        f"note: {model.name!r} is not in the catalog{hint}: its price is unknown and its "
        f"window assumed to be {model.window:,} tokens"
    )
