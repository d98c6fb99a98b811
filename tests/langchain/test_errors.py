"""The gateway's errors are LangChain's too."""

from __future__ import annotations

import pickle

import pytest
from langchain_core import exceptions as theirs

from globalapi_core import errors
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPI, RouterRunnable, _errors

CASES = [
    (faults.rate_limited(), errors.RateLimitError, theirs.ModelRateLimitError, True),
    (faults.overloaded(), errors.ServerError, theirs.ModelAPIError, True),
    (faults.unauthorized(), errors.AuthenticationError, theirs.ModelAuthenticationError, False),
    (faults.context_overflow(), errors.ContextOverflowError, theirs.ContextOverflowError, False),
    (faults.status(400), errors.InvalidRequestError, theirs.ModelInvalidRequestError, False),
    (faults.dead(), errors.ConnectionLostError, theirs.ModelConnectionError, True),
    (faults.empty(), errors.ResponseError, theirs.ModelAPIError, True),
]


async def ask(model: ChatGlobalAPI, way: str) -> None:
    """Ask in the given way, and read the answer to its end."""
    if way == "invoke":
        model.invoke("hello")
    elif way == "ainvoke":
        await model.ainvoke("hello")
    elif way == "stream":
        list(model.stream("hello"))
    else:
        [chunk async for chunk in model.astream("hello")]


@pytest.mark.parametrize(("fault", "ours", "langchains", "retryable"), CASES)
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_one_error_of_both_families(
    way: str, fault: object, ours: type, langchains: type, retryable: bool
) -> None:
    """A failed call raises what either family's name catches, with the attempts on it."""
    with Sandbox() as sandbox:
        sandbox.script("*", [fault] * 9)
        model = ChatGlobalAPI(base_url=sandbox.base_url, max_retries=0)

        with pytest.raises(ours) as caught:
            await ask(model, way)

    assert isinstance(caught.value, langchains)
    assert caught.value.is_retryable is retryable
    assert len(caught.value.record.attempts) == 1


def test_error_of_both_families_survives_a_pickle() -> None:
    """What a worker raises, its parent can read."""
    error = _errors._as(_errors.RateLimitError, errors.RateLimitError("slow down", retry_after=3))

    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert isinstance(again, theirs.ModelRateLimitError)
    assert (str(again), again.retry_after) == ("slow down", 3)


def test_router_whose_models_all_failed() -> None:
    """The group is LangChain's too, and so is each error in it."""
    with Sandbox() as sandbox:
        sandbox.script("*", [faults.overloaded()] * 99)
        router = RouterRunnable(base_url=sandbox.base_url, max_retries=0)

        with pytest.raises(theirs.ModelError) as caught:
            router.invoke("hello")

    assert isinstance(caught.value, errors.AllModelsFailedError)
    assert all(isinstance(each, theirs.ModelAPIError) for each in caught.value.exceptions)
    assert len(caught.value.record.attempts) == len(caught.value.exceptions)


def test_every_error_of_an_attempt_has_its_langchain_twin() -> None:
    """A new kind of error in the core is noticed here."""

    def kinds(base: type) -> set[type]:
        below = {each for each in base.__subclasses__() if each.__module__ == errors.__name__}
        return below | {kind for each in below for kind in kinds(each)}

    # Whoever would catch that one has left.
    raised = kinds(errors.GatewayError) - {errors.AbandonedError}
    assert raised | {errors.AllModelsFailedError} == set(_errors._BOTH)
