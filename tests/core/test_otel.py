"""OpenTelemetry's view of a call: one span for it, one within it for each attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from globalapi_core import otel, recorded_calls
from globalapi_core.client import Client
from globalapi_core.config import Attempts
from globalapi_core.errors import BudgetExceededError, GatewayError
from globalapi_core.sandbox import Sandbox

from .test_hooks import MESSAGES, made


@pytest.fixture
def provider() -> Iterator[tuple[TracerProvider, InMemorySpanExporter]]:
    """A provider whose spans are kept, and every call instrumented for it."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    remove = otel.instrument(provider)
    yield provider, exporter
    remove()


Kept = tuple[TracerProvider, InMemorySpanExporter]


def spans(kept: Kept) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """The span of the one call, and those of its attempts."""
    *tried, whole = kept[1].get_finished_spans()
    assert all(each.parent and each.parent.span_id == whole.context.span_id for each in tried)
    return whole, tried


def test_answer(sandbox: Sandbox, provider: Kept) -> None:
    """An answered call tells its route, its reason, its tokens and its cost."""
    client, asked = made(sandbox)

    record = client.complete(*asked).record

    whole, (attempt,) = spans(provider)
    assert whole.name == f"route {record.decision.route}"
    assert whole.attributes is not None
    assert whole.attributes["globalapi.route.reason"] == record.decision.reason
    assert whole.attributes["globalapi.cost.usd"] == float(sandbox.bill.total.usd or -1)
    assert attempt.name == f"chat {record.model}"
    assert attempt.kind is SpanKind.CLIENT
    assert attempt.attributes is not None
    assert attempt.attributes["gen_ai.operation.name"] == "chat"
    assert attempt.attributes["gen_ai.request.model"] == record.model
    assert attempt.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert attempt.attributes["gen_ai.usage.input_tokens"] == sandbox.bill.rows[0].input_tokens
    assert attempt.attributes["gen_ai.usage.output_tokens"] == sandbox.bill.rows[0].output_tokens


def test_fallback(sandbox: Sandbox, provider: Kept) -> None:
    """Failed attempts are spans with their error; the call that was saved is no error."""
    client, asked = made(sandbox)
    sandbox.down(asked[1].primary.name)

    record = client.complete(*asked).record

    whole, tried = spans(provider)
    assert whole.status.status_code is StatusCode.UNSET
    assert whole.attributes is not None
    assert whole.attributes["globalapi.fell_back"] is True
    assert [each.status.status_code is StatusCode.ERROR for each in tried] == [
        outcome.error is not None for _, outcome in record.attempts
    ]
    assert tried[0].attributes is not None
    assert tried[0].attributes["error.type"] == type(record.attempts[0][1].error).__name__


def test_failure(sandbox: Sandbox, provider: Kept) -> None:
    """A call that fails is an error, and so is each attempt of it."""
    sandbox.down("*")
    client, asked = made(sandbox)

    with pytest.raises((GatewayError, ExceptionGroup)):
        client.complete(*asked)

    whole, tried = spans(provider)
    assert {each.status.status_code for each in (whole, *tried)} == {StatusCode.ERROR}


def test_stream_that_is_left(sandbox: Sandbox, provider: Kept) -> None:
    """A reader who stops is no error: the spans say that the stream was left."""
    client, asked = made(sandbox)

    with closing(client.stream(*asked)) as stream:
        next(stream)

    whole, tried = spans(provider)
    for span in (whole, *tried):
        assert span.status.status_code is StatusCode.UNSET
        assert span.attributes is not None
        assert span.attributes["globalapi.abandoned"] is True
    assert whole.attributes is not None
    assert "globalapi.model" not in whole.attributes


def test_call_of_nobody(sandbox: Sandbox, provider: Kept) -> None:
    """A call that is refused before any attempt is an error, and says who was passed over."""
    client, asked = made(sandbox)
    poor = Client(client.wire, Attempts(max_cost=Decimal("1e-12")))

    with pytest.raises(BudgetExceededError):
        poor.complete(*asked)

    whole, tried = spans(provider)
    assert tried == []
    assert whole.status.status_code is StatusCode.ERROR
    assert whole.attributes is not None
    passed_over = whole.attributes["globalapi.passed_over"]
    assert isinstance(passed_over, tuple)
    assert len(passed_over) == len(asked[1].candidates)


def test_times(sandbox: Sandbox, provider: Kept) -> None:
    """Spans have the times of what they tell: attempts within their call, one after another."""
    client, asked = made(sandbox)
    sandbox.down(asked[1].primary.name)

    with recorded_calls() as calls:
        client.complete(*asked)

    whole, tried = spans(provider)
    edges = [whole.start_time, *(t for each in tried for t in (each.start_time, each.end_time))]
    edges.append(whole.end_time)
    assert edges == sorted(edge or 0 for edge in edges)
    assert (whole.end_time or 0) - (whole.start_time or 0) == round(calls[0].seconds * 1e9)


def test_parent(sandbox: Sandbox, provider: Kept) -> None:
    """The call is part of whatever span was open when it was made."""
    client, asked = made(sandbox)

    with provider[0].get_tracer("test").start_as_current_span("work") as outer:
        client.complete(*asked)

    whole = next(each for each in provider[1].get_finished_spans() if each.name.startswith("route"))
    assert whole.parent is not None
    assert whole.parent.span_id == outer.get_span_context().span_id


def test_no_prompt_and_no_key(sandbox: Sandbox, provider: Kept) -> None:
    """Neither what was asked nor what was answered is in a span, and no key."""
    client, asked = made(sandbox)

    text = client.complete(*asked).reply.text

    told = json.dumps([json.loads(each.to_json()) for each in provider[1].get_finished_spans()])
    assert MESSAGES[0]["content"] not in told
    assert text not in told
    assert "canary-key" not in told
