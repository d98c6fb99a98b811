"""OpenTelemetry spans of every call: one for the call, one within it for each attempt.

The spans of attempts follow the `gen_ai.*` conventions (opentelemetry-semantic-conventions
0.66b2, still experimental); what has no convention yet, the route, the reason and the cost,
is under `globalapi.*`. No prompt and no answer is in them. A reader who leaves a stream is no
error: its span says `globalapi.abandoned`. Needs the extra `otel`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from globalapi_core import hooks
from globalapi_core.errors import AbandonedError
from globalapi_core.records import Attempt, CallRecord, Outcome, known_cost

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer, TracerProvider

_SECOND = 1_000_000_000


def instrument(tracer_provider: TracerProvider | None = None) -> Callable[[], None]:
    """Make spans of every call of this process from now on.

    They are made when a call ends, with the times it had, as children of the span that is
    current then. Of a stream that is the one in which its end was read. Whoever instruments
    twice gets every span twice.

    Args:
        tracer_provider: whose spans they are; `None`: OpenTelemetry's global one.

    Returns:
        What ends it.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        raise ImportError(
            "OpenTelemetry is not installed: pip install 'globalapi-llm[otel]'"
        ) from None
    tracer = trace.get_tracer("globalapi", tracer_provider=tracer_provider)
    return hooks.on_call(lambda record: _emit(tracer, record))


def _emit(tracer: Tracer, record: CallRecord) -> None:
    """Make the spans of a call that has just ended, with the times they had."""
    from opentelemetry.trace import set_span_in_context

    ended = time.time_ns()
    began = ended - round(record.seconds * _SECOND)
    name = record.decision.route or record.decision.primary.name
    whole = tracer.start_span(
        f"route {name}", start_time=began, attributes=_call_attributes(record)
    )
    inside = set_span_in_context(whole)
    now = began
    for attempt, outcome in record.attempts:
        start = min(now + round(attempt.wait * _SECOND), ended)
        now = min(start + round(outcome.seconds * _SECOND), ended)
        span = _start_attempt(tracer, inside, start, attempt, outcome)
        _fail(span, outcome)
        span.end(now)
    if not record.attempts:
        _refuse(whole)
    elif record.model is None:
        _fail(whole, record.attempts[-1][1])
    whole.end(ended)


def _start_attempt(
    tracer: Tracer, inside: Any, start: int, attempt: Attempt, outcome: Outcome
) -> Span:
    from opentelemetry.trace import SpanKind

    return tracer.start_span(
        f"chat {attempt.candidate.name}",
        context=inside,
        kind=SpanKind.CLIENT,
        start_time=start,
        attributes=_attempt_attributes(attempt, outcome),
    )


def _fail(span: Span, outcome: Outcome) -> None:
    """Mark *span* as failed if *outcome* is."""
    from opentelemetry.trace import Status, StatusCode

    if isinstance(outcome.error, AbandonedError):
        span.set_attribute("globalapi.abandoned", True)
    elif outcome.error is not None:
        span.set_attribute("error.type", type(outcome.error).__name__)
        span.set_status(Status(StatusCode.ERROR, str(outcome.error)))


def _refuse(span: Span) -> None:
    """Mark *span* as that of a call nobody was asked: each model too dear, or cooling down."""
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", "_OTHER")
    span.set_status(Status(StatusCode.ERROR, "no model was asked"))


def _call_attributes(record: CallRecord) -> dict[str, Any]:
    decision = record.decision
    return _known(
        {
            "globalapi.route.name": decision.route,
            "globalapi.route.reason": decision.reason,
            "globalapi.route.choose": decision.choose,
            "globalapi.route.forced": decision.forced,
            "globalapi.route.candidates": [each.name for each in decision.candidates],
            "globalapi.route.rejected": [str(each) for each in decision.rejected],
            "globalapi.passed_over": [str(each) for each in record.passed_over],
            "globalapi.model": record.model,
            "globalapi.fell_back": record.fell_back,
            "globalapi.attempts": len(record.attempts),
            "globalapi.escalated": record.escalated,
            "globalapi.cost.usd": _amount(record.cost.usd),
            "globalapi.cost.at_least_usd": _amount(record.cost.at_least),
        }
    )


def _attempt_attributes(attempt: Attempt, outcome: Outcome) -> dict[str, Any]:
    usage = outcome.usage
    model = attempt.candidate.model
    known = known_cost(attempt, outcome)
    return _known(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "globalapi",
            "gen_ai.request.model": model.name,
            "gen_ai.response.model": outcome.response_model,
            "gen_ai.response.finish_reasons": outcome.finish_reason and [outcome.finish_reason],
            "gen_ai.response.time_to_first_chunk": outcome.first_delta,
            "gen_ai.usage.input_tokens": usage and usage.input_tokens,
            "gen_ai.usage.output_tokens": usage and usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage and usage.cache_read_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage and usage.reasoning_tokens,
            "globalapi.attempt.number": attempt.number,
            "globalapi.attempt.wait": attempt.wait,
            "globalapi.model.family": model.family,
            "globalapi.request_id": outcome.request_id,
            "globalapi.adaptations": list(outcome.adaptations),
            "globalapi.cost.usd": known and _amount(known.usd),
        }
    )


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is unknown: an attribute cannot be `None`."""
    return {name: value for name, value in attributes.items() if value is not None}


def _amount(usd: Decimal | None) -> float | None:
    # Attributes are floats; the record has the exact amount.
    return None if usd is None else float(usd)
