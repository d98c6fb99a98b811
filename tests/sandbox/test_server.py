"""The server itself: many clients, clients that leave, and what is left after it has stopped."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.catalog import Catalog
from globalapi_core.errors import SandboxError
from globalapi_core.sandbox import Sandbox, faults

from .client import chat

ROOT = Path(__file__).parents[2]


def _request(**fields: Any) -> bytes:
    body = {"model": "flash", "messages": [{"role": "user", "content": "Hello"}], **fields}
    data = json.dumps(body).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
    )


def _until(condition: Any, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


async def _stream(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(stream=True))
    data = await reader.readuntil(b"0\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return data


@pytest.mark.parametrize("speed", [0, 2])
async def test_500_streams_at_once_are_all_whole(catalog: Catalog, speed: float) -> None:
    """None is refused, cut or mixed up with another, and each is billed."""
    with Sandbox(catalog, speed=speed) as sandbox:
        got = await asyncio.gather(*(_stream(sandbox.port) for _ in range(500)))
        calls = sandbox.bill.rows[0].calls

    assert sum(b"data: [DONE]" in each for each in got) == 500
    assert len({each.partition(b'"id":"')[2][:30] for each in got}) == 500
    assert calls == 500


def test_client_that_leaves_is_noticed_and_billed_so_far(catalog: Catalog) -> None:
    """A slow stream stops when its reader is gone; only what was sent is on the bill."""
    with Sandbox(catalog, speed=0.1) as sandbox:
        sandbox.say("flash", ["word " * 400])
        with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as client:
            client.sendall(_request(stream=True))
            received = b""
            while received.count(b'"content":') < 3:
                received += client.recv(1000)
            client.shutdown(socket.SHUT_WR)
            while data := client.recv(100_000):  # until it is noticed
                received += data
        billed = sandbox.bill.rows[0].output_tokens
        time.sleep(0.5)

        assert sandbox.bill.rows[0].output_tokens == billed
        assert 0 < billed < 400
        assert b"[DONE]" not in received
        assert sandbox.bill.rows[0].calls == 1


def test_client_that_leaves_during_a_delay_is_not_billed(sandbox: Sandbox) -> None:
    """Nothing was answered, so nothing is owed."""
    sandbox.script("flash", [faults.delay(1.5)])
    with socket.create_connection(("127.0.0.1", sandbox.port)) as client:
        client.sendall(_request())
        assert _until(lambda: sandbox.requests)
    time.sleep(1.7)

    assert sandbox.bill.rows == ()


def test_speed_paces_the_stream_by_the_catalog(catalog: Catalog) -> None:
    """At the catalog's speed the answer takes as long as its model would, and streams meanwhile."""
    with Sandbox(catalog, speed=0.25) as sandbox:
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", sandbox.port), timeout=30) as client:
            client.sendall(_request(stream=True))
            received = b""
            while b'"content":"[' not in received:
                received += client.recv(1_000)
            first, whole_at_once = time.monotonic() - started, b"[DONE]" in received
            while b"[DONE]" not in received:
                received += client.recv(100_000)
            last = time.monotonic() - started
        tokens = sandbox.bill.rows[0].output_tokens

    assert first >= 0.4
    assert not whole_at_once
    assert last >= 0.4 + tokens / 50 * 0.8


def test_speed_paces_an_answer_that_is_not_streamed(catalog: Catalog) -> None:
    """The same time passes before a whole answer."""
    with Sandbox(catalog, speed=1) as sandbox:
        started = time.monotonic()
        used = chat(sandbox.port).json["usage"]
        took = time.monotonic() - started

    assert took >= 0.1 + used["completion_tokens"] / 200


def test_model_of_unknown_speed_answers_at_once(catalog: Catalog) -> None:
    """No pace is made up for a model whose pace no source states."""
    with Sandbox(catalog, speed=0.001) as sandbox:
        assert chat(sandbox.port, model="plain").status == 200


def test_several_sandboxes_run_side_by_side(catalog: Catalog) -> None:
    """Each has its port, its script and its bill."""
    with Sandbox(catalog) as one, Sandbox(catalog) as two:
        one.down("flash")
        statuses = chat(one.port).status, chat(two.port).status

        assert statuses == (503, 200)
        assert one.port != two.port
        assert one.bill.rows == ()


def test_port_in_use_says_what_to_do(sandbox: Sandbox, catalog: Catalog) -> None:
    """The error names the port and the way out, and leaves nothing behind."""
    with pytest.raises(SandboxError, match=f"port {sandbox.port} is in use; choose another"):
        Sandbox(catalog, port=sandbox.port).start()


def test_address_that_is_not_here_is_refused(catalog: Catalog) -> None:
    """An address of another machine cannot be listened on."""
    with pytest.raises(SandboxError, match=r"192\.0\.2\.1"):
        Sandbox(catalog, host="192.0.2.1").start()


def test_sandbox_that_was_not_started_has_no_address(catalog: Catalog) -> None:
    """Asking for its URL says how to start it."""
    with pytest.raises(SandboxError, match="start"):
        _ = Sandbox(catalog).base_url


def test_negative_speed_is_refused(catalog: Catalog) -> None:
    """There is no answering before the question."""
    with pytest.raises(ValueError, match="-1"):
        Sandbox(catalog, speed=-1)


def test_start_and_close_may_be_repeated(catalog: Catalog) -> None:
    """Both do nothing the second time, and a closed sandbox can be started again."""
    sandbox = Sandbox(catalog)
    assert sandbox.start() is sandbox.start()
    first = chat(sandbox.port).status
    sandbox.close()
    sandbox.close()
    with sandbox:
        second = chat(sandbox.port).status

    assert first == second == 200
    assert len(sandbox.requests) == 2


def test_close_leaves_no_thread_and_no_socket(catalog: Catalog) -> None:
    """With clients idle, waiting and in the middle of a stream, everything is let go of."""
    threads = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()  # what other tests left
        caught.clear()
        sandbox = Sandbox(catalog, speed=0.05).start()
        port = sandbox.port
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        sandbox.script("flash", [faults.delay(60)])
        clients[0].sendall(_request())
        assert _until(lambda: len(sandbox.requests) == 1)
        clients[1].sendall(_request(stream=True))
        assert _until(lambda: sandbox.bill.rows)
        started = time.monotonic()
        sandbox.close()
        took = time.monotonic() - started
        for client in clients:
            client.close()
        gc.collect()

    assert set(threading.enumerate()) <= threads
    assert [each for each in caught if issubclass(each.category, ResourceWarning)] == []
    assert took < 30  # half of what the delay would take
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_reader_that_does_not_read_holds_nobody_up(sandbox: Sandbox) -> None:
    """Answers to a client with full buffers wait for it alone, and are not piled up."""
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        slow.connect(("127.0.0.1", sandbox.port))
        for _ in range(3_000):
            slow.sendall(_request(stream=True, model="thinker"))
        other = chat(sandbox.port).status
        assert _until(lambda: _is_steady(sandbox))

        assert other == 200
        assert len(sandbox.requests) < 3_000


def _is_steady(sandbox: Sandbox) -> bool:
    before = len(sandbox.requests)
    time.sleep(0.1)
    return len(sandbox.requests) == before


def _run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    # This very interpreter, with code written here.
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)


def test_program_that_forgets_to_close_still_ends() -> None:
    """The thread does not keep the process alive, and no traceback is shown."""
    done = _run("from globalapi_core.sandbox import Sandbox; Sandbox().start()")

    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_sandbox_pulls_in_no_other_http_library() -> None:
    """It speaks HTTP with asyncio and h11 alone."""
    done = _run(
        "import sys, globalapi_core.sandbox;"
        "print([m for m in ('aiohttp', 'urllib3', 'httpx', 'requests', 'openai', 'pydantic')"
        " if m in sys.modules])"
    )

    assert done.stdout.strip() == "[]"
