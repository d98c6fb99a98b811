"""Which models are left out for a while because they just failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from globalapi_core.errors import GatewayError


class Health:
    """Cooldowns of the models of one router, shared by all its calls and threads."""

    def __init__(
        self, *, cooldown: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Leave a failed model out for *cooldown* seconds, as *clock* counts them."""
        self.cooldown = cooldown
        self.clock = clock
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def failed(self, model: str, error: GatewayError) -> None:
        """Note that *model* was given up with *error*; a fault of the request counts not."""
        if error.scope != "model":
            return
        pause = self.cooldown if error.retry_after is None else error.retry_after
        with self._lock:
            self._until[model] = self.clock() + pause

    def answered(self, model: str) -> None:
        """Note that *model* works."""
        with self._lock:
            self._until.pop(model, None)

    def cooling(self) -> Mapping[str, float]:
        """The models left out now, with the seconds until each may be tried again."""
        now = self.clock()
        with self._lock:
            return {model: until - now for model, until in self._until.items() if until > now}

    # A lock cannot be pickled or copied, and cooldowns are this process's own.
    def __reduce__(self) -> tuple[object, ...]:
        return _fresh, (self.cooldown,)


def _fresh(cooldown: float) -> Health:
    return Health(cooldown=cooldown)
