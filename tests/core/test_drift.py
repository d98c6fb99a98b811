"""Shares that leave their bands by more than chance, and are back."""

from __future__ import annotations

import copy
import logging
import math
import pickle
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from globalapi_core import hooks
from globalapi_core.config import load_config, parse_config
from globalapi_core.config.schema import Attempts
from globalapi_core.drift import CHANCE, Alert, Band, Drift, implied, too_many
from globalapi_core.drivers import Call
from globalapi_core.flow import attempts
from globalapi_core.records import CallRecord, Outcome

from .helpers import decision, model, record

FIFTH = Band("dear", 0.15, 0.25, 500)
FILE = """
alerts: {shares: {gpt-4o: [0, 0.1]}, window: 50}
routes: [{name: all, candidates: [deepseek-v4-flash, gpt-4o]}]
"""


def told(drift: Drift, models: Iterable[str], route: str = "r") -> list[Alert]:
    """What *drift* says of calls to these models, one after the other."""
    return [
        alert
        for name in models
        for alert in drift.take(replace(decision(name), route=route))
    ]  # fmt: skip


def drawn(share: float, calls: int, seed: int = 1) -> list[str]:
    """Calls of which *share* go to the dear model, by chance."""
    made = random.Random(seed)
    return ["dear" if made.random() < share else "other" for _ in range(calls)]


def test_share_that_stays_is_not_told() -> None:
    """Within its band, and a little beyond it by chance, a share is nobody's concern."""
    assert told(Drift([FIFTH]), drawn(0.2, 20_000)) == []


def test_excursion_is_told_once_and_its_end_once() -> None:
    """One alert when the share leaves its band, one when it is back, and none between."""
    alerts = told(Drift([FIFTH]), drawn(0.2, 2_000) + drawn(0.5, 3_000) + drawn(0.2, 3_000))

    assert [each.is_back for each in alerts] == [False, True]
    assert alerts[0].share > 0.25
    assert alerts[1].share == 0.25


def test_share_that_falls_is_told_too() -> None:
    """Less than the least is as far from the band as more than the most."""
    (alert,) = told(Drift([FIFTH]), drawn(0.2, 2_000) + drawn(0.02, 600))

    assert alert.share < 0.15
    assert str(alert) == f"dear got {alert.share:.1%} of the last 500 calls, less than 15.0%"


def test_nothing_is_said_before_the_window_is_full() -> None:
    """Few calls tell nothing, however many of them go to one model."""
    assert told(Drift([FIFTH]), ["dear"] * 499) == []
    assert len(told(Drift([FIFTH]), ["dear"] * 500)) == 1


@pytest.mark.parametrize("calls", [20, 100, 500, 5_000])
@pytest.mark.parametrize("share", [0.002, 0.05, 0.25, 0.5, 0.9])
def test_limit_is_that_of_the_binomial_distribution(calls: int, share: float) -> None:
    """Chance reaches the limit no oftener than it may; one call less, it would be too often."""
    limit = too_many(calls, share)

    assert _tail(limit, calls, share) <= CHANCE < _tail(limit - 1, calls, share)


def _tail(count: int, calls: int, share: float) -> float:
    return sum(
        math.exp(
            math.log(math.comb(calls, each))
            + each * math.log(share)
            + (calls - each) * math.log(1 - share)
        )
        for each in range(count, calls + 1)
    )


@pytest.mark.parametrize(
    ("band", "models"),
    [
        (Band("dear", 0, 1, 20), ["dear"] * 30 + ["other"] * 30),
        (Band("dear", 0, 0, 20), ["other"] * 60),
        (Band("dear", 1, 1, 20), ["dear"] * 60),
        (Band("dear", 0.07, 0.07, 100), (["dear"] * 7 + ["other"] * 93) * 3),
    ],
)
def test_band_that_nothing_leaves(band: Band, models: list[str]) -> None:
    """All, none and a share that is kept to the call are within their bands."""
    assert told(Drift([band]), models) == []


def test_model_that_must_not_be_asked_is_told_at_once() -> None:
    """Chance gives no call to a model whose share is none."""
    alerts = told(Drift([Band("dear", 0, 0, 20)]), ["other"] * 30 + ["dear"] + ["other"] * 30)

    assert [each.is_back for each in alerts] == [False, True]


def test_chance_at_the_edge_is_rarely_told() -> None:
    """A true share that is the edge itself gives one alarm in some hundred thousand calls."""
    alerts = told(Drift([FIFTH]), drawn(0.25, 300_000, seed=3))

    assert sum(not each.is_back for each in alerts) <= 3


def test_calls_of_other_routes_do_not_count_for_a_target() -> None:
    """A target share is one of its route's calls; a band of the file, one of all."""
    target, every = Band("dear", 0.4, 0.6, 20, route="a"), Band("dear", 0, 0.5, 20)
    drift = Drift([target, every])

    quiet = told(drift, ["dear", "other"] * 20, route="a") + told(drift, ["other"] * 50, route="b")
    alerts = told(drift, ["dear"] * 20, route="b")

    assert quiet == []
    assert [each.band for each in alerts] == [every]


def test_model_that_was_named_does_not_count() -> None:
    """Whoever names a model takes no route."""
    drift = Drift([Band("dear", 0, 0, 20)])

    assert [alert for _ in range(50) for alert in drift.take(decision("dear", route=None))] == []


def test_variant_counts_as_its_model() -> None:
    """A model asked to think, which is priced apart, is the same model."""
    drift = Drift([Band("dear", 0, 0, 20)])

    alerts = [
        each
        for _ in range(20)
        for each in drift.take(decision(model("dear-thinking", variant_of="dear")))
    ]

    assert [each.model for each in alerts] == ["dear"]


def test_bands_are_those_of_the_file() -> None:
    """Alerts by any spelling, and what a calibrated target share implies."""
    config = parse_config("""
alerts: {shares: {moonshot-k2.5: [0.01, 0.08]}, window: 200}
routes:
  - name: a
    when: {code: true}
    candidates: [deepseek-v4-flash, claude-3.5-sonnet]
    target_share: {claude-3.5-sonnet: 0.2}
    need_above: 0.1
  - name: b
    candidates: [deepseek-v4-flash, claude-3-5-sonnet]
    target_share: {claude-3-5-sonnet: 0.2}
""")

    alert, target = implied(config)

    assert alert == Band("kimi-k2.5", 0.01, 0.08, 200)
    assert (target.model, target.window, target.route) == ("claude-3-5-sonnet", 200, "a")
    assert (target.least, target.most) == pytest.approx((0.154, 0.246), abs=0.001)


def test_config_without_alerts_has_no_drift() -> None:
    """Where nothing is to be told, nothing is counted."""
    drift = Drift.of(parse_config("routes: [{name: a, candidates: gpt-4o}]"))

    assert drift is None
    assert hooks.watched(drift) is hooks.tell


def test_what_is_made_from_one_file_counts_together(tmp_path: Path) -> None:
    """An edit of anything else goes on with the count; one of the bands begins anew."""
    file = tmp_path / "c.yaml"
    file.write_text(FILE)
    first = Drift.of(load_config(file))
    file.write_text(FILE + "attempts: {timeout: 5}\n")
    second = Drift.of(load_config(file))
    file.write_text(FILE.replace("0.1", "0.2"))
    third = Drift.of(load_config(file))

    assert first is second
    assert third is not first
    assert Drift.of(parse_config(FILE)) is not Drift.of(parse_config(FILE))


def test_copies_are_the_same_and_a_pickle_finds_it(tmp_path: Path) -> None:
    """All that follows one file follows one count."""
    file = tmp_path / "c.yaml"
    file.write_text(FILE)
    drift = Drift.of(load_config(file))
    assert drift is not None

    assert copy.deepcopy(drift) is drift
    assert copy.copy(drift) is drift
    assert pickle.loads(pickle.dumps(drift)) is drift  # noqa: S301
    assert pickle.loads(pickle.dumps(Drift([FIFTH]))).bands == (FIFTH,)  # noqa: S301


def test_threads_count_every_call_once() -> None:
    """With eight threads at once, an excursion is still told once."""
    drift, alerts = Drift([Band("dear", 0, 0.5, 1_000)]), []

    def work() -> None:
        for name in ["dear", "other"] * 1_000:
            alerts.extend(told(drift, [name]))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert alerts == []

    alerts += told(drift, ["dear"] * 1_000)
    assert len(alerts) == 1


def test_alert_is_logged_and_hooks_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Each call that is told of by `watched` counts; the record goes on to its own hooks."""
    told_of = hooks.watched(Drift([Band("dear", 0, 0, 20)]))
    alerts: list[Alert] = []
    remove = hooks.on_alert(alerts.append)

    with caplog.at_level(logging.WARNING), hooks.recorded_calls() as calls:
        for _ in range(30):
            told_of(record([("dear", Outcome())]))
    remove()
    for _ in range(30):
        told_of(record([("other", Outcome())]))

    assert len(calls) == 30
    assert [each.is_back for each in alerts] == [False]
    assert [each.getMessage() for each in caplog.records] == [
        "dear got 100.0% of the last 20 calls, more than 0.0%",
        "dear is back at 0.0% of the last 20 calls, within 0.0% to 0.0%",
    ]


def test_flow_tells_of_calls_that_fail_and_of_those_that_do_not() -> None:
    """As a hook of the attempt loop, it counts what was decided, whatever came of it."""
    drift = Drift([Band("dear", 0, 0, 20)])
    alerts: list[Alert] = []
    remove = hooks.on_alert(alerts.append)

    for _ in range(20):
        flow = attempts(decision("dear"), Attempts(), hook=hooks.watched(drift))
        Call[CallRecord](flow, lambda _: Outcome(), lambda _, made: made).run(_answer)
    remove()

    assert len(alerts) == 1


def _answer(_: object) -> CallRecord:
    return record([("dear", Outcome())])


def test_hook_that_fails_does_not_touch_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """What a hook raises is logged, and others are told."""
    alerts: list[Alert] = []

    def broken(alert: Alert) -> None:
        raise RuntimeError("mine")

    removes = [hooks.on_alert(broken), hooks.on_alert(alerts.append)]
    hooks.tell_alert(Alert(FIFTH, 0.4))
    for remove in removes:
        remove()

    assert alerts == [Alert(FIFTH, 0.4)]
    assert "broken failed" in caplog.text


def test_call_costs_microseconds() -> None:
    """Counting a call takes a few millionths of a second, with four bands to hold."""
    drift = Drift([Band(f"m{n}", 0.1, 0.9, 500) for n in range(3)] + [FIFTH])
    made = [decision("dear"), decision("other")]

    fastest = math.inf
    for _ in range(20):
        begin = time.thread_time()
        for each in made * 500:
            drift.take(each)
        fastest = min(fastest, (time.thread_time() - begin) / 1_000)

    assert fastest < 20e-6
