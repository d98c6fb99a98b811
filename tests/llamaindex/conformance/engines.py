"""Query engines: every response mode, and how many calls it takes."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core import PromptTemplate, SummaryIndex, get_response_synthesizer
from llama_index.core.indices.query.query_transform import (
    HyDEQueryTransform,
    StepDecomposeQueryTransform,
)
from llama_index.core.query_engine import (
    CitationQueryEngine,
    MultiStepQueryEngine,
    RetrieverQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool

from tests.llamaindex.conformance.bench import Bench, checks

check = checks("Query engines")

FACTS = (
    "The Eiffel Tower is 330 metres tall.",
    "The Louvre is the most visited museum in the world.",
    "Paris has twenty districts.",
)
QUESTION = "How tall is the Eiffel Tower?"
LONG = tuple(f"{number}. " + "alpha beta gamma " * 1_000 for number in range(20))
"""Passages of 60,000 tokens."""
CALLS = (
    ("compact", 1),
    ("refine", 3),
    ("tree_summarize", 1),
    ("simple_summarize", 1),
    ("accumulate", 3),
    ("compact_accumulate", 1),
    ("generation", 1),
    ("no_text", 0),
    ("context_only", 0),
)
"""The calls that three short passages take, by response mode."""
GROUNDED = ("compact", "tree_summarize", "simple_summarize", "accumulate", "compact_accumulate")
"""Modes in which the sandbox finds the answer: of refining it reads the instructions too."""


class Shelf(BaseRetriever):
    """Always finds the same texts."""

    def __init__(self, texts: tuple[str, ...] = FACTS) -> None:
        self._texts = texts
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text=text), score=1.0) for text in self._texts]


def engine(llm: Any, **kwargs: Any) -> RetrieverQueryEngine:
    """A query engine over the shelf."""
    return RetrieverQueryEngine.from_args(Shelf(), llm=llm, **kwargs)


def _said(calls: int) -> str:
    return f"{calls} call{'' if calls == 1 else 's'}"


@check(*CALLS)
def response_mode(bench: Bench, mode: str, calls: int) -> str:
    """The mode answers from the passages, in as few calls as it can."""
    # Modes that ask nothing look for a default all the same.
    with bench.as_default() as llm:
        answer = str(engine(llm, response_mode=mode).query(QUESTION))
    assert bench.calls == calls, _said(bench.calls)
    if mode in GROUNDED:
        assert "330 metres" in answer, answer
    return _said(calls)


@check(*(mode for mode, calls in CALLS if calls))
def response_mode_asynchronously(bench: Bench, mode: str) -> None:
    """`aquery` makes the same calls."""
    asyncio.run(engine(bench.llm(), response_mode=mode, use_async=False).aquery(QUESTION))
    assert bench.calls == dict(CALLS)[mode], _said(bench.calls)


@check("compact", "refine", "tree_summarize", "simple_summarize", "generation")
def response_mode_streamed(bench: Bench, mode: str) -> None:
    """The response comes in pieces."""
    response = engine(bench.llm(), response_mode=mode, streaming=True).query(QUESTION)
    pieces = list(response.response_gen)
    assert len(pieces) > 3, f"{len(pieces)} pieces"
    assert "330" in "".join(pieces) or mode not in GROUNDED, "".join(pieces)


@check()
def streamed_asynchronously(bench: Bench) -> None:
    """An asynchronous engine streams too."""

    async def ask() -> list[str]:
        response = await engine(bench.llm(), streaming=True).aquery(QUESTION)
        return [piece async for piece in response.async_response_gen()]

    pieces = asyncio.run(ask())
    assert len(pieces) > 3, f"{len(pieces)} pieces"


@check("compact", "tree_summarize", "simple_summarize", "compact_accumulate")
def sixty_thousand_tokens(bench: Bench, mode: str) -> str:
    """A question over 60,000 tokens of passages is one call, and none of them is cut off."""
    RetrieverQueryEngine.from_args(Shelf(LONG), llm=bench.llm(), response_mode=mode).query(QUESTION)
    sent = sum(len(str(body["messages"])) for body in bench.bodies)
    cut = f", {sent:,} of 340,000 characters sent" if sent < 340_000 else ""
    assert bench.calls == 1 and not cut, _said(bench.calls) + cut  # noqa: PT018
    return _said(bench.calls)


@check()
def templates_of_the_caller_are_kept_to(bench: Bench) -> None:
    """`text_qa_template` is what is sent."""
    template = PromptTemplate("Facts:\n{context_str}\nQuestion: {query_str}\nBe brief. Answer: ")
    answer = engine(bench.llm(), text_qa_template=template).query(QUESTION)
    assert "Be brief." in str(bench.bodies[0]["messages"])
    assert "330" in str(answer), str(answer)


@check()
def answer_filtering(bench: Bench) -> None:
    """`structured_answer_filtering` lets the model say whether a passage answers."""
    synthesizer = get_response_synthesizer(
        llm=bench.llm(), response_mode="refine", structured_answer_filtering=True
    )
    answer = synthesizer.synthesize(QUESTION, Shelf(FACTS[:1]).retrieve(QUESTION))
    assert "330" in str(answer), str(answer)


@check()
def summary_index(bench: Bench) -> None:
    """`as_query_engine` of an index takes the LLM."""
    index = SummaryIndex([TextNode(text=text) for text in FACTS])
    answer = index.as_query_engine(llm=bench.llm()).query(QUESTION)
    assert "330" in str(answer), str(answer)


@check()
def citations(bench: Bench) -> None:
    """`CitationQueryEngine` numbers its sources and asks once."""
    cited = CitationQueryEngine.from_args(
        SummaryIndex([]), llm=bench.llm(), retriever=Shelf()
    ).query(QUESTION)
    assert "330" in str(cited), str(cited)
    assert len(cited.source_nodes) == len(FACTS)
    assert bench.calls == 1, _said(bench.calls)


@check()
def hypothetical_document(bench: Bench) -> None:
    """`HyDEQueryTransform` asks for a passage, then answers the question."""
    llm = bench.llm()
    answer = TransformQueryEngine(engine(llm), HyDEQueryTransform(llm=llm)).query(QUESTION)
    assert "330" in str(answer), str(answer)
    assert bench.calls == 2, _said(bench.calls)


@check("in prose", "in a fence")
def sub_questions(bench: Bench, case: str) -> None:
    """`SubQuestionQueryEngine` splits a question, whatever stands around the JSON."""
    plan = '{"items": [{"sub_question": "How tall?", "tool_name": "towers"}]}'
    plan = f"Here it is: {plan}" if case == "in prose" else f"```json\n{plan}\n```"
    with bench.told(plan, "330 metres") as told:
        tool = QueryEngineTool.from_defaults(engine(told.llm), name="towers", description="Towers")
        answer = SubQuestionQueryEngine.from_defaults(
            [tool],
            llm=told.llm,
            question_gen=LLMQuestionGenerator.from_defaults(llm=told.llm),
            response_synthesizer=get_response_synthesizer(llm=told.llm),
            use_async=False,
            verbose=False,
        ).query(QUESTION)
    assert "330" in str(answer), str(answer)
    assert told.calls == 3, _said(told.calls)


@check()
def several_steps(bench: Bench) -> None:
    """`MultiStepQueryEngine` asks on until the model says that nothing is left."""
    with bench.told("How tall is the tower?", "330 metres", "None", "330 metres") as told:
        answer = MultiStepQueryEngine(
            engine(told.llm),
            StepDecomposeQueryTransform(llm=told.llm),
            response_synthesizer=get_response_synthesizer(llm=told.llm),
        ).query(QUESTION)
    assert "330" in str(answer), str(answer)
