"""Evaluators, rerankers and extractors: an LLM that judges, in a form they can read."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.evaluation import (
    AnswerRelevancyEvaluator,
    BatchEvalRunner,
    ContextRelevancyEvaluator,
    CorrectnessEvaluator,
    FaithfulnessEvaluator,
    GuidelineEvaluator,
    PairwiseComparisonEvaluator,
    RelevancyEvaluator,
)
from llama_index.core.extractors import (
    KeywordExtractor,
    QuestionsAnsweredExtractor,
    SummaryExtractor,
    TitleExtractor,
)
from llama_index.core.postprocessor import LLMRerank, StructuredLLMRerank
from llama_index.core.postprocessor.rankGPT_rerank import RankGPTRerank
from llama_index.core.schema import NodeWithScore, TextNode

from tests.llamaindex.conformance.bench import Bench, checks
from tests.llamaindex.conformance.engines import FACTS, QUESTION

evaluator = checks("Evaluators")
reranker = checks("Rerankers and extractors")

EVALUATORS = (
    ("faithfulness", FaithfulnessEvaluator, "YES", 1.0),
    ("relevancy", RelevancyEvaluator, "YES", 1.0),
    ("correctness", CorrectnessEvaluator, "4.5\nClose.", 4.5),
    ("guideline", GuidelineEvaluator, '{"passing": true, "feedback": "Good."}', 1.0),
    ("answer relevancy", AnswerRelevancyEvaluator, "Good.\n[RESULT] 2", 1.0),
    ("context relevancy", ContextRelevancyEvaluator, "Good.\n[RESULT] 4", 1.0),
)
"""Each with a verdict in its own form, and the score it stands for."""


async def _evaluated(judge: Any) -> Any:
    return await judge.aevaluate(
        query=QUESTION, response="330 metres.", contexts=list(FACTS), reference="330 metres"
    )


@evaluator(*EVALUATORS)
def verdict(bench: Bench, name: str, cls: Any, text: str, score: float) -> None:
    """The evaluator reads the model's verdict."""
    with bench.told(text) as told:
        result = asyncio.run(_evaluated(cls(llm=told.llm)))
    assert result.score == score, result
    assert not result.invalid_result


@evaluator("guideline in a fence")
def verdict_in_a_fence(bench: Bench, case: str) -> None:
    """A verdict in JSON may stand in a Markdown fence."""
    with bench.told('```json\n{"passing": false, "feedback": "No."}\n```') as told:
        result = asyncio.run(_evaluated(GuidelineEvaluator(llm=told.llm)))
    assert (result.passing, result.feedback) == (False, "No."), result


@evaluator()
def verdict_on_a_pair(bench: Bench) -> None:
    """`PairwiseComparisonEvaluator` asks twice, the other way round too."""
    with bench.told("[[A]]", "[[B]]") as told:
        judge = PairwiseComparisonEvaluator(llm=told.llm)
        result = asyncio.run(
            judge.aevaluate(query=QUESTION, response="330 m", second_response="3 m")
        )
    assert result.score == 1.0, result
    assert told.calls == 2, f"{told.calls} calls"


@evaluator("faithfulness", "relevancy")
def long_contexts_take_one_call(bench: Bench, name: str) -> str:
    """A verdict over 20,000 tokens of context is one call."""
    texts = [f"{number}. " + "alpha beta gamma " * 350 for number in range(20)]
    with bench.told("YES") as told:
        judge = {"faithfulness": FaithfulnessEvaluator, "relevancy": RelevancyEvaluator}[name]
        asyncio.run(judge(llm=told.llm).aevaluate(query=QUESTION, response="alpha", contexts=texts))
    assert told.calls == 1, f"{told.calls} calls"
    return "1 call"


@evaluator()
def several_at_once(bench: Bench) -> None:
    """`BatchEvalRunner` asks for many verdicts at the same time."""
    with bench.told("YES") as told:
        judges = {
            "faithful": FaithfulnessEvaluator(llm=told.llm),
            "relevant": RelevancyEvaluator(llm=told.llm),
        }
        runner = BatchEvalRunner(judges, workers=4)
        results = asyncio.run(
            runner.aevaluate_response_strs(
                queries=[QUESTION] * 4,
                response_strs=["330"] * 4,
                contexts_list=[list(FACTS)] * 4,
            )
        )
    scores = [each.score for found in results.values() for each in found]
    assert scores == [1.0] * 8, scores


def _nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text), score=0.5) for text in FACTS]


def _order(nodes: list[NodeWithScore]) -> list[int]:
    return [FACTS.index(each.text) for each in nodes]


RERANKERS = (
    ("LLMRerank", LLMRerank, "Doc: 3, Relevance: 9\nDoc: 1, Relevance: 7"),
    ("RankGPTRerank", RankGPTRerank, "[3] > [1] > [2]"),
)


@reranker(*RERANKERS)
def ranking(bench: Bench, name: str, cls: Any, text: str) -> None:
    """The reranker reads the model's ranking."""
    with bench.told(text) as told:
        nodes = cls(llm=told.llm, top_n=2).postprocess_nodes(_nodes(), query_str=QUESTION)
    assert _order(nodes) == [2, 0], _order(nodes)


@reranker(*RERANKERS)
def ranking_asynchronously(bench: Bench, name: str, cls: Any, text: str) -> None:
    """It does so asynchronously."""
    with bench.told(text) as told:
        judge = cls(llm=told.llm, top_n=2)
        nodes = asyncio.run(judge.apostprocess_nodes(_nodes(), query_str=QUESTION))
    assert _order(nodes) == [2, 0], _order(nodes)


@reranker("gpt-4o", "deepseek-v4-flash", "claude-3-5-sonnet")
def ranking_as_an_object(bench: Bench, model: str) -> None:
    """`StructuredLLMRerank` asks for an object, in the way the model has."""
    judge = StructuredLLMRerank(llm=bench.llm(model), top_n=2)
    nodes = judge.postprocess_nodes(_nodes(), query_str="document_number: 1, relevance: 9")
    assert nodes, "no nodes"


@reranker(
    ("title", TitleExtractor, "document_title"),
    ("summary", SummaryExtractor, "section_summary"),
    ("keywords", KeywordExtractor, "excerpt_keywords"),
    ("questions", QuestionsAnsweredExtractor, "questions_this_excerpt_can_answer"),
)
def extractor(bench: Bench, name: str, cls: Any, key: str) -> None:
    """Ingestion has the model describe each node."""
    with bench.told("Towers") as told:
        extracted = cls(llm=told.llm, show_progress=False).extract([TextNode(text=FACTS[0])])
    assert extracted[0][key] == "Towers", extracted
