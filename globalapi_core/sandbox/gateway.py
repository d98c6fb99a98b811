"""The sandbox without its sockets: a request comes in, a reply goes out.

Holds what a sandbox remembers, behind one lock: the requests it got, the faults it is to
meet them with, the models that are down, and the bill.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.sandbox import completions, control, faults, replies, rules, writing
from globalapi_core.sandbox.billing import Account
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.refusals import Refusal
from globalapi_core.sandbox.replies import Pace, Reply
from globalapi_core.sandbox.server import HttpRequest
from globalapi_core.sandbox.tokens import Prefixes

ANY = "*"
"""In place of a model: any model."""
_SECRET_HEADERS = frozenset(
    {"authorization", "api-key", "x-api-key", "proxy-authorization", "cookie"}
)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    model: str | None
    """The model id as it was sent; `None` where the request names none."""
    path: str
    body: Mapping[str, Any] = field(repr=False)
    """The JSON body; `{}` if there was none or it was no JSON object."""
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name; a header that carries a secret is `***`."""
    authorized: bool
    """Whether the sandbox's key came with it; without a key of its own, whether any did."""
    method: str
    request_id: str
    """The `x-request-id` it was answered with."""
    at: float
    """When it arrived, in seconds of `time.monotonic()`."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class Gateway:
    """Answers requests; safe to script and read from another thread than answers them."""

    def __init__(self, catalog: Catalog, *, speed: float, key: str | None, cache: bool) -> None:
        self.catalog = catalog
        self.account = Account()
        self._speed = speed
        self._key = key
        self._prefixes = Prefixes() if cache else None
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._scripts: defaultdict[str, deque[faults.Fault]] = defaultdict(deque)
        self._down: dict[str, faults.Fault] = {}
        # Not reset: two answers of one sandbox never share an id.
        self._numbers = itertools.count(1)
        self._started = int(time.time())

    @property
    def received(self) -> list[Received]:
        """The requests so far, in order of arrival."""
        with self._lock:
            return list(self._received)

    def script(self, model: str, queue: Iterable[faults.Fault]) -> int:
        """Queue faults for *model*; how many are now waiting for it."""
        name, queue = self._name(model), list(queue)
        with self._lock:
            self._scripts[name].extend(queue)
            return len(self._scripts[name])

    def down(self, model: str, fault: faults.Fault | None = None) -> None:
        """Meet every call of *model* with *fault*, or with 503."""
        name = self._name(model)
        said = f"The model {model!r} is down in this sandbox."
        with self._lock:
            self._down[name] = fault or faults.status(503, message=said, error_code="model_down")

    def up(self, model: str) -> None:
        """Let *model* answer again."""
        with self._lock:
            self._down.pop(self._name(model), None)

    def reset(self) -> None:
        """Forget requests, faults, models that are down, cached prompts and the bill."""
        with self._lock:
            self._received.clear()
            self._scripts.clear()
            self._down.clear()
            if self._prefixes is not None:
                self._prefixes = Prefixes()
        self.account.clear()

    def handle(self, request: HttpRequest) -> Reply:
        """Answer one HTTP request."""
        if request.path.startswith(control.PREFIX):
            return control.handle(self, request)
        number = next(self._numbers)
        request_id = f"req-sandbox-{number:06}"
        reply = self._routed(request, number, request_id)
        return replace(reply, headers=(*reply.headers, ("x-request-id", request_id)))

    def _routed(self, request: HttpRequest, number: int, request_id: str) -> Reply:
        body = _read_json(request.body) if request.body else {}
        self._note(request, body if isinstance(body, Mapping) else {}, request_id)
        allowed = {"/v1/chat/completions": "POST", "/v1/models": "GET"}.get(request.path)
        if allowed is None:
            return _no_such_path(request.path)
        if request.method != allowed:
            return replies.error(
                405, f"{request.path} takes {allowed}, not {request.method}",
                headers=(("Allow", allowed),),
            )  # fmt: skip
        if not self._authorized(request):
            return replies.error(
                401, "Incorrect API key provided: this sandbox was started with one of its own.",
                type="authentication_error", code="invalid_api_key",
            )  # fmt: skip
        if allowed == "GET":
            return replies.of_json(self._models())
        if not isinstance(body, dict):
            return replies.error(400, f"the body must be a JSON object, {_describe(body)}")
        if "application/json" not in request.headers.get("content-type", "").lower():
            return replies.error(415, "send the body with Content-Type: application/json")
        return self._chat(body, number)

    def _chat(self, body: dict[str, Any], number: int) -> Reply:
        model = rules.find_model(body, self.catalog)
        found = model if isinstance(model, ModelInfo) else None
        fault = self._next_fault(found)
        if isinstance(fault, faults.Status):
            return replies.of_fault(fault)
        if isinstance(fault, faults.Dead):
            return replies.DEAD
        reply = self._answered(body, model, number, fault)
        return reply.delayed(fault.seconds) if isinstance(fault, faults.Delay) else reply

    def _answered(
        self,
        body: dict[str, Any],
        model: ModelInfo | Refusal,
        number: int,
        fault: faults.Fault | None,
    ) -> Reply:
        if isinstance(model, Refusal):
            return _refused(model)
        request = ChatRequest(body)
        refusal = rules.check(request, model)
        if refusal is not None:
            return _refused(refusal)
        answer = None if isinstance(fault, faults.Empty) else writing.answer(request, model)
        cached = self._prefixes.remember(model.name, body) if self._prefixes else None
        used = completions.usage(answer or completions.Answer(), request.input_tokens, cached)
        head = {
            "id": f"chatcmpl-sandbox-{number:06}",
            "created": int(time.time()),
            "model": request.model,
            "system_fingerprint": completions.FINGERPRINT,
        }
        reply = replies.of_answer(
            request, answer, head=head, used=used, pace=Pace.of(model, self._speed),
            cut=fault if isinstance(fault, faults.Cut) else None,
        )  # fmt: skip
        return replace(
            reply,
            on_start=lambda: self.account.open(model, request.input_tokens, cached or 0),
            on_tokens=lambda tokens: self.account.output(model, tokens),
        )

    def _note(self, request: HttpRequest, body: Mapping[str, Any], request_id: str) -> None:
        model = body.get("model")
        received = Received(
            model=model if isinstance(model, str) else None,
            path=request.path,
            body=body,
            headers={
                name: "***" if name in _SECRET_HEADERS else value
                for name, value in request.headers.items()
            },
            authorized=self._authorized(request) and bool(request.headers.get("authorization")),
            method=request.method,
            request_id=request_id,
            at=time.monotonic(),
        )
        with self._lock:
            self._received.append(received)

    def _authorized(self, request: HttpRequest) -> bool:
        if self._key is None:
            return True
        return request.headers.get("authorization") == f"Bearer {self._key}"

    def _next_fault(self, model: ModelInfo | None) -> faults.Fault | None:
        """What the next call of *model* meets: down, then its own script, then everyone's."""
        # A mode of a model, such as its thinking one, fails with the model.
        known = (model.name, model.variant_of) if model else ()
        names = [name for name in (*known, ANY) if name]
        with self._lock:
            for name in names:
                if name in self._down:
                    return self._down[name]
            for name in names:
                if self._scripts.get(name):
                    return self._scripts[name].popleft()
        return None

    def _name(self, model: str) -> str:
        return model if model == ANY else self.catalog.resolve(model).name

    def _models(self) -> dict[str, Any]:
        ids = {model.id: model for model in self.catalog.models}
        data = [
            {"id": id, "object": "model", "created": self._started, "owned_by": model.family}
            for id, model in ids.items()
        ]
        return {"object": "list", "data": data}


def _read_json(body: bytes) -> Any:
    """The JSON of *body*, or the error that it is not."""
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        return error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _describe(body: Any) -> str:
    if isinstance(body, Exception):
        return f"and is not JSON: {body}"
    return f"not {type(body).__name__}"


def _refused(refusal: Refusal) -> Reply:
    return replies.error(refusal.status, refusal.message, param=refusal.param, code=refusal.code)


def _no_such_path(path: str) -> Reply:
    hint = "" if path.startswith("/v1/") else "; the base URL ends in /v1"
    served = "POST /v1/chat/completions and GET /v1/models"
    return replies.error(404, f"nothing at {path}; served are {served}{hint}", code="not_found")
