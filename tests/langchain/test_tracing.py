"""What callbacks see: each call once, each attempt in its place, nothing twice."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import (
    AsyncCallbackManager,
    CallbackManager,
    UsageMetadataCallbackHandler,
    get_usage_metadata_callback,
)
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda

from globalapi_core.errors import AllModelsFailedError, NoCandidateError
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain.recorder import Recorder

Make = Callable[..., RouterRunnable]
Either = Callable[..., ChatGlobalAPI | RouterRunnable]

QUESTION = "Which port does the server listen on?"
FIRST, SECOND = "deepseek-v4-flash", "gpt-4o-mini"
FORMS = ("invoke", "ainvoke", "stream", "astream", "batch", "abatch")


async def call(model: Any, form: str, config: Any) -> None:
    """Ask in one of six forms."""
    if form == "stream":
        list(model.stream(QUESTION, config))
    elif form == "astream":
        async for _ in model.astream(QUESTION, config):
            pass
    elif form == "batch":
        model.batch([QUESTION], config)
    elif form == "abatch":
        await model.abatch([QUESTION], config)
    elif form == "ainvoke":
        await model.ainvoke(QUESTION, config)
    else:
        model.invoke(QUESTION, config)


@pytest.mark.parametrize("form", FORMS)
async def test_call_is_a_chain_run_around_its_attempts(
    router: Make, sandbox: Sandbox, form: str
) -> None:
    """One chain run holds a model run for each attempt, the failed one with its error."""
    sandbox.script(FIRST, [faults.overloaded()])
    seen = Recorder()

    await call(router(), form, {"callbacks": [seen]})

    (chain,), (failed, answered) = seen.of("chain"), seen.of("llm")
    assert (chain.name, chain.parent, chain.end) == ("RouterRunnable", None, "ok")
    assert (failed.parent, failed.end) == (chain.id, "ServerError")
    assert (answered.parent, answered.end) == (chain.id, "ok")
    assert chain.output.response_metadata["globalapi"]["model"] == SECOND


@pytest.mark.parametrize("form", FORMS)
async def test_router_inside_a_chain_is_its_child(router: Make, form: str) -> None:
    """Within another runnable the router's run hangs below that one's."""
    seen = Recorder()
    chain = RunnableLambda(lambda text: text).with_config(run_name="first") | router()

    await call(chain, form, {"callbacks": [seen]})

    names = {run.id: run.name for run in seen.runs.values()}
    (own,) = [run for run in seen.of("chain") if run.name == "RouterRunnable"]
    assert names[own.parent] == "RunnableSequence"
    assert [run.parent for run in seen.of("llm")] == [own.id]


def test_run_has_the_name_and_id_it_was_given(router: Make) -> None:
    """`run_name` and `run_id` are the router's run's, and not its attempts'."""
    seen, id_ = Recorder(), uuid.uuid4()

    router().invoke(QUESTION, {"callbacks": [seen], "run_name": "mine", "run_id": id_})

    assert (seen.of("chain")[0].name, seen.of("chain")[0].id) == ("mine", id_)
    assert seen.of("llm")[0].name != "mine"
    assert seen.of("llm")[0].id != id_


def test_run_id_is_not_the_attempts_where_nobody_listens(router: Make) -> None:
    """LangChain calls a message by its model's run, which a call's `run_id` is not."""
    id_ = uuid.uuid4()

    message = router().invoke(QUESTION, {"run_id": id_})

    assert message.id is not None
    assert str(id_) not in message.id


@pytest.mark.parametrize("form", FORMS)
async def test_handlers_of_what_is_called_within_are_heard(router: Make, form: str) -> None:
    """A handler that is only to be inherited is told of the attempts, and not of their chain."""
    seen = Recorder()
    manager = AsyncCallbackManager if form.startswith("a") else CallbackManager

    await call(router(), form, {"callbacks": manager(handlers=[], inheritable_handlers=[seen])})

    assert not seen.of("chain")
    assert [run.end for run in seen.of("llm")] == ["ok"]


@pytest.mark.parametrize("form", FORMS)
async def test_usage_is_counted_once(model: Either, sandbox: Sandbox, form: str) -> None:
    """A usage handler sees the tokens of a call once, under the model that answered."""
    counted = UsageMetadataCallbackHandler()

    await call(model(), form, {"callbacks": [counted]})

    billed = sandbox.bill.rows[0]
    assert list(counted.usage_metadata) == [FIRST]
    assert counted.usage_metadata[FIRST]["input_tokens"] == billed.input_tokens
    assert counted.usage_metadata[FIRST]["output_tokens"] == billed.output_tokens


def test_usage_after_a_fallback_is_the_answering_models(router: Make, sandbox: Sandbox) -> None:
    """Usage is kept under the model that answered, not the one that was wanted."""
    sandbox.script(FIRST, [faults.overloaded()])

    with get_usage_metadata_callback() as counted:
        router().invoke(QUESTION)

    assert list(counted.usage_metadata) == [SECOND]


async def test_generate_and_newest_events_count_once(model: Either) -> None:
    """Where LangChain opens the run itself there is one run, and its usage counts once."""
    made = model()
    seen, counted = Recorder(), UsageMetadataCallbackHandler()
    both: Any = [seen, counted]

    result = made.generate([[HumanMessage(QUESTION)]], callbacks=both)
    once = dict(counted.usage_metadata[FIRST])
    output = made.stream_events(QUESTION, {"callbacks": both}, version="v3").output
    await made.agenerate([[HumanMessage(QUESTION)]], callbacks=both)
    stream = await made.astream_events(QUESTION, {"callbacks": both}, version="v3")
    await stream.output
    # LangChain ends the run after it gave the output.
    while seen.of("llm")[-1].end is None:  # noqa: ASYNC110 -- there is no event to wait for
        await asyncio.sleep(0.01)

    assert result.generations[0][0].text == output.text
    assert len(seen.of("llm")) == 4
    assert seen.of("chain") == []
    assert counted.usage_metadata[FIRST]["total_tokens"] == 4 * once["total_tokens"]


@pytest.mark.parametrize("form", ["stream", "astream"])
async def test_tokens_are_told_once(model: Either, form: str) -> None:
    """Each piece of text reaches a handler once, in one run."""
    seen = Recorder()
    made = model()

    await call(made, form, {"callbacks": [seen]})

    (run,) = seen.of("llm")
    assert "".join(map(str, run.tokens)) == made.invoke(QUESTION).text


async def test_events_tell_tokens_once(model: Either) -> None:
    """`astream_events` version 2 has each piece once, and one model run."""
    made = model()

    events = [each async for each in made.astream_events(QUESTION, version="v2")]

    kinds = Counter(each["event"] for each in events)
    texts = [
        each["data"]["chunk"].text for each in events if each["event"] == "on_chat_model_stream"
    ]
    assert kinds["on_chat_model_start"] == kinds["on_chat_model_end"] == 1
    assert "".join(texts) == made.invoke(QUESTION).text


def test_failed_call_ends_its_run_in_error(router: Make, sandbox: Sandbox) -> None:
    """A call that fails is seen to fail, with each of its attempts."""
    sandbox.down(FIRST)
    sandbox.down(SECOND)
    seen = Recorder()

    with pytest.raises(AllModelsFailedError):
        router().invoke(QUESTION, {"callbacks": [seen]})

    assert [run.end for run in seen.of("chain")] == ["AllModelsFailedError"]
    assert [run.end for run in seen.of("llm")] == ["ServerError", "ServerError"]


def test_call_that_cannot_be_decided_is_traced(router: Make) -> None:
    """A decision that fails is a run too, without attempts."""
    seen = Recorder()

    with pytest.raises(NoCandidateError):
        router().invoke("word " * 200_000, {"callbacks": [seen]})

    assert [run.end for run in seen.of("chain")] == ["NoCandidateError"]
    assert seen.of("llm") == []


@pytest.mark.parametrize("form", ["stream", "astream"])
async def test_abandoned_stream_is_no_error(router: Make, form: str) -> None:
    """Whoever stops reading ends the call's run, with what had come."""
    seen = Recorder()
    config: Any = {"callbacks": [seen]}

    if form == "stream":
        chunks = router().stream(QUESTION, config)
        first = next(chunks)
        chunks.close()  # type: ignore[attr-defined]
    else:
        pieces = router().astream(QUESTION, config)
        first = await anext(pieces)
        await pieces.aclose()  # type: ignore[attr-defined]

    (chain,) = seen.of("chain")
    assert (chain.end, chain.output.text) == ("ok", first.text)


def test_handlers_of_the_constructor_see_the_models(model: Either) -> None:
    """A handler given to the router hears of the model runs, as with any chat model."""
    counted, seen = UsageMetadataCallbackHandler(), Recorder()

    model(callbacks=[counted, seen]).invoke(QUESTION)

    assert counted.usage_metadata[FIRST]["total_tokens"] > 0
    assert len(seen.of("llm")) == 1


def test_tracers_are_told_the_model_that_is_asked(router: Make, sandbox: Sandbox) -> None:
    """Each attempt's run names its provider and model, for LangSmith and its like."""
    sandbox.script(FIRST, [faults.overloaded()])
    told: list[Any] = []

    class Handler(Recorder):
        def on_chat_model_start(self, serialized: Any, messages: Any, **given: Any) -> None:
            told.append((given["metadata"]["ls_provider"], given["metadata"]["ls_model_name"]))

        def on_llm_end(self, response: Any, **given: Any) -> None: ...
        def on_llm_error(self, error: BaseException, **given: Any) -> None: ...

    router().invoke(QUESTION, {"callbacks": [Handler()]})

    assert told == [("globalapi", FIRST), ("globalapi", SECOND)]


def test_stop_is_told_to_tracers(chat: Callable[..., ChatGlobalAPI]) -> None:
    """Stop sequences are in a run's parameters, whoever set them."""
    assert chat(stop="a")._get_ls_params()["ls_stop"] == ["a"]
    assert chat(stop=["a"])._get_ls_params(stop=["b"])["ls_stop"] == ["b"]
