"""One file, one question, one decision: in LangChain, in LlamaIndex and on the command line.

And the same bytes on the wire, for conversations that nobody chose.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from globalapi_core import Decision, GlobalAPIError
from globalapi_core.cli import app
from globalapi_core.config import parse_config
from globalapi_core.demo import Question, Retriever, load_passages, load_questions
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import Endpoint
from tests.core.wire.server import Server, hello

pytest.importorskip("llama_index.core", reason="this environment has LangChain alone")

from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter
from tests.conversations import (
    CONVERSATIONS,
    MODELS,
    Conversation,
    in_langchain,
    in_llamaindex,
)

QUESTIONS = load_questions()
CONFIG = """
attempts: {max_retries: 0, timeout: 20}
routes:
  - {name: pictures, when: {modality: image}, candidates: [qwen3-vl-32b, gpt-4o]}
  - {name: vip, when: {tags: vip}, candidates: [claude-3.5-sonnet, gpt-4o]}
  - {name: acme, when: {metadata: {tenant: acme}}, candidates: [kimi-k2.5, gpt-4o-mini]}
  - {name: urgent, when: {keywords: [emergency, 紧急]}, candidates: [gpt-4o, kimi-k2.5]}
  - {name: tools, when: {tools: true}, choose: cheapest, candidates: [glm-5, gpt-4o, qwen3-32b]}
  - {name: thinking, when: {reasoning: true}, candidates: [deepseek-v4-pro]}
  - name: chinese
    when: {language: zh}
    candidates: [glm-5, qwen3-32b]
    params: {temperature: 0.3, top_p: 0.9}
  - {name: rest, candidates: [deepseek-v4-flash, gpt-4o-mini, gpt-4o]}
"""


@pytest.fixture(scope="module")
def retriever() -> Retriever:
    """The corpus, indexed."""
    return Retriever(load_passages())


@pytest.fixture(scope="module")
def records(retriever: Retriever) -> dict[str, dict[str, Mapping[str, Any]]]:
    """The record of every question in each framework, over a real socket."""
    import langchain_globalapi.demo
    import llamaindex_globalapi.demo

    pipelines = {
        "langchain": langchain_globalapi.demo.answers,
        "llamaindex": llamaindex_globalapi.demo.answers,
    }
    with Sandbox() as sandbox:
        endpoint = Endpoint(sandbox.base_url)
        return {
            name: {
                answered.question.id: answered.record
                for answered in answers(QUESTIONS, retriever, "", endpoint)
            }
            for name, answers in pipelines.items()
        }


def on_the_command_line(question: Question, corpus: str, folder: Path) -> Mapping[str, Any]:
    """The decision of `globalapi route`."""
    arguments = ["route", "--json"]
    if question.long:
        (folder / "prompt.txt").write_text(f"{corpus}\n\nQuestion: {question.question}", "utf-8")
        arguments += ["--file", str(folder / "prompt.txt")]
    else:
        arguments += [question.question]
    if question.image:
        (folder / "picture.png").write_bytes(base64.b64decode(question.image.partition(",")[2]))
        arguments += ["--image", str(folder / "picture.png")]
    if question.tools:
        (folder / "tools.json").write_text(json.dumps(question.tools), "utf-8")
        arguments += ["--tools", str(folder / "tools.json")]
    if question.response_format:
        arguments += ["--json-output"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    decision: Mapping[str, Any] = json.loads(result.stdout)
    return decision


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_the_same_decision_everywhere(
    records: Any, retriever: Retriever, tmp_path: Path, question: Question
) -> None:
    """Both frameworks and the command line take the expected route, to the same models."""
    corpus = "\n\n".join(each.text for each in retriever.passages)

    decisions = {name: of[question.id]["decision"] for name, of in records.items()}
    decisions["command line"] = on_the_command_line(question, corpus, tmp_path)

    assert {name: each["route"] for name, each in decisions.items()} == dict.fromkeys(
        decisions, question.route
    )
    candidates = [tuple(each["candidates"]) for each in decisions.values()]
    assert len(set(candidates)) == 1


def test_every_route_of_the_default_file_is_asked() -> None:
    """The questions exercise every route but the one that hears, of which there is no sample."""
    from globalapi_core.config import default_config

    asked = {question.route for question in QUESTIONS}

    assert asked == {route.name for route in default_config().routes} - {"audio"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A model and a router in one framework: what they decide, and what they send."""

    decide: Callable[[Conversation], Decision]
    ask: Callable[[Conversation], object]
    ask_one: Callable[[Conversation, str], object]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that says hello to everything, and keeps every byte it was sent."""
    with Server(hello) as running:
        yield running


@pytest.fixture(scope="module")
def pairs(server: Server) -> dict[str, Pair]:
    """Each framework's, over one file and one server."""
    config = parse_config(CONFIG, file="globalapi.yaml")
    router = RouterRunnable(config=config, base_url=server.url)
    chats = {each: ChatGlobalAPI(model_name=each, base_url=server.url) for each in MODELS}
    llm = GlobalAPIRouter(config=config, api_base=server.url)
    llms = {each: GlobalAPI(model=each, api_base=server.url) for each in MODELS}

    def beside(asked: Conversation) -> Any:
        return {"tags": list(asked.tags), "metadata": dict(asked.metadata)}

    return {
        "langchain": Pair(
            lambda asked: router.decide(in_langchain(asked), beside(asked), **asked.given),
            lambda asked: router.invoke(in_langchain(asked), beside(asked), **asked.given),
            lambda asked, name: chats[name].invoke(in_langchain(asked), **asked.given),
        ),
        "llamaindex": Pair(
            lambda asked: llm.decide(in_llamaindex(asked), **asked.given, **beside(asked)),
            lambda asked: llm.chat(in_llamaindex(asked), **asked.given, **beside(asked)),
            lambda asked, name: llms[name].chat(in_llamaindex(asked), **asked.given),
        ),
    }


def decided(pair: Pair, asked: Conversation) -> Decision | str:
    """The decision, or why there is none; without what LangChain adds to all metadata."""
    try:
        decision = pair.decide(asked)
    except GlobalAPIError as error:
        return f"{type(error).__name__}: {error}"
    metadata = {each: decision.signals.metadata[each] for each in asked.metadata}
    return replace(decision, signals=replace(decision.signals, metadata=metadata))


def sent(server: Server, ask: Callable[[], object]) -> list[bytes] | str:
    """The bodies that arrive while *ask* is called, byte by byte, or why none was sent."""
    server.requests.clear()
    try:
        ask()
    except GlobalAPIError as error:
        return f"{type(error).__name__}: {error}"
    return [each.partition(b"\r\n\r\n")[2] for each in server.requests]


@settings(max_examples=200)
@given(conversation=CONVERSATIONS)
def test_any_conversation_is_decided_alike(
    pairs: dict[str, Pair], conversation: Conversation
) -> None:
    """Both frameworks' routers decide alike: route, reason, candidates, estimates, signals."""
    ours, theirs = (decided(each, conversation) for each in pairs.values())

    assert ours == theirs


@settings(max_examples=200)
@given(conversation=CONVERSATIONS, number=st.integers(0, len(MODELS) - 1))
def test_any_conversation_is_sent_alike(
    pairs: dict[str, Pair], server: Server, conversation: Conversation, number: int
) -> None:
    """Both frameworks send the same bytes, by a router and to a model that is named."""
    model = MODELS[number]

    routed = [sent(server, partial(each.ask, conversation)) for each in pairs.values()]
    named = [sent(server, partial(each.ask_one, conversation, model)) for each in pairs.values()]

    assert routed[0] == routed[1]
    assert named[0] == named[1]
    assert len(named[0]) == 1 or isinstance(named[0], str)
