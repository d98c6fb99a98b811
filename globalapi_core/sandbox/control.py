"""The sandbox's own endpoints under `/_sandbox/`, for who runs it from a command line.

For loopback clients only: they show the prompts that came in.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from globalapi_core.errors import UnknownModelError
from globalapi_core.sandbox import faults, replies
from globalapi_core.sandbox.replies import Reply

if TYPE_CHECKING:
    from globalapi_core.sandbox.gateway import Gateway
    from globalapi_core.sandbox.server import HttpRequest

PREFIX = "/_sandbox/"


def handle(gateway: Gateway, request: HttpRequest) -> Reply:
    """Answer a request to one of the sandbox's own endpoints."""
    if not (_is_loopback(request.peer) and _is_loopback(_host(request.headers.get("host", "")))):
        return replies.error(403, f"{PREFIX} answers on the loopback interface only")
    name = f"{request.method} {request.path.removeprefix(PREFIX)}"
    if name not in _ENDPOINTS:
        served = ", ".join(each.replace(" ", f" {PREFIX}") for each in _ENDPOINTS)
        return replies.error(404, f"nothing at {request.path}; served are {served}")
    try:
        body = json.loads(request.body) if request.body else {}
        if not isinstance(body, dict):
            raise ValueError("the body must be a JSON object")
        return replies.of_json(_ENDPOINTS[name](gateway, body))
    except (ValueError, RecursionError, UnknownModelError) as error:
        return replies.error(400, str(error))


def _script(gateway: Gateway, body: Mapping[str, Any]) -> dict[str, Any]:
    queue = body.get("faults")
    if not isinstance(queue, list):
        raise ValueError("faults must be a list of objects such as {'kind': 'rate_limited'}")
    model = _model(body)
    return {"model": model, "waiting": gateway.script(model, map(faults.from_json, queue))}


def _say(gateway: Gateway, body: Mapping[str, Any]) -> dict[str, Any]:
    texts = body.get("texts")
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise ValueError("texts must be a list of strings, one for each answer")
    model = _model(body)
    return {"model": model, "waiting": gateway.say(model, texts)}


def _down(gateway: Gateway, body: Mapping[str, Any]) -> dict[str, Any]:
    fault = body.get("fault")
    gateway.down(_model(body), None if fault is None else faults.from_json(fault))
    return {"model": body["model"], "down": True}


def _up(gateway: Gateway, body: Mapping[str, Any]) -> dict[str, Any]:
    gateway.up(_model(body))
    return {"model": body["model"], "down": False}


def _reset(gateway: Gateway, body: Mapping[str, Any]) -> dict[str, Any]:
    gateway.reset()
    return {"reset": True}


def _bill(gateway: Gateway, body: Mapping[str, Any]) -> dict[str, Any]:
    return gateway.account.bill().as_dict()


def _requests(gateway: Gateway, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"requests": [each.as_dict() for each in gateway.received]}


_ENDPOINTS: Mapping[str, Callable[[Gateway, Mapping[str, Any]], dict[str, Any]]] = {
    "POST script": _script,
    "POST say": _say,
    "POST down": _down,
    "POST up": _up,
    "POST reset": _reset,
    "GET bill": _bill,
    "GET requests": _requests,
}


def _model(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str):
        raise ValueError('model must be the name of a model, or "*" for any')
    return model


def _host(header: str) -> str:
    # A page in a browser can point its own host name at the loopback address and then
    # read the answers; the Host header tells it from a client that means the sandbox.
    name = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    return name.strip("[]")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
