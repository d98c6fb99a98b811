"""Errors carry their facts everywhere, and the tree in the docstring is the tree."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from decimal import Decimal

import pytest

from globalapi_core import errors
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    ConfigError,
    GatewayError,
    GlobalAPIError,
    IncompleteResponseError,
    NoCandidateError,
    RateLimitError,
    ServerError,
    UnknownModelError,
    UnknownRouteError,
)
from globalapi_core.records import Rejection

from .helpers import failed, record


def classes() -> dict[str, type[Exception]]:
    """The public error classes."""
    return {
        name: each
        for name, each in vars(errors).items()
        if inspect.isclass(each) and issubclass(each, GlobalAPIError) and not name.startswith("_")
    }


def test_tree_drawn_is_the_tree() -> None:
    """Every class stands in the drawing of the docstring, under the class it derives from."""
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"[│├└─ ]*([A-Z]\w+Error)\b", line):
            drawn.append((found.start(1) // 4, found[1]))
    parents = {
        name: next(above for level, above in reversed(drawn[:place]) if level < depth)
        for place, (depth, name) in enumerate(drawn)
        if depth
    }

    assert {"GlobalAPIError", *parents} == set(classes())
    for name, parent in parents.items():
        assert issubclass(classes()[name], classes()[parent]), f"{name} under {parent}"


RECORD = record([("a", failed(ServerError("no", model="a")))])


def gateway_error() -> GatewayError:
    """An error that has been through a whole call."""
    error = RateLimitError(
        "slow down", model="a", status=429, code="c", request_id="r", retry_after=2.0,
        partial_text="half", retryable=False,
    )  # fmt: skip
    error.shown = True
    error.record = record([("a", failed(error))])
    return error


def every_error() -> list[Exception]:
    """One of each kind of constructor."""
    group = AllModelsFailedError("all failed", [gateway_error(), ServerError("x", model="b")])
    group.record = RECORD
    return [
        gateway_error(),
        IncompleteResponseError("cut", partial_text="half"),
        ConfigError("bad", file="f.yaml", line=3, key="routes"),
        UnknownModelError("gpt5", close=("gpt-4o",)),
        UnknownRouteError("x"),
        NoCandidateError("none", route="r", rejected=[Rejection("a", "too small")]),
        errors.MissingKeyError("no key"),
        group,
        errors.BudgetExceededError("poor", limit=Decimal(1), spent=Decimal(2), needed=None),
    ]


def pickled(error: Exception) -> Exception:
    """*error*, pickled and read again."""
    again: Exception = pickle.loads(pickle.dumps(error))  # noqa: S301
    return again


@pytest.mark.parametrize("copied", [pickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("number", range(len(every_error())))
def test_copies_keep_the_facts(copied: object, number: int) -> None:
    """An error that was pickled or copied is of the same type, text and facts."""
    error = every_error()[number]

    again = copied(error)  # type: ignore[operator]

    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again).keys() == vars(error).keys()
    for name in vars(error).keys() - {"record"}:
        assert getattr(again, name) == getattr(error, name), name


def test_record_of_a_pickled_error_is_its_own() -> None:
    """The record on a pickled error holds that very error again, not a second one."""
    again = pickle.loads(pickle.dumps(gateway_error()))  # noqa: S301

    assert again.record.attempts[0][1].error is again


def test_group_is_caught_by_type() -> None:
    """`except*` takes the failures apart by type, and keeps the record."""
    group = AllModelsFailedError(
        "all failed", [RateLimitError("slow", model="a"), AuthenticationError("no", model="b")]
    )
    group.record = RECORD
    taken: list[object] = []

    try:
        raise group
    except* RateLimitError as part:
        taken.append(part)
    except* AuthenticationError as part:
        taken.append(part)

    assert [type(each) for each in taken] == [AllModelsFailedError] * 2
    assert [each.record for each in taken] == [RECORD] * 2  # type: ignore[attr-defined]


def test_group_says_what_each_model_said() -> None:
    """The text of a group has a line for each attempt, with its model."""
    group = AllModelsFailedError("all 2 models failed: a, b", [
        RateLimitError("slow", model="a"), ServerError("down", model="b"),
    ])  # fmt: skip

    assert str(group).splitlines() == ["all 2 models failed: a, b", "  a: slow", "  b: down"]
    assert isinstance(group, GlobalAPIError)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"file": "f.yaml", "line": 3, "key": "a.b"}, "f.yaml:3: a.b: bad"),
        ({"file": "f.yaml"}, "f.yaml: bad"),
        ({"key": "a"}, "a: bad"),
        ({}, "bad"),
    ],
)
def test_config_error_names_its_place(facts: dict[str, object], text: str) -> None:
    """A config error begins with file, line and key, those it has."""
    assert str(ConfigError("bad", **facts)) == text  # type: ignore[arg-type]


def test_unknown_name_suggests() -> None:
    """An unknown name is shown as it was written, with near ones."""
    assert (
        str(UnknownModelError("gpt4", close=("gpt-4o", "gpt-4o-mini")))
        == "unknown model 'gpt4'; did you mean 'gpt-4o' or 'gpt-4o-mini'?"
    )
    assert str(UnknownRouteError("x")) == "unknown route 'x'"


def test_what_a_class_says_can_differ_on_an_instance() -> None:
    """Retry, fallback and scope are the class's unless an instance says otherwise."""
    error = ServerError("no", retryable=False, fallback=False, scope="endpoint")

    assert (error.retryable, error.fallback, error.scope) == (False, False, "endpoint")
    assert (ServerError.retryable, ServerError.fallback, ServerError.scope) == (True, True, "model")


@pytest.mark.parametrize("name", [n for n, c in classes().items() if issubclass(c, GatewayError)])
def test_retry_and_fallback_are_as_documented(name: str) -> None:
    """What the drawing says of retry and fallback is what the class does."""
    said = re.search(rf"── {name}\s+(.*)", errors.__doc__ or "")
    assert said is not None
    parents = [each for each in classes()[name].__mro__ if each.__name__ in classes()]
    text = said[1]
    if "fall back" not in text and "raise" not in text and len(parents) > 2:
        text = re.search(rf"── {parents[1].__name__}\s+(.*)", errors.__doc__ or "")[1]  # type: ignore[index]
    kind = classes()[name]
    assert issubclass(kind, GatewayError)

    if kind is GatewayError:
        return
    assert kind.fallback == ("fall back" in text)
    assert kind.retryable == ("retry" in text)
