"""What models say of themselves and of their answers: reprs, records, tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from globalapi_core.config import parse_config
from langchain_globalapi import ChatGlobalAPI, RouterRunnable, record_of

Chat = Callable[..., ChatGlobalAPI]
Either = Callable[..., ChatGlobalAPI | RouterRunnable]

URL = "http://127.0.0.1:9/v1"
ROUTES = "routes: [{name: first, when: {tools: true}, candidates: [gpt-4o]}, {name: rest, candidates: [glm-5]}]"  # noqa: E501


def test_repr_of_a_model_is_short() -> None:
    """One model is its name, its server, and what was set."""
    model = ChatGlobalAPI(model="GLM 5", base_url=URL, api_key="sk-of-a-test", temperature=0)  # type: ignore[call-arg]

    assert repr(model) == f"ChatGlobalAPI(model='GLM 5', base_url={URL!r}, temperature=0.0)"
    assert model._repr_html_() is None


def test_repr_of_a_router_is_short() -> None:
    """A router is its file, or the names of its routes, and its server."""
    of_file = RouterRunnable(config=parse_config(ROUTES, file="team.yaml"), base_url=URL)
    of_text = RouterRunnable(config=parse_config(ROUTES), base_url=URL, max_retries=3)

    assert repr(of_file) == f"RouterRunnable(config='team.yaml', base_url={URL!r})"
    assert repr(of_text) == (
        f"RouterRunnable(routes=['first', 'rest'], base_url={URL!r}, max_retries=3)"
    )


def test_notebook_shows_the_routes() -> None:
    """A notebook shows a router as the table of its routes."""
    html = RouterRunnable(config=parse_config(ROUTES), base_url=URL)._repr_html_()

    assert html is not None
    assert all(said in html for said in ("<table>", "first", "gpt-4o", "tools: true", "rest"))


@pytest.mark.parametrize("streamed", [False, True])
def test_record_of_an_answer(model: Either, streamed: bool) -> None:
    """An answer's record is found, whole or added up from a stream's pieces."""
    made = model()

    answer: Any = sum(list(made.stream("Hello"))[1:], next(made.stream("Hello")))
    if not streamed:
        answer = made.invoke("Hello")

    record = record_of(answer)
    assert record is not None
    assert record == answer.response_metadata["globalapi"]
    assert record["model"] == "deepseek-v4-flash"


@pytest.mark.parametrize(
    "message",
    [HumanMessage("Hello"), AIMessage("Hi"), AIMessage("Hi", response_metadata={"globalapi": 1})],
)
def test_record_of_another_message(message: Any) -> None:
    """A message that no call of ours made has none."""
    assert record_of(message) is None


def test_token_ids_are_not_made_up(model: Either) -> None:
    """Nobody here knows the ids of tokens: the error names what estimates their number."""
    made = model()

    with pytest.raises(NotImplementedError, match="get_num_tokens estimates"):
        made.get_token_ids("How long does a refund take?")
    assert made.get_num_tokens("How long does a refund take?") > 0


def test_token_ids_of_ones_own(model: Either) -> None:
    """A tokenizer that is set is asked, and counts."""
    made = model(custom_get_token_ids=lambda text: list(map(ord, text)))

    assert made.get_token_ids("ab") == [97, 98]
    assert made.get_num_tokens("ab") == 2
