"""One file, one question, one decision: in LangChain, in LlamaIndex and on the command line."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from globalapi_core.cli import app
from globalapi_core.demo import Question, Retriever, load_passages, load_questions
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import Endpoint

pytest.importorskip("llama_index.core", reason="this environment has LangChain alone")

QUESTIONS = load_questions()


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
