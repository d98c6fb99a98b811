"""Structured output: objects instead of text, whole and as they grow."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core import PromptTemplate
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.output_parsers import PydanticOutputParser
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram
from pydantic import BaseModel, Field

from tests.llamaindex.conformance.bench import Bench, checks
from tests.llamaindex.conformance.engines import QUESTION, engine
from tests.llamaindex.conformance.methods import add

check = checks("Structured output")

PROMPT = PromptTemplate('The customer is "{name}" and the quantity is 12.')
WAYS = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
MODELS = ("gpt-4o", "deepseek-v4-flash", "claude-3-5-sonnet", "kimi-k2-thinking", "qwen3-32b")
"""Obeys a schema; has a JSON mode; has tools alone; thinks always; thinks unless told not to."""


class Order(BaseModel):
    """An order of goods."""

    customer: str
    quantity: int


class Answer(BaseModel):
    """An answer with its subject."""

    answer: str
    metres: int = Field(description="Height")


def predicted(llm: Any, way: str, **kwargs: Any) -> list[Any]:
    """What comes of asking *llm* for an order in *way*."""
    if not way.startswith("a"):
        found = getattr(llm, way)(Order, PROMPT, name="Maria", **kwargs)
        return list(found) if "stream" in way else [found]

    async def ask() -> list[Any]:
        found = await getattr(llm, way)(Order, PROMPT, name="Maria", **kwargs)
        return [part async for part in found] if "stream" in way else [found]

    return asyncio.run(ask())


@check(*((f"{way} on {model}", way, model) for way in WAYS for model in MODELS))
def predict(bench: Bench, case: str, way: str, model: str) -> None:
    """The last thing that comes is the object, whole."""
    # Thinking always, it takes no other temperature.
    given = {"temperature": 1} if model == "kimi-k2-thinking" else {}
    found = predicted(bench.llm(model, **given), way)[-1]
    assert isinstance(found, Order), f"a {type(found).__name__}"
    assert (found.customer, found.quantity) == ("Maria", 12), found


@check("stream_structured_predict", "astream_structured_predict")
def parts_grow_into_the_object(bench: Bench, way: str) -> None:
    """More than one part comes: a form can be filled while the model writes."""
    parts = predicted(bench.llm(), way)
    assert len(parts) > 1, f"{len(parts)} part"


@check(*WAYS)
def system_prompt_is_sent(bench: Bench, way: str) -> None:
    """`system_prompt` of the LLM reaches the model in every form."""
    predicted(bench.llm(system_prompt="Be exact."), way)
    first = bench.bodies[0]["messages"][0]
    assert first["role"] == "system", f"{first['role']} message first"
    assert "Be exact." in first["content"]


@check(*WAYS)
def arguments_for_the_model_are_left_alone(bench: Bench, way: str) -> None:
    """`llm_kwargs` reach the wire, and the caller's dict stays as it was."""
    given = {"temperature": 0.25, "tool_choice": "auto"}
    predicted(bench.llm(), way, llm_kwargs=given)
    assert bench.bodies[0]["temperature"] == 0.25, bench.bodies[0].get("temperature")
    assert given == {"temperature": 0.25, "tool_choice": "auto"}, f"became {given}"


@check("chat", "achat", "complete", "stream_chat", "astream_chat")
def structured_llm(bench: Bench, way: str) -> None:
    """`as_structured_llm` answers with the object in `raw`."""
    llm = bench.llm().as_structured_llm(Order)
    asked = '12 lamps for "Maria"'
    given = asked if way == "complete" else [ChatMessage(asked)]
    if way.startswith("a"):

        async def ask() -> Any:
            found = await getattr(llm, way)(given)
            return [part async for part in found][-1] if "stream" in way else found

        response = asyncio.run(ask())
    else:
        found = getattr(llm, way)(given)
        response = list(found)[-1] if "stream" in way else found
    assert isinstance(response.raw, Order), f"raw is a {type(response.raw).__name__}"
    assert response.raw.quantity == 12, response.raw


@check()
def query_engine_with_a_class(bench: Bench) -> None:
    """`output_cls` makes a query engine answer with an object."""
    response = engine(bench.llm(), output_cls=Answer).query(QUESTION)
    assert isinstance(response.response, Answer), f"a {type(response.response).__name__}"
    assert response.response.metres == 330, response.response


@check()
def query_engine_over_a_structured_llm(bench: Bench) -> None:
    """So does a structured LLM in the engine's place of an LLM."""
    response = engine(bench.llm().as_structured_llm(Answer)).query(QUESTION)
    found = getattr(response.response, "metres", None)
    assert found == 330 or "330" in str(response), str(response)


@check()
def agent_with_a_class(bench: Bench) -> None:
    """An agent's answer, as an object."""

    class Total(BaseModel):
        """A sum."""

        total: int

    async def go() -> Any:
        agent = FunctionAgent(tools=[add], llm=bench.llm(), output_cls=Total)
        return await agent.run("Please add 3 and 4.")

    response = asyncio.run(go())
    assert isinstance(response.get_pydantic_model(Total), Total), response


@check()
def program_by_a_tool(bench: Bench) -> None:
    """`FunctionCallingProgram` requires the tool and reads its arguments."""
    program = FunctionCallingProgram.from_defaults(Order, prompt=PROMPT, llm=bench.llm())
    assert program(name="Maria") == Order(customer="Maria", quantity=12)
    assert bench.bodies[0]["tool_choice"] == "required", bench.bodies[0].get("tool_choice")


@check("plain", "in a fence")
def program_in_words(bench: Bench, case: str) -> None:
    """`LLMTextCompletionProgram` reads JSON from the text."""
    text = '{"customer": "Maria", "quantity": 12}'
    with bench.told(text if case == "plain" else f"```json\n{text}\n```") as told:
        program = LLMTextCompletionProgram.from_defaults(
            output_parser=PydanticOutputParser(Order), prompt=PROMPT, llm=told.llm
        )
        assert program(name="Maria") == Order(customer="Maria", quantity=12)


@check(*WAYS)
def object_in_a_fence(bench: Bench, way: str) -> None:
    """JSON in a Markdown fence, as models without a JSON mode write it, is found."""
    text = '```json\n{"customer": "Maria", "quantity": 12}\n```'
    with bench.told(text, model="deepseek-v4-flash") as told:
        found = predicted(told.llm, way)[-1]
    assert found == Order(customer="Maria", quantity=12), found


@check(*(f"{way}, {text}" for way in WAYS for text in ("nothing", "{}")))
def answer_that_is_no_object(bench: Bench, case: str) -> None:
    """An answer without the object is an error: nothing half-made is handed on at the end."""
    way, _, text = case.partition(", ")
    with bench.told("" if text == "nothing" else text, model="gpt-4o") as told:
        try:
            found = predicted(told.llm, way)
        except (TypeError, AttributeError, IndexError) as error:
            raise AssertionError(f"raises {type(error).__name__}: {error}") from error
        except Exception:
            return
    raise AssertionError(f"{found[-1]!r}" if found else "nothing, no error")
