"""Plain and streamed calls: what the wire promises of every answer, whatever the model's wits."""

from __future__ import annotations

import asyncio

import pytest

from globalapi_core.errors import IncompleteResponseError
from tests.real_model.asking import CLASSES, Asker, Got, Way, piece_of
from tests.real_model.server import MODEL, RealServer

PROMPT = "Tell me about the sea."
ENDLESS = {"min_tokens": 600, "max_tokens": 600}
"""An answer that takes some ten seconds."""


def is_streamed(way: Way) -> bool:
    """Whether an answer asked for in this way comes in pieces."""
    return way in ("stream", "astream")


def attempts(got: Got) -> list[str]:
    """The models that were tried for an answer."""
    return [each["model"] for each in got.record["attempts"]]


async def test_answer_is_whole(asker: Asker, way: Way) -> None:
    """Any answer has text, a finish reason and a record of the one attempt it took."""
    got = await asker.ask(way, PROMPT, max_tokens=12)

    assert got.text
    assert got.finish in ("stop", "length")
    assert attempts(got) == [MODEL]
    assert got.record["attempts"][0]["response_model"] == MODEL


async def test_stream_is_the_answer_in_pieces(asker: Asker) -> None:
    """What a stream shows adds up to the text of its end, and comes in more than one piece."""
    for way in ("stream", "astream"):
        got = await asker.ask(way, PROMPT, max_tokens=12)

        assert len(got.pieces) > 1
        assert "".join(got.pieces) == got.text


async def test_usage_is_what_the_server_counts_and_else_unknown(asker: Asker, way: Way) -> None:
    """A whole answer is counted; this server counts no stream, which is unknown and not 0."""
    got = await asker.ask(way, PROMPT, max_tokens=12)

    if is_streamed(way):
        assert got.usage is None
        assert got.record["attempts"][0]["usage"] is None
    else:
        assert got.usage is not None
        taken, given = got.usage
        assert taken > 10
        assert 0 < given <= 12


async def test_one_token_is_cut_and_says_so(asker: Asker, way: Way) -> None:
    """`max_tokens` reaches the server under the name it knows: one token, finish reason length."""
    got = await asker.ask(way, PROMPT, max_tokens=1)

    assert got.finish == "length"
    assert got.usage is None or got.usage[1] == 1
    assert len(got.pieces) <= 1


async def test_stop_sequence_ends_the_answer(asker: Asker, way: Way) -> None:
    """The text ends before the stop sequence, for the reason stop."""
    got = await asker.ask(way, PROMPT, max_tokens=200, stop=["a"])

    assert "a" not in got.text
    assert got.finish == "stop"


async def test_unknown_model_is_answered_under_its_name(asker: Asker, way: Way) -> None:
    """This server serves what it has under any name: no error, and the record shows the name."""
    got = await asker.ask(way, PROMPT, model="no-such-model", max_tokens=2)

    assert got.text
    assert attempts(got) == ["no-such-model"]


async def test_two_streams_at_once_are_both_whole(asker: Asker) -> None:
    """The second waits for the first, without an error; neither gets the other's words."""
    both = await asyncio.gather(
        *(asker.ask("astream", f"Count from {number}.", max_tokens=12) for number in (1, 100))
    )

    for got in both:
        assert got.finish in ("stop", "length")
        assert "".join(got.pieces) == got.text


@pytest.mark.parametrize("name", CLASSES)
async def test_stream_that_another_call_ends_is_no_answer(
    interrupting_server: RealServer, name: str
) -> None:
    """As it comes, the server ends a stream for the next request: [DONE], no finish reason."""
    asker = Asker(*CLASSES[name], interrupting_server)
    shown: list[str] = []
    begun = asyncio.Event()

    async def first() -> None:
        async for item in asker.items("astream", PROMPT, **ENDLESS):
            shown.append(piece_of(item))
            begun.set()

    async def second() -> Got:
        await begun.wait()
        return await asker.ask("awhole", PROMPT, max_tokens=2)

    broken, answered = await asyncio.gather(first(), second(), return_exceptions=True)

    assert isinstance(broken, IncompleteResponseError)
    assert broken.partial_text == "".join(shown)
    assert isinstance(answered, Got)
    assert answered.text


@pytest.mark.parametrize("streamed", ["stream", "astream"])
async def test_stream_that_is_left_ends_at_the_server_too(asker: Asker, streamed: Way) -> None:
    """Closing a stream closes its connection at once: the server stops, and answers the next."""
    before = asker.server.said("Disconnected from client")
    items = asker.items(streamed, PROMPT, **ENDLESS)
    seen = [await anext(items), await anext(items)]
    await items.aclose()

    got = await asker.ask("awhole", PROMPT, max_tokens=1)

    assert len(seen) == 2
    assert got.text
    assert asker.server.said("Disconnected from client") == before + 1


async def test_task_that_is_cancelled_ends_at_the_server_too(asker: Asker) -> None:
    """Cancelling the task that reads a stream closes its connection as well."""
    before = asker.server.said("Disconnected from client")
    begun = asyncio.Event()

    async def read() -> None:
        async for item in asker.items("astream", PROMPT, **ENDLESS):
            if piece_of(item):
                begun.set()

    task = asyncio.create_task(read())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await asker.ask("awhole", PROMPT, max_tokens=1)).text
    assert asker.server.said("Disconnected from client") == before + 1
