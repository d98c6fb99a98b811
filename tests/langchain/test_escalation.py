"""What LangChain's listeners see of an answer that fails a check: nothing of its text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler

from globalapi_core.config import parse_config
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import RouterRunnable
from tests.langchain.servers import events, saying, whole

REFUSAL = "I'm sorry, but I can't help with that."
PIECES = [{"content": each} for each in ("The refund ", "takes five ", "working days.")]
GOOD = "".join(each["content"] for each in PIECES)
LONG = [{"content": "The refund takes five working days, "} for _ in range(4)]


@contextmanager
def candidates(first: bytes, second: bytes, escalate: str, **how: Any) -> Iterator[RouterRunnable]:
    """A router over two models, whose answers are these, in turn."""
    with saying(first, then=second, **how) as server:
        config = parse_config(
            "attempts: {max_retries: 0, timeout: 10}\n"
            "models: {a: {}, b: {}}\n"
            f"routes: [{{name: all, candidates: [a, b], escalate: [{escalate}]}}]"
        )
        yield RouterRunnable(config=config, base_url=server.base_url)


class Listener(BaseCallbackHandler):
    """Notes each token, and how each run of a model ended."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.tokens: list[str] = []
        self.ends: list[str] = []

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """Note a token."""
        self.tokens.append(str(token))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """Note an answer."""
        self.ends.append("answer")

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """Note an error."""
        self.ends.append(type(error).__name__)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_listeners_are_told_no_token_of_a_rejected_answer(asynchronous: bool) -> None:
    """Tokens are told when they may be shown; the run of the rejected answer ends in its error."""
    heard = Listener()
    config: Any = {"callbacks": [heard]}

    with candidates(events([{"content": REFUSAL}]), events(PIECES), "refusal") as router:
        if asynchronous:
            pieces = [each.text async for each in router.astream("hello", config)]
        else:
            pieces = [each.text for each in router.stream("hello", config)]

    assert "".join(pieces) == "".join(heard.tokens) == GOOD
    assert heard.ends == ["RejectedAnswerError", "answer"]


def test_graph_streams_no_token_of_a_rejected_answer() -> None:
    """LangGraph's `messages` mode, which listens to the models themselves, shows one answer."""
    graphs = pytest.importorskip("langgraph.graph")
    with candidates(events([{"content": REFUSAL}]), events(PIECES), "refusal") as router:
        builder = graphs.StateGraph(graphs.MessagesState)
        builder.add_node("ask", lambda state: {"messages": [router.invoke(state["messages"])]})
        builder.add_edge(graphs.START, "ask")
        shown = [
            message.text
            for message, _ in builder.compile().stream(
                {"messages": [("user", "hello")]}, stream_mode="messages"
            )
        ]

    assert "".join(shown) == GOOD


def test_stream_is_shown_before_its_end() -> None:
    """With `refusal` and `empty` a long answer is shown while the model is still writing."""
    first = events(LONG, finish=None)

    with candidates(first, first, "refusal, empty", hang=True) as router:
        stream = router.stream("hello")
        pieces = [next(stream).text for _ in LONG]
        stream.close()  # type: ignore[attr-defined]

    assert "".join(pieces) == "".join(each["content"] for each in LONG)


@pytest.mark.parametrize("escalate", ["refusal", "empty"])
def test_reasoning_waits_for_the_text(escalate: str) -> None:
    """Shown reasoning would commit to a model that then declines or says nothing."""
    said = REFUSAL if escalate == "refusal" else ""
    first = events([{"reasoning_content": "Hm."}, *([{"content": said}] if said else [])])
    second = events([{"reasoning_content": "Aha."}, *PIECES])

    with candidates(first, second, escalate) as router:
        chunks = list(router.stream("hello"))

    thoughts = [each.additional_kwargs.get("reasoning_content", "") for each in chunks]
    assert "".join(thoughts) == "Aha."
    assert "".join(str(each.text) for each in chunks) == GOOD


def test_refusal_that_is_handed_over_keeps_its_parts() -> None:
    """Reasoning, text, usage and the finish reason are those of the attempt."""
    usage: dict[str, Any] = {"usage": {"prompt_tokens": 5, "completion_tokens": 7}}
    refused = whole({"content": REFUSAL, "reasoning_content": "No."}, **usage)

    with candidates(refused, refused, "refusal", kind=b"application/json") as router:
        message = router.invoke("hello")

    assert message.text == REFUSAL
    assert message.additional_kwargs["reasoning_content"] == "No."
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] == 7
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.response_metadata["globalapi"]["handed_over"] == 2


def test_check_of_a_call_goes_before_the_routers() -> None:
    """As every argument does; the router's holds for all other calls."""
    plain: dict[str, Any] = {"kind": b"application/json"}
    read: list[str] = []
    with candidates(whole({"content": "A"}), whole({"content": "B"}), "empty", **plain) as router:
        strict = RouterRunnable(
            config=router._config, base_url=router._endpoint.base_url, check=lambda text: False
        )
        answer = strict.invoke("hello", check=lambda text: read.append(text))

    assert answer.text == "A"
    assert read == ["A"]


def test_rejected_answer_is_not_cached(sandbox: Sandbox) -> None:
    """A model that declined once is asked again; the answer that passed is not asked for twice."""
    config = parse_config(
        "routes: [{name: all, candidates: [deepseek-v4-flash, gpt-4o-mini], escalate: refusal}]"
    )
    sandbox.say("deepseek-v4-flash", [REFUSAL, REFUSAL])
    sandbox.say("gpt-4o-mini", [GOOD])
    router = RouterRunnable(config=config, base_url=sandbox.base_url, cache=InMemoryCache())

    answers = [router.invoke("hello").text for _ in range(2)]

    assert answers == [GOOD, GOOD]
    assert [each.model for each in sandbox.requests] == [
        *("deepseek-v4-flash", "gpt-4o-mini", "deepseek-v4-flash")
    ]
