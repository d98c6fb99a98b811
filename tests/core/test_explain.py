"""A decision in words: everything that led to it, and what would have led elsewhere."""

from __future__ import annotations

import io
from typing import Any

import pytest

from globalapi_core import flips
from globalapi_core.circuits import Cooling, Snapshot
from globalapi_core.config import parse_config
from globalapi_core.records import Decision
from globalapi_core.router import Router
from tests.core import helpers

ROUTES = """
routes:
  - {name: vip, when: {tags: vip}, candidates: gpt-4o}
  - {name: gold, when: {metadata: {tier: gold}}, candidates: gpt-4o-mini}
  - {name: refunds, when: {keywords: [退款]}, candidates: glm-5}
  - {name: agents, when: {tools: true}, candidates: claude-3-5-sonnet}
  - {name: json, when: {json_output: true}, candidates: step-3.5-flash}
  - {name: eyes, when: {modality: image}, candidates: [qwen3-32b, qwen3-vl-32b]}
  - {name: long, when: {min_tokens: 28000}, candidates: kimi-k2.5}
  - {name: proofs, when: {reasoning: true}, candidates: deepseek-r1}
  - {name: code, when: {code: true}, candidates: qwen3-coder-30b}
  - {name: chinese, when: {language: zh}, candidates: qwen3-8b}
  - {name: rest, choose: cheapest, candidates: [qwen3-32b, deepseek-v4-flash]}
"""


def decided(prompt: str, text: str = ROUTES, **facts: Any) -> tuple[Decision, Router]:
    """The decision for a prompt, and the router that made it."""
    router = Router(parse_config(text))
    return router.decide(router.signals([{"role": "user", "content": prompt}], **facts)), router


def test_explanation_tells_every_part() -> None:
    """Model, route, signals with evidence, routes passed, candidates with costs, the refused."""
    decision, router = decided("hello there", text=ROUTES.replace("name: eyes, when: {modality: "
        "image}, ", "name: eyes, when: {max_tokens: 100}, "))  # fmt: skip
    assert decision.route == "eyes"

    text = decision.explain(router)

    assert text.startswith("qwen3-32b gets this call: route 'eyes' fired, because max_tokens: 100.")
    assert "It is asked in English (Latin script); it is not about code," in text
    assert "\n  vip: tags is none, not vip\n" in text
    assert f"\n  1. qwen3-32b, estimated {decision.primary.estimate}\n" in text
    assert "Nobody was turned down." in text


def test_those_turned_down_are_named_with_the_reason() -> None:
    """A candidate that cannot take the call is told apart from those that are tried."""
    decision, _ = decided("hello", "routes: [{name: a, candidates: [deepseek-r1, gpt-4o]}]",
                          tools=[{"type": "function", "function": {"name": "f"}}])  # fmt: skip

    text = decision.explain()

    assert "Turned down:\n  deepseek-r1: not known to call tools" in text
    assert "Only one model is tried:\n  gpt-4o, estimated $" in text
    assert "1 tool bound" in text


def test_without_a_router_nothing_is_said_of_changes() -> None:
    """A decision alone knows no other route."""
    decision, router = decided("hello")

    assert decision.explain(router).startswith(decision.explain() + "\n\n")
    assert "elsewhere" not in decision.explain()


def test_each_single_change_is_found_and_holds() -> None:
    """Every route is one change away here, and each change leads where it says."""
    decision, router = decided("hello")

    found = {each.route: each for each in flips.flips(decision, router)}

    assert set(found) == {route.name for route in router.config.routes} - {"rest"}
    assert [found[name].change for name in ("vip", "gold", "refunds", "long", "eyes")] == [
        "with tag vip", "with metadata tier = gold", "with keyword 退款",
        "with a prompt of 28,000 tokens", "with image attached",
    ]  # fmt: skip
    assert found["eyes"].model == "qwen3-vl-32b"


def test_guesses_come_before_what_the_request_holds() -> None:
    """The least change is that a guess was wrong; the last is the size."""
    decision, router = decided("hello")

    changes = [each.change for each in flips.flips(decision, router)]

    assert changes[:2] == ["if it were about code", "if it asked for reasoning"]
    assert changes[-1] == "with a prompt of 28,000 tokens"


@pytest.mark.parametrize(
    ("facts", "change", "route"),
    [
        ({"tags": ["vip"]}, "without tag vip", "rest"),
        ({"metadata": {"tier": "gold", "user": "u-7"}}, "without metadata tier", "rest"),
        ({"response_format": {"type": "json_object"}}, "if the answer need not be JSON", "rest"),
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            "with no tools bound", "rest",
        ),
    ],
)  # fmt: skip
def test_what_fired_is_taken_away(facts: dict[str, Any], change: str, route: str) -> None:
    """What made the route fire is one of the changes, and leads to the next route."""
    decision, router = decided("hello", **facts)

    found = {each.change: each.route for each in flips.flips(decision, router)}

    assert found[change] == route


def test_size_beyond_the_window_is_a_change() -> None:
    """Where the prompt would no longer fit, the next candidate takes it."""
    text = "routes: [{name: a, candidates: [qwen3-32b, gpt-4o], params: {max_tokens: 1000}}]"
    decision, router = decided("hello", text)

    (flip,) = flips.flips(decision, router)

    assert str(flip) == "with a prompt of 31,001 tokens: gpt-4o, by route 'a'"


def test_nothing_to_change_is_said() -> None:
    """Where every signal leads to the same model, that is said."""
    decision, router = decided("hello", "routes: [{name: a, candidates: [gpt-4o]}]")

    assert decision.explain(router).endswith(
        "No single change of what some 'when' asks for would take it elsewhere."
    )


def test_recovery_is_no_change_of_the_request() -> None:
    """Who was cooling down when it was decided has no part in what would change the decision."""
    text = """
routes:
  - {name: a, when: {tools: true}, candidates: [gpt-4o]}
  - {name: b, when: {tags: [vip]}, candidates: [glm-5, deepseek-r1]}
  - {name: c, candidates: [glm-5, deepseek-r1]}
"""
    router = Router(parse_config(text))
    failed = Snapshot({"glm-5": Cooling("model", "ServerError", 9.0)})

    decision = router.decide(router.signals([{"role": "user", "content": "hi"}]), cooling=failed)
    found = flips.flips(decision, router)

    assert decision.primary.name == "deepseek-r1"
    assert [str(each) for each in found] == [
        "with tag vip: glm-5, by route 'b'",
        "with tools bound: gpt-4o, by route 'a'",
    ]


def test_bound_of_three_decimals_is_reached() -> None:
    """A change of difficulty is one that the route's own bound asks for."""
    text = """
routes:
  - {name: hard, when: {min_difficulty: 0.625}, candidates: gpt-4o}
  - {name: rest, candidates: glm-5}
"""
    assert [str(each) for each in flips.flips(*decided("hello", text))] == [
        "with a difficulty of 0.625: gpt-4o, by route 'hard'"
    ]


def test_words_that_lead_the_same_way_are_tried_once() -> None:
    """Thousands of keywords are no thousands of decisions: one of each list stands for all."""
    text = "routes:\n"
    for number in range(40):
        words = [f"w{number}x{each}" for each in range(60)]
        text += f"  - {{name: r{number}, when: {{keywords: {words}}}, candidates: gpt-4o}}\n"
    decision, router = decided("hello", text + "  - {name: rest, candidates: glm-5}")

    changes = [change for change, _ in flips._changes(decision, router) if "keyword" in change]

    assert len(changes) == 40
    assert len(flips.flips(decision, router)) == 40
    assert decision.explain(router).endswith("route 'r5'\n  and 34 more")


def test_forced_decision_has_no_changes() -> None:
    """Where the caller named the route, no signal would have changed it."""
    router = Router(parse_config(ROUTES))
    asked = router.signals([{"role": "user", "content": "hello"}])

    assert "One change" not in router.decide(asked, route="rest").explain(router)


def test_text_that_nobody_looked_into_is_not_judged() -> None:
    """Where the caller named the model, no language and no task are told of."""
    router = Router(parse_config("routes: [{name: a, candidates: gpt-4o}]"))
    said = [{"role": "user", "content": "def f(): pass"}]

    text = router.named(router.catalog.get("glm-5"), router.signals_for_one(said)).explain()

    assert "Nothing was guessed of its text. About" in text
    assert "code" not in text


def test_order_that_was_changed_is_not_said_to_be_that_of_the_route() -> None:
    """Where a split moved a model to the front, the list is not said to be by cost alone."""
    text = """
routes:
  - name: a
    candidates: [gpt-4o, glm-5]
    choose: cheapest
    split: {by: user, shares: {gpt-4o: 999999, glm-5: 1}}
"""
    decision, _ = decided("hello", text, metadata={"user": "alice"})

    assert decision.primary.name == "gpt-4o"
    assert "Tried the cheapest first but for what is said above, each" in decision.explain()
    same, _ = decided("hello", text.replace("cheapest", "priority"), metadata={"user": "alice"})
    assert "Tried in the order of the file, each if" in same.explain()


def test_prompt_and_metadata_are_not_repeated() -> None:
    """An explanation may be logged: it holds no prompt and no value of the caller's metadata."""
    decision, router = decided(
        "canary prompt of Mr Blue", metadata={"tier": "gold", "user": "mr.blue@example.com"}
    )

    text = decision.explain(router)

    assert "canary" not in text
    assert "Blue" not in text
    assert "mr.blue" not in text
    assert "mr.blue" not in repr(decision)


def test_decision_of_a_named_model() -> None:
    """A model named outright needs no route, and is tried alone."""
    text = helpers.decision("m", route=None).explain()

    assert text.startswith("m gets this call: because.")
    assert "cost not estimated" in text
    assert "turned down" not in text


LEARNED = """
policies:
  - {name: stays in the US, when: {pii: any}, origins: us}
  - {name: a dollar, max_cost: 1}
routes:
  - {name: hard, when: {min_difficulty: 0.6}, candidates: gpt-4o}
  - {name: hant, when: {language: zh-Hant}, candidates: [glm-5, gpt-4o]}
  - {name: sums, when: {task: math}, candidates: [kimi-k2.5, gpt-4o]}
  - name: rest
    candidates: [deepseek-v4-flash, gpt-4o-mini]
    choose: quality
    escalate: [refusal]
    shadow: {model: qwen3-32b, budget: {usd: 1}}
"""


def learned(text: str) -> tuple[Decision, Router]:
    """What a router with policies and a learned choice decides of *text*."""
    router = Router(parse_config(LEARNED))
    return router.decide(router.signals([{"role": "user", "content": text}])), router


def test_what_was_expected_of_each_model_is_told() -> None:
    """A learned choice tells how good each model is expected to be, and of whom nobody knows."""
    decision, router = learned("Which law says when a contract is void?")

    told = decision.explain(router)

    assert "Tried the best expected answer for its cost first" in told
    assert "deepseek-v4-flash, estimated $" in told
    assert "% of the time" in told
    assert "gpt-4o-mini, estimated" in told
    assert "of unknown quality: nobody measured it" in told


def test_policies_checks_and_shadow_are_told() -> None:
    """What holds for a call besides who is tried is told, and whom a policy turned down."""
    decision, router = learned("Write to jane@example.com about her order")

    told = decision.explain(router)

    assert "deepseek-v4-flash: its origin is cn, not us (policy 'stays in the US')" in told
    assert "Policies that hold: stays in the US, a dollar; the call may come to $1." in told
    assert "An answer that fails a check (refusal) goes up one." in told
    assert "may be asked too" not in told


def test_shadow_that_is_allowed_is_told() -> None:
    """A shadow is told of, where no policy forbids it."""
    assert "After the answer, qwen3-32b may be asked too, unseen." in learned("hello")[0].explain()


@pytest.mark.parametrize(
    ("change", "route", "model"),
    [
        ("if it were asked in traditional Chinese", "hant", "glm-5"),
        ("if the task were math", "sums", "kimi-k2.5"),
        ("with a difficulty of 0.6", "hard", "gpt-4o"),
        ("with personal data (any)", "rest", "gpt-4o-mini"),
    ],
)
def test_one_change_of_a_guess(change: str, route: str, model: str) -> None:
    """A guess or a policy's condition that were otherwise is among what would change it."""
    found = {each.change: each for each in flips.flips(*learned("hello"))}

    assert (found[change].route, found[change].model) == (route, model)


def test_script_is_told() -> None:
    """Chinese is told with its script where it shows one."""
    assert "It is asked in traditional Chinese" in learned("請問這個怎麼辦理")[0].explain()


def test_rich_shows_the_same_text() -> None:
    """Rich prints a decision in its words, brackets included."""
    from rich.console import Console

    decision, _ = learned("hello")
    console = Console(width=1_000, record=True, file=io.StringIO())
    console.print(decision)

    assert console.export_text().strip() == decision.explain().strip()
