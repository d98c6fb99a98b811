"""What the fuzzer found worth keeping, read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from globalapi_core.errors import GatewayError
from globalapi_core.wire.response import Reply
from tests.fuzz.oracle import Read, check

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name[:8])
def test_any_bytes(file: Path) -> None:
    """Any bytes, however they are cut, are an answer or a typed error, and the same one."""
    read = check(file.read_bytes())

    assert isinstance(read.reply, Reply) != isinstance(read.error, GatewayError)


def test_corpus_has_all_kinds() -> None:
    """The corpus has answers, answers with calls to run and to refuse, and many errors."""
    read = [check(file.read_bytes()) for file in CORPUS]

    assert {_kind(each) for each in read} >= {"text", "call", "invalid call"}
    assert len({type(each.error) for each in read if each.error}) >= 5


def _kind(read: Read) -> str:
    if read.reply is None:
        return "error"
    if read.reply.tool_calls:
        return "call"
    return "invalid call" if read.reply.invalid_tool_calls else "text"
