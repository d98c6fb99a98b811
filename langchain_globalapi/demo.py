"""The demo's pipeline in LangChain: a retriever, a prompt, a router."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough

from globalapi_core.demo import Answered, Question, Retriever
from globalapi_core.settings import Endpoint
from langchain_globalapi.router import RouterRunnable

PROMPT = ChatPromptTemplate.from_template(
    "Answer the question from the context below.\n\nContext:\n{context}\n\nQuestion: {question}"
)


def answers(
    questions: Iterable[Question], retriever: Retriever, config_path: str, endpoint: Endpoint
) -> Iterator[Answered]:
    """Answer *questions*; see `globalapi_core.demo.Pipeline`."""
    router = RouterRunnable(
        config=config_path or None, base_url=endpoint.base_url, api_key=endpoint.api_key
    )
    for question in questions:
        message = ask(router, question, retriever)
        text = message.text or str(message.tool_calls)
        yield Answered(question, text, message.response_metadata["globalapi"])


def ask(router: RouterRunnable, question: Question, retriever: Retriever) -> AIMessage:
    """One question, with what it needs."""
    model: Runnable[LanguageModelInput, AIMessage] = router
    if question.tools:
        model = router.bind_tools([dict(tool) for tool in question.tools])
    if question.response_format:
        model = router.bind(response_format=question.response_format)
    if question.retrieve or question.long:
        chain = (
            {"context": _context(question, retriever), "question": RunnablePassthrough()}
            | PROMPT
            | model
        )
        return chain.invoke(question.question)
    return model.invoke([HumanMessage(_content(question))])


def _context(question: Question, retriever: Retriever) -> RunnableLambda[str, str]:
    """The passages for a question: those found, or the whole corpus."""

    def passages(text: str) -> str:
        found = retriever.passages if question.long else retriever.search(text)
        return "\n\n".join(f"{each.title}\n{each.text}" for each in found)

    return RunnableLambda(passages)


def _content(question: Question) -> Any:
    if question.image is None:
        return question.question
    picture = {"type": "image_url", "image_url": {"url": question.image}}
    return [{"type": "text", "text": question.question}, picture]
