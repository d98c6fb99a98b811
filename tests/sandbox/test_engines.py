"""LlamaIndex's engines before the sandbox: they read its choices, verdicts and rankings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from globalapi_core.sandbox import Sandbox

pytest.importorskip("llama_index.core", reason="needs LlamaIndex")

from llama_index.core import get_response_synthesizer
from llama_index.core.evaluation import FaithfulnessEvaluator, RelevancyEvaluator
from llama_index.core.postprocessor import LLMRerank
from llama_index.core.postprocessor.rankGPT_rerank import RankGPTRerank
from llama_index.core.prompts.default_prompts import DEFAULT_REFINE_PROMPT
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.selectors import (
    LLMMultiSelector,
    LLMSingleSelector,
    PydanticMultiSelector,
    PydanticSingleSelector,
)
from llama_index.core.tools import ToolMetadata

from llamaindex_globalapi import GlobalAPI

PASSAGES = [
    "A list is a mutable sequence.",
    "Tuples are immutable sequences, often of heterogeneous data.",
    "Dictionaries preserve insertion order.",
]
QUESTION = "Are tuples immutable?"
ANSWER = f"[sandbox] {PASSAGES[1]}"
CHOICES = [ToolMetadata(description=each, name=f"n{i}") for i, each in enumerate(PASSAGES)]
NODES = [NodeWithScore(node=TextNode(text=each), score=0.1) for each in PASSAGES]


@pytest.fixture(scope="module")
def llm() -> Iterator[Any]:
    """An LLM of ours before a sandbox."""
    with Sandbox() as sandbox:
        yield GlobalAPI(model="deepseek-v4-flash", api_base=sandbox.base_url)


@pytest.mark.parametrize(
    "selector", [LLMSingleSelector, LLMMultiSelector, PydanticSingleSelector, PydanticMultiSelector]
)
def test_selector_gets_the_nearest_choice(llm: Any, selector: Any) -> None:
    """By text, by JSON or by a tool, as the selector asks for it."""
    selected = selector.from_defaults(llm=llm).select(CHOICES, QUESTION)

    assert [each.index for each in selected.selections] == [1]
    assert selected.selections[0].reason.startswith("[sandbox] ")


@pytest.mark.parametrize("evaluator", [FaithfulnessEvaluator, RelevancyEvaluator])
@pytest.mark.parametrize(("response", "passes"), [(ANSWER, True), ("Cats hunt at night.", False)])
def test_evaluator_gets_a_verdict(llm: Any, evaluator: Any, response: str, passes: bool) -> None:
    """What the contexts say passes, and what they do not say fails."""
    result = evaluator(llm=llm).evaluate(query=QUESTION, response=response, contexts=PASSAGES)

    assert result.passing is passes


@pytest.mark.parametrize("reranker", [LLMRerank, RankGPTRerank])
def test_reranker_gets_an_order(llm: Any, reranker: Any) -> None:
    """The passage that is nearest to the query comes first."""
    ranked = reranker(llm=llm, top_n=1).postprocess_nodes(NODES, QueryBundle(QUESTION))

    assert [each.text for each in ranked] == [PASSAGES[1]]


@pytest.mark.parametrize("mode", ["refine", "compact", "tree_summarize"])
@pytest.mark.parametrize("passages", [PASSAGES, PASSAGES[::-1], [PASSAGES[1], PASSAGES[0]]])
def test_synthesizer_gets_the_sentence_of_a_passage(
    llm: Any, mode: Any, passages: list[str]
) -> None:
    """Wherever the passage stands, and however the answer is refined after it."""
    synthesizer = get_response_synthesizer(llm=llm, response_mode=mode)

    assert synthesizer.get_response(QUESTION, passages) == ANSWER


def test_refining_by_the_plain_prompt(llm: Any) -> None:
    """The prompt for models that are not chat models is understood too."""
    refine = get_response_synthesizer(
        llm=llm,
        response_mode="refine",  # type: ignore[arg-type]  # an enum of texts
        refine_template=DEFAULT_REFINE_PROMPT,
    )

    assert refine.get_response(QUESTION, PASSAGES) == ANSWER
