"""Keys and prompts in none of what a call leaves behind: rows 117 to 120 for all classes."""

from __future__ import annotations

import asyncio
import copy
import inspect
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.load import dumpd, dumps
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from globalapi_core.errors import AllModelsFailedError, GlobalAPIError
from globalapi_core.settings import Endpoint
from globalapi_core.wire import Wire
from globalapi_core.wire.timing import Timeouts
from globalapi_core.wire.transport import Send
from tests.canary import Watch
from tests.core.wire.server import Answer, Peer, Server, body, silence, stream
from tests.faults import ours
from tests.faults.case import EACH_ONCE, HEL, PROMPT, ROLE, WAYS, Case, sound
from tests.faults.promise import KEY, answers
from tests.langchain.recorder import Recorder

CALLERS = ours.SINGLE | ours.ROUTERS
CALLER = pytest.mark.parametrize("caller", CALLERS)
WAY = pytest.mark.parametrize("way", WAYS)
LANGCHAIN = [name for name in CALLERS if name.startswith("langchain")]
LLAMAINDEX = [name for name in CALLERS if name.startswith("llamaindex")]

_ECHO = {"error": {"message": f"Incorrect API key provided: {KEY}", "code": KEY}, "request_id": KEY}
TROUBLE: dict[str, tuple[Answer, ...]] = {
    "echo": (body(_ECHO, 401, headers={"x-request-id": KEY}),),
    "echo in a page": (body(f"<html>{KEY}</html>".encode(), 502),),
    "echo in a stream": (stream(b"data: " + json.dumps(_ECHO).encode() + b"\n\n"),),
    "no answer": (body({"choices": []}),),
    "reset": (Peer.reset,),
    "cut": (stream(ROLE, HEL, end=False, then=Peer.reset),),
    "not HTTP": (lambda peer: peer.send(b"SSH-2.0-OpenSSH\r\n\r\n"),),
    "silence": (silence(5),),
    "redirect": (body(b"", 307, headers={"location": f"http://127.0.0.1:9/{KEY}"}),),
}


def made(caller: str, url: str, timeout: float = 10.0) -> Any:
    """One of the four classes, with the canary for a key."""
    return CALLERS[caller][0](url, Case(0, "canary", (), answers(""), timeout=timeout))


def asked(caller: str, model: Any, way: str, **given: Any) -> Any:
    """Ask with the canary prompt."""
    found = CALLERS[caller][1](model, way, given, [])
    return asyncio.run(found) if inspect.iscoroutine(found) else found


def failure(caller: str, way: str, url: str, **given: Any) -> BaseException:
    """The error of a call, with its traceback."""
    model = made(caller, url, timeout=0.5)
    with pytest.raises(GlobalAPIError) as caught:
        asked(caller, model, way, **given)
    return caught.value


def tree(error: BaseException | None, seen: set[int] | None = None) -> Iterator[BaseException]:
    """The error, and all that can be reached from it."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    record = getattr(error, "record", None)
    tried = record.attempts if record else ()
    for each in (
        *(error.__cause__, error.__context__, *getattr(error, "exceptions", ())),
        *(outcome.error for _, outcome in tried),
    ):
        yield from tree(each, seen)


# --- errors -----------------------------------------------------------------------------


@CALLER
@WAY
@pytest.mark.parametrize("trouble", TROUBLE)
def test_error_tells_neither_key_nor_prompt(caller: str, way: str, trouble: str) -> None:
    """No text, field, note, cause, record or pickle of an error has the key or the prompt."""
    with Server(*TROUBLE[trouble]) as server:
        error = failure(caller, way, server.url)

    for each in tree(error):
        told = f"{each} {each!r} {each.args} {vars(each)} {getattr(each, '__notes__', '')}"
        assert KEY not in told
        assert PROMPT not in told
    pickled = pickle.dumps(error)
    assert KEY.encode() not in pickled
    assert PROMPT.encode() not in pickled
    assert isinstance(pickle.loads(pickled), type(error))  # noqa: S301 -- our own bytes


@CALLER
@WAY
@pytest.mark.parametrize("trouble", [each for each in TROUBLE if "echo" not in each])
def test_traceback_with_locals_shows_no_key(caller: str, way: str, trouble: str) -> None:
    """Tools that print the variables of every frame print no key, unless the server sent it."""
    with Server(*TROUBLE[trouble]) as server:
        error = failure(caller, way, server.url)

    for each in tree(error):
        shown = traceback.TracebackException.from_exception(each, capture_locals=True)
        assert not [line for line in shown.format() if KEY in line]


@CALLER
@pytest.mark.parametrize("way", EACH_ONCE)
def test_rich_traceback_shows_no_key(caller: str, way: str) -> None:
    """Nor does Rich, which takes values apart."""
    with Server(Peer.reset) as server:
        error = failure(caller, way, server.url)

    console = Console(file=io.StringIO(), width=1_000)
    console.print(
        Traceback.from_exception(
            type(error),
            error,
            error.__traceback__,
            show_locals=True,
            locals_max_length=1_000,
            locals_max_string=100_000,
        )
    )
    shown = console.file
    assert isinstance(shown, io.StringIO)
    assert "locals" in shown.getvalue()
    assert KEY not in shown.getvalue()


# --- values -----------------------------------------------------------------------------

FORMS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "rich": pretty_repr,
    "vars": lambda made: repr(vars(made)),
    "private": lambda made: repr(made.__pydantic_private__),
    "model_dump": lambda made: repr(made.model_dump()),
    "model_dump_json": lambda made: made.model_dump_json(),
    "pickle": lambda made: pickle.dumps(made).decode("latin-1"),
    "deepcopy": lambda made: repr(copy.deepcopy(made)),
}
OF_LANGCHAIN: dict[str, Callable[[Any], str]] = {
    "dumps": dumps,
    "dumpd": lambda made: repr(dumpd(made)),
    "identifying": lambda made: repr(made._identifying_params),
    "cache key": lambda made: made._get_llm_string(),
    "bound": lambda made: repr(made.bind(stop=["a"])) + dumps(made.bind(stop=["a"])),
    "configured": lambda made: repr(made.with_config(tags=["a"])),
}
OF_LLAMAINDEX: dict[str, Callable[[Any], str]] = {
    "to_dict": lambda made: repr(made.to_dict()),
    "to_json": lambda made: made.to_json(),
    "to_payload": lambda made: repr(made.to_payload()),
    "metadata": lambda made: repr(made.metadata),
}


@pytest.mark.parametrize(
    ("caller", "form"),
    [
        *((caller, form) for caller in CALLERS for form in FORMS),
        *((caller, form) for caller in LANGCHAIN for form in OF_LANGCHAIN),
        *((caller, form) for caller in LLAMAINDEX for form in OF_LLAMAINDEX),
    ],
)
def test_written_form_has_no_key(caller: str, form: str) -> None:
    """No form in which a model can be written has its key, before a call and after it."""
    write = (FORMS | OF_LANGCHAIN | OF_LLAMAINDEX)[form]
    with Server(sound) as server:
        model = made(caller, server.url)
        before = write(model)
        asked(caller, model, "invoke")
        after = write(model)
        sent = server.headers()["authorization"]

    assert sent == f"Bearer {KEY}"
    assert KEY not in before + after


def test_values_that_hold_the_key_do_not_show_it() -> None:
    """What carries the key to the wire does not print it."""
    endpoint = Endpoint("http://127.0.0.1:1/v1", KEY)
    values = (endpoint, Wire(endpoint), Send(endpoint, "/models", None, Timeouts()))

    for value in values:
        assert KEY not in f"{value} {value!r} {pretty_repr(value)} {[value]}"
        assert KEY.encode() not in pickle.dumps(value)


# --- records and traces -----------------------------------------------------------------


def record_of(caller: str, model: Any) -> dict[str, Any]:
    """The record on an answer."""
    if caller in LANGCHAIN:
        found: dict[str, Any] = model.invoke(PROMPT).response_metadata["globalapi"]
        return found
    from llama_index.core.llms import ChatMessage

    answer = model.chat([ChatMessage(PROMPT)])
    found = answer.additional_kwargs["globalapi"]
    return found


@CALLER
def test_record_tells_neither_key_nor_prompt(caller: str) -> None:
    """The record of a call, answered or failed, is JSON without either."""
    with Server(body({"error": {"message": KEY}}, 503), sound) as server:
        answered = json.dumps(record_of(caller, made(caller, server.url)))
    with Server(*TROUBLE["echo"]) as server:
        error: Any = failure(caller, "invoke", server.url)
    failed = json.dumps(error.record.as_dict())

    assert '"ok"' in answered
    assert KEY not in answered + failed
    assert PROMPT not in answered + failed


@pytest.mark.parametrize("caller", LANGCHAIN)
@WAY
def test_trace_of_langchain_has_no_key(caller: str, way: str) -> None:
    """Callbacks and traced runs, of answers and of failures, are told no key."""
    heard, runs = Recorder(), RunCollectorCallbackHandler()
    config = {"callbacks": [heard, runs]}
    with Server(sound) as server:
        asked(caller, made(caller, server.url), way, config=config)
    with Server(*TROUBLE["echo"]) as server:
        failure(caller, way, server.url, config=config)

    texts = [*heard.payloads, *(run.model_dump_json() for run in runs.traced_runs)]
    assert len(runs.traced_runs) == 2
    assert any(PROMPT in text for text in texts)
    assert not [text for text in texts if KEY in text]


class _Events(BaseEventHandler):
    heard: list[str] = []  # noqa: RUF012 -- a pydantic field

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.heard.append(f"{event!r} {event.model_dump()} {kwargs}")


class _Spans(BaseSpanHandler[Any]):
    heard: list[str] = []  # noqa: RUF012 -- a pydantic field

    def new_span(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append(f"{args} {kwargs}")

    def prepare_to_exit_span(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append(f"{args} {kwargs}")

    def prepare_to_drop_span(self, *args: Any, **kwargs: Any) -> None:
        self.heard.append(f"{args} {kwargs}")


@pytest.fixture
def llamaindex_is_heard() -> Iterator[list[str]]:
    """All that LlamaIndex's events and spans tell, as text."""
    events, spans, root = _Events(), _Spans(), get_dispatcher()
    heard: list[str] = []
    events.heard = spans.heard = heard
    root.event_handlers.append(events)
    root.span_handlers.append(spans)
    yield heard
    root.event_handlers.remove(events)
    root.span_handlers.remove(spans)


@pytest.mark.parametrize("caller", LLAMAINDEX)
@WAY
def test_events_of_llamaindex_have_no_key(
    caller: str, way: str, llamaindex_is_heard: list[str]
) -> None:
    """Events, spans and callbacks, of answers and of failures, are told no key."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    with Server(sound) as server:
        model = made(caller, server.url)
        model.callback_manager = CallbackManager([debug])
        asked(caller, model, way)
    with Server(*TROUBLE["echo"]) as server:
        failure(caller, way, server.url)

    texts = [*llamaindex_is_heard, *(repr(each.payload) for each in debug.get_events())]
    assert len(debug.get_events()) >= 2
    assert any(PROMPT in text for text in texts)
    assert not [text for text in texts if KEY in text]


# --- the watch itself -------------------------------------------------------------------


@pytest.mark.parametrize(
    "tell",
    [
        lambda logger: logger.debug(f"sent {KEY}"),
        lambda logger: logger.debug("sent %s", {"Authorization": f"Bearer {KEY}"}),
        lambda logger: logger.debug("sent", extra={"headers": {"Authorization": KEY}}),
        lambda logger: logger.info("asked %r", PROMPT),
        lambda logger: logger.error("failed", exc_info=AllModelsFailedError(KEY, [_lost()])),
    ],
)
def test_watch_hears_a_canary(tell: Callable[[logging.Logger], None]) -> None:
    """The watch of all tests hears a key wherever a record may have it."""
    logger, watch = logging.Logger("alone", logging.DEBUG), Watch()
    logger.addHandler(watch)

    logger.debug("sent %s", "nothing of note")
    assert not watch.heard
    tell(logger)

    assert watch.heard


def _lost() -> Any:
    from globalapi_core.errors import ConnectionLostError

    return ConnectionLostError("lost")
