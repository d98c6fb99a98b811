"""`globalapi check` on what chooses among a route's models, and parts its calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from globalapi_core import signals
from globalapi_core.signals import difficulty

from .conftest import Run

REST = "  - {name: rest, candidates: [deepseek-v4-flash, gpt-4o]}\n"


def findings(run: Run, file: str) -> list[dict[str, Any]]:
    """What the command finds."""
    found: list[dict[str, Any]] = json.loads(run("check", file, "--json").stdout)["findings"]
    return found


@pytest.mark.parametrize(
    ("keys", "key", "says"),
    [
        ("target_share: {gpt-4o: 0.2}", "target_share", "need_above is missing"),
        ("target_share: {gpt-4o: 1}, need_above: 0", "target_share", "of 1 is no share"),
        ("cost_weight: 5", "cost_weight", "counts for nothing: route 'a' has choose: priority"),
        ("split: {shares: {gpt-4o: 1, glm-5: 500}}", "split.shares.gpt-4o", "gets 0.20% of"),
        (
            "split: {shares: {gpt-4o: 1, glm-5: 1}}, target_share: {gpt-4o: 0.5}, need_above: 0",
            "split",
            "the split of route 'a' goes before its target_share",
        ),
        ("shadow: {model: glm-5, budget: {usd: 1}}", "shadow.model", "which answers already"),
        (
            "shadow: {model: gpt-4o, budget: {usd: 0.0001}}",
            "shadow.budget",
            "never asked: a call may cost $0.163843, and shadow.budget.usd is $0.0001",
        ),
        (
            "shadow: {model: deepseek-coder, budget: {usd: 1}}",
            "shadow.model",
            "the price of deepseek-coder is not known, and shadow.budget is set",
        ),
        ("sticky: true", "sticky", "of cached tokens is not known of glm-5, gpt-4o"),
    ],
)  # fmt: skip
def test_key_that_does_not_do_what_it_says_is_warned_of(
    run: Run, config: Callable[[str], str], keys: str, key: str, says: str
) -> None:
    """One warning at the key, which says what becomes of it."""
    file = config(
        f"routes:\n  - {{name: a, when: {{tags: x}}, candidates: [glm-5, gpt-4o], {keys}}}\n{REST}"
    )

    (found,) = findings(run, file)

    assert (found["severity"], found["key"], found["line"]) == ("warning", f"routes[0].{key}", 2)
    assert says in found["message"]
    assert found["help"]


def test_missing_threshold_names_the_command(run: Run, config: Callable[[str], str]) -> None:
    """Who gives a share is told what sets its threshold, and having set it, nothing."""
    text = "routes: [{name: a, candidates: [glm-5, gpt-4o], target_share: {gpt-4o: 0.2}NEED}]"

    (found,) = findings(run, config(text.replace("NEED", "")))

    assert "`globalapi calibrate PROMPTS --write`" in found["help"]
    assert findings(run, config(text.replace("NEED", ", need_above: 0.1"))) == []


def test_models_that_quality_puts_last_are_named(run: Run, config: Callable[[str], str]) -> None:
    """Nobody measured one, and of another the price is not known."""
    file = config("""
routes:
  - name: a
    choose: quality
    cost_weight: 10
    candidates: [deepseek-v4-flash, deepseek-coder, qwen3-8b]
""")

    said = [each["message"] for each in findings(run, file)]

    assert "qwen3-8b always goes last in route 'a': nobody measured it" in said
    assert any(each.startswith("deepseek-coder always goes last in route 'a'") for each in said)


def test_route_of_which_no_model_was_measured_cannot_choose(
    run: Run, config: Callable[[str], str]
) -> None:
    """Of models that nobody measured, choose: quality is the order of the file."""
    (found,) = findings(run, config("routes: [{name: a, choose: quality, candidates: qwen3-8b}]"))

    assert "cannot choose by quality: none of its models was measured" in found["message"]


def test_arm_and_shadow_that_cannot_take_the_calls_are_warned_of(
    run: Run, config: Callable[[str], str]
) -> None:
    """A text model as an arm, and as the shadow, of a route for pictures."""
    file = config(f"""
routes:
  - name: a
    when: {{modality: image}}
    candidates: [gpt-4o, qwen3-vl-32b, qwen3-32b]
    split: {{shares: {{gpt-4o: 9, qwen3-32b: 1}}}}
    shadow: {{model: qwen3-32b, budget: {{usd: 1}}}}
{REST}""")

    said = {each["key"]: each["message"] for each in findings(run, file)}

    assert (
        "the arm of qwen3-32b is empty: takes no image" in said["routes[0].split.shares.qwen3-32b"]
    )
    assert "never asked: qwen3-32b takes no image" in said["routes[0].shadow.model"]


def test_route_of_one_candidate_has_nobody_to_go_to(run: Run, config: Callable[[str], str]) -> None:
    """Escalating and staying need a second model."""
    file = config("routes: [{name: a, candidates: gpt-4o, escalate: empty, sticky: true}]")

    said = {each["key"]: each["message"] for each in findings(run, file)}

    assert "has nobody to escalate to" in said["routes[0].escalate"]
    assert "sticky does nothing" in said["routes[0].sticky"]


@pytest.mark.parametrize(
    ("when", "key", "says"),
    [
        (
            "{min_difficulty: 0.5, max_difficulty: 0.4}",
            "min_difficulty",
            "no prompt has a difficulty of 0.5 or more and 0.4 or less",
        ),
        (
            "{task: [chat, translation], min_difficulty: 0.9}",
            "min_difficulty",
            "prompts of the task chat or translation have a difficulty of ",
        ),
        (
            "{task: reasoning, max_difficulty: 0.3}",
            "max_difficulty",
            "prompts of the task reasoning have a difficulty of 0.55 to ",
        ),
    ],
)
def test_difficulty_that_excludes_the_route_is_an_error(
    run: Run, config: Callable[[str], str], when: str, key: str, says: str
) -> None:
    """Bounds that exclude each other, or the task that is asked for."""
    file = config(f"routes:\n  - {{name: a, when: {when}, candidates: gpt-4o}}\n{REST}")

    (found,) = findings(run, file)

    assert (found["severity"], found["key"]) == ("error", f"routes[0].when.{key}")
    assert says in found["message"]


@pytest.mark.parametrize(
    "when",
    [
        "{task: [chat, math], min_difficulty: 0.5}",
        "{task: chat, max_difficulty: 0.2}",
        "{min_difficulty: 0.4, max_difficulty: 0.4}",
        "{language: zh-Hans, keywords: [退款請求, 退款]}",
        "{language: [zh-Hans, zh-Hant], keywords: [退款請求]}",
        "{language: zh, keywords: [退款請求]}",
    ],
)
def test_conditions_that_can_hold_together_are_fine(
    run: Run, config: Callable[[str], str], when: str
) -> None:
    """Nothing is said of what some prompt meets."""
    file = config(f"routes:\n  - {{name: a, when: {when}, candidates: gpt-4o}}\n{REST}")

    assert findings(run, file) == []


def test_keywords_in_the_other_script_are_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """Traditional characters on a route for simplified text are found in next to none."""
    file = config(
        "routes:\n  - {name: a, when: {language: zh-Hans, keywords: [退款請求, 忘記密碼]}, "
        f"candidates: gpt-4o}}\n{REST}"
    )

    (found,) = findings(run, file)

    assert "its keywords are in the other script than zh-Hans" in found["message"]


@pytest.mark.parametrize(
    ("earlier", "later", "is_shadowed"),
    [
        ("{min_difficulty: 0.2}", "{min_difficulty: 0.4}", True),
        ("{min_difficulty: 0.4}", "{min_difficulty: 0.2}", False),
        ("{max_difficulty: 0.4}", "{max_difficulty: 0.2}", True),
        ("{task: [code, math]}", "{task: code}", True),
        ("{task: code}", "{task: [code, math]}", False),
        ("{pii: any}", "{pii: [card, iban]}", True),
        ("{pii: card}", "{pii: any}", False),
        ("{language: zh}", "{language: zh-Hant}", True),
        ("{language: zh}", "{language: [zh-Hant, mixed]}", False),
        ("{language: zh-Hant}", "{language: zh}", False),
    ],
)
def test_new_conditions_contain_each_other(
    run: Run, config: Callable[[str], str], earlier: str, later: str, is_shadowed: bool
) -> None:
    """A route is shadowed when each of its calls is one of the route before it."""
    file = config(
        f"routes:\n  - {{name: a, when: {earlier}, candidates: glm-5}}\n"
        f"  - {{name: b, when: {later}, candidates: glm-5}}\n{REST}"
    )

    said = [each["message"] for each in findings(run, file)]

    assert [each for each in said if "is shadowed" in each] == said
    assert len(said) == is_shadowed


def test_no_prompt_is_outside_the_span_of_its_task() -> None:
    """The difficulties that the check goes by are those that prompts have."""
    prompts = (Path(__file__).parents[1] / "data" / "task_prompts.txt").read_text("utf-8")

    told = [
        signals.read([{"role": "user", "content": each}])
        for each in prompts.splitlines()[::7]
        if each.strip()
    ]

    outside = [each for each in told if each.task != "und" and not _holds(each)]
    assert len(told) > 20
    assert outside == []


def _holds(told: signals.Signals) -> bool:
    least, most = difficulty.bounds(told.task)
    return least <= told.difficulty <= most


def test_tier_that_no_route_gets_to_is_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """A tier is used by a route that names it, or by flipping the file's."""
    tiers = "tiers: {budget: [glm-5], premium: [gpt-4o], old: [gpt-4o]}\n"
    pinned = "routes: [{name: a, tier: premium}]\n"
    follows = "tier: budget\nroutes: [{name: a}]\n"
    fixed = "tier: budget\nroutes: [{name: a, candidates: deepseek-v4-flash}]\n"

    said = {
        text: [(each["key"], each["message"]) for each in findings(run, config(tiers + text))]
        for text in (pinned, follows, fixed)
    }

    assert [key for key, _ in said[pinned]] == ["tiers.budget", "tiers.old"]
    assert said[follows] == []
    assert [key for key, _ in said[fixed]] == ["tiers.budget", "tiers.premium", "tiers.old", "tier"]
    assert "tier: budget changes nothing" in said[fixed][-1][1]


def test_alerts_that_mean_nothing_are_found(run: Run, config: Callable[[str], str]) -> None:
    """Bounds in the wrong order, a model that no route has, a window that is too small."""
    file = config("""
alerts: {shares: {gpt-4o: [0.5, 0.1], glm-5: [0, 0.2], deepseek-v4-flash: [0.01, 1]}, window: 20}
routes: [{name: a, candidates: [deepseek-v4-flash, gpt-4o]}]
""")

    found = findings(run, file)

    assert [(each["severity"], each["message"]) for each in found] == [
        ("error", "no share of gpt-4o is 0.5 or more and 0.1 or less"),
        ("warning", "no route has glm-5: its share is 0"),
        ("warning", "20 calls are too few to tell that deepseek-v4-flash has left its band"),
    ]


def test_results_that_cannot_be_read_are_one_finding_of_many(
    run: Run, config: Callable[[str], str]
) -> None:
    """A missing file of results hides nothing else that is wrong."""
    file = config("""
results: absent.jsonl
routes: [{name: a, choose: quality, candidates: glm-5, escalate: empty}]
""")

    result = run("check", file)
    found = findings(run, file)

    assert result.exit_code == 2
    assert [each["key"] for each in found] == ["results", "routes[0].escalate"]
    assert "absent.jsonl: cannot read the results: No such file" in found[0]["message"]


def test_results_that_nothing_reads_are_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """An evaluation that no route goes by is not used."""
    Path("mine.jsonl").write_text('{"prompt": "x", "scores": {"glm-5": 1}}\n')

    (found,) = findings(run, config("results: mine.jsonl\nroutes: [{name: a, candidates: glm-5}]"))

    assert found["message"].startswith("nothing goes by the results")
