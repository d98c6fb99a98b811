"""In what order candidates are tried, and why it is another than `choose` says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from globalapi_core import estimates, ranking
from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.config import Choose, Route
from globalapi_core.pricing import Price
from globalapi_core.quality.predict import Guess
from globalapi_core.quality.table import Profile, Table
from globalapi_core.records import Candidate
from globalapi_core.signals import Signals

from .helpers import model

TEXT = Signals(input_tokens=1_000)


MODELS = [
    model("dear-fast", price=10, tokens_per_second=100),
    model("cheap-slow", price=1, tokens_per_second=5),
    model("unknown"),
    model("middle", price=3, tokens_per_second=50),
    model("free-unknown", price=0),
]


@pytest.mark.parametrize(
    ("choose", "names"),
    [
        ("priority", ["dear-fast", "cheap-slow", "unknown", "middle", "free-unknown"]),
        ("cheapest", ["free-unknown", "cheap-slow", "middle", "dear-fast", "unknown"]),
        ("fastest", ["dear-fast", "middle", "cheap-slow", "unknown", "free-unknown"]),
        ("balanced", ["middle", "dear-fast", "cheap-slow", "unknown", "free-unknown"]),
    ],
)
def test_order(choose: Choose, names: list[str]) -> None:
    """Candidates are in the order asked for; what is unknown goes last, ties keep theirs."""
    candidates = [estimates.candidate(each, TEXT, {}) for each in MODELS]

    assert [each.name for each in ranking.ordered(choose, candidates)] == names


def test_order_does_not_depend_on_the_list() -> None:
    """A model that is free and of unknown speed goes last wherever it stands."""
    for turn in range(len(MODELS)):
        turned = [estimates.candidate(each, TEXT, {}) for each in MODELS[turn:] + MODELS[:turn]]

        names = [each.name for each in ranking.ordered("balanced", turned)]

        assert names[:3] == ["middle", "dear-fast", "cheap-slow"]


LAW = Guess(domains={"law": 1.0}, weak=0.2, strong=0.8, known=1_000)
TABLE = Table(
    {
        "dear": Profile(0.8, {"law": 0.9, "chat": 0.7}),
        "cheap": Profile(0.6, {"law": 0.3, "chat": 0.75}),
    }
)
DEAR, CHEAP, OTHER = model("dear", price=10), model("cheap", price=1), model("other", price=2)
CATALOG = Catalog([DEAR, CHEAP, OTHER])


def names(candidates: list[Candidate]) -> list[str]:
    """The names of *candidates*, in their order."""
    return [each.name for each in candidates]


def considered(*models: ModelInfo, signals: Signals = TEXT) -> list[Candidate]:
    """Each model as a candidate."""
    return [estimates.candidate(each, signals, {}) for each in models]


def route(**keys: Any) -> Route:
    """A route of the three models."""
    return Route.model_validate({"name": "r", "candidates": ["cheap", "dear", "other"], **keys})


@pytest.mark.parametrize(
    ("guess", "cost_weight", "order"),
    [
        (None, 0.0, ["dear", "cheap", "other"]),
        (None, 20.0, ["cheap", "dear", "other"]),
        (LAW, 20.0, ["dear", "cheap", "other"]),
        (LAW, 1_000.0, ["cheap", "dear", "other"]),
    ],
)
def test_quality_less_cost(guess: Guess | None, cost_weight: float, order: list[str]) -> None:
    """The better model goes first where it is worth its price; an unmeasured one goes last."""
    signals = Signals(input_tokens=1_000, guess=guess)

    found = ranking.by_quality(considered(OTHER, CHEAP, DEAR), signals, TABLE, cost_weight)

    assert names(found) == order
    assert [each.quality is None for each in found] == [False, False, True]


@pytest.mark.parametrize(
    ("need_above", "order"), [(0.0, ["dear", "cheap", "other"]), (2.0, ["cheap", "dear", "other"])]
)
def test_target_share(need_above: float, order: list[str]) -> None:
    """A call that needs the dear model gets it first, another gets it as the first fallback."""
    shared = route(target_share={"dear": 0.2}, need_above=need_above)
    signals = Signals(input_tokens=1_000, guess=LAW)

    found, why = ranking.to_share(shared, considered(CHEAP, OTHER, DEAR), signals, TABLE, CATALOG)

    assert names(found) == order
    assert why is not None
    assert "a share of 20% begins above" in why


def test_share_that_is_not_calibrated_says_so() -> None:
    """Without a threshold nothing goes to the dear model first, and the reason says why."""
    shared = route(target_share={"dear": 0.2})
    signals = Signals(input_tokens=1_000, guess=LAW)

    found, why = ranking.to_share(shared, considered(DEAR, CHEAP), signals, TABLE, CATALOG)

    assert (names(found), why) == (["cheap", "dear"], "the share of dear is not calibrated")


SPLIT = {"by": "user", "shares": {"cheap": 90, "dear": 10}}


def test_split_keeps_its_shares() -> None:
    """Of 10,000 users each arm gets its part, and each user the same arm every time."""
    arms = []
    for number in range(10_000):
        signals = Signals(metadata={"user": f"user-{number}"})
        found, _ = ranking.split(route(split=SPLIT), considered(CHEAP, DEAR), signals, CATALOG)
        again, _ = ranking.split(route(split=SPLIT), considered(CHEAP, DEAR), signals, CATALOG)
        assert found[0].name == again[0].name
        arms.append(found[0].name)

    assert arms.count("dear") == pytest.approx(1_000, abs=60)


def test_split_is_the_same_in_every_process() -> None:
    """An arm depends on the key alone: on no seed, process or version."""
    assert ranking.place("r", "user", "alice") == pytest.approx(0.14629902938262243)


def test_splits_of_two_routes_are_independent() -> None:
    """Who is in the small arm of one split is not for that in that of another."""
    small = [key for key in map(str, range(2_000)) if ranking.place("a", "user", key) >= 0.9]

    both = [key for key in small if ranking.place("b", "user", key) >= 0.9]

    assert len(both) < len(small) / 4


def test_split_without_its_key_goes_by_conversation() -> None:
    """A call that does not say whose it is falls by its conversation, and the reason says so."""
    found, why = ranking.split(
        route(split=SPLIT), considered(CHEAP, DEAR), Signals(bucket=17), CATALOG
    )

    assert why == f"split by conversation (without metadata user): {found[0].name}"


def test_conversations_are_split_by_their_shares() -> None:
    """Conversations that do not say whose they are get the arms by their weights, too."""
    shared = route(split={"shares": {"cheap": 3, "dear": 1}})
    arms = [
        ranking.split(shared, considered(CHEAP, DEAR), Signals(bucket=each), CATALOG)[0][0].name
        for each in range(2_000)
    ]

    assert arms.count("dear") == pytest.approx(500, abs=60)


def test_arm_that_cannot_take_the_call() -> None:
    """An arm that was turned down leaves the order as it was, and the reason says so."""
    shares = {"by": "user", "shares": {"dear": 99, "other": 1}}
    signals = Signals(metadata={"user": "alice"})

    found, why = ranking.split(route(split=shares), considered(CHEAP, OTHER), signals, CATALOG)

    assert (names(found), why) == (
        ["cheap", "other"], "split by user: dear, which is turned down"
    )  # fmt: skip


def cached(name: str, price: float, cache_price: float) -> ModelInfo:
    """A model whose cache has a price."""
    made = Price(Decimal(str(price)), Decimal(str(price)), Decimal(str(cache_price)))
    return ModelInfo(name=name, id=name, price=made)


@pytest.mark.parametrize(
    ("cached_tokens", "order"), [(0, ["cheap", "kept"]), (900, ["kept", "cheap"])]
)
def test_conversation_stays_where_its_cache_is(cached_tokens: int, order: list[str]) -> None:
    """A conversation keeps its model while what that has cached makes it no dearer."""
    kept = cached("kept", 2, 0.1)
    signals = Signals(
        input_tokens=1_000, max_tokens=1, previous="kept", cached_tokens=cached_tokens
    )

    found, why = ranking.staying(
        route(sticky=True),
        considered(CHEAP, kept, signals=signals),
        signals,
        Catalog([CHEAP, kept]),
    )

    assert names(found) == order
    assert (why is not None) == (order[0] == "kept")


def test_conversation_stays_where_moving_costs_as_much() -> None:
    """Of two models at one price the one that answered goes on."""
    signals = Signals(input_tokens=1_000, previous="twin")
    twins = considered(CHEAP, model("twin", price=1), signals=signals)

    found, _ = ranking.staying(route(sticky=True), twins, signals, CATALOG)

    assert names(found) == ["twin", "cheap"]


def test_conversation_stays_only_where_the_route_says_so() -> None:
    """Without `sticky` the order is the route's own."""
    signals = Signals(input_tokens=1_000, previous="dear")

    assert ranking.staying(route(), considered(CHEAP, DEAR), signals, CATALOG)[1] is None


@pytest.mark.parametrize("keys", [{"choose": "quality"}, {"target_share": {"dear": 0.2}}])
def test_conversation_does_not_stay_where_quality_decides(keys: dict[str, Any]) -> None:
    """A cheap model that answered once does not keep the hard question that follows."""
    signals = Signals(input_tokens=1_000, previous="cheap")
    learned = route(sticky=True, **keys)

    assert ranking.staying(learned, considered(DEAR, CHEAP), signals, CATALOG)[1] is None


THINKING = replace(model("dear-thinking", price=20), variant_of="dear")
MODES = Catalog([DEAR, THINKING, CHEAP, OTHER])


def test_model_that_thinks_keeps_its_share() -> None:
    """A model that is asked to think, under a name of its own, is still who a share names."""
    shared = route(target_share={"dear": 0.2}, need_above=-1)
    signals = Signals(input_tokens=1_000, guess=LAW)

    found, why = ranking.to_share(shared, considered(CHEAP, THINKING), signals, TABLE, MODES)

    assert names(found) == ["dear-thinking", "cheap"]
    assert (why or "").startswith("need of dear-thinking")


def test_model_that_thinks_keeps_its_arm() -> None:
    """A model that is asked to think, under a name of its own, is still an arm's."""
    shares = {"by": "user", "shares": {"dear": 99, "cheap": 1}}
    signals = Signals(metadata={"user": "alice"})

    found, why = ranking.split(
        route(split=shares), considered(CHEAP, THINKING), signals, MODES
    )  # fmt: skip

    assert (names(found), why) == (["dear-thinking", "cheap"], "split by user: dear-thinking")


@pytest.mark.parametrize(
    ("name", "is_found"),
    [
        ("dear", "dear-thinking"),
        ("DEAR_Thinking", "dear-thinking"),
        ("cheap", "cheap"),
        ("other", None),
        ("nobody's", None),
        (None, None),
    ],
)
def test_candidate_is_found_in_any_mode(name: str | None, is_found: str | None) -> None:
    """A name finds the candidate it spells, in whichever mode that is asked."""
    found = ranking.found(considered(CHEAP, THINKING), name, MODES)

    assert (found.name if found else None) == is_found


def test_mode_that_is_named_goes_before_another() -> None:
    """Where both modes are candidates, each goes by its own name."""
    both = considered(DEAR, THINKING)

    found = [ranking.found(both, each.name, MODES) for each in (DEAR, THINKING)]

    assert found == both
