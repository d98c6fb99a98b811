"""What OpenInference's instrumentor sees of calls, with the spans of our own within."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core import Document, SummaryIndex
from llama_index.core.llms import ChatMessage
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from globalapi_core import otel
from globalapi_core.sandbox import Sandbox, faults
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

QUESTION = "Which port does the server listen on?"
FIRST, SECOND = "deepseek-v4-flash", "qwen3-32b"
Spans = Callable[[], list[ReadableSpan]]


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Traces LlamaIndex and our calls; reads the spans that ended, in order of beginning."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = LlamaIndexInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    remove = otel.instrument(provider)
    yield lambda: sorted(exporter.get_finished_spans(), key=lambda each: each.start_time or 0)
    remove()
    instrumentor.uninstrument()


def told(span: ReadableSpan) -> dict[str, Any]:
    """The attributes of *span*."""
    return dict(span.attributes or {})


def is_within(inner: ReadableSpan, outer: ReadableSpan) -> bool:
    """Whether *inner* is a child of *outer*."""
    return inner.parent is not None and inner.parent.span_id == outer.context.span_id


def named(found: list[ReadableSpan], name: str) -> list[ReadableSpan]:
    """The spans of that name."""
    return [each for each in found if each.name == name]


def test_one_model_is_one_span(
    single: Callable[..., GlobalAPI], spans: Spans, sandbox: Sandbox
) -> None:
    """A model's call is an LLM span with its model, tokens and texts; our spans are within."""
    answer = single("gpt-4o").chat([ChatMessage(QUESTION)])

    found = spans()
    (span,), (ours,) = named(found, "GlobalAPI.chat"), named(found, "route gpt-4o")
    attributes = told(span)
    billed = sandbox.bill.rows[0]
    assert attributes["openinference.span.kind"] == "LLM"
    assert attributes["llm.model_name"] == "gpt-4o"
    assert attributes["llm.finish_reason"] == "stop"
    assert attributes["llm.token_count.prompt"] == billed.input_tokens
    assert attributes["llm.token_count.completion"] == billed.output_tokens
    assert attributes["llm.input_messages.0.message.content"] == QUESTION
    assert attributes["llm.output_messages.0.message.content"] == answer.message.content
    assert is_within(ours, span)


@pytest.mark.parametrize("form", ["chat", "achat"])
async def test_router_is_a_span_around_its_attempts(
    router: GlobalAPIRouter, spans: Spans, sandbox: Sandbox, form: str
) -> None:
    """Each attempt is an LLM span of its model within the router's, the failed one an error."""
    sandbox.script(FIRST, [faults.overloaded()])

    if form == "achat":
        await router.achat([ChatMessage(QUESTION)])
    else:
        router.chat([ChatMessage(QUESTION)])

    found = spans()
    (outer,), (failed, answered) = (
        named(found, f"{each}.{form}") for each in ("GlobalAPIRouter", "GlobalAPI")
    )
    (ours,) = named(found, "route default")
    assert [is_within(each, outer) for each in (failed, answered, ours)] == [True, True, True]
    assert [told(each)["llm.model_name"] for each in (failed, answered)] == [FIRST, SECOND]
    assert [each.status.status_code for each in (failed, answered)] == [
        StatusCode.ERROR,
        StatusCode.OK,
    ]
    assert told(answered)["llm.token_count.total"] > 0
    assert [name for name in told(outer) if name.startswith("llm.token_count")] == []


@pytest.mark.parametrize("form", ["stream_chat", "astream_chat"])
async def test_stream_of_one_model_is_one_span(
    single: Callable[..., GlobalAPI], spans: Spans, sandbox: Sandbox, form: str
) -> None:
    """A stream's span ends with the stream, and has its tokens and its whole text."""
    if form == "stream_chat":
        *_, last = single("gpt-4o").stream_chat([ChatMessage(QUESTION)])
    else:
        async for part in await single("gpt-4o").astream_chat([ChatMessage(QUESTION)]):
            last = part

    (span,) = named(spans(), f"GlobalAPI.{form}")
    billed = sandbox.bill.rows[0]
    assert told(span)["llm.token_count.completion"] == billed.output_tokens
    assert told(span)["llm.output_messages.0.message.content"] == last.message.content


async def test_query_engine_is_one_trace(router: GlobalAPIRouter, spans: Spans) -> None:
    """A question to an engine is one trace, from the engine down to our spans of attempts."""
    documents = [Document(text="The server listens on port 8443.")]
    engine = SummaryIndex.from_documents(documents).as_query_engine(llm=router)

    await engine.aquery(QUESTION)

    found = spans()
    (query,) = named(found, "RetrieverQueryEngine.aquery")
    (attempt,) = named(found, f"chat {FIRST}")
    assert attempt.context.trace_id == query.context.trace_id


def test_key_is_in_no_span(single: Callable[..., GlobalAPI], spans: Spans) -> None:
    """What is traced of an LLM's settings leaves the key out."""
    single(api_key="sk-of-a-test").complete(QUESTION)

    assert "sk-of-a-test" not in "".join(each.to_json() for each in spans())
