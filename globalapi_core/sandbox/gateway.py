"""The sandbox without its sockets: a request comes in, a reply goes out.

Holds what a sandbox remembers, behind one lock: the requests it got, the faults it is to
meet them with, the texts it is to say, the models that are down, and the bill.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.sandbox import completions, control, faults, replies, rules, writing
from globalapi_core.sandbox.billing import Account
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.received import Received, masked
from globalapi_core.sandbox.refusals import Refusal
from globalapi_core.sandbox.replies import Pace, Reply
from globalapi_core.sandbox.server import HttpRequest
from globalapi_core.sandbox.tokens import Prefixes

ANY = "*"
"""In place of a model: any model."""
_T = TypeVar("_T")


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
        self._texts: defaultdict[str, deque[str]] = defaultdict(deque)
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

    def say(self, model: str, texts: Iterable[str]) -> int:
        """Queue texts for *model* to answer with; how many are now waiting for it."""
        name, texts = self._name(model), list(texts)
        with self._lock:
            self._texts[name].extend(texts)
            return len(self._texts[name])

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
        """Forget requests, faults, texts, models that are down, cached prompts and the bill."""
        with self._lock:
            self._received.clear()
            self._scripts.clear()
            self._texts.clear()
            self._down.clear()
            if self._prefixes is not None:
                self._prefixes = Prefixes()
        self.account.clear()

    def handle(self, request: HttpRequest) -> Reply:
        """Answer one HTTP request."""
        if request.path.startswith(control.PREFIX):
            return control.handle(self, request)
        number, at = next(self._numbers), time.monotonic()
        request_id = f"req-sandbox-{number:06}"
        body = _read_json(request.body) if request.body else {}
        reply = self._routed(request, body, number)
        received = Received(
            model=_named(body),
            path=request.path,
            body=body if isinstance(body, Mapping) else {},
            headers=masked(request.headers),
            authorized=self._authorized(request) and bool(request.headers.get("authorization")),
            method=request.method,
            request_id=request_id,
            at=at,
            status=reply.status or None,
            fault=reply.fault,
            scripted=reply.scripted,
        )
        with self._lock:
            self._received.append(received)
        return replace(reply, headers=(*reply.headers, ("x-request-id", request_id)))

    def _routed(self, request: HttpRequest, body: Any, number: int) -> Reply:
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
        reply = replace(self._met(body, model, number, fault), fault=fault)
        return reply.delayed(fault.seconds) if isinstance(fault, faults.Delay) else reply

    def _met(
        self,
        body: dict[str, Any],
        model: ModelInfo | Refusal,
        number: int,
        fault: faults.Fault | None,
    ) -> Reply:
        if isinstance(fault, faults.Status):
            return replies.of_fault(fault)
        if isinstance(fault, faults.Dead):
            return replies.DEAD
        if isinstance(model, Refusal):
            return _refused(model)
        request = ChatRequest(body)
        refusal = rules.check(request, model)
        if refusal is not None:
            return _refused(refusal)
        if isinstance(fault, faults.Blank):
            return replies.blank(request)
        return self._answered(request, model, number, fault)

    def _answered(
        self, request: ChatRequest, model: ModelInfo, number: int, fault: faults.Fault | None
    ) -> Reply:
        empty = isinstance(fault, faults.Empty)
        text = None if empty else self._next(self._texts, model)
        answer = None if empty else writing.answer(request, model, text)
        if answer is not None and isinstance(fault, faults.HalfCall):
            answer = answer.halved()
        cached = self._prefixes.remember(model.name, request.body) if self._prefixes else None
        used = completions.usage(answer or completions.Answer(), request.input_tokens, cached)
        head = {
            "id": f"chatcmpl-sandbox-{number:06}",
            "created": int(time.time()),
            "model": request.model,
            "system_fingerprint": completions.FINGERPRINT,
        }
        pace = Pace.of(model, self._speed)
        reply = replies.of_answer(request, answer, head=head, used=used, pace=pace, fault=fault)
        return replace(
            reply,
            scripted=text is not None,
            on_start=lambda: self.account.open(model, request.input_tokens, cached or 0),
            on_tokens=lambda tokens: self.account.output(model, tokens),
        )

    def _authorized(self, request: HttpRequest) -> bool:
        if self._key is None:
            return True
        return request.headers.get("authorization") == f"Bearer {self._key}"

    def _next_fault(self, model: ModelInfo | None) -> faults.Fault | None:
        """What the next call of *model* meets: down, then its own script, then everyone's."""
        with self._lock:
            for name in _names(model):
                if name in self._down:
                    return self._down[name]
        return self._next(self._scripts, model)

    def _next(self, queues: Mapping[str, deque[_T]], model: ModelInfo | None) -> _T | None:
        """What is first in the queue of *model*, else in everyone's."""
        with self._lock:
            queue = next((queues[name] for name in _names(model) if queues.get(name)), None)
            return queue.popleft() if queue else None

    def _name(self, model: str) -> str:
        return model if model == ANY else self.catalog.resolve(model).name

    def _models(self) -> dict[str, Any]:
        ids = {model.id: model for model in self.catalog.models}
        data = [
            {"id": id, "object": "model", "created": self._started, "owned_by": model.family}
            for id, model in ids.items()
        ]
        return {"object": "list", "data": data}


def _names(model: ModelInfo | None) -> list[str]:
    """What *model* may be scripted by: a mode, such as its thinking one, fails with the model."""
    known = (model.name, model.variant_of) if model else ()
    return [name for name in (*known, ANY) if name]


def _named(body: Any) -> str | None:
    model = body.get("model") if isinstance(body, Mapping) else None
    return model if isinstance(model, str) else None


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
