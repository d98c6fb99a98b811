"""What may be observed: the record of every call of this process, once, as it ends.

A ledger of your own, a metric and `otel` are hooks. A hook sees what the `CallRecord`
says, which is neither prompt nor key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from globalapi_core.records import CallRecord

Hook: TypeAlias = Callable[[CallRecord], object]

_logger = logging.getLogger(__name__)
_hooks: dict[object, Hook] = {}


def on_call(hook: Hook) -> Callable[[], None]:
    """Have *hook* told of every call as it ends, answered, failed or left.

    It runs in the thread or task of the call, before the answer is handed over: let it be
    quick. What it raises is logged and does not touch the call.

    Args:
        hook: takes the record of the call. The error of a failed call is the `error` of
            its last outcome; a call that was refused before any attempt has none.

    Returns:
        What takes the hook away again.
    """
    key = object()
    _hooks[key] = hook
    return lambda: _forget(key)


@contextmanager
def recorded_calls() -> Iterator[list[CallRecord]]:
    """The records of all calls that end within the block, whoever makes them.

    LlamaIndex's engines pass on an answer's text alone; this is where its record is::

        with recorded_calls() as calls:
            engine.query("How long does a refund take?")
        print([(call.model, call.cost.usd) for call in calls])
    """
    calls: list[CallRecord] = []
    remove = on_call(calls.append)
    try:
        yield calls
    finally:
        remove()


def tell(record: CallRecord) -> None:
    """Tell all hooks of *record*."""
    # A copy: another thread may add one, or take one away, in the meantime.
    for hook in list(_hooks.values()):
        try:
            hook(record)
        except Exception:
            _logger.exception("the hook %s failed", getattr(hook, "__qualname__", type(hook)))


def _forget(key: object) -> None:
    """Take the hook of *key* away; once is enough."""
    _hooks.pop(key, None)
