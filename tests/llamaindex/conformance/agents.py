"""Agents and workflows, and calling a tool without one."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.agent.workflow import (
    AgentStream,
    AgentWorkflow,
    CodeActAgent,
    FunctionAgent,
    ReActAgent,
)
from llama_index.core.memory import Memory
from llama_index.core.tools import FunctionTool, QueryEngineTool

from tests.llamaindex.conformance.bench import THINKING, Bench, checks, say
from tests.llamaindex.conformance.engines import QUESTION, engine
from tests.llamaindex.conformance.methods import ADD, add

check = checks("Agents")

ASKED = "Please add 3 and 4."
STEPS = (
    'Thought: I need a tool.\nAction: add\nAction Input: {"a": 3, "b": 4}',
    "Thought: I can answer without using any more tools.\nAnswer: It is 7.",
)
"""What a model says in a ReAct loop."""


def _run(agent: Any, asked: str = ASKED, **kwargs: Any) -> tuple[str, str]:
    """The answer of *agent*, and what it streamed."""

    async def go() -> tuple[str, str]:
        handler = agent.run(asked, **kwargs)
        streamed = ""
        async for each in handler.stream_events():
            if isinstance(each, AgentStream):
                streamed += each.delta or ""
        return str(await handler), streamed

    return asyncio.run(go())


@check("streaming", "not streaming")
def function_agent(bench: Bench, case: str) -> str:
    """A call, its result, an answer: two requests, the answer streamed if it is to be."""
    streaming = case == "streaming"
    answer, streamed = _run(FunctionAgent(tools=[add], llm=bench.llm(), streaming=streaming))
    assert "7" in answer, answer
    assert (answer == streamed) == streaming, f"streamed {streamed!r}"
    assert bench.calls == 2, f"{bench.calls} requests"
    assert bench.bodies[1]["messages"][-1]["role"] == "tool"
    return f"{bench.calls} requests"


@check("kimi-k2-thinking", "deepseek-v4-flash")
def function_agent_on_a_thinking_model(bench: Bench, model: str) -> None:
    """Step two sends back the reasoning of step one, where the vendor asks for it."""
    thinks = {"additional_kwargs": {"extra_body": THINKING}}
    given = {"temperature": 1} if "kimi" in model else thinks
    answer, _ = _run(FunctionAgent(tools=[add], llm=bench.llm(model, **given)))
    assert "7" in answer, answer


@check()
def function_agent_calls_two_tools_at_once(bench: Bench) -> None:
    """Calls of one answer are all run, and all their results sent."""
    two = say("", (("add", '{"a": 1, "b": 2}'), ("add", '{"a": 3, "b": 4}')))
    with bench.told(two, "It is 3 and 7.") as told:
        _run(FunctionAgent(tools=[add], llm=told.llm, allow_parallel_tool_calls=True))
        roles = [each["role"] for each in told.server.bodies()[-1]["messages"]]
    assert roles.count("tool") == 2, f"{roles.count('tool')} of 2 results"


@check()
def function_agent_remembers(bench: Bench) -> None:
    """A second run with the same memory knows the first."""
    agent = FunctionAgent(tools=[add], llm=bench.llm(), system_prompt="You add.")
    memory = Memory.from_defaults(session_id="one", token_limit=40_000)
    for asked in (ASKED, "Now add 1 and 2."):
        _run(agent, asked, memory=memory)
    roles = [each["role"] for each in bench.bodies[-1]["messages"]]
    assert roles == ["system", *["user", "assistant", "tool"], "assistant", *roles[5:]], roles
    assert bench.calls == 4, f"{bench.calls} requests"


@check()
def function_agent_asks_an_engine(bench: Bench) -> None:
    """A query engine as a tool: agentic retrieval."""
    llm = bench.llm()
    tool = QueryEngineTool.from_defaults(
        engine(llm), name="towers", description="Knows how tall towers are"
    )
    answer, _ = _run(FunctionAgent(tools=[tool], llm=llm), f"Ask towers: {QUESTION}")
    assert "330" in answer, answer


@check("streaming", "not streaming")
def react_agent(bench: Bench, case: str) -> None:
    """A ReAct loop, in words: the tool is run and the answer found."""
    with bench.told(*STEPS) as told:
        streaming = case == "streaming"
        answer, _ = _run(ReActAgent(tools=[add], llm=told.llm, streaming=streaming))
        sent = told.server.bodies()
    assert answer == "It is 7.", answer
    assert "Observation: 7" in str(sent[1]["messages"]), sent[1]["messages"][-1]


@check()
def code_act_agent(bench: Bench) -> None:
    """`CodeActAgent` runs the code the model writes."""
    ran: list[str] = []

    def execute(code: str) -> str:
        ran.append(code)
        return "7"

    with bench.told("<execute>print(add(3, 4))</execute>", "It is 7.") as told:
        agent = CodeActAgent(code_execute_fn=execute, llm=told.llm, tools=[add])
        answer, _ = _run(agent)
    assert ran == ["print(add(3, 4))"], ran
    assert "7" in answer, answer


@check()
def workflow_of_a_function(bench: Bench) -> None:
    """`AgentWorkflow` over plain functions chooses an agent that calls tools."""
    workflow = AgentWorkflow.from_tools_or_functions([add], llm=bench.llm())
    (agent,) = workflow.agents.values()
    assert isinstance(agent, FunctionAgent), f"a {type(agent).__name__}"
    answer, _ = _run(workflow)
    assert "7" in answer, answer


@check()
def workflow_of_two_agents(bench: Bench) -> None:
    """One agent hands over to another, which answers."""
    llm = bench.llm()
    agents = [
        FunctionAgent(name="desk", description="Hands over", llm=llm, can_handoff_to=["adder"]),
        FunctionAgent(name="adder", description="Adds", tools=[add], llm=llm),
    ]
    workflow = AgentWorkflow(agents=agents, root_agent="desk")
    asked = 'Use handoff with to_agent: "adder", reason: "sums". Then add 3 and 4.'
    answer, _ = _run(workflow, asked)
    offered = [{each["function"]["name"] for each in body["tools"]} for body in bench.bodies]
    assert offered[0] == {"handoff"}, offered[0]
    assert "add" in offered[1], offered
    assert answer, "no answer"


@check("sync", "async")
def predict_and_call(bench: Bench, way: str) -> None:
    """The tool is called, and its output is the answer."""
    llm = bench.llm()
    if way == "sync":
        response = llm.predict_and_call([ADD], ASKED)
    else:
        response = asyncio.run(llm.apredict_and_call([ADD], ASKED))
    assert str(response) == "7", str(response)
    assert len(response.sources) == 1, response.sources


@check()
def predict_and_call_several(bench: Bench) -> None:
    """With `allow_parallel_tool_calls` each call is run."""
    with bench.told(say("", (("add", '{"a": 1, "b": 2}'), ("add", '{"a": 3, "b": 4}')))) as told:
        response = told.llm.predict_and_call([ADD], ASKED, allow_parallel_tool_calls=True)
    assert [each.raw_output for each in response.sources] == [3, 7], response.sources


@check("required", "auto", "none", "add")
def tool_choice(bench: Bench, choice: str) -> None:
    """`tool_choice` takes the words of the API, and a tool's name."""
    other = FunctionTool.from_defaults(add, name="plus")
    llm = bench.llm()
    response = llm.chat_with_tools([other, ADD], "Hello.", tool_choice=choice)
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    wanted = {"required": 1, "auto": 0, "none": 0, "add": 1}[choice]
    assert len(calls) == wanted, f"{len(calls)} calls"
    assert choice != "add" or calls[0].tool_name == "add", calls
