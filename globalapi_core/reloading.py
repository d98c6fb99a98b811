"""A config file that is edited while calls are made: each goes by the file as it is when it begins.

Configs and routers never change; `LiveRouter` makes another router when the file says something
else. A file that cannot be used leaves the last good config in force, and one warning says why.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from globalapi_core.budget import Budget
from globalapi_core.config import Config, default_config, parse_config
from globalapi_core.config.file import find_config, read_config
from globalapi_core.drift import Drift
from globalapi_core.errors import ConfigError
from globalapi_core.router import Router

INTERVAL = 1.0
"""Seconds between two looks at a file, at least."""

_LOG = logging.getLogger(__name__)

_warned: dict[tuple[str, str], object] = {}
"""The files, and what was in them, of which it was said that they cannot be used.

Of the process: all that is made from one file says it once.
"""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class InForce:
    """What one call goes by, from beginning to end."""

    router: Router
    budget: Budget | None
    """`None`: the config sets none."""
    shadows: Mapping[str, Budget] = field(default_factory=dict, compare=False)
    """What the shadows of each route may come to, by the route's name."""
    drift: Drift | None = field(default=None, compare=False)
    """What becomes of the models' shares; `None`: the config asks for no alerts."""

    @property
    def config(self) -> Config:
        """The config of the router."""
        return self.router.config

    @classmethod
    def of(cls, config: Config, *, file: str | None = None) -> InForce:
        """What *config* sets: the same object as long as anybody has it.

        A router's members are made in the middle of calls, and then nothing is read again.

        Args:
            config: the config.
            file: the file by which its budget is known; `None`: the one it was read from.
        """
        found = _made.get(id(config))
        if found is None or found.config is not config:
            named = config.model_copy(update={"file": file}) if file else config
            found = cls(Router(config), Budget.of(named), dict(_pots(named)), Drift.of(named))
            _made[id(config)] = found
        return found


def _pots(config: Config) -> Iterator[tuple[str, Budget]]:
    """The budget of each route's shadow."""
    for route in config.routes:
        budget = Budget.of_shadow(config, route.name)
        if budget is not None:
            yield route.name, budget


_made: weakref.WeakValueDictionary[int, InForce] = weakref.WeakValueDictionary()
"""By the identity of the config, which each of them keeps alive."""


class LiveRouter:
    """The router of a config file as the file is now.

    The file is read again at most every `INTERVAL` seconds, by the call that comes first then;
    others go on meanwhile. Its text is compared, and not its times: they miss two edits within
    one tick of a clock, and a file put in place with an old date. Evaluation results that it
    names are read again with it. What was spent of its budget stays spent.

    A copy is the same; a pickle holds the config that was in force. Where the unpickling
    machine has no such file, that one stays, without a word.
    """

    in_force: InForce
    """What was found at the last look."""
    _due: float

    def __init__(
        self,
        config: Config | str | os.PathLike[str] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use *config*, or follow the file it names, or the one that `load_config` finds now.

        A `Config`, and the shipped default, stay as they are.

        Args:
            config: as for `Router`.
            clock: seconds, monotonic.

        Raises:
            ConfigError: the file cannot be used.
        """
        self._clock = clock
        self._start(due=clock() + INTERVAL)
        self._file: _File | None = None
        name = None if isinstance(config, Config) else find_config(config)
        if name is None:
            self.in_force = InForce.of(config if isinstance(config, Config) else default_config())
            return
        self._file = file = _File.named(name)
        self.in_force = file.loaded(read_config(name))
        file.used = file.seen or ""
        _note_use(file)

    def now(self) -> InForce:
        """What a call that begins now goes by."""
        if self._is_due():
            self._look()
        return self.in_force

    async def anow(self) -> InForce:
        """`now`; the file is read beside the event loop."""
        if self._is_due():
            await asyncio.to_thread(self._look)
        return self.in_force

    def _is_due(self) -> bool:
        """Whether the caller is to look."""
        if self._file is None:
            return False
        now = self._clock()
        if now < self._due:
            return False
        self._due = now + INTERVAL
        return True

    def _look(self) -> None:
        # In a fork the lock may be held for ever.
        if self._pid != os.getpid():
            self._start(due=self._due)
        if self._file is not None and self._looking.acquire(blocking=False):
            try:
                self._read(self._file)
            finally:
                self._looking.release()

    def _read(self, file: _File) -> None:
        """Take up what the file says, if it is new and can be used."""
        before = file.seen
        try:
            text = read_config(file.current_name)
        except ConfigError as error:
            file.seen = str(error)
            # Where it has never been, nothing has gone wrong with it.
            if before is not None and file.seen != before:
                _warn(file, error)
            return
        file.seen = file.state(text)
        if file.seen == before:
            return
        if file.seen != file.used:
            try:
                found = file.loaded(text)
            # Whatever is wrong with it, calls go on.
            except Exception as error:
                _warn(file, error)
                return
            _tell_change(file, self.in_force.config, found.config)
            self.in_force, file.used = found, file.seen
        _note_use(file)

    def _start(self, *, due: float) -> None:
        self._pid = os.getpid()
        self._looking = threading.Lock()
        self._due = due

    # All copies follow one file, and need not look at it twice.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        file = self._file
        known = (file.name, file.path, file.real, file.used, file.results) if file else None
        return _unpickled, (type(self), known, self.in_force)


@dataclass(slots=True)
class _File:
    """A config file, and what is known of it."""

    name: str
    """As it was given, for messages."""
    path: str
    """Absolute: the working directory may change. Links are followed anew at each look."""
    real: str
    """Where it was at first: it is the same budget when a link then leads elsewhere."""
    used: str = ""
    """The `state` in force."""
    results: str | None = None
    """The evaluation results that the text last parsed names, which are read with it."""
    seen: str | None = None
    """The `state` last found, or why there was none; `None`: nobody has looked yet."""

    @classmethod
    def named(cls, name: str) -> _File:
        """The file *name*, of which nothing is known yet."""
        path = os.path.abspath(name)
        return cls(name, path, os.path.realpath(path))

    @property
    def current_name(self) -> str:
        """Its name as given, as long as that leads to it."""
        return self.name if os.path.abspath(self.name) == self.path else self.path

    def state(self, text: str) -> str:
        """What tells *text*, and the results of now, from others."""
        stamp: tuple[int, ...] = ()
        if self.results is not None:
            with suppress(OSError):
                found = os.stat(self.results)
                stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        return f"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()} {stamp}"

    def loaded(self, text: str) -> InForce:
        """What its *text* says.

        Raises:
            ConfigError: something in it, or in the results it names, is wrong.
        """
        config = parse_config(text, file=self.current_name)
        _ = config.catalog  # merged here and now, beside the calls
        named = config.results
        self.results = named and os.path.join(os.path.dirname(self.path), named)
        self.seen = self.state(text)
        return InForce.of(config, file=self.real)


def _warn(file: _File, error: Exception) -> None:
    """Say, once for all that is made from the file, why what is in it is not used."""
    mine = object()
    # One step for all threads: whoever put it there says it.
    if _warned.setdefault((file.path, file.seen or ""), mine) is mine:
        # Others' errors may quote the file, and a key in it.
        why = error if isinstance(error, ConfigError) else type(error).__name__
        _LOG.warning("the config stays as it was, for its file cannot be used: %s", why)


def _note_use(file: _File) -> None:
    """Say that the file is well, if it was said that it is not."""
    mended = [_warned.pop(each, None) for each in list(_warned) if each[0] == file.path]
    if any(mended):
        _LOG.warning("the config file can be used again: %s", file.current_name)


def _tell_change(file: _File, before: Config, after: Config) -> None:
    name = file.current_name
    _LOG.info("the config file was edited, and calls go by it from now on: %s", name)
    if before.gateway.base_url != after.gateway.base_url:
        _LOG.warning(
            "%s: gateway.base_url was edited, which holds for models and routers that are made "
            "from now on: calls of those there are still go where they went",
            name,
        )


def _unpickled(
    made: type[LiveRouter], known: tuple[Any, ...] | None, in_force: InForce
) -> LiveRouter:
    live = made.__new__(made)
    live._clock = time.monotonic
    live._start(due=0.0)
    live._file = None if known is None else _File(*known)
    live.in_force = _made[id(in_force.config)] = in_force
    return live
