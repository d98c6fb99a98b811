"""Copies of an LLM, and where its key shows."""

from __future__ import annotations

import copy
import json
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.llamaindex.conformance.bench import Bench, checks, text_of
from tests.llamaindex.conformance.methods import asked

check = checks("Copies and the key")

CANARY = "sk-canary-0123456789"
FORMS = {
    "repr": repr,
    "str": str,
    "to_dict": lambda llm: str(llm.to_dict()),
    "to_json": lambda llm: llm.to_json(),
    "model_dump_json": lambda llm: llm.model_dump_json(),
    "pickle": lambda llm: pickle.dumps(llm).decode("latin-1"),
    "to_payload": lambda llm: str(llm.to_payload()),
}


@check(*FORMS)
def key_is_not_shown(bench: Bench, form: str) -> None:
    """No written form of the LLM holds the API key."""
    shown = FORMS[form](bench.llm(api_key=CANARY))
    assert CANARY not in shown, "the key is in it"


@check()
def key_reaches_the_server(bench: Bench) -> None:
    """The key given is the one that is sent."""
    asked(bench.llm(api_key=CANARY), "chat")
    assert bench.sandbox.requests[0].authorized


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@check()
def key_of_another_vendor_is_not_sent(bench: Bench) -> None:
    """`OPENAI_API_KEY` stays with OpenAI, whoever else is called."""
    with _variable("OPENAI_API_KEY", CANARY):
        try:
            llm = bench.llm(api_key=None)
        except Exception:
            return
        asked(llm, "chat")
    assert not bench.sandbox.requests[0].authorized, "OPENAI_API_KEY was sent"


def _twin(llm: Any, way: str) -> Any:
    if way == "pickle":
        return pickle.loads(pickle.dumps(llm))  # noqa: S301
    if way == "deepcopy":
        return copy.deepcopy(llm)
    return type(llm).from_dict(json.loads(json.dumps(llm.to_dict())))


@check("pickle", "deepcopy", "from_dict")
def copy_answers_as_its_original(bench: Bench, way: str) -> None:
    """A copy works and has the same settings."""
    llm = bench.llm(temperature=0.5, max_tokens=40)
    asked(llm, "chat")
    (response,) = asked(_twin(llm, way), "chat")
    assert text_of(response).startswith("[sandbox]"), text_of(response)
    bodies = [
        {name: body.get(name) for name in ("model", "temperature", "max_tokens")}
        for body in bench.bodies
    ]
    assert bodies[0] == bodies[1], bodies


@check("pickle", "deepcopy")
def copy_of_one_in_use_works(bench: Bench, way: str) -> None:
    """So does one that was made after asynchronous calls."""
    llm = bench.llm()
    asked(llm, "achat")
    (response,) = asked(_twin(llm, way), "achat")
    assert text_of(response).startswith("[sandbox]"), text_of(response)
