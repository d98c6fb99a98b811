"""What a caller asks, from arguments, files and stdin, in the form the wire has it."""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from globalapi_core.cli import _files
from globalapi_core.errors import InvalidInputError
from globalapi_core.records import Decision
from globalapi_core.router import Router
from globalapi_core.signals import Message, Signals


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt, and what is said of the call."""

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]]
    response_format: Mapping[str, Any] | None
    """`None`: the answer may be any text."""
    max_tokens: int | None
    """`None`: the model's own limit."""
    tags: Sequence[str]
    metadata: Mapping[str, str]

    def signals(self, router: Router) -> Signals:
        """What *router* may know of it."""
        return router.signals(
            self.messages,
            tools=self.tools,
            response_format=self.response_format,
            max_tokens=self.max_tokens,
            tags=self.tags,
            metadata=self.metadata,
        )


def asked(
    prompt: str | None,
    *,
    file: Path | None,
    image: Path | None,
    system: str | None,
    tools: Path | None,
    json_output: bool,
    max_tokens: int | None,
    tag: Sequence[str] | None,
    meta: Sequence[str] | None,
) -> Asked:
    """What the arguments and options of a command say.

    Raises:
        InvalidInputError: the prompt is empty.
        BadParameter: one of them is not what it must be.
    """
    return Asked(
        _messages(_read(prompt, file), system=system, image=image),
        _tools(tools),
        {"type": "json_object"} if json_output else None,
        max_tokens,
        tag or (),
        _pairs(meta or (), "--meta"),
    )


def decide(router: Router, asked: Asked, *, route: str | None, model: str | None) -> Decision:
    """Decide along the routes, or by the route or the model that was named.

    Raises:
        BadParameter: both a route and a model are named.
        InvalidInputError: the model's name is empty.
    """
    if route is not None and model is not None:
        raise typer.BadParameter("give --route or --model, not both")
    return router.decide(asked.signals(router), route=route, model=model)


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


def _read(argument: str | None, file: Path | None) -> str:
    """The text of the prompt: the argument, stdin for `-`, or the file."""
    if (argument is None) == (file is None):
        given = "nothing" if file is None else "both"
        raise typer.BadParameter(f"expected a prompt, - for stdin, or --file FILE; got {given}")
    if file is not None:
        return _files.text(file, "--file")
    return _files.text(_files.STREAM, "PROMPT") if argument == "-" else argument or ""


def _messages(text: str, *, system: str | None, image: Path | None) -> list[Message]:
    """The conversation that asks *text*."""
    if not text.strip() and image is None:
        raise InvalidInputError("the prompt is empty")
    said: list[Message] = [{"role": "system", "content": system}] if system else []
    if image is None:
        return [*said, {"role": "user", "content": text}]
    parts: list[Mapping[str, Any]] = [{"type": "text", "text": text}] if text.strip() else []
    parts.append({"type": "image_url", "image_url": {"url": _data_url(image)}})
    return [*said, {"role": "user", "content": parts}]


def _data_url(image: Path) -> str:
    content = _files.content(image, "--image")
    kind, _ = mimetypes.guess_type(image.name)
    if not content or kind is None or not kind.startswith("image/"):
        text = f"{image}: expected a picture such as .png or .jpg"
        raise typer.BadParameter(text, param_hint="--image")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _tools(file: Path | None) -> list[Mapping[str, Any]]:
    """The tool definitions in a JSON file: one or a list, with or without `function` around."""
    if file is None:
        return []
    text = _files.text(file, "--tools")
    try:
        data = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{file}: not JSON: {error}", param_hint="--tools") from None
    except RecursionError:
        said = f"{file}: it is nested too deeply"
        raise typer.BadParameter(said, param_hint="--tools") from None
    entries = data if isinstance(data, list) else [data]
    return [_tool(entry, file) for entry in entries]


def _tool(entry: Any, file: Path) -> Mapping[str, Any]:
    function = entry.get("function", entry) if isinstance(entry, dict) else None
    if not (isinstance(function, dict) and isinstance(function.get("name"), str)):
        text = f"{file}: expected tool definitions with a function and its name, not {entry!r:.80}"
        raise typer.BadParameter(text, param_hint="--tools")
    return {"type": "function", "function": function}


def _pairs(entries: Iterable[str], option: str) -> dict[str, str]:
    """`key=value` arguments as a mapping."""
    found: dict[str, str] = {}
    for entry in entries:
        key, sign, value = entry.partition("=")
        if not (key and sign):
            raise typer.BadParameter(f"expected KEY=VALUE, not {entry!r}", param_hint=option)
        if found.setdefault(key, value) != value:
            raise typer.BadParameter(f"two values for {key!r}: give one", param_hint=option)
    return found
