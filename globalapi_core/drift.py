"""When a model's share of the calls leaves its band by more than chance would have it.

A share is judged over the last `window` calls, once there are so many: it has left its band
when chance gives a count so far beyond the edge at most once in 10,000 windows, were the true
share the edge itself. It is back when the share of the window is within the band again. Each
is said once.

Windows overlap, and each call ends one. Measured with 500 calls, by chance alone: a true share
that is the edge itself is told once in 400,000 to 750,000 calls; one in the middle of the band
of a target share of a fifth, not once in 20,000,000. A share that jumps from 20 to 40 % is told
after 300 calls, one that goes to 30 % after 1,000 (medians). Calls that hang together, such as
one request sent a hundred times over, are no chance, and are told sooner.
"""

from __future__ import annotations

import math
import os
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from globalapi_core.catalog import Catalog
from globalapi_core.config import Config, Route
from globalapi_core.records import Decision

CHANCE = 1e-4
"""How often, of windows, chance may go so far beyond the edge of a band."""
CALIBRATED = 500
"""Prompts of a sample whose misses the band of a target share allows for, 99 times of 100."""
_MISS = 2.58
"""Standard deviations within which 99 of 100 are."""
_ROUNDING = 1e-6
"""Calls: 0.07 times 100 is a little more than 7 in floats."""


@dataclass(frozen=True, slots=True)
class Band:
    """The share of calls that should go to a model."""

    model: str
    least: float
    """0 to 1."""
    most: float
    window: int
    """Over so many of the last calls."""
    route: str | None = None
    """The route whose target share it is; `None`: of all calls that take a route."""

    def allows(self, count: int) -> bool:
        """Whether *count* calls of the window are within it."""
        return self.least * self.window - _ROUNDING <= count <= self.most * self.window + _ROUNDING


@dataclass(frozen=True, slots=True)
class Alert:
    """A share has left its band, or is back."""

    band: Band
    share: float
    """Of the last `band.window` calls."""
    is_back: bool = False

    @property
    def model(self) -> str:
        """Whose share it is."""
        return self.band.model

    def __str__(self) -> str:
        band = self.band
        calls = f"the last {band.window:,} calls" + (f" of route {band.route!r}" * bool(band.route))
        if self.is_back:
            limits = f"{band.least:.1%} to {band.most:.1%}"
            return f"{self.model} is back at {self.share:.1%} of {calls}, within {limits}"
        above = self.share > band.most
        bound = f"more than {band.most:.1%}" if above else f"less than {band.least:.1%}"
        help_ = "; the prompts are no more what they were: calibrate again" if band.route else ""
        return f"{self.model} got {self.share:.1%} of {calls}, {bound}{help_}"


class Drift:
    """What becomes of the shares of one config file in one process.

    All that is made from one file shares it. A forked process goes on with what was counted.
    """

    def __init__(self, bands: Iterable[Band]) -> None:
        """Begin with no calls."""
        self.bands = tuple(bands)
        self._file: str | None = None
        routes = {band.route for band in self.bands}
        self._windows = {
            route: _Window([each for each in self.bands if each.route == route]) for route in routes
        }
        self._restart()

    @classmethod
    def of(cls, config: Config) -> Drift | None:
        """What *config* asks for, shared as said above; `None`: nothing."""
        bands = tuple(implied(config))
        if not bands:
            return None
        return cls._shared(bands, config.file and os.path.realpath(config.file))

    @classmethod
    def _shared(cls, bands: tuple[Band, ...], file: str | None) -> Drift:
        if file is None:
            return cls(bands)
        known = _of_files.get(file)
        # An edit of anything else goes on with what was counted.
        if known is None or known.bands != bands:
            known = cls(bands)
            known._file = file
            _of_files[file] = known
        return known

    def take(self, decision: Decision) -> list[Alert]:
        """Count the first choice of *decision*; what there is to say.

        A model that was named outright took no route, and does not count.
        """
        if decision.route is None:
            return []
        if self._pid != os.getpid():
            self._restart()
        name = decision.primary.model.base
        found: list[Alert] = []
        with self._lock:
            for route in (None, decision.route):
                window = self._windows.get(route)
                if window is not None:
                    found += window.take(name)
        return found

    def _restart(self) -> None:
        # In a fork the lock may be held for ever.
        self._pid, self._lock = os.getpid(), threading.Lock()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return Drift._shared, (self.bands, self._file)


_of_files: dict[str, Drift] = {}


def implied(config: Config) -> Iterator[Band]:
    """The bands of *config*: its alerts, and those of each route's target share.

    A target share that was never calibrated is held by nothing, and has none. The band of one
    that was is as wide as a threshold set by 500 prompts may miss: a fifth has 15.4 to 24.6 %.
    """
    alerts = config.alerts
    for name, (least, most) in alerts.shares.items():
        yield Band(config.catalog.get(name).base, least, most, alerts.window)
    for route in config.routes:
        if route.target_share and route.need_above is not None:
            yield from _of_target(route, alerts.window, config.catalog)


def _of_target(route: Route, window: int, catalog: Catalog) -> Iterator[Band]:
    for name, share in (route.target_share or {}).items():
        miss = _MISS * math.sqrt(share * (1 - share) / CALIBRATED)
        least, most = max(0.0, share - miss), min(1.0, share + miss)
        yield Band(catalog.get(name).base, least, most, window, route.name)


@dataclass(slots=True)
class _Watched:
    """A band, the counts that are too far from it, and whether that was said."""

    band: Band
    few: int = field(init=False)
    many: int = field(init=False)
    is_out: bool = False

    def __post_init__(self) -> None:
        band = self.band
        self.many = too_many(band.window, band.most)
        self.few = band.window - too_many(band.window, 1 - band.least)

    def seen(self, count: int) -> Alert | None:
        """What there is to say of *count*."""
        band = self.band
        if self.is_out:
            if not band.allows(count):
                return None
        elif self.few < count < self.many:
            return None
        self.is_out = not self.is_out
        return Alert(band, count / band.window, is_back=not self.is_out)


class _Window:
    """The last calls of one route, or of all."""

    def __init__(self, bands: Iterable[Band]) -> None:
        self._watched = [_Watched(band) for band in bands]
        self._size = self._watched[0].band.window
        self._models: deque[str] = deque()
        self._counts: Counter[str] = Counter()

    def take(self, model: str) -> list[Alert]:
        """Count one call to *model*."""
        models, counts = self._models, self._counts
        models.append(model)
        counts[model] += 1
        if len(models) < self._size:
            return []
        if len(models) > self._size:
            gone = models.popleft()
            counts[gone] -= 1
            if gone == model:
                return []
        said = [each.seen(counts[each.band.model]) for each in self._watched]
        return [each for each in said if each is not None]


def too_many(calls: int, share: float) -> int:
    """The least count that chance exceeds or meets once in 1 / `CHANCE`, of so many *calls*.

    By the binomial distribution of *share*; more than *calls* if no count is so rare.
    """
    if share >= 1:
        return calls + 1
    if share <= 0:
        return 1
    spread = math.sqrt(calls * share * (1 - share))
    # Beyond eight standard deviations and some there is nothing that adds up.
    count = min(calls, math.ceil(calls * share + 8 * spread + 10))
    tail = 0.0
    while count >= 0 and (tail := tail + _probability(count, calls, share)) <= CHANCE:
        count -= 1
    return count + 1


def _probability(count: int, calls: int, share: float) -> float:
    ways = math.lgamma(calls + 1) - math.lgamma(count + 1) - math.lgamma(calls - count + 1)
    return math.exp(ways + count * math.log(share) + (calls - count) * math.log1p(-share))
