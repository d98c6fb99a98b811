"""In LlamaIndex's engines and agents, as a user has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from llama_index.core import PromptTemplate, Settings, get_response_synthesizer
from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import CondensePlusContextChatEngine, SimpleChatEngine
from llama_index.core.query_engine import RetrieverQueryEngine, RouterQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool

from globalapi_core.sandbox import Sandbox
from llamaindex_globalapi import GlobalAPIRouter
from llamaindex_globalapi.demo import recorded_calls

from .conftest import LLM

FACTS = (
    "The Eiffel Tower is 330 metres tall.",
    "The Louvre is the most visited museum in the world.",
    "Paris has twenty districts.",
)
QUESTION = "How tall is the Eiffel Tower?"


class Shelf(BaseRetriever):
    """Always finds the same texts."""

    def __init__(self, texts: tuple[str, ...] = FACTS) -> None:
        self._texts = texts
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text=text)) for text in self._texts]


@pytest.fixture
def _settings() -> Iterator[None]:
    before = Settings._llm, Settings._callback_manager
    yield
    Settings._llm, Settings._callback_manager = before


def test_query_engine_answers_from_what_was_found(sandbox: Sandbox, llm: LLM) -> None:
    """One question is one call, with the passages in it, and the answer is drawn from them."""
    answer = RetrieverQueryEngine.from_args(Shelf(), llm=llm).query(QUESTION)

    assert "330 metres" in str(answer)
    assert len(sandbox.requests) == 1
    assert all(fact in str(sandbox.requests[0].body["messages"]) for fact in FACTS)


async def test_query_engine_answers_asynchronously(sandbox: Sandbox, llm: LLM) -> None:
    """`aquery` is `query`."""
    assert "330" in str(await RetrieverQueryEngine.from_args(Shelf(), llm=llm).aquery(QUESTION))


def test_streaming_query_engine_streams(llm: LLM) -> None:
    """The response's generator yields the answer in pieces."""
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=llm, streaming=True)

    pieces = list(engine.query(QUESTION).response_gen)

    assert len(pieces) > 3
    assert "330 metres" in "".join(pieces)


@pytest.mark.parametrize(
    ("mode", "calls"),
    [
        ("compact", 1),
        ("refine", 3),
        ("tree_summarize", 1),
        ("simple_summarize", 1),
        ("accumulate", 3),
        ("compact_accumulate", 1),
    ],
)
def test_every_way_of_responding_makes_as_many_calls_as_it_must(
    sandbox: Sandbox, router: GlobalAPIRouter, mode: str, calls: int
) -> None:
    """The window that engines are told of costs no further calls."""
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=router, response_mode=mode)

    engine.query(QUESTION)

    assert len(sandbox.requests) == calls


def test_question_over_sixty_thousand_tokens_is_one_call(sandbox: Sandbox, llm: LLM) -> None:
    """A long context is not cut into pieces by a window that was assumed too small."""
    shelf = Shelf(tuple(f"{number}. " + "alpha beta gamma " * 1_000 for number in range(20)))
    engine = RetrieverQueryEngine.from_args(shelf, llm=llm)

    engine.query(QUESTION)

    (request,) = sandbox.requests
    assert len(str(request.body["messages"])) > 340_000


@pytest.mark.usefixtures("_settings")
def test_settings_llm_serves_whoever_asks_for_none(sandbox: Sandbox, llm: LLM) -> None:
    """As the global default it is used, and its tokens are counted once."""
    counter = TokenCountingHandler(tokenizer=str.split)
    Settings.llm = llm
    Settings.callback_manager = CallbackManager([counter])

    answer = get_response_synthesizer().synthesize(QUESTION, Shelf().retrieve(QUESTION))

    assert "330" in str(answer)
    assert len(counter.llm_token_counts) == len(sandbox.requests) == 1


def test_chat_engine_remembers(sandbox: Sandbox, llm: LLM) -> None:
    """The second question is sent with the first and its answer."""
    engine = SimpleChatEngine.from_defaults(llm=llm)

    engine.chat("My name is Ada.")
    engine.chat("What is my name?")

    roles = [message["role"] for message in sandbox.requests[1].body["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_context_chat_engine_streams(llm: LLM) -> None:
    """Retrieval in a chat, streamed."""
    engine = CondensePlusContextChatEngine.from_defaults(Shelf(), llm=llm)

    assert "330" in "".join(engine.stream_chat(QUESTION).response_gen)


def test_engine_selector_chooses_by_a_tool_or_json(llm: LLM) -> None:
    """LlamaIndex's own router over engines works with this LLM as its judge."""
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=llm)
    tools = [QueryEngineTool.from_defaults(engine, description=text) for text in ("towers", "cats")]

    answer = RouterQueryEngine.from_defaults(tools, llm=llm).query(QUESTION)

    assert "330" in str(answer)


def test_call_of_an_engine_is_told_by_an_event(router: GlobalAPIRouter) -> None:
    """An engine passes on the text alone: the record comes as an event."""
    engine = RetrieverQueryEngine.from_args(Shelf(), llm=router)

    with recorded_calls() as calls:
        engine.query(QUESTION)
    engine.query(QUESTION)

    (record,) = calls
    assert (record["route"], record["model"]) == ("default", "deepseek-v4-flash")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.parametrize("streaming", [True, False])
async def test_agent_runs_its_tools_to_an_answer(
    sandbox: Sandbox, llm: LLM, streaming: bool
) -> None:
    """A call, its result, an answer: two requests, by one model."""
    agent = FunctionAgent(tools=[add], llm=llm, streaming=streaming)

    handler = agent.run("Please add 3 and 4.")
    text = ""
    async for event in handler.stream_events():
        if isinstance(event, AgentStream):
            text += event.delta
    answer = await handler

    assert "7" in str(answer)
    assert (str(answer) == text) == streaming
    assert [request.model for request in sandbox.requests] == ["gpt-4o", "gpt-4o"]
    assert sandbox.requests[1].body["messages"][-1]["role"] == "tool"


async def test_agent_on_a_thinking_model_sends_its_reasoning_back(
    sandbox: Sandbox, router: GlobalAPIRouter
) -> None:
    """The second step of an agent on a thinking model carries the first one's reasoning."""
    sandbox.down("gpt-4o")

    answer = await FunctionAgent(tools=[add], llm=router).run("Please add 3 and 4.")

    assert "7" in str(answer)
    sent = sandbox.requests[-1]
    assert sent.model == "kimi-k2-thinking"
    (called,) = [each for each in sent.body["messages"] if each.get("tool_calls")]
    assert called["reasoning_content"]


def test_predict_and_stream_take_a_template(llm: LLM) -> None:
    """LlamaIndex's shortest way to an answer."""
    template = PromptTemplate("Context: {fact}\n\nQuestion: " + QUESTION)

    assert "330" in llm.predict(template, fact=FACTS[0])
    assert "330" in "".join(llm.stream(template, fact=FACTS[0]))
