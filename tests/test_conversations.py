"""What a conversation has been is seen alike through both frameworks: its model, its arm."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from globalapi_core.config import Config, parse_config
from globalapi_core.errors import InvalidInputError, PolicyError
from globalapi_core.sandbox import Sandbox

pytest.importorskip("llama_index.core", reason="this environment has LangChain alone")

from langchain_core.messages import BaseMessage, HumanMessage
from llama_index.core.llms import ChatMessage

from langchain_globalapi import RouterRunnable, record_of
from llamaindex_globalapi import GlobalAPIRouter

LONG = "What does the handbook say of refunds? " * 200
CONFIG = """
models:
  own/first: {input_mtok: 1, output_mtok: 0, cache_read_mtok: 1, context_window: 100000}
  own/second: {input_mtok: 1.5, output_mtok: 0, cache_read_mtok: 0.1, context_window: 100000}
routes:
  - name: rest
    candidates: [own/first, own/second]
    STICKY
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A gateway on this machine."""
    with Sandbox(parse_config(CONFIG.replace("STICKY", "")).catalog) as made:
        yield made


def config(line: str) -> Config:
    """The config with one more line of its route."""
    return parse_config(CONFIG.replace("STICKY", line))


def in_langchain(made: Config, sandbox: Sandbox) -> list[str]:
    """The models of two turns: the first is asked of the second model by name."""
    router = RouterRunnable(config=made, base_url=sandbox.base_url)
    turns: list[BaseMessage] = [HumanMessage(LONG)]
    answer = router.invoke(turns, model="own/second")
    decision = router.decide([*turns, answer, HumanMessage("And of returns?")])
    return [record_of(answer)["model"], decision.primary.name]  # type: ignore[index]


def in_llamaindex(made: Config, sandbox: Sandbox) -> list[str]:
    """The same in LlamaIndex."""
    router = GlobalAPIRouter(config=made, api_base=sandbox.base_url)
    turns = [ChatMessage(LONG)]
    answer = router.chat(turns, model="own/second")
    decision = router.decide([*turns, answer.message, ChatMessage("And of returns?")])
    return [answer.additional_kwargs["globalapi"]["model"], decision.primary.name]


@pytest.mark.parametrize("frame", [in_langchain, in_llamaindex])
@pytest.mark.parametrize(("line", "second"), [("", "own/first"), ("sticky: true", "own/second")])
def test_conversation_keeps_the_model_whose_cache_is_worth_it(
    frame: Any, line: str, second: str, sandbox: Sandbox
) -> None:
    """The model that answered last is known from its answer, and kept where the route says so."""
    assert frame(config(line), sandbox) == ["own/second", second]


SPLIT = """
routes:
  - name: rest
    candidates: [deepseek-v4-flash, qwen3-32b]
    split: {by: user, shares: {deepseek-v4-flash: 50, qwen3-32b: 50}}
"""
USERS = [f"user-{number}" for number in range(60)]


def test_arm_is_the_same_in_both_frameworks_and_in_another_process() -> None:
    """Who is in an arm is in it in LangChain, in LlamaIndex, and in every other process."""
    made = parse_config(SPLIT)
    langchain = RouterRunnable(config=made, api_key="none")
    llamaindex = GlobalAPIRouter(config=made, api_key="none")
    program = (
        "from globalapi_core import Router, parse_config\n"
        f"router = Router(parse_config({SPLIT!r}))\n"
        f"for user in {USERS!r}:\n"
        "    facts = router.signals([{'role': 'user', 'content': 'hi'}], metadata={'user': user})\n"
        "    print(router.decide(facts).primary.name)\n"
    )

    here = [
        langchain.decide("hi", config={"metadata": {"user": user}}).primary.name for user in USERS
    ]
    there = [llamaindex.decide("hello", metadata={"user": user}).primary.name for user in USERS]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert here == there == done.stdout.split()
    assert set(here) == {"deepseek-v4-flash", "qwen3-32b"}


@pytest.mark.parametrize("asynchronous", [False, True])
def test_turns_of_a_conversation_have_one_arm(asynchronous: bool, sandbox: Sandbox) -> None:
    """Without a key a conversation falls by its first message: each turn in the same arm."""
    by_conversation = SPLIT.replace("by: user, ", "")
    router = RouterRunnable(config=parse_config(by_conversation), base_url=sandbox.base_url)
    turns: list[BaseMessage] = []
    models = []
    for question in ("How long does a refund take?", "And a return?", "为什么这么久？"):
        turns.append(HumanMessage(question))
        answer = asyncio.run(router.ainvoke(turns)) if asynchronous else router.invoke(turns)
        models.append(record_of(answer)["model"])  # type: ignore[index]
        turns.append(answer)

    assert len(set(models)) == 1


def test_one_tag_is_a_tag_and_not_its_letters() -> None:
    """A tag given as a text counts as that tag: a policy must not be lost by its type."""
    made = parse_config(
        "policies: [{name: home, when: {tags: internal}, origins: us}]\n"
        "routes: [{name: rest, candidates: [glm-5]}]"
    )

    with pytest.raises(PolicyError, match="policy 'home'"):
        GlobalAPIRouter(config=made, api_key="none").decide("hi", tags="internal")


def test_metadata_that_is_no_mapping_is_named() -> None:
    """Metadata of another form is an error that says what is expected."""
    with pytest.raises(InvalidInputError, match="expected metadata as a mapping"):
        GlobalAPIRouter(api_key="none").decide("hi", metadata=["user"])
