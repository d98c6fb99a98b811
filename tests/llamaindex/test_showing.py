"""What LLMs say of themselves and of their answers: reprs and records."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse

from globalapi_core.config import parse_config
from globalapi_core.sandbox import Sandbox
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter, record_of

from .conftest import LLM

URL = "http://127.0.0.1:9/v1"
ROUTES = "routes: [{name: first, when: {tools: true}, candidates: [gpt-4o]}, {name: rest, candidates: [glm-5]}]"  # noqa: E501


def test_repr_of_a_model_is_short() -> None:
    """One model is its name, its server, and what was set."""
    llm = GlobalAPI(model="GLM 5", api_base=URL, api_key="sk-of-a-test", temperature=0)

    assert repr(llm) == f"GlobalAPI(model='GLM 5', api_base={URL!r}, temperature=0.0)"
    assert llm._repr_html_() is None


def test_repr_of_a_router_is_short() -> None:
    """A router is its file, or the names of its routes, and its server."""
    of_file = GlobalAPIRouter(config=parse_config(ROUTES, file="team.yaml"), api_base=URL)
    of_text = GlobalAPIRouter(config=parse_config(ROUTES), api_base=URL, tags=["vip"])

    assert repr(of_file) == f"GlobalAPIRouter(config='team.yaml', api_base={URL!r})"
    assert repr(of_text) == (
        f"GlobalAPIRouter(routes=['first', 'rest'], api_base={URL!r}, tags=['vip'])"
    )


def test_notebook_shows_the_routes() -> None:
    """A notebook shows a router as the table of its routes."""
    html = GlobalAPIRouter(config=parse_config(ROUTES), api_base=URL)._repr_html_()

    assert html is not None
    assert all(said in html for said in ("<table>", "first", "gpt-4o", "tools: true", "rest"))


@pytest.mark.parametrize("form", ["chat", "complete", "stream_chat"])
def test_record_of_an_answer(llm: LLM, form: str) -> None:
    """An answer's record is found, on the last part of a stream too."""
    response: Any
    if form == "complete":
        response = llm.complete("Hello")
    elif form == "chat":
        response = llm.chat([ChatMessage("Hello")])
    else:
        first, *_, response = llm.stream_chat([ChatMessage("Hello")])
        assert record_of(first) is None

    record = record_of(response)
    assert record is not None
    assert record["attempts"][-1]["outcome"] == "ok"


@pytest.mark.parametrize(
    "response", [ChatResponse(message=ChatMessage("Hi")), CompletionResponse(text="Hi")]
)
def test_record_of_another_response(response: ChatResponse | CompletionResponse) -> None:
    """A response that no call of ours made has none."""
    assert record_of(response) is None


@pytest.mark.parametrize("extra", ["extra_headers", "extra_query"])
def test_what_a_call_would_put_beside_its_request_is_told(
    llm: LLM, sandbox: Sandbox, extra: str
) -> None:
    """Headers and a query of one call are no part of the request: a warning says so."""
    with pytest.warns(UserWarning, match=f"does not use '{extra}'"):
        llm.chat([ChatMessage("Hello")], **{extra: {"a": "b"}})

    assert extra not in sandbox.requests[-1].body


def test_base_url_is_another_name_of_api_base() -> None:
    """LangChain's name for the address is taken; of both, LlamaIndex's own counts."""
    for cls in (GlobalAPI, GlobalAPIRouter):
        assert cls(base_url=URL).api_base == URL  # type: ignore[call-arg]
        assert cls(base_url="http://127.0.0.1:1/v1", api_base=URL).api_base == URL  # type: ignore[call-arg]
