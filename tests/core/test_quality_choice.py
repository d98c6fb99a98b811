"""What the learned choice promises: the better model where it pays, else a constant."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.catalog import Catalog
from globalapi_core.quality import choose, table
from globalapi_core.quality.choose import Ranked, need, ranked, threshold
from globalapi_core.quality.predict import Guess
from globalapi_core.quality.table import Profile, Result, Table, measured, published

MATHS, LAW = ({"maths": 1.0, "law": 0.0}, {"maths": 0.0, "law": 1.0})


def a_guess(domains: Mapping[str, float] = MATHS, known: int = 10_000) -> Guess:
    """A guess as sure of *domains* as *known* words make it."""
    return Guess(domains=domains, weak=0.4, strong=0.7, known=known)


def a_table() -> Table:
    """Two models, each better in one domain, `all-round` a little better in the mean."""
    return Table(
        {
            "allround": Profile(0.72, {"maths": 0.7, "law": 0.74}),
            "counter": Profile(0.7, {"maths": 0.9, "law": 0.5}),
        }
    )


def names(found: list[Ranked]) -> list[str]:
    """The models in their order."""
    return [each.model for each in found]


FREE = [("all-round", 0.0), ("counter", 0.0)]


@pytest.mark.parametrize(("domains", "first"), [(MATHS, "counter"), (LAW, "all-round")])
def test_ranked_by_domain(domains: Mapping[str, float], first: str) -> None:
    """The model that is better at what the text is about comes first."""
    assert names(ranked(FREE, a_guess(domains), a_table()))[0] == first


@pytest.mark.parametrize("guess", [None, a_guess(known=0)])
def test_ranked_without_a_word(guess: Guess | None) -> None:
    """When the text says nothing, the best constant is chosen."""
    found = ranked(FREE, guess, a_table())

    assert names(found) == ["all-round", "counter"]
    assert found[0].quality == pytest.approx(0.72)


def test_ranked_when_quality_costs_too_much() -> None:
    """A model that is not better by more than its price goes behind the cheap one."""
    candidates = [("counter", 0.03), ("all-round", 0.001)]

    dear, cheap = (ranked(candidates, a_guess(), a_table(), cost_weight=each) for each in (5, 10))

    assert names(dear) == ["counter", "all-round"]
    assert names(cheap) == ["all-round", "counter"]
    assert cheap[1].utility == pytest.approx(cheap[1].quality - 10 * 0.03)
    assert cheap[0].utility == pytest.approx(cheap[0].quality - 10 * 0.001 + choose.MARGIN)


def test_ranked_when_the_text_says_little() -> None:
    """A model that is hardly better than the usual one is not taken for it."""
    hardly = {"maths": 0.56, "law": 0.44}
    found = ranked(FREE, a_guess(hardly), a_table())

    assert found[1].quality > found[0].quality
    assert names(found) == ["all-round", "counter"]


def test_ranked_unknown_last() -> None:
    """A model nobody measured, or of unknown price, is never taken for a good or a free one."""
    candidates = [("nobody", 0.0), ("counter", None), ("other", 0.1), ("all-round", 1.0)]

    found = ranked(candidates, a_guess(), a_table(), cost_weight=1)

    assert names(found) == ["all-round", "nobody", "counter", "other"]
    assert found[1].quality is None
    assert found[2].utility == -math.inf


def test_ranked_unknown_price_where_cost_counts_nothing() -> None:
    """Without a weight of cost, an unknown price keeps nobody back."""
    assert names(ranked([("all-round", 0.1), ("counter", None)], a_guess(), a_table())) == [
        "counter",
        "all-round",
    ]


@given(st.integers(0, 200), st.floats(0, 1))
def test_expected_between_mean_and_domains(known: int, maths: float) -> None:
    """Expected quality never leaves the range of what was measured."""
    profile = Profile(0.6, {"maths": 0.9, "law": 0.2})

    found = profile.expected(a_guess({"maths": maths, "law": 1 - maths}, known))

    assert 0.2 - 1e-9 <= found <= 0.9 + 1e-9


def test_expected_in_a_domain_nobody_measured() -> None:
    """Where no benchmark speaks for a domain, the model's mean does."""
    assert Profile(0.6, {"law": 0.2}).expected(a_guess(MATHS)) == pytest.approx(0.6)


def test_measured_shrinks() -> None:
    """Few answers in a domain hardly move a model from its mean; many do."""
    few = [Result(a_guess(MATHS), {"m": 1.0}), Result(a_guess(LAW), {"m": 0.0})]
    many = measured(few * 500).get("m")
    some = measured(few).get("m")

    assert some is not None
    assert many is not None
    assert some.mean == many.mean == 0.5
    shrunk = (1 + table.SHRINK * 0.5) / (1 + table.SHRINK)
    assert some.domains["maths"] == pytest.approx(shrunk, abs=1e-3)
    assert many.domains["maths"] > 0.98


def test_measured_when_guesses_are_unsure() -> None:
    """What guesses blur is told apart by many of them: half sure each, yet the shares differ."""
    unsure = [({"maths": 0.6, "law": 0.4}, 0.55), ({"maths": 0.4, "law": 0.6}, 0.45)]
    rows = [Result(a_guess(domains), {"m": score}) for domains, score in unsure] * 1_000

    found = measured(rows).get("m")

    # Averages weighted by probability would say 0.51 and 0.49, and expect 0.502 of the first.
    assert found.domains["maths"] == pytest.approx(0.75, abs=0.05)
    assert found.domains["law"] == pytest.approx(0.25, abs=0.05)
    assert found.expected(a_guess(unsure[0][0])) == pytest.approx(0.55, abs=0.01)


def test_measured_where_models_answered_different_prompts() -> None:
    """Each model is measured on the prompts that it answered."""
    rows = [Result(a_guess(MATHS), {"a": 1.0}), Result(a_guess(LAW), {"a": 0.0, "b": 0.5})]

    found = measured(rows)

    assert found.get("a").mean == 0.5
    assert found.get("b").mean == 0.5
    assert found.get("b").domains == {"law": 0.5, "maths": 0.5}


def test_measured_replaces_published() -> None:
    """The user's own results go before any benchmark, under any spelling of the model."""
    own = measured([Result(a_guess(), {"OpenAI/GPT-5": 0.0})])

    found = published().updated(own)

    assert found.get("gpt-5").mean == 0.0
    assert found.get("kimi-k2-0905") == published().get("kimi-k2-0905")


def test_published_has_catalog_and_benchmarks() -> None:
    """Models of the benchmark table and of the articles are there; nobody else is."""
    found = published(Catalog.default())

    assert found.get("qwen3-235b-a22b-2507").source.startswith("LLMRouterBench")
    assert found.get("glm-5").source == "the catalog"
    assert found.get("step-3.5-flash") is None


def test_published_orders_as_its_benchmarks() -> None:
    """Who is better at code on the benchmark of code is expected to be so."""
    gpt, claude = published().get("gpt-5"), published().get("claude-sonnet-4")

    assert gpt.domains["code_writing"] > claude.domains["code_writing"]
    assert all(0 < each.mean < 1 for each in published().profiles.values())


def test_published_domains_are_the_predictors() -> None:
    """A benchmark speaks for domains that the predictor knows: a typing error would be silent."""
    from globalapi_core.quality.predict import shipped

    spoken = {name for each in published().profiles.values() for name in each.domains}

    assert spoken
    assert spoken <= set(shipped().domains)


def test_need_of_measured_models() -> None:
    """Need is the gap in the text's domain, and a part of what the general heads say."""
    wanted = need(a_guess(MATHS), a_table(), dear="counter", cheap="all-round")
    unwanted = need(a_guess(LAW), a_table(), dear="counter", cheap="all-round")

    assert wanted > need(a_guess(known=0), a_table(), dear="counter", cheap="all-round") > unwanted


def test_need_of_unmeasured_models() -> None:
    """Of models nobody measured, the general weak and strong model stand in."""
    assert need(a_guess(), Table(), dear="x", cheap="y") == pytest.approx(0.3)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.5, 1.0])
def test_threshold_on_unseen_prompts(share: float) -> None:
    """A threshold set on 2,000 prompts keeps the share of others within 2 points."""
    draw = random.Random(0)
    sample, unseen = ([draw.gauss(0, 1) for _ in range(n)] for n in (2_000, 20_000))

    limit = threshold(sample, share)

    assert sum(each > limit for each in unseen) / len(unseen) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("needs", "share", "told"), [([], 0.2, "needs is empty"), ([0.1], 1.5, "share is 1.5")]
)
def test_threshold_of_nothing(needs: list[float], share: float, told: str) -> None:
    """What cannot be answered is refused, and the message says what was wrong."""
    with pytest.raises(ValueError, match=told):
        threshold(needs, share)
