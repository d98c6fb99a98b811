"""Single models and routers before llmock, which keeps a journal and gives a verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.errors import (
    AuthenticationError,
    ContextOverflowError,
    GatewayError,
    GatewayTimeoutError,
    IncompleteResponseError,
    InvalidRequestError,
    QuotaExceededError,
    ServerError,
)
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.judges.conftest import Judge

Ask = Callable[..., str]


def langchain(judge: Judge, *, streamed: bool, **settings: Any) -> str:
    """Ask through LangChain."""
    model = ChatGlobalAPI(base_url=judge.base_url, max_retries=2, **settings)
    if streamed:
        return "".join(chunk.text for chunk in model.stream("hello"))
    return model.invoke("hello").text


def llamaindex(judge: Judge, *, streamed: bool, **settings: Any) -> str:
    """Ask through LlamaIndex."""
    from llamaindex_globalapi import GlobalAPI

    model = GlobalAPI(api_base=judge.base_url, max_retries=2, **settings)
    if streamed:
        return "".join(each.delta or "" for each in model.stream_complete("hello"))
    return str(model.complete("hello").text)


@pytest.fixture(params=["langchain", "llamaindex"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """One of the two ways to ask; LlamaIndex only where it is installed."""
    if request.param == "langchain":
        return langchain
    pytest.importorskip("llama_index.core", reason="this environment has LangChain alone")
    return llamaindex


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    "fault", [{"type": "fail", "status": 429, "retry_after": 1}, {"type": "fail", "status": 503}]
)
def test_passing_trouble_is_retried_as_the_judge_wants_it(
    judge: Judge, ask: Ask, fault: dict[str, Any], streamed: bool
) -> None:
    """Two refusals cost three attempts, in time and number beyond reproach."""
    judge.script({**fault, "times": 2})

    text = ask(judge, streamed=streamed)

    assert text
    assert len(judge.models()) == 3
    assert judge.findings() == set()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (402, QuotaExceededError),
    ],
)
def test_lasting_trouble_is_not_retried(
    judge: Judge, ask: Ask, status: int, error: type[GatewayError]
) -> None:
    """What another try cannot mend is asked once."""
    judge.script({"type": "fail", "status": status, "times": None})

    with pytest.raises(error):
        ask(judge, streamed=False)

    assert len(judge.models()) == 1


def test_outage_ends_after_the_declared_attempts(judge: Judge, ask: Ask) -> None:
    """A server that is overloaded for good is asked three times, no more."""
    judge.script({"type": "fail", "status": 529, "times": None})

    with pytest.raises(ServerError):
        ask(judge, streamed=False)

    assert len(judge.models()) == 3


@pytest.mark.parametrize("kind", ["truncate", "disconnect", "malformed"])
def test_stream_that_breaks_is_never_a_whole_answer(judge: Judge, ask: Ask, kind: str) -> None:
    """A stream broken after its third chunk raises with what came, and is not retried."""
    judge.script({"type": "stream_fault", "kind": kind, "after_chunks": 3, "times": None})

    with pytest.raises(GatewayError) as caught:
        ask(judge, streamed=True)

    assert caught.value.shown
    assert caught.value.partial_text
    if kind != "malformed":
        assert isinstance(caught.value, IncompleteResponseError)
    assert len(judge.models()) == 1


def test_stream_that_breaks_before_anything_is_asked_again(judge: Judge, ask: Ask) -> None:
    """A connection lost before the first chunk costs a retry, and nobody notices."""
    judge.script({"type": "stream_fault", "kind": "disconnect", "after_chunks": 0, "times": 1})

    text = ask(judge, streamed=True)

    assert text
    assert len(judge.models()) == 2


def test_stall_ends_at_the_deadline(judge: Judge, ask: Ask) -> None:
    """A stream that stalls is a timeout with what came, long before the server goes on."""
    stall = {"type": "stream_fault", "kind": "stall", "stall_seconds": 20, "after_chunks": 3}
    judge.script({**stall, "times": 1})

    with pytest.raises(GatewayTimeoutError) as caught:
        ask(judge, streamed=True, timeout=3.0)

    assert caught.value.partial_text


def test_overflow_is_told_from_other_bad_requests(judge: Judge, ask: Ask) -> None:
    """The judge's context overflow is ours too."""
    body = {"type": "fail", "status": 400, "code": "context_length_exceeded"}
    judge.script({**body, "message": "maximum context length is 8000 tokens", "times": None})

    with pytest.raises((ContextOverflowError, InvalidRequestError)):
        ask(judge, streamed=False)

    assert len(judge.models()) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_router_leaves_the_sick_model_for_the_next(
    judge: Judge, tmp_path: Path, streamed: bool
) -> None:
    """The journal shows the sick model's attempts, then the healthy one's, and no more."""
    (tmp_path / "f.yaml").write_text(
        "attempts: {max_retries: 1}\n"
        "routes: [{name: default, candidates: [deepseek-v4-flash, qwen3-32b]}]\n"
    )
    sick = {"type": "fail", "status": 503, "times": None, "match": {"model": "deepseek*"}}
    judge.script(sick)
    router = RouterRunnable(config=tmp_path / "f.yaml", base_url=judge.base_url)

    if streamed:
        text = "".join(chunk.text for chunk in router.stream("hello"))
    else:
        text = router.invoke("hello").text

    assert text
    assert judge.models() == ["deepseek-v4-flash", "deepseek-v4-flash", "qwen3-32b"]
