"""Pipelines that tests offer by entry points: real calls, without a framework."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from globalapi_core.client import Client
from globalapi_core.config import load_config
from globalapi_core.demo import Answered, Question, Retriever
from globalapi_core.router import Router
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Wire


def answers(
    questions: Iterable[Question], retriever: Retriever, config_path: str, endpoint: Endpoint
) -> Iterator[Answered]:
    """Answer each question by the routes of the config file."""
    return _answers(questions, config_path, endpoint)


def only_gpt(
    questions: Iterable[Question], retriever: Retriever, config_path: str, endpoint: Endpoint
) -> Iterator[Answered]:
    """Answer each question with one model, whatever the routes."""
    return _answers(questions, config_path, endpoint, model="gpt-4o")


def stumbling(
    questions: Iterable[Question], retriever: Retriever, config_path: str, endpoint: Endpoint
) -> Iterator[Answered]:
    """Fail at Chinese questions, as a framework would: with an error of its own."""
    for question in questions:
        if question.lang == "zh":
            raise LookupError(f"no Chinese here\nnot even {question.id}")
        yield from _answers([question], config_path, endpoint)


def silent(
    questions: Iterable[Question], retriever: Retriever, config_path: str, endpoint: Endpoint
) -> Iterator[Answered]:
    """Answer nothing."""
    return iter(())


def _answers(
    questions: Iterable[Question], config_path: str, endpoint: Endpoint, model: str | None = None
) -> Iterator[Answered]:
    router = Router(load_config(config_path or None))
    client = Client(Wire(endpoint), limits=router.config.attempts)
    for question in questions:
        content: list[dict[str, Any]] = [{"type": "text", "text": question.question}]
        if question.image:
            content.append({"type": "image_url", "image_url": {"url": question.image}})
        messages = [{"role": "user", "content": content}]
        signals = router.signals(messages, tools=question.tools)
        request = ChatRequest(messages, tools=question.tools)
        answer = client.complete(request, router.decide(signals, model=model))
        yield Answered(question, answer.reply.text, answer.record.as_dict())
