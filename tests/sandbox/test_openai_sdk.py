"""The wire shape as an independent client reads it: the openai package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from globalapi_core.sandbox import Sandbox, faults

from .client import tool

openai = pytest.importorskip("openai")

USER: Any = {"role": "user", "content": "multiply 6 by 7"}
MULTIPLY = tool("multiply", "Multiplies", a={"type": "integer"}, b={"type": "integer"})


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Any]:
    """A client that sends each request once."""
    with openai.OpenAI(base_url=sandbox.base_url, api_key="any", max_retries=0) as client:
        yield client


def test_sdk_reads_a_completion(client: Any) -> None:
    """Text, finish reason and usage are where the SDK looks for them."""
    got = client.chat.completions.create(model="flash", messages=[USER])

    assert got.choices[0].message.content.startswith("[sandbox] ")
    assert got.choices[0].finish_reason == "stop"
    assert got.usage.total_tokens == got.usage.prompt_tokens + got.usage.completion_tokens
    assert got._request_id.startswith("req-sandbox-")


def test_sdk_reads_a_stream(client: Any) -> None:
    """The pieces add up to the whole answer, and usage comes last."""
    whole = client.chat.completions.create(model="flash", messages=[USER])
    chunks = list(
        client.chat.completions.create(
            model="flash", messages=[USER], stream=True, stream_options={"include_usage": True}
        )
    )

    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


def test_sdks_own_stream_helper_puts_a_tool_call_together(client: Any) -> None:
    """Its accumulator, which is strict about indexes, parses the arguments."""
    with client.chat.completions.stream(
        model="flash", messages=[USER], tools=[MULTIPLY], tool_choice="required"
    ) as stream:
        got = stream.get_final_completion()

    call = got.choices[0].message.tool_calls[0]
    assert call.function.name == "multiply"
    assert json.loads(call.function.arguments) == {"a": 6, "b": 7}
    assert got.choices[0].finish_reason == "tool_calls"


def test_sdk_reads_json(client: Any) -> None:
    """A schema is obeyed as far as the SDK can see."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    got = client.chat.completions.create(
        model="flash",
        messages=[USER],
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
    )

    assert json.loads(got.choices[0].message.content) == {"a": 6}


def test_sdk_lists_the_models(client: Any) -> None:
    """The list endpoint is read as a page."""
    assert [each.id for each in client.models.list()][:2] == ["flash", "eyes"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.rate_limited(1), "RateLimitError"),
        (faults.unauthorized(), "AuthenticationError"),
        (faults.forbidden_rate_limit(), "PermissionDeniedError"),
        (faults.server_error(), "InternalServerError"),
        (faults.dead(), "APIConnectionError"),
    ],
)
def test_sdk_raises_its_own_error_for_a_fault(
    sandbox: Sandbox, client: Any, fault: faults.Fault, kind: str
) -> None:
    """Statuses and bodies are those the SDK knows."""
    sandbox.script("flash", [fault])

    with pytest.raises(getattr(openai, kind)):
        client.chat.completions.create(model="flash", messages=[USER])


def test_sdk_reads_the_code_of_a_refusal(client: Any) -> None:
    """The error body is parsed: code and parameter are on the exception."""
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nope", messages=[USER])
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="flash", messages=[USER], temperature=2, n=2)

    assert unknown.value.code == "model_not_found"
    assert refused.value.param == "n"


async def test_async_sdk_reads_a_stream(sandbox: Sandbox) -> None:
    """The asynchronous client gets the same."""
    async with openai.AsyncOpenAI(base_url=sandbox.base_url, api_key="any") as client:
        stream = await client.chat.completions.create(model="thinker", messages=[USER], stream=True)
        chunks = [each async for each in stream]

    deltas = [each.choices[0].delta for each in chunks]
    assert any(getattr(delta, "reasoning_content", None) for delta in deltas)
    assert chunks[-1].choices[0].finish_reason == "stop"
