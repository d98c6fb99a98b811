"""One chat request, and the bytes it becomes for a model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.errors import InvalidInputError
from globalapi_core.settings import Endpoint
from globalapi_core.signals import Message
from globalapi_core.wire import families


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a caller asks, in the wire's own form and before any adaptation."""

    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    response_format: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    """temperature, max_tokens, stop, ..., by their names on the wire; `None` is left out."""

    def with_defaults(self, params: Mapping[str, Any]) -> ChatRequest:
        """This request, with *params* where the caller set nothing."""
        if not params:
            return self
        own = {name: value for name, value in self.params.items() if value is not None}
        return replace(self, params={**params, **own})


@dataclass(frozen=True, slots=True)
class Payload:
    """A request ready to be sent."""

    body: bytes
    model: str
    """The id that is sent."""
    adaptations: tuple[str, ...]
    """How the request was changed to suit the model's family, in words."""
    offered: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The tools offered, by name, with the arguments each requires."""
    wants_json: bool = False
    """Whether the answer must be JSON."""
    answer_tool: str | None = None
    """The tool whose call is the answer, in JSON; `None`: the answer's text is."""


def build(request: ChatRequest, model: ModelInfo, endpoint: Endpoint, *, stream: bool) -> Payload:
    """The bytes of *request* for *model*.

    Raises:
        InvalidInputError: a value that JSON cannot hold.
    """
    own: dict[str, Any] = {"model": sent_id(model, endpoint), "messages": list(request.messages)}
    # In one order, whichever way a framework hands them on.
    params = {name: v for name, v in sorted(request.params.items()) if v is not None}
    body = {**own, **params, **own}
    if request.tools:
        body["tools"] = list(request.tools)
        if request.tool_choice is not None:
            body["tool_choice"] = request.tool_choice
    if request.response_format is not None:
        body["response_format"] = dict(request.response_format)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    answering = families.answer_tool(body, model)
    adaptations = families.adapt(body, model)
    return Payload(
        _encoded(body),
        body["model"],
        adaptations,
        offered=dict(_offered([*request.tools, *([answering] if answering else ())])),
        wants_json=request.response_format is not None,
        answer_tool=answering["function"]["name"] if answering else None,
    )


def _offered(tools: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Sequence[str]]]:
    for tool in tools:
        function = tool.get("function")
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            parameters = function.get("parameters")
            required = parameters.get("required") if isinstance(parameters, Mapping) else None
            yield function["name"], required if isinstance(required, list) else ()


def sent_id(model: ModelInfo, endpoint: Endpoint) -> str:
    """The id that *endpoint* knows *model* by.

    The catalog's ids are the gateway's. Any other server is sent the name as the caller
    wrote it, an alias as what it stands for, unless the config file gives the model an id.
    """
    own_id = model.sources.get("id")
    from_file = own_id is not None and not own_id.date
    if endpoint.is_gateway or from_file:
        return model.id
    return model.alias_of or model.asked or model.id


# json.dumps would make an encoder for every request.
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return _write(body).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, as JavaScript cuts them: escaped, it is still JSON.
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"the request cannot be written as JSON: {error}") from None
