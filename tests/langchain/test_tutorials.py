"""Chains of LangChain's tutorials: trimmed histories, retrieval, conversations."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, trim_messages
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from langchain_globalapi import ChatGlobalAPI, RouterRunnable

Either = Callable[..., ChatGlobalAPI | RouterRunnable]

QUESTION = "Which port does the server listen on?"


def test_messages_are_trimmed_by_the_models_count(model: Either) -> None:
    """`trim_messages(token_counter=model)` works offline, and keeps to its limit."""
    made = model()
    history = [
        SystemMessage("You answer briefly."),
        *[HumanMessage(f"Question {number}: " + "word " * 50) for number in range(10)],
    ]
    history.insert(2, AIMessage("An answer."))

    kept = trim_messages(
        history,
        max_tokens=200,
        token_counter=made,
        strategy="last",
        start_on="human",
        include_system=True,
    )

    assert kept[0] == history[0]
    assert kept[-1] == history[-1]
    assert 0 < made.get_num_tokens_from_messages(kept) <= 200
    assert len(kept) < len(history)


class Keywords(BaseRetriever):
    """Finds documents by the words they share with a question."""

    documents: list[Document]

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        words = set(query.lower().strip("?").split())
        shared = [len(words & set(each.page_content.lower().split())) for each in self.documents]
        return [self.documents[shared.index(max(shared))]]


@pytest.fixture
def retriever() -> Keywords:
    """A corpus of two documents."""
    return Keywords(
        documents=[
            Document("The server listens on port 8443 by default."),
            Document("Refunds are paid within five working days."),
        ]
    )


def test_question_is_answered_from_documents(model: Either, retriever: Keywords) -> None:
    """The retrieval chain of the tutorials, whole and streamed."""
    prompt = ChatPromptTemplate.from_messages(
        [
            ("system", "Answer from the context alone.\n\nContext: {context}"),
            ("human", "{question}"),
        ]
    )

    def joined(documents: list[Document]) -> str:
        return "\n\n".join(each.page_content for each in documents)

    chain = (
        {"context": retriever | joined, "question": RunnablePassthrough()}
        | prompt
        | model()
        | StrOutputParser()
    )

    assert "8443" in chain.invoke(QUESTION)
    assert "five working days" in "".join(chain.stream("When are refunds paid?"))


async def test_follow_up_is_rewritten_first(model: Either, retriever: Keywords) -> None:
    """A conversational chain keeps sources beside the answer, for many at once."""
    made = model()
    rewrite = ChatPromptTemplate.from_messages(
        [("system", "Rewrite the question."), MessagesPlaceholder("history"), ("human", "{input}")]
    )
    answer = ChatPromptTemplate.from_template("Context: {context}\n\nQuestion: {input}")
    chain = RunnablePassthrough.assign(
        standalone=rewrite | made | StrOutputParser(),
        context=RunnableLambda(lambda given: given["input"]) | retriever,
    ).assign(answer=answer | made | StrOutputParser())
    history = [HumanMessage("Hello"), AIMessage("Hello.")]

    got = await chain.abatch([{"input": QUESTION, "history": history}] * 3)

    assert all("8443" in each["answer"] for each in got)
    assert all(each["context"][0].page_content.startswith("The server") for each in got)


def test_one_model_serves_many_threads(model: Either) -> None:
    """Threads share a model, and each gets its own answer."""
    made = model()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: made.invoke(f"Question {number}?").text, range(24)))

    assert all(f"Question {number}?" in answer for number, answer in enumerate(answers))
