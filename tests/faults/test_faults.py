"""Every fault of the catalogue, in both frameworks, in every way of calling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from globalapi_core import flow
from tests.faults import ours
from tests.faults.case import EACH_ONCE, FIRST, SECOND, WAYS, Case, sound
from tests.faults.promise import Verdict, answers
from tests.faults.scripts import CASES

LEEWAY = 6.0
"""Seconds that a busy machine may take on top of what a call has, and of what is promised."""


def _asked() -> list[Any]:
    """Each case with each caller and way; the name begins with the row's number."""
    return [
        pytest.param(case, caller, way, id=f"{case.row:03d}-{way}-{case.name}-{caller}")
        for case in CASES
        if not case.not_yet
        for caller in ours.callers(case)
        for way in _ways(case, caller)
    ]


def _ways(case: Case, caller: str) -> tuple[str, ...]:
    """Half of the ways are enough for a router: its members are asked in all."""
    return (
        tuple(way for way in EACH_ONCE if way in case.ways) if caller in ours.ROUTERS else case.ways
    )


@pytest.fixture(autouse=True, scope="session")
def _warm() -> None:
    """What a first call imports and makes is no part of any other call's time."""
    for caller in [*ours.SINGLE, *ours.ROUTERS]:
        for way in WAYS:
            assert ours.see(Case(0, "well", (sound,), answers("")), caller, way).text == "hello"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for a hundredth of what they do; what a server asks for is kept to."""
    monkeypatch.setattr(flow, "FIRST_WAIT", 0.005)


@pytest.mark.parametrize(("case", "caller", "way"), _asked())
def test_fault(case: Case, caller: str, way: str) -> None:
    """The promise of the row is kept, and the key is in nothing that is seen."""
    within = case.promise.within
    promise = replace(case.promise, within=within and within + LEEWAY)

    seen = ours.see(case, caller, way)

    assert not seen.reveals
    assert seen.seconds < case.timeout + LEEWAY
    if caller in ours.ROUTERS and promise.fallback:
        assert (seen.error, seen.text) == (None, "hello")
        assert seen.models[-1] == SECOND
        assert promise.requests[0] <= seen.models.count(FIRST) <= promise.requests[1]
        return
    assert ours.judged(promise, seen).why == ""
    assert SECOND not in seen.models
    if promise.errors:
        expected = promise.shown if promise.partial is None else promise.partial
        assert (seen.partial, seen.committed) == (expected, bool(promise.shown))
        assert promise.status in (None, seen.status)
        assert ours.judged(promise, seen).verdict is Verdict.RIGHT
