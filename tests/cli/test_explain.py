"""`globalapi explain`: a decision in words; calls nothing."""

from __future__ import annotations

import json

import pytest

from globalapi_core.router import Router

from .conftest import Run


@pytest.mark.parametrize(
    "prompt", ["Write a Python function that merges intervals", "退款怎么办？"]
)
def test_text_is_that_of_the_decision(run: Run, prompt: str) -> None:
    """The command and `Decision.explain` say the same, word for word."""
    router = Router()
    decision = router.decide(router.signals([{"role": "user", "content": prompt}]))

    result = run("explain", prompt)

    assert result.stdout == f"{decision.explain(router)}\n\nconfig: the shipped default\n"


def test_json_holds_decision_text_and_flips(run: Run) -> None:
    """The document is that of `route`, with the explanation and what would change it."""
    told = json.loads(run("explain", "hello", "--json").stdout)
    decided = json.loads(run("route", "hello", "--json").stdout)

    flips = told.pop("flips")
    assert "deepseek-v4-flash gets this call" in told.pop("explanation")
    assert told == decided
    assert {"change": "with tools bound", "route": "tools", "model": "claude-3-5-sonnet"} in flips


def test_what_is_given_reaches_the_decision(run: Run, picture: str) -> None:
    """Picture, tag and limit are among the facts it tells."""
    text = run(
        "explain", "what is it?", "--image", picture, "--tag", "night", "--max-tokens", "50"
    ).stdout

    assert "image attached" in text
    assert "at most 50 tokens of answer" in text
    assert "Tagged night." in text


def test_named_model_is_explained_without_flips(run: Run) -> None:
    """Who names the model is not told what else would have been chosen."""
    text = run("explain", "hello", "--model", "kimi-k25x").stdout

    assert text.startswith("kimi-k25x gets this call: model named by the caller.")
    assert "elsewhere" not in text
    assert "'kimi-k25x' is not in the catalog" in text
