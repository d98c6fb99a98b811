"""What all calls of this process may come to: money set aside before, settled after.

Calls at the same time cannot spend the same dollar: each has its own set aside.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

from globalapi_core.config import Config
from globalapi_core.config.schema import Budget as Section

Per = Literal["hour", "day", "month"]

_PARTS = {None: 0, "month": 2, "day": 3, "hour": 4}
"""How many parts of a UTC time (year, month, day, hour) name a period."""

_Period = tuple[int, ...]


class Budget:
    """USD that calls may come to in each period: those of this process, and of no other.

    All that is made from one config file in a process draws on one budget, and so does all
    that is made from one `Config` without a file; copies share it. Several workers have one
    each, so n of them may spend n times as much. A forked process begins with what had been
    spent before the fork.

    Calls never exceed it while answers keep to `max_tokens` and prompts to their estimated
    tokens: what a prompt has more than that is settled too, and is missing for the next call.
    """

    def __init__(
        self,
        usd: Decimal,
        per: Per | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin with nothing spent.

        Args:
            usd: what may be spent in each period.
            per: the period, in UTC; `None`: the life of the process.
            clock: seconds since the epoch, by the wall.
        """
        self.usd = usd
        self.per = per
        self._clock = clock
        self._book = _Book()
        self._file: str | None = None
        self._pot: str | None = None
        """The route whose shadow it is for; `None`: it is for calls."""

    @classmethod
    def of(cls, config: Config) -> Budget | None:
        """The budget that *config* sets, shared as said above; `None` if it sets none."""
        return cls._set(config.budget, config)

    @classmethod
    def of_shadow(cls, config: Config, route: str) -> Budget | None:
        """What the shadow of *route* may come to: a pot apart from that of the calls.

        It is shared as that is, among the routes of this name. `None`: it has no shadow.
        """
        found = config.route(route)
        shadow = found.shadow if found else None
        return cls._set(shadow.budget if shadow else None, config, pot=route)

    @classmethod
    def _set(cls, section: Section | None, config: Config, pot: str | None = None) -> Budget | None:
        if section is None:
            return None
        file = config.file and os.path.realpath(config.file)
        return cls._shared(section.usd, section.per, file or None, config, pot)

    @classmethod
    def _shared(
        cls,
        usd: Decimal,
        per: Per | None,
        file: str | None,
        config: Config | None = None,
        pot: str | None = None,
    ) -> Budget:
        budget = cls(usd, per)
        budget._file = file
        budget._pot = pot
        if file is not None or config is not None:
            key = (file or id(config), per, pot)
            budget._book = _book(key, config if file is None else None)
        return budget

    @property
    def key(self) -> str:
        """Its name in the config file and its period, for people: `budget per day`."""
        name = "budget" if self._pot is None else f"the shadow budget of route {self._pot!r}"
        return " per ".join(filter(None, (name, self.per)))

    @property
    def settled(self) -> Decimal:
        """What the ended attempts of this period came to, USD, estimates included."""
        with self._account() as account:
            return account.settled

    @property
    def reserved(self) -> Decimal:
        """What attempts under way may still cost, USD."""
        with self._account() as account:
            return account.reserved

    @property
    def spent(self) -> Decimal:
        """What is gone of this period's, USD: settled, or reserved."""
        with self._account() as account:
            return account.spent

    def reserve(self, usd: Decimal) -> Reservation | None:
        """Set *usd* aside for one attempt; `None` if there is not so much left."""
        with self._account() as account:
            if account.spent + usd > self.usd:
                return None
            account.reserved += usd
            return Reservation(self._book, account, usd)

    @contextmanager
    def _account(self) -> Iterator[_Account]:
        """The account of the period it is, while nobody else has it."""
        period = time.gmtime(self._clock())[: _PARTS[self.per]]
        with self._book.held():
            yield self._book.account(period)

    # One process, one budget: a copy would be money that is not there.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return Budget._shared, (self.usd, self.per, self._file, None, self._pot)


class Reservation:
    """Part of a budget set aside for one attempt. Whoever leaves it unsettled gives it back."""

    def __init__(self, book: _Book, account: _Account, usd: Decimal) -> None:
        self.usd = usd
        self._book = book
        # Of the period it was made in: there it is settled, whenever that is.
        self._account: _Account | None = account
        self._pid = os.getpid()

    def settle(self, usd: Decimal) -> None:
        """Note that the attempt came to *usd*; only the first word counts."""
        # In a forked process the attempt is its parent's.
        if self._pid != os.getpid():
            return
        with self._book.held():
            account, self._account = self._account, None
            if account is not None:
                account.reserved -= self.usd
                account.settled += usd

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.settle(Decimal(0))


@dataclass(slots=True)
class _Account:
    """What is gone in one period."""

    settled: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)

    @property
    def spent(self) -> Decimal:
        return self.settled + self.reserved


class _Book:
    """The accounts of one budget in one process, and the lock on them."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._accounts: dict[_Period, _Account] = {}

    @contextmanager
    def held(self) -> Iterator[None]:
        """The accounts are the caller's alone."""
        # In a fork the lock may be held for ever, and what is set aside is its parent's.
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.Lock()
            self._accounts = {
                period: _Account(each.settled) for period, each in self._accounts.items()
            }
        with self._lock:
            yield

    def account(self, period: _Period) -> _Account:
        """The account of *period*. The one before it is kept: wall clocks are set back."""
        account = self._accounts.get(period)
        if account is None:
            before = dict([*self._accounts.items()][-1:])
            account = _Account()
            self._accounts = {**before, period: account}
        return account


_Key: TypeAlias = tuple[str | int, Per | None, str | None]
"""The file or the config, the period, and the route whose shadow it is for."""

_books: dict[_Key, _Book] = {}


def _book(key: _Key, config: Config | None) -> _Book:
    """The book of that key in this process; *config* is who it goes with, if anybody."""
    made = _Book()
    # One step for all threads: of two books that are made at once one stays.
    book = _books.setdefault(key, made)
    if config is not None and book is made:
        weakref.finalize(config, _books.pop, key, None).atexit = False
    return book
