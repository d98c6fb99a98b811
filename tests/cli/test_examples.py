"""The routers of the articles: each example is checked, tested, and called over the sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from globalapi_core import Client, Router, Sandbox
from globalapi_core.config import load_config
from globalapi_core.records import CallRecord
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Wire

from .conftest import Run

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PUBLISHED = sorted((ROOT / "examples" / "as_published").glob("*.yaml"))
PAGE = ROOT / "docs" / "templates.md"

by_name = pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)


def answered(example: str, sandbox: Sandbox, prompt: str = "hello", **facts: Any) -> CallRecord:
    """Ask by the router of an example, over the sandbox."""
    config = load_config(ROOT / "examples" / f"{example}.yaml")
    request = ChatRequest([{"role": "user", "content": prompt}])
    router = Router(config)
    decision = router.decide(router.signals(request.messages, **facts))
    return (
        Client(Wire(Endpoint(sandbox.base_url)), config.attempts).complete(request, decision).record
    )


@by_name
def test_example_is_short_sound_and_green(run: Run, file: Path) -> None:
    """A router of the articles is a few lines of routes, without errors, its tests green."""
    document = json.loads(run("check", str(file), "--json").stdout)
    tests = json.loads(run("test", str(file), "--json").stdout)

    routes = file.read_text("utf-8").partition("\ntests:")[0].splitlines()
    assert len([line for line in routes if not line.startswith("#")]) <= 24
    assert [each for each in document["findings"] if each["severity"] == "error"] == []
    assert [each for each in tests["results"] if not each["passed"]] == []


def test_every_router_of_the_articles_is_there() -> None:
    """All seven are shipped."""
    assert {file.stem for file in EXAMPLES} - {"policies"} == {
        "smart_router", "model_route", "route_completion", "generate_with_fallback",
        "smart_completion", "route_to_kimi_if_complex", "robust_completion",
    }  # fmt: skip


def test_smart_router_sets_the_model_and_the_length(sandbox: Sandbox) -> None:
    """High complexity asks Claude for a thousand tokens, the rest DeepSeek for five hundred."""
    high = answered("smart_router", sandbox, metadata={"complexity": "high"})
    low = answered("smart_router", sandbox)

    assert (high.model, low.model) == ("claude-3-5-sonnet", "deepseek-v4-flash")
    assert [each["max_tokens"] for each in _bodies(sandbox)] == [1000, 500]


def test_model_route_is_taken_by_its_key(sandbox: Sandbox) -> None:
    """The key of the table names the model that answers."""
    record = answered("model_route", sandbox, metadata={"route_key": "gpt-4o"})

    assert (record.model, record.decision.route) == ("gpt-4o", "gpt-4o")


@pytest.mark.parametrize(
    ("facts", "first", "second"),
    [
        ({}, "deepseek-v4-flash", "gpt-4o"),
        ({"metadata": {"complexity": "tool_heavy"}}, "claude-3-5-sonnet", "kimi-k2.5"),
        ({"metadata": {"complexity": "high"}}, "kimi-k2.5", "claude-3-5-sonnet"),
    ],
)
def test_generate_with_fallback_falls_back(
    sandbox: Sandbox, facts: dict[str, Any], first: str, second: str
) -> None:
    """When the first model is down, the one of another maker answers."""
    assert answered("generate_with_fallback", sandbox, **facts).model == first
    sandbox.down(first)

    record = answered("generate_with_fallback", sandbox, **facts)

    assert (record.model, record.fell_back) == (second, True)
    assert [attempt.candidate.name for attempt, _ in record.attempts] == [first, second]


def test_smart_completion_keeps_poems_from_the_reasoner(sandbox: Sandbox) -> None:
    """Creative is a temperature of the cheap model, reasoning the reasoner."""
    poem = answered("smart_completion", sandbox, metadata={"task_type": "creative"})
    sums = answered("smart_completion", sandbox, metadata={"task_type": "reasoning"})

    assert (poem.model, sums.model) == ("deepseek-v4-flash", "deepseek-r1")
    assert _bodies(sandbox)[0]["temperature"] == 0.7


def test_route_to_kimi_knows_both_languages(sandbox: Sandbox) -> None:
    """A proof in Chinese goes where its English twin does."""
    records = [
        answered("route_to_kimi_if_complex", sandbox, prompt)
        for prompt in ("Prove that n squared plus n is even.", "请证明 n² + n 是偶数。", "thanks")
    ]

    assert [each.model for each in records] == ["kimi-k2.5", "kimi-k2.5", "deepseek-v4-flash"]


def test_robust_completion_has_one_deadline(sandbox: Sandbox) -> None:
    """The fallback gets what is left of the thirty seconds, not thirty of its own."""
    sandbox.down("deepseek-v4-flash")

    record = answered("robust_completion", sandbox)

    assert record.model == "qwen3-32b"
    assert all(attempt.timeout is not None for attempt, _ in record.attempts)
    assert all((attempt.timeout or 99) <= 30 for attempt, _ in record.attempts)


def test_route_completion_splits_by_user(sandbox: Sandbox) -> None:
    """A tenth of a thousand users get the cheap model, each of them whatever they ask."""
    config = load_config(ROOT / "examples" / "route_completion.yaml")
    router = Router(config)

    arms: dict[str, set[str]] = {}
    for user in map(str, range(1_000)):
        for prompt in ("Where is my invoice?", "导出总是失败。"):
            signals = router.signals(
                [{"role": "user", "content": prompt}], metadata={"trial": "split", "user": user}
            )
            arms.setdefault(user, set()).add(router.decide(signals).primary.name)

    assert all(len(models) == 1 for models in arms.values())
    assert 75 <= sum(models == {"deepseek-v4-flash"} for models in arms.values()) <= 125


def test_route_completion_shadows_unseen(sandbox: Sandbox) -> None:
    """The answer is the dear model's; the cheap one is the decision's shadow."""
    record = answered("route_completion", sandbox)

    assert record.model == "gpt-4o"
    assert record.decision.shadow is not None
    assert record.decision.shadow.name == "deepseek-v4-flash"


def test_route_completion_is_flipped_by_one_setting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment moves all that is not pinned to the other tier."""
    monkeypatch.setenv("GLOBAL_API_TIER", "budget")

    assert answered("route_completion", sandbox).model == "deepseek-v4-flash"


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_page_shows_what_check_says_of_the_articles(
    run: Run, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    """The findings in the articles' own routers are on the page, line by line."""
    monkeypatch.chdir(file.parent)
    page = PAGE.read_text("utf-8").splitlines()

    lines = run("check", file.name).stdout.splitlines()

    shown = [each for each in lines if not each.startswith("    |")]
    assert [each for each in shown if each not in page] == []


def _bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [dict(each.body) for each in sandbox.requests]
