"""Questions over passages, as the frameworks' tutorials build them: a chain, a query engine."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from tests.real_model.asking import CLASSES, Asker
from tests.real_model.server import RealServer

FACTS = (
    "The lighthouse of Marrow was built in 1871.",
    "Its keeper was Ada Finch.",
    "The lamp burned whale oil.",
)
QUESTION = "Who kept the lighthouse?"
PROMPT = ChatPromptTemplate.from_template(
    "Answer the question from the context.\n\nContext:\n{context}\n\nQuestion: {question}"
)


class Shelf(BaseRetriever):
    """Always finds the same passages."""

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text=fact)) for fact in FACTS]


@pytest.fixture(params=["ChatGlobalAPI", "RouterRunnable"])
def chain(request: pytest.FixtureRequest, server: RealServer) -> Runnable[str, str]:
    """Retriever, prompt, model, parser."""
    model = Asker(*CLASSES[request.param], server).model(max_tokens=12)
    context = RunnableLambda[str, str](lambda _: "\n".join(FACTS))
    passages = {"context": context, "question": RunnablePassthrough()}
    answering: Runnable[str, str] = passages | PROMPT | model | StrOutputParser()
    return answering


@pytest.fixture(params=["GlobalAPI", "GlobalAPIRouter"])
def llm(request: pytest.FixtureRequest, server: RealServer) -> Any:
    """Either LLM."""
    return Asker(*CLASSES[request.param], server).model(max_tokens=12)


async def test_chain_answers(server: RealServer, chain: Runnable[str, str]) -> None:
    """`invoke`, `ainvoke` and two questions as a `batch`: one call for each question."""
    before = server.calls()

    answers = [chain.invoke(QUESTION), await chain.ainvoke(QUESTION), *chain.batch([QUESTION] * 2)]

    assert all(answers)
    assert server.calls() == before + 4


async def test_chain_streams(chain: Runnable[str, str]) -> None:
    """The pieces pass through the parser as they come."""
    assert len([piece for piece in chain.stream(QUESTION) if piece]) > 1
    assert len([piece async for piece in chain.astream(QUESTION) if piece]) > 1


async def test_query_engine_answers(server: RealServer, llm: Any) -> None:
    """`query` and `aquery` answer with their sources, in one call each."""
    before = server.calls()
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=llm)

    answers = [engine.query(QUESTION), await engine.aquery(QUESTION)]

    assert all(str(answer) for answer in answers)
    assert all(len(answer.source_nodes) == len(FACTS) for answer in answers)
    assert server.calls() == before + 2


async def test_query_engine_streams(llm: Any) -> None:
    """The answer's generators yield it in pieces."""
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=llm, streaming=True)

    streamed: Any = engine.query(QUESTION)
    assert len([piece for piece in streamed.response_gen if piece]) > 1
    astreamed: Any = await engine.aquery(QUESTION)
    assert len([piece async for piece in astreamed.async_response_gen() if piece]) > 1


@pytest.mark.parametrize(
    ("mode", "calls"), [(ResponseMode.REFINE, 3), (ResponseMode.TREE_SUMMARIZE, 1)]
)
def test_every_way_of_responding_makes_as_many_calls_as_it_must(
    server: RealServer, llm: Any, mode: ResponseMode, calls: int
) -> None:
    """The small window that the file states costs no call more, and no prompt is too long."""
    before = server.calls()
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=llm, response_mode=mode)

    assert str(engine.query(QUESTION))
    assert server.calls() == before + calls


def test_chat_engine_takes_the_answer_back(llm: Any) -> None:
    """What the model said is sent with the next question, in a form its template takes."""
    engine = SimpleChatEngine.from_defaults(llm=llm)

    assert str(engine.chat("Hello."))
    assert str(engine.chat("And again?"))
    assert len(engine.chat_history) == 4
