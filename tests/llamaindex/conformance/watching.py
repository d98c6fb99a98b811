"""`Settings`, callbacks and instrumentation: each call is told of once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llama_index.core import get_response_synthesizer
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import (
    CallbackManager,
    CBEventType,
    LlamaDebugHandler,
    TokenCountingHandler,
)
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import (
    LLMChatEndEvent,
    LLMChatInProgressEvent,
    LLMChatStartEvent,
    LLMCompletionEndEvent,
    LLMCompletionStartEvent,
)
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler

from globalapi_core.sandbox import faults
from tests.llamaindex.conformance.bench import Bench, checks
from tests.llamaindex.conformance.engines import QUESTION, Shelf, engine
from tests.llamaindex.conformance.methods import PROMPT, STREAMED, WHOLE, asked

check = checks("Settings, callbacks and events")

CANARY = "sk-canary-0123456789"


class _Events(BaseEventHandler):
    seen: list[Any] = []  # noqa: RUF012  # a pydantic field

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.seen.append(event)


@contextmanager
def events() -> Iterator[list[Any]]:
    """Every event of LlamaIndex's instrumentation."""
    handlers, recorder = get_dispatcher().event_handlers, _Events()
    handlers.append(recorder)
    try:
        yield recorder.seen
    finally:
        handlers.remove(recorder)


class _Spans(SimpleSpanHandler):
    seen: list[tuple[int, str]] = []  # noqa: RUF012  # a pydantic field

    def new_span(self, id_: str, bound_args: Any, instance: Any = None, **kwargs: Any) -> Any:
        self.seen.append((id(instance), id_.partition("-")[0].rpartition(".")[2]))
        return super().new_span(id_, bound_args, instance, **kwargs)


@contextmanager
def spans() -> Iterator[list[tuple[int, str]]]:
    """Every span that begins: whose it is, and of which method."""
    handlers, recorder = get_dispatcher().span_handlers, _Spans()
    handlers.append(recorder)
    try:
        yield recorder.seen
    finally:
        handlers.remove(recorder)


@check()
def settings_llm_serves_whoever_names_none(bench: Bench) -> None:
    """As `Settings.llm` it is what engines use."""
    with bench.as_default():
        answer = get_response_synthesizer().synthesize(QUESTION, Shelf().retrieve(QUESTION))
    assert "330" in str(answer), str(answer)
    assert bench.calls == 1, f"{bench.calls} calls"


@check(*WHOLE, *STREAMED)
def tokens_are_counted_once(bench: Bench, way: str) -> None:
    """`TokenCountingHandler` counts each call once, and as the server does."""
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = bench.llm()
    llm.callback_manager = CallbackManager([counter])
    parts = asked(llm, way)
    assert len(counter.llm_token_counts) == 1, f"{len(counter.llm_token_counts)} counts"
    told = parts[-1].additional_kwargs.get("total_tokens")
    counted = counter.total_llm_token_count
    assert counted == told, f"counted {counted}, the server says {told}"


@check()
def failed_call_is_counted_with_the_next(bench: Bench) -> None:
    """A call that fails adds nothing."""
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = bench.llm()
    llm.callback_manager = CallbackManager([counter])
    bench.sandbox.script("gpt-4o", [faults.unauthorized()])
    try:
        llm.chat([ChatMessage(PROMPT)])
    except Exception:
        llm.chat([ChatMessage(PROMPT)])
    counted = [each.total_token_count for each in counter.llm_token_counts if each.completion]
    assert len(counted) == 1, f"{len(counted)} counts"


@check(*WHOLE, *STREAMED)
def event_of_a_call_comes_once(bench: Bench, way: str) -> None:
    """One start and one end for each call."""
    with events() as seen:
        asked(bench.llm(), way)
    starts = [
        each for each in seen if isinstance(each, LLMChatStartEvent | LLMCompletionStartEvent)
    ]
    ends = [each for each in seen if isinstance(each, LLMChatEndEvent | LLMCompletionEndEvent)]
    assert (len(starts), len(ends)) == (1, 1), f"{len(starts)} starts, {len(ends)} ends"


@check(*WHOLE)
def span_of_a_call_comes_once(bench: Bench, way: str) -> None:
    """A trace shows one span for each object that was called, not for each of its classes."""
    with spans() as seen:
        asked(bench.llm(), way)
    most = max(Counter(each for each in seen if each[1] == way).values())
    assert most == 1, f"{most} spans of {way}"


@check()
def events_of_a_stream_carry_its_pieces(bench: Bench) -> None:
    """Each piece is an event in progress, and the last one has the whole."""
    with events() as seen:
        parts = asked(bench.llm(), "stream_chat")
    pieces = [each for each in seen if isinstance(each, LLMChatInProgressEvent)]
    (end,) = [each for each in seen if isinstance(each, LLMChatEndEvent)]
    assert len(pieces) >= len(parts) - 1, f"{len(pieces)} of {len(parts)}"
    assert end.response.message.content == parts[-1].message.content


@check()
def events_name_the_model(bench: Bench) -> None:
    """The start of a call says which model is asked."""
    with events() as seen:
        asked(bench.llm("glm-5"), "chat")
    (start,) = [each for each in seen if isinstance(each, LLMChatStartEvent)][:1]
    assert "glm-5" in str(start.model_dict), start.model_dict


@check()
def events_hold_no_key(bench: Bench) -> None:
    """No event of a call or of an engine shows the API key."""
    with events() as seen:
        engine(bench.llm(api_key=CANARY)).query(QUESTION)
    shown = "".join(f"{each!r}{each.model_dump()}" for each in seen)
    assert CANARY not in shown, "the key is in an event"


@check()
def debug_handler_has_a_pair_for_each_call(bench: Bench) -> None:
    """`LlamaDebugHandler` pairs the start and the end of a call."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    llm = bench.llm()
    llm.callback_manager = CallbackManager([debug])
    asked(llm, "chat")
    pairs = debug.get_event_pairs(CBEventType.LLM)
    assert len(pairs) == 1, f"{len(pairs)} pairs"


@check()
def callbacks_of_parallel_calls_do_not_mix(bench: Bench) -> None:
    """Sixteen calls at once are sixteen counts."""
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = bench.llm()
    llm.callback_manager = CallbackManager([counter])

    async def ask() -> None:
        await asyncio.gather(*(llm.achat([ChatMessage(f"{each}?")]) for each in range(16)))

    asyncio.run(ask())
    assert len(counter.llm_token_counts) == 16, f"{len(counter.llm_token_counts)} counts"
