"""One file, one decision: which models, in which order, and why."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from globalapi_core import Router
from globalapi_core.circuits import Cooling, Snapshot
from globalapi_core.config import parse_config
from globalapi_core.errors import InvalidInputError, NoCandidateError, UnknownRouteError
from globalapi_core.router import alone
from globalapi_core.signals import Signals

MODELS = """
models:
  small: {context_window: 1000, input_mtok: 1, output_mtok: 1, tools: true}
  large: {context_window: 100000, input_mtok: 9, output_mtok: 9, tools: true}
  plain: {context_window: 100000, tools: false}
routes:
"""
ROUTES = """
  - {name: images, when: {modality: image}, candidates: [small, qwen3-vl-32b]}
  - {name: tools, when: {tools: true}, candidates: [plain, large, small], choose: cheapest}
  - {name: vip, when: {tags: vip}, candidates: [small]}
  - {name: rest, candidates: [small, large], params: {temperature: 0.2}}
"""
TEXT = Signals(input_tokens=100)


@pytest.fixture(scope="module")
def router() -> Router:
    """A router of four routes."""
    return Router(parse_config(MODELS + ROUTES))


def names(router: Router, signals: Signals, **how: object) -> list[str]:
    """The candidates of a decision."""
    decision = router.decide(signals, **how)  # type: ignore[arg-type]
    return [each.name for each in decision.candidates]


def test_first_route_that_fires(router: Router) -> None:
    """The first route whose conditions hold decides; those before it say what did not hold."""
    decision = router.decide(Signals(tools=1))

    assert decision.route == "tools"
    assert decision.reason == "tools: true"
    assert decision.passed == (("images", "modality is text, not image"),)
    assert decision.choose == "cheapest"
    assert not decision.forced


def test_last_route_takes_the_rest(router: Router) -> None:
    """What no route asks for goes to the last, with its parameters."""
    decision = router.decide(TEXT)

    assert decision.route == "rest"
    assert decision.primary.params == {"temperature": 0.2}
    assert [name for name, _ in decision.passed] == ["images", "tools", "vip"]


def test_unable_candidates_are_turned_down(router: Router) -> None:
    """A candidate that cannot take the call is left out, with the reason."""
    decision = router.decide(Signals(tools=1, input_tokens=5_000))

    assert [each.name for each in decision.candidates] == ["large"]
    assert [str(each) for each in decision.rejected] == [
        "plain: cannot call tools",
        "small: 5,000 tokens > 1,000 of context",
    ]


def test_route_without_a_candidate_is_passed(router: Router) -> None:
    """A route none of whose candidates can take the call leaves it to the next."""
    decision = router.decide(Signals(tags=frozenset({"vip"}), input_tokens=5_000))

    assert decision.route == "rest"
    assert decision.passed[-1] == ("vip", "no candidate of it can take the call")


def test_last_route_does_not_deny_those_that_fired(router: Router) -> None:
    """Where a route fired that has nobody able, the reason of the last one says so."""
    only = "  - {name: eyes, when: {modality: image}, candidates: [small]}\n"
    rest = "  - {name: rest, candidates: [qwen3-vl-32b]}\n"
    router = Router(parse_config(MODELS + only + rest))

    decision = router.decide(Signals(input_tokens=5, modalities=frozenset({"text", "image"})))

    assert decision.reason == "'eyes' fired before, without a candidate for the call"
    assert decision.passed == (("eyes", "no candidate of it can take the call"),)


def test_route_whose_candidates_are_forbidden_is_passed() -> None:
    """A route all of whose models a policy forbids could take the call and may not; told once."""
    text = """
policies: [{name: home, origins: cn}]
routes:
  - {name: a, when: {tools: false}, candidates: gpt-4o}
  - {name: b, candidates: [gpt-4o, glm-5]}
"""
    decision = Router(parse_config(text)).decide(TEXT)

    assert decision.passed == (("a", "no candidate of it may take the call"),)
    assert [each.name for each in decision.rejected] == ["gpt-4o"]


def test_nobody_can_take_it(router: Router) -> None:
    """A call for nobody is an error with each model's reason, and what to do."""
    with pytest.raises(NoCandidateError, match="Shorten the prompt") as caught:
        router.decide(Signals(input_tokens=10**9))

    assert caught.value.route == "rest"
    assert {each.name for each in caught.value.rejected} == {"small", "large"}
    assert "1,000,000,000 tokens > 1,000 of context" in str(caught.value)


def test_forced_route(router: Router) -> None:
    """A route named by the caller fires whatever its conditions."""
    decision = router.decide(TEXT, route="tools")

    assert (decision.route, decision.forced) == ("tools", True)
    assert decision.reason == "named by the caller"


def test_forced_route_that_cannot(router: Router) -> None:
    """A forced route does not make a model able."""
    with pytest.raises(NoCandidateError) as caught:
        router.decide(Signals(input_tokens=5_000), route="vip")

    assert caught.value.route == "vip"


@pytest.mark.parametrize("model", ["", " "])
def test_model_without_a_name(router: Router, model: str) -> None:
    """An empty name, as an unset variable gives, is no model that nothing is known of."""
    with pytest.raises(InvalidInputError, match="got nothing"):
        router.decide(TEXT, model=model)


def test_unknown_route(router: Router) -> None:
    """An unknown route is an error that names those there are."""
    with pytest.raises(UnknownRouteError, match=r"'nope'.*'images'"):
        router.decide(TEXT, route="nope")


def test_forced_model(router: Router) -> None:
    """A model named by the caller is the only candidate, by any of its spellings."""
    decision = router.decide(TEXT, model="Qwen/Qwen3-32B")

    assert decision.route is None
    assert decision.forced
    assert [each.name for each in decision.candidates] == ["qwen3-32b"]


def test_forced_model_that_cannot(router: Router) -> None:
    """A known model that cannot take the call is refused before it is asked."""
    with pytest.raises(NoCandidateError, match="plain: cannot call tools"):
        router.decide(Signals(tools=1), model="plain")


def test_forced_model_that_is_not_known(router: Router) -> None:
    """Of a model that is not known the caller knows more than is assumed of it."""
    assert names(router, Signals(tools=1, input_tokens=10**6), model="own/model") == ["own/model"]


def cooling(**seconds: float) -> Snapshot:
    """These models failed, and are tried again in so many seconds."""
    return Snapshot({
        name: Cooling("model", "RateLimitError", left) for name, left in seconds.items()
    })  # fmt: skip


def test_cooling_model_comes_last(router: Router) -> None:
    """A model that just failed comes after all others, and the decision says why."""
    decision = router.decide(TEXT, cooling=cooling(small=12.4))

    assert [each.name for each in decision.candidates] == ["large", "small"]
    assert decision.reason.endswith(
        "small goes last: failed lately with RateLimitError, tried again in 12 s"
    )
    assert decision.rejected == ()


def test_model_on_trial_is_in_its_place(router: Router) -> None:
    """Once its pause is over a model may be tried, and those behind it stand by."""
    assert names(router, TEXT, cooling=cooling(small=0.0)) == ["small", "large"]


def test_model_that_another_call_tries_comes_last(router: Router) -> None:
    """While one call tries a model again the others go elsewhere first."""
    trying = Snapshot({"small": Cooling("model", "ServerError", 0.0, probed=True)})

    decision = router.decide(TEXT, cooling=trying)

    assert [each.name for each in decision.candidates] == ["large", "small"]
    assert "ServerError, another call is trying it" in decision.reason


@pytest.mark.parametrize(
    ("seconds", "order"),
    [
        ({"small": 12.0, "large": 3.0}, ["large", "small"]),
        ({"small": 12.0, "large": 0.0}, ["large", "small"]),
    ],
)
def test_all_cooling(router: Router, seconds: dict[str, float], order: list[str]) -> None:
    """When nobody is well they all stay, the soonest ready first."""
    assert names(router, TEXT, cooling=cooling(**seconds)) == order


def test_endpoint_cooling(router: Router) -> None:
    """A failed endpoint holds for all its models alike: they stay, in their order."""
    down = Snapshot(shared=Cooling("endpoint", "GatewayConnectionError", 9.0))

    assert names(router, TEXT, cooling=down) == ["small", "large"]


def test_tool_loop_keeps_its_model(router: Router) -> None:
    """The model that made the tool calls goes on with them, whatever the order."""
    decision = router.decide(Signals(tools=1, tool_loop="large"))

    assert [each.name for each in decision.candidates] == ["large", "small"]
    assert "large made the tool calls" in decision.reason


def test_tool_loop_stays_with_a_model_that_is_cooling_down(router: Router) -> None:
    """The model of a tool loop keeps its place when it is cooling down, and no reason denies it."""
    decision = router.decide(Signals(tools=1, tool_loop="large"), cooling=cooling(large=9.0))

    assert [each.name for each in decision.candidates] == ["large", "small"]
    assert "large made the tool calls" in decision.reason
    assert "goes last" not in decision.reason


def test_tool_loop_of_a_model_that_is_no_candidate(router: Router) -> None:
    """A tool loop of a model that is not among the candidates changes nothing."""
    assert names(router, Signals(tools=1, tool_loop="gpt-4o")) == ["small", "large"]


def test_same_signals_same_decision(router: Router) -> None:
    """A decision depends on nothing but what it is given."""
    assert router.decide(TEXT) == Router(parse_config(MODELS + ROUTES)).decide(TEXT)


def test_models_once_in_order(router: Router) -> None:
    """A router's models are each listed once, in the order of the file."""
    assert [each.name for each in router.models] == ["small", "qwen3-vl-32b", "plain", "large"]


def test_decision_as_json(router: Router) -> None:
    """A decision is JSON with its route, reason, candidates and estimate."""
    data = json.loads(json.dumps(router.decide(Signals(tools=1)).as_dict()))

    assert data["candidates"] == ["small", "large"]
    assert data["rejected"] == {"plain": "cannot call tools"}
    assert data["estimate"]["usd"] == "0.0005"


@pytest.mark.parametrize("choose", ["priority", "cheapest", "fastest", "balanced"])
def test_every_candidate_is_estimated(choose: str) -> None:
    """Whatever orders them, each candidate says what the call is expected to come to."""
    made = Router(
        parse_config(f"{MODELS}  - {{name: a, candidates: [large, small], choose: {choose}}}")
    )

    decision = made.decide(TEXT)

    expected = {"small": Decimal("0.0006"), "large": Decimal("0.0054")}
    assert {each.name: each.estimate and each.estimate.usd for each in decision.candidates} == (
        expected
    )


def test_attempt_is_decided_as_if_its_model_were_named(router: Router) -> None:
    """What a router's member is told is what it would have decided itself."""
    chosen = router.decide(TEXT).primary

    told = alone(chosen, TEXT)

    assert chosen.params
    assert told == router.named(chosen.model, TEXT)


@pytest.mark.parametrize("key", ["when", "unless"])
def test_keywords_of_policies_are_looked_for(key: str) -> None:
    """A word that a policy alone asks for is looked for, whichever way it asks."""
    text = f"""
policies: [{{name: a, {key}: {{keywords: [secret]}}, origins: cn}}]
routes: [{{name: rest, candidates: [gpt-4o, glm-5]}}]
"""
    router = Router(parse_config(text))
    asked = [{"role": "user", "content": "a secret"}]

    decision = router.decide(router.signals(asked))
    named = router.named(router.catalog.get("glm-5"), router.signals_for_one(asked))

    assert decision.policies == named.policies == (("a",) if key == "when" else ())


def test_named_model_keeps_to_the_ceiling() -> None:
    """A policy's ceiling holds for the call of a model that the caller names."""
    text = "policies: [{name: a, max_cost: 1}]\nroutes: [{name: rest, candidates: glm-5}]"
    router = Router(parse_config(text))

    assert router.decide(TEXT, model="glm-5").max_cost == Decimal(1)


def test_keywords_of_the_file_are_looked_for() -> None:
    """The keywords that routes ask for are what a router's signals look for."""
    router = Router(parse_config(
        "routes:\n  - {name: a, when: {keywords: [refund, 退款]}, candidates: gpt-4o}\n"
        "  - {name: b, candidates: gpt-4o-mini}\n"
    ))  # fmt: skip

    signals = router.signals([{"role": "user", "content": "我要退款"}])

    assert signals.keywords == {"退款"}
    assert router.decide(signals).route == "a"


@pytest.mark.parametrize(
    ("text", "route", "model"),
    [
        ("What is the capital of France?", "default", "deepseek-v4-flash"),
        ("法国的首都是哪里？", "chinese", "glm-5"),
        ("Write a Python function that parses a date", "code", "qwen3-coder-30b"),
        ("Prove that there are infinitely many primes", "reasoning", "kimi-k2.5"),
        ("请证明素数有无穷多个", "reasoning", "kimi-k2.5"),
        ("What is a reasonable price?", "default", "deepseek-v4-flash"),
        ("Translate 你好 into English", "default", "deepseek-v4-flash"),
        ("word " * 180_000, "long", "kimi-k2.5"),
    ],
)
def test_shipped_default(text: str, route: str, model: str) -> None:
    """The shipped default sends each kind of question where the articles would."""
    router = Router()
    if route == "long":
        text = text[: 4 * 140_000]

    decision = router.decide(router.signals([{"role": "user", "content": text}]))

    assert (decision.route, decision.primary.name) == (route, model)
    assert len(decision.candidates) > 1


def test_thinking_is_decided_at_its_own_price(router: Router) -> None:
    """A call that asks a model to think is priced as that mode, by whatever form it asks."""
    asked = [{"role": "user", "content": "hello"}]

    plain = router.decide(router.signals(asked), model="kimi-k2.5").primary
    modes = [
        router.decide(router.signals(asked, thinking=thinking), model="kimi-k2.5").primary
        for thinking in (True, "high", {"type": "enabled"})
    ]

    assert plain.name == "kimi-k2.5"
    assert {each.name for each in modes} == {"kimi-k2.5-thinking"}
    assert {each.model.asked for each in modes} == {"kimi-k2.5"}


def test_model_and_its_mode_are_tried_once() -> None:
    """Where a model and its thinking mode are candidates, one that thinks is tried once."""
    router = Router(
        parse_config("routes: [{name: a, candidates: [kimi-k2.5, kimi-k2.5-thinking]}]")
    )
    asked = [{"role": "user", "content": "hello"}]

    plain = router.decide(router.signals(asked))
    thinking = router.decide(router.signals(asked, thinking=True))

    assert [each.name for each in plain.candidates] == ["kimi-k2.5", "kimi-k2.5-thinking"]
    assert [each.name for each in thinking.candidates] == ["kimi-k2.5-thinking"]


def test_conversation_stays_with_a_model_that_no_longer_thinks() -> None:
    """What a model read while it thought it has cached: it is the last model without, too."""
    text = "routes: [{name: a, candidates: [gpt-4o, kimi-k2.5], sticky: true}]"
    router = Router(parse_config(text))
    said = [{"role": role, "content": "hello " * 999} for role in ("user", "assistant", "user")]

    decision = router.decide(router.signals(said, previous="kimi-k2.5-thinking"))

    assert decision.primary.name == "kimi-k2.5"
    assert "kimi-k2.5 gave the last answer" in decision.reason


def test_policy_of_no_money_is_json() -> None:
    """A ceiling of nothing is a ceiling, in JSON and in words."""
    text = """
policies: [{name: free, max_cost: 0}]
models: {mine: {input_mtok: 0, output_mtok: 0}}
routes: [{name: a, candidates: mine}]
"""
    decision = Router(parse_config(text)).decide(TEXT)

    assert json.loads(json.dumps(decision.as_dict()))["max_cost"] == "0"
    assert "Policies that hold: free; the call may come to $0." in decision.explain()


def test_model_that_cannot_answer_at_such_length_is_turned_down() -> None:
    """A limit above a model's own would be refused by it."""
    router = Router(
        parse_config(
            "routes:\n  - name: default\n    candidates: [kimi-k2.5, deepseek-v4-flash]\n"
            "    params: {max_tokens: 100000}\n"
        )
    )

    decision = router.decide(router.signals([{"role": "user", "content": "hello"}]))

    assert decision.primary.name == "deepseek-v4-flash"
    assert decision.rejected[0].reason == "answers of 100,000 tokens > 32,768"


@pytest.mark.parametrize(
    ("thinking", "name"),
    [(None, "kimi-k2.5-thinking"), (False, "kimi-k2.5"), (True, "kimi-k2.5-thinking")],
)
def test_caller_who_wants_no_thinking_undoes_the_route(thinking: bool | None, name: str) -> None:
    """What a caller says of thinking goes before the route's params, in the decision too."""
    made = Router(
        parse_config("routes: [{name: a, candidates: kimi-k2.5, params: {thinking: true}}]")
    )

    decision = made.decide(made.signals([{"role": "user", "content": "hi"}], thinking=thinking))

    assert decision.primary.name == name
