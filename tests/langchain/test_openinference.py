"""What OpenInference's instrumentor sees of calls, beside the spans of our own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from globalapi_core import otel
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain.test_tracing import FIRST, FORMS, QUESTION, SECOND, call

Make = Callable[..., RouterRunnable]
Spans = Callable[[], list[ReadableSpan]]


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    """A provider for whom OpenInference traces LangChain."""
    made = TracerProvider()
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=made)
    yield made
    instrumentor.uninstrument()


@pytest.fixture
def spans(provider: TracerProvider) -> Spans:
    """Reads the spans that have ended, in the order in which they began."""
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return lambda: sorted(exporter.get_finished_spans(), key=lambda each: each.start_time or 0)


def told(span: ReadableSpan) -> dict[str, Any]:
    """The attributes of *span*."""
    return dict(span.attributes or {})


def is_within(inner: ReadableSpan, outer: ReadableSpan) -> bool:
    """Whether *inner* is a child of *outer*."""
    return inner.parent is not None and inner.parent.span_id == outer.context.span_id


def test_one_model_is_one_span(
    chat: Callable[..., ChatGlobalAPI], spans: Spans, sandbox: Sandbox
) -> None:
    """A model's call is an LLM span with its model, provider, tokens and texts."""
    answer = chat().invoke(QUESTION)

    (span,) = spans()
    attributes = told(span)
    billed = sandbox.bill.rows[0]
    assert attributes["openinference.span.kind"] == "LLM"
    assert attributes["llm.model_name"] == FIRST
    assert attributes["llm.provider"] == "globalapi"
    assert attributes["llm.finish_reason"] == "stop"
    assert attributes["llm.token_count.prompt"] == billed.input_tokens
    assert attributes["llm.token_count.completion"] == billed.output_tokens
    assert attributes["llm.input_messages.0.message.content"] == QUESTION
    assert attributes["llm.output_messages.0.message.content"] == answer.text


@pytest.mark.parametrize("form", FORMS)
async def test_router_is_a_chain_span_around_its_attempts(
    router: Make, spans: Spans, sandbox: Sandbox, form: str
) -> None:
    """Each attempt is an LLM span of its model within the router's, the failed one an error."""
    sandbox.script(FIRST, [faults.overloaded()])

    await call(router(), form, None)

    chain, failed, answered = spans()
    assert told(chain)["openinference.span.kind"] == "CHAIN"
    assert [each.name for each in (chain, failed)] == ["RouterRunnable", "ChatGlobalAPI"]
    assert [is_within(each, chain) for each in (failed, answered)] == [True, True]
    assert [told(each)["llm.model_name"] for each in (failed, answered)] == [FIRST, SECOND]
    assert [each.status.status_code for each in (failed, answered)] == [
        StatusCode.ERROR,
        StatusCode.OK,
    ]
    assert failed.events[0].attributes is not None
    assert "ServerError" in str(failed.events[0].attributes["exception.type"])
    assert "llm.token_count.total" not in told(failed)
    assert told(answered)["llm.token_count.total"] == sum(
        (row.input_tokens or 0) + (row.output_tokens or 0) for row in sandbox.bill.rows
    )


def test_tool_calls_are_told(router: Make, spans: Spans) -> None:
    """The tools a model was given, and the call it made, are on its span."""

    def get_weather(city: str) -> str:
        """Get the weather in a city."""
        return f"sunny in {city}"

    answer = router().bind_tools([get_weather], tool_choice="any").invoke("Weather in Paris?")

    attributes = told(spans()[1])
    called = "llm.output_messages.0.message.tool_calls.0.tool_call.function"
    assert "get_weather" in attributes["llm.tools.0.tool.json_schema"]
    assert attributes[f"{called}.name"] == "get_weather"
    assert json.loads(attributes[f"{called}.arguments"]) == answer.tool_calls[0]["args"]


def test_key_is_in_no_span(chat: Callable[..., ChatGlobalAPI], spans: Spans) -> None:
    """What is traced of a model's settings leaves the key out."""
    chat(api_key="sk-of-a-test").invoke(QUESTION)

    assert "sk-of-a-test" not in "".join(each.to_json() for each in spans())


def test_our_spans_are_beside_the_frameworks(
    router: Make, spans: Spans, provider: TracerProvider
) -> None:
    """OpenInference opens no context for LangChain: ours are children of the caller's span."""
    remove = otel.instrument(provider)
    try:
        with provider.get_tracer("test").start_as_current_span("work"):
            router().invoke(QUESTION)
    finally:
        remove()

    found = {each.name: each for each in spans()}
    work = found["work"]
    assert is_within(found["RouterRunnable"], work)
    assert is_within(found["route rest"], work)
    assert is_within(found[f"chat {FIRST}"], found["route rest"])
