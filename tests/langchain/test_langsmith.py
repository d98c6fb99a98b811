"""What LangSmith is sent of a call, by LangChain's own tracer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.tracers import LangChainTracer
from langsmith import Client

from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain.test_tracing import FIRST, FORMS, QUESTION, SECOND, call

Make = Callable[..., RouterRunnable]
Runs = dict[str, dict[str, Any]]


@pytest.fixture
def runs() -> Runs:
    """The runs that LangSmith was told of, by their ids: what it was told last counts."""
    return {}


@pytest.fixture
def tracer(runs: Runs) -> Iterator[LangChainTracer]:
    """LangChain's tracer, sending to a server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            run = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            runs.setdefault(run.get("id") or self.path.rpartition("/")[2], {}).update(run)
            self.send_response(202)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_PATCH = do_POST

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client(
        api_url=f"http://127.0.0.1:{server.server_address[1]}",
        api_key="of-langsmith",
        auto_batch_tracing=False,
        info={},
    )
    yield LangChainTracer(client=client)
    server.shutdown()
    server.server_close()


def metadata(run: dict[str, Any]) -> dict[str, Any]:
    """What a run's metadata say."""
    said: dict[str, Any] = run["extra"]["metadata"]
    return said


def test_each_attempt_is_told_with_its_model(
    router: Make, sandbox: Sandbox, tracer: LangChainTracer, runs: Runs
) -> None:
    """An LLM run for each attempt names provider and model; the one that answered, its tokens."""
    sandbox.script(FIRST, [faults.overloaded()])

    message = router().invoke(QUESTION, {"callbacks": [tracer], "metadata": {"tenant": "acme"}})
    tracer.wait_for_futures()

    failed, answered = (each for each in runs.values() if each["run_type"] == "llm")
    assert [metadata(each)["ls_provider"] for each in (failed, answered)] == ["globalapi"] * 2
    assert [metadata(each)["ls_model_name"] for each in (failed, answered)] == [FIRST, SECOND]
    assert [metadata(each)["globalapi_attempt"] for each in (failed, answered)] == [1, 2]
    assert [metadata(each)["tenant"] for each in (failed, answered)] == ["acme"] * 2
    assert "ServerError" in failed["error"]
    assert metadata(answered)["usage_metadata"] == message.usage_metadata


def test_chain_run_tells_the_record(
    router: Make, sandbox: Sandbox, tracer: LangChainTracer, runs: Runs
) -> None:
    """The router's run holds its attempts; its output has the decision and the cost."""
    sandbox.script(FIRST, [faults.overloaded()])

    message = router().invoke(QUESTION, {"callbacks": [tracer]})
    tracer.wait_for_futures()

    (chain,) = (each for each in runs.values() if each["run_type"] == "chain")
    record = chain["outputs"]["output"]["response_metadata"]["globalapi"]
    assert record == message.response_metadata["globalapi"]
    assert {each["parent_run_id"] for each in runs.values() if each["run_type"] == "llm"} == {
        chain["id"]
    }


def test_one_model_has_one_name(
    chat: Callable[..., ChatGlobalAPI], tracer: LangChainTracer, runs: Runs
) -> None:
    """However a model is spelled, LangSmith adds it up under its name in the catalog."""
    for spelling in ("gpt-4o", "openai/gpt-4o", "GPT_4o"):
        chat(spelling).invoke(QUESTION, {"callbacks": [tracer]})
    chat(FIRST).invoke(QUESTION, {"callbacks": [tracer]}, model="Openai/GPT-4o")
    tracer.wait_for_futures()

    assert [metadata(each)["ls_model_name"] for each in runs.values()] == ["gpt-4o"] * 4


def test_keys_and_addresses_of_keys_are_not_sent(
    chat: Callable[..., ChatGlobalAPI], tracer: LangChainTracer, runs: Runs
) -> None:
    """The gateway's key is in nothing that LangSmith is sent."""
    chat(api_key="sk-of-the-gateway").invoke(QUESTION, {"callbacks": [tracer]})
    tracer.wait_for_futures()

    assert len(runs) == 1
    assert "sk-of-the-gateway" not in json.dumps(runs)


@pytest.mark.parametrize("form", FORMS)
async def test_attempts_are_told_with_the_decision(
    router: Make, tracer: LangChainTracer, runs: Runs, form: str
) -> None:
    """The run of an attempt has the route and the reason, to filter by."""
    await call(router(), form, {"callbacks": [tracer]})
    tracer.wait_for_futures()

    (run,) = (each for each in runs.values() if each["run_type"] == "llm")
    assert metadata(run)["globalapi_route"] == "rest"
    assert metadata(run)["globalapi_reason"] == "no other route fired"
    assert metadata(run)["globalapi_attempt"] == 1
