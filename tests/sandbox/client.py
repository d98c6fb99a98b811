"""A client on the standard library, so that the sandbox is not read with our own wire."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Got:
    """One HTTP answer, as it arrived."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.raw)

    @property
    def message(self) -> dict[str, Any]:
        """The assistant message."""
        message: dict[str, Any] = self.json["choices"][0]["message"]
        return message

    @property
    def text(self) -> str:
        """What the assistant says."""
        text: str = self.message["content"]
        return text

    @property
    def error(self) -> dict[str, Any]:
        """The error."""
        error: dict[str, Any] = self.json["error"]
        return error

    @property
    def events(self) -> list[dict[str, Any]]:
        """The chunks of a stream, without `[DONE]`."""
        blocks = self.raw.decode().split("\n\n")
        assert blocks.pop() == ""
        data = [block.removeprefix("data: ") for block in blocks]
        return [json.loads(each) for each in data if each != "[DONE]"]

    def streamed(self, key: str = "content") -> str:
        """The text that the deltas add up to."""
        deltas = [each["choices"][0]["delta"] for each in self.events if each["choices"]]
        return "".join(delta.get(key) or "" for delta in deltas)


def send(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Got:
    """Send one request on a connection of its own; *body* is JSON unless it is bytes."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(
            method, path, data, {"Content-Type": "application/json", **(headers or {})}
        )
        response = connection.getresponse()
        return Got(
            response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        )
    finally:
        connection.close()


def chat(
    port: int, content: Any = "Hello", *, headers: Mapping[str, str] | None = None, **fields: Any
) -> Got:
    """Ask *content* of the model `flash`, or what *fields* say instead."""
    body = {"model": "flash", "messages": [{"role": "user", "content": content}], **fields}
    return send(port, "POST", "/v1/chat/completions", body, headers)


def tool(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    """A tool all of whose *properties* are required."""
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}
