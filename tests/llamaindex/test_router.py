"""`GlobalAPIRouter`: who is called, who stands in, and what is told of it."""

from __future__ import annotations

import base64

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.tools import FunctionTool

from globalapi_core.config import Config, parse_config
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    IncompleteResponseError,
    InvalidRequestError,
    NoCandidateError,
    RateLimitError,
    UnknownRouteError,
)
from globalapi_core.sandbox import Sandbox, faults
from llamaindex_globalapi import GlobalAPIRouter

HELLO = [ChatMessage("What is the capital of France?")]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
FAILURES = {
    "overloaded": faults.overloaded(),
    "dead": faults.dead(),
    "no answer in it": faults.empty(),
    "cut before anything was shown": faults.cut(0),
    "rate limit sent as 403": faults.forbidden_rate_limit(),
    "unknown to the gateway": faults.status(404, error_code="model_not_found"),
}


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ADD = FunctionTool.from_defaults(add)


def _models(sandbox: Sandbox) -> list[str | None]:
    return [request.model for request in sandbox.requests]


@pytest.mark.parametrize(
    ("messages", "model"),
    [
        (HELLO, "deepseek-v4-flash"),
        ([ChatMessage("法国的首都是哪里？")], "glm-5"),
        ([ChatMessage([TextBlock(text="What?"), ImageBlock(image=PIXEL)])], "qwen3-vl-32b"),
    ],
)
def test_call_goes_to_the_model_of_its_route(
    sandbox: Sandbox, router: GlobalAPIRouter, messages: list[ChatMessage], model: str
) -> None:
    """The first candidate of the first route that fires is called, and nobody else."""
    response = router.chat(messages)

    assert _models(sandbox) == [model]
    assert response.additional_kwargs["globalapi"]["model"] == model
    assert response.message.additional_kwargs["globalapi_model"] == model


def test_call_with_tools_goes_to_a_model_that_calls_them(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """Tools bound to a call are a signal."""
    answer = router.predict_and_call([ADD], "add 3 and 4")

    assert _models(sandbox) == ["gpt-4o"]
    assert answer.response == "7"


@pytest.mark.parametrize(
    ("how", "model"),
    [
        ({"route": "chinese"}, "glm-5"),
        ({"model": "Qwen/Qwen3-32B"}, "Qwen/Qwen3-32B"),
        ({"tags": ["vip"]}, "deepseek-v4-pro"),
        ({"metadata": {"tenant": "acme"}}, "qwen3-coder-30b"),
    ],
)
def test_call_says_where_it_goes(
    sandbox: Sandbox, router: GlobalAPIRouter, how: dict[str, object], model: str
) -> None:
    """Route, model, tags and metadata of one call decide, and are not sent."""
    router.chat(HELLO, **how)
    list(router.stream_complete("Hello", **how))

    assert _models(sandbox) == [model, model]
    assert not {"route", "tags", "metadata"} & sandbox.requests[0].body.keys()


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({"route": "chinese"}, "glm-5"),
        ({"tags": ["vip"]}, "deepseek-v4-pro"),
        ({"call_metadata": {"tenant": "acme"}}, "qwen3-coder-30b"),
    ],
)
def test_router_says_where_all_its_calls_go(
    sandbox: Sandbox, config: Config, fields: dict[str, object], model: str
) -> None:
    """What one call may say, the router may say for all."""
    GlobalAPIRouter(config=config, api_base=sandbox.base_url, **fields).chat(HELLO)

    assert _models(sandbox) == [model]


def test_nearer_arguments_go_before_farther_ones(sandbox: Sandbox, config: Config) -> None:
    """A call's before the route's, and those before the router's."""
    router = GlobalAPIRouter(
        config=config, api_base=sandbox.base_url, temperature=0.9, additional_kwargs={"seed": 1}
    )

    router.chat([ChatMessage("你好，请介绍一下自己。")], max_tokens=50)

    body = sandbox.requests[0].body
    assert (body["temperature"], body["max_tokens"], body["seed"]) == (0.3, 50, 1)


@pytest.mark.parametrize("fault", FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("streamed", [False, True])
def test_failed_model_is_left_for_the_next(
    sandbox: Sandbox, router: GlobalAPIRouter, fault: faults.Fault, streamed: bool
) -> None:
    """The answer is the next candidate's alone, and the record lists both attempts."""
    if streamed and isinstance(fault, faults.Empty):
        fault = faults.cut(0, abrupt=True)
    sandbox.script("deepseek-v4-flash", [fault])

    parts = list(router.stream_chat(HELLO)) if streamed else [router.chat(HELLO)]

    record = parts[-1].additional_kwargs["globalapi"]
    assert [each["model"] for each in record["attempts"]] == ["deepseek-v4-flash", "qwen3-32b"]
    assert [each["outcome"] == "ok" for each in record["attempts"]] == [False, True]
    assert record["fell_back"]
    assert "qwen3-32b" in (parts[-1].message.content or "")
    assert parts[-1].message.additional_kwargs["globalapi_model"] == "qwen3-32b"


async def test_failed_model_is_left_for_the_next_asynchronously(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """`achat` and `astream_chat` fall back too."""
    sandbox.down("deepseek-v4-flash")
    sandbox.script("qwen3-32b", [faults.cut(0)])

    parts = [part async for part in await router.astream_chat(HELLO)]
    whole = await router.achat(HELLO)

    assert _models(sandbox)[:3] == ["deepseek-v4-flash", "qwen3-32b", "gpt-4o-mini"]
    text = "".join(part.delta or "" for part in parts)
    assert text == parts[-1].message.content
    assert text.count("[sandbox]") == 1
    assert whole.message.additional_kwargs["globalapi_model"] == "gpt-4o-mini"


def test_first_token_shown_commits_to_its_model(sandbox: Sandbox, router: GlobalAPIRouter) -> None:
    """Two models' text is never spliced: the error comes with what was shown."""
    sandbox.script("deepseek-v4-flash", [faults.cut(2)])

    seen = []
    with pytest.raises(IncompleteResponseError) as caught:
        seen.extend(part.delta for part in router.stream_chat(HELLO))

    assert "".join(seen) == caught.value.partial_text
    assert caught.value.shown
    assert _models(sandbox) == ["deepseek-v4-flash"]
    assert len(caught.value.record.attempts) == 1


def test_retries_are_the_routers_alone(sandbox: Sandbox) -> None:
    """No second loop below it: every request is an attempt of the record."""
    config = parse_config(
        "attempts: {max_retries: 2}\nroutes: [{name: default, candidates: [glm-5, kimi-k2.5]}]"
    )
    router = GlobalAPIRouter(config=config, api_base=sandbox.base_url)
    sandbox.script("glm-5", [faults.rate_limited(0.01)] * 3)

    response = router.chat(HELLO)

    tried = [each["model"] for each in response.additional_kwargs["globalapi"]["attempts"]]
    assert tried == _models(sandbox) == ["glm-5", "glm-5", "glm-5", "kimi-k2.5"]


def test_failure_that_no_other_model_mends_is_raised(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """A bad key or a bad request is told at once, not tried on everyone."""
    sandbox.script("*", [faults.unauthorized()])
    with pytest.raises(AuthenticationError):
        router.chat(HELLO)

    with pytest.raises(InvalidRequestError):
        router.chat(HELLO, temperature=9)

    assert len(sandbox.requests) == 2


def test_all_models_failing_tells_of_each(sandbox: Sandbox, router: GlobalAPIRouter) -> None:
    """The error is a group of one error per attempt, with the record of the call."""
    sandbox.script("*", [faults.rate_limited()] * 3)

    with pytest.raises(AllModelsFailedError) as caught:
        router.chat(HELLO)

    assert [type(error) for error in caught.value.exceptions] == [RateLimitError] * 3
    assert [error.model for error in caught.value.exceptions] == [
        "deepseek-v4-flash", "qwen3-32b", "gpt-4o-mini",
    ]  # fmt: skip
    assert caught.value.record.model is None


def test_failed_model_is_left_out_for_a_while(sandbox: Sandbox, router: GlobalAPIRouter) -> None:
    """A dead first choice costs one call, not one for each call that follows."""
    sandbox.down("deepseek-v4-flash")

    router.chat(HELLO)
    response = router.chat(HELLO)

    assert _models(sandbox) == ["deepseek-v4-flash", "qwen3-32b", "qwen3-32b"]
    decision = response.additional_kwargs["globalapi"]["decision"]
    assert decision["candidates"][-1] == "deepseek-v4-flash"
    assert "deepseek-v4-flash goes last: failed lately" in decision["reason"]


def test_prompt_goes_past_models_that_are_too_small(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """A 60,000-token prompt is never sent to a model with a window of 32,000."""
    sandbox.down("deepseek-v4-flash")

    response = router.chat([ChatMessage("word " * 45_000 + "\n\nWhat is the first word?")])

    assert _models(sandbox) == ["deepseek-v4-flash", "gpt-4o-mini"]
    assert "context" in response.additional_kwargs["globalapi"]["decision"]["rejected"]["qwen3-32b"]


def test_tool_loop_stays_with_the_model_that_began_it(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """A tool's result goes back to who asked for it, though another is the first choice."""
    asked = [ChatMessage("add 3 and 4")]
    called = router.chat_with_tools([ADD], chat_history=asked, model="kimi-k2-thinking")
    (call,) = router.get_tool_calls_from_response(called)
    result = ChatMessage("7", role="tool", additional_kwargs={"tool_call_id": call.tool_id})

    router.chat_with_tools([ADD], chat_history=[*asked, called.message, result])
    router.chat_with_tools([ADD], chat_history=asked)

    assert _models(sandbox) == ["kimi-k2-thinking", "kimi-k2-thinking", "gpt-4o"]
    assert sandbox.requests[1].body["messages"][1]["reasoning_content"]


def test_picture_that_nobody_sees_is_refused(sandbox: Sandbox) -> None:
    """Without a model for pictures nothing is sent, and each model's reason is told."""
    config = parse_config("routes: [{name: default, candidates: [deepseek-v4-flash, glm-5]}]")
    router = GlobalAPIRouter(config=config, api_base=sandbox.base_url)

    with pytest.raises(NoCandidateError, match="glm-5: takes no image"):
        router.chat([ChatMessage([TextBlock(text="What?"), ImageBlock(image=PIXEL)])])

    assert sandbox.requests == []


def test_unknown_route_names_those_there_are(router: GlobalAPIRouter) -> None:
    """A misspelt route is told before anything is sent."""
    with pytest.raises(UnknownRouteError, match="chinese"):
        router.chat(HELLO, route="chinees")


def test_decision_is_told_without_a_call(sandbox: Sandbox, router: GlobalAPIRouter) -> None:
    """`decide` says what `chat` will do, and why."""
    decision = router.decide("法国的首都是哪里？")
    response = router.chat([ChatMessage("法国的首都是哪里？")])

    assert (decision.route, decision.primary.name) == ("chinese", "glm-5")
    assert response.additional_kwargs["globalapi"]["decision"] == decision.as_dict()
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize(("policy", "window"), [("max", 128_000), ("min", 32_000), (9_000, 9_000)])
def test_metadata_follows_the_policy_and_stays(
    sandbox: Sandbox, config: Config, policy: str | int, window: int
) -> None:
    """Engines read the window once: it is the same before and after a fallback."""
    router = GlobalAPIRouter(config=config, api_base=sandbox.base_url, context_window_policy=policy)
    before = router.metadata
    sandbox.down("deepseek-v4-flash")
    router.chat(HELLO)

    assert before.context_window == window
    assert 0 < before.num_output <= window // 4
    assert before.is_chat_model
    assert before.is_function_calling_model
    assert before.model_name == "globalapi-router"
    assert router.metadata == before
