"""The demo's pipeline in LlamaIndex: a retriever, a query engine, a router."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.prompts.default_prompts import DEFAULT_TEXT_QA_PROMPT
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import FunctionTool
from pydantic import ConfigDict, Field, create_model

from globalapi_core import recorded_calls
from globalapi_core.demo import Answered, Passage, Question, Retriever
from globalapi_core.settings import Endpoint
from llamaindex_globalapi.router import GlobalAPIRouter

_TYPES: Mapping[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool}


def answers(
    questions: Iterable[Question], retriever: Retriever, config_path: str, endpoint: Endpoint
) -> Iterator[Answered]:
    """Answer *questions*; see `globalapi_core.demo.Pipeline`."""
    llm = GlobalAPIRouter(
        config=config_path or None, api_base=endpoint.base_url, api_key=endpoint.api_key
    )
    engine = RetrieverQueryEngine.from_args(PassageRetriever(retriever), llm=llm)
    for question in questions:
        with recorded_calls() as calls:
            text = ask(llm, engine, question, retriever)
        yield Answered(question, text, calls[-1].as_dict())


class PassageRetriever(BaseRetriever):
    """The demo's retriever, as LlamaIndex's engines take it."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._retriever.search(query_bundle.query_str)
        return [NodeWithScore(node=TextNode(id_=each.id, text=_text(each))) for each in found]


def ask(
    llm: GlobalAPIRouter, engine: RetrieverQueryEngine, question: Question, retriever: Retriever
) -> str:
    """One question, with what it needs."""
    if question.response_format:
        found = retriever.search(question.question) if question.retrieve else ()
        prompt = _prompt(question.question, found)
        return _said(llm.chat([ChatMessage(prompt)], response_format=question.response_format))
    if question.retrieve:
        return str(engine.query(question.question))
    if question.long:
        return str(llm.complete(_prompt(question.question, retriever.passages)))
    if question.tools:
        tools = [_tool(**tool["function"]) for tool in question.tools]
        response = llm.chat_with_tools(tools, question.question)
        calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        return "; ".join(f"{each.tool_name}({each.tool_kwargs})" for each in calls) or _said(
            response
        )
    blocks: list[Any] = [TextBlock(text=question.question)]
    if question.image:
        blocks.append(ImageBlock(url=question.image))
    return _said(llm.chat([ChatMessage(blocks)]))


def _said(response: Any) -> str:
    return response.message.content or ""


def _text(passage: Passage) -> str:
    return f"{passage.title}\n{passage.text}"


def _prompt(question: str, passages: Sequence[Passage]) -> str:
    """*question* after *passages*, as the query engine would put it."""
    if not passages:
        return question
    context = "\n\n".join(map(_text, passages))
    return DEFAULT_TEXT_QA_PROMPT.format(context_str=context, query_str=question)


def _tool(name: str, description: str, parameters: Mapping[str, Any]) -> FunctionTool:
    """A tool from its definition; the demo looks at the call and does not run it."""
    fields: dict[str, Any] = {
        field: (
            Literal[tuple(schema["enum"])] if "enum" in schema else _TYPES[schema["type"]],
            Field(description=schema.get("description")),
        )
        for field, schema in parameters["properties"].items()
    }
    schema = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    return FunctionTool.from_defaults(
        fn=lambda **_: None, name=name, description=description, fn_schema=schema
    )
