"""What may be observed of calls: each once, as it ends, whatever came of it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from globalapi_core import Client, Router, on_call, recorded_calls
from globalapi_core.errors import AbandonedError, GatewayError
from globalapi_core.records import CallRecord
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Wire

MESSAGES = [{"role": "user", "content": "How long does a refund take?"}]


def made(sandbox: Sandbox) -> tuple[Client, tuple[ChatRequest, Any]]:
    """A client of *sandbox*, and what to ask it."""
    router = Router()
    decision = router.decide(router.signals(MESSAGES))
    client = Client(Wire(Endpoint(sandbox.base_url, "canary-key")))
    return client, (ChatRequest(MESSAGES), decision)


def test_hook_sees_the_record_of_the_answer(sandbox: Sandbox) -> None:
    """A hook is told the record that the answer carries, once."""
    client, asked = made(sandbox)

    with recorded_calls() as calls:
        answer = client.complete(*asked)

    assert calls == [answer.record]


def test_hook_sees_failed_calls(sandbox: Sandbox) -> None:
    """A hook is told of a call that fails, with all its attempts."""
    sandbox.down("*")
    client, asked = made(sandbox)

    with recorded_calls() as calls, pytest.raises((GatewayError, ExceptionGroup)):
        client.complete(*asked)

    assert len(calls) == 1
    assert calls[0].model is None
    assert len(calls[0].attempts) == len(sandbox.requests) > 1


def test_hook_sees_abandoned_calls(sandbox: Sandbox) -> None:
    """A hook is told of a stream that its reader left."""
    client, asked = made(sandbox)

    with recorded_calls() as calls, closing(client.stream(*asked)) as stream:
        next(stream)

    assert [type(call.attempts[-1][1].error) for call in calls] == [AbandonedError]


def test_hook_that_fails_harms_no_call(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """What a hook raises is logged; the call and the other hooks go on."""
    client, asked = made(sandbox)

    def broken(record: CallRecord) -> None:
        raise ZeroDivisionError

    remove = on_call(broken)
    try:
        with recorded_calls() as calls, caplog.at_level(logging.ERROR):
            client.complete(*asked)
    finally:
        remove()

    assert len(calls) == 1
    assert "broken failed" in caplog.text


def test_hook_taken_away_is_not_told(sandbox: Sandbox) -> None:
    """After a block's end nothing is recorded for it."""
    client, asked = made(sandbox)

    with recorded_calls() as calls:
        pass
    client.complete(*asked)

    assert calls == []


def test_hooks_come_and_go_in_many_threads(sandbox: Sandbox) -> None:
    """Whoever listens meanwhile, each hook is told until it is taken away, and no longer."""
    client, asked = made(sandbox)

    def listen(_: int) -> int:
        with recorded_calls() as calls:
            record = client.complete(*asked).record
        return calls.count(record)

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(listen, range(40)))

    assert heard == [1] * 40


def test_hook_given_twice_is_taken_away_once(sandbox: Sandbox) -> None:
    """Of two that are the same function, the one that is taken away goes."""
    client, asked = made(sandbox)
    calls: list[CallRecord] = []
    remove_first, remove_second = on_call(calls.append), on_call(calls.append)

    remove_first()
    remove_first()
    client.complete(*asked)
    remove_second()
    client.complete(*asked)

    assert len(calls) == 1
