"""What may be observed: the record of every call of this process, once, as it ends.

A ledger of your own, a metric and `otel` are hooks. A hook sees what the `CallRecord`
says, which is neither prompt nor key. Shadows have hooks of their own: they are no calls of
the user's.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from globalapi_core.records import CallRecord

if TYPE_CHECKING:
    from globalapi_core.drift import Alert, Drift

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A call, and what its shadow made of the same request.

    Answers are texts without reasoning; a tool call is a line `name({"argument": value})`.
    """

    call: CallRecord
    """The user's."""
    shadow: CallRecord | None
    """The shadow's, with its own cost; `None`: it was not even begun."""
    error: Exception | None
    """Why there is no answer of the shadow's: a `BudgetExceededError` once its budget is used
    up; `None`: there is one."""
    answer: str = field(repr=False)
    """What the user was answered."""
    shadow_answer: str | None = field(repr=False)
    """`None`: the shadow failed."""

    @property
    def equal(self) -> bool | None:
        """Whether both said the same, but for white space around it; `None`: one did not."""
        if self.shadow_answer is None:
            return None
        return self.answer.strip() == self.shadow_answer.strip()


Hook: TypeAlias = Callable[[CallRecord], object]
ShadowHook: TypeAlias = Callable[[Shadowed], object]
AlertHook: TypeAlias = Callable[["Alert"], object]

_logger = logging.getLogger(__name__)
_hooks: dict[object, Hook] = {}
_shadow_hooks: dict[object, ShadowHook] = {}
_alert_hooks: dict[object, AlertHook] = {}


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
    return _added(hook, _hooks)


def on_shadow(hook: ShadowHook) -> Callable[[], None]:
    """Have *hook* told of every shadow as it ends, answered or failed.

    It runs in one of the shadows' threads, several at once. What it raises is logged, without
    its message: that may quote an answer.

    Args:
        hook: takes both records and both answers.

    Returns:
        What takes the hook away again.
    """
    return _added(hook, _shadow_hooks)


def on_alert(hook: AlertHook) -> Callable[[], None]:
    """Have *hook* told when a model's share of the calls leaves its band, and when it is back.

    Bands are the config's `alerts.shares`, and those of each route's `target_share`; `drift`
    says by which rule. A warning is logged too. It runs in the thread or task of the call by
    which the share was told. What it raises is logged and does not touch the call.

    Args:
        hook: takes the alert; `str` of it says all.

    Returns:
        What takes the hook away again.
    """
    return _added(hook, _alert_hooks)


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
    _tell_all(_hooks, record)


def tell_shadow(shadowed: Shadowed) -> None:
    """Tell all hooks of shadows of *shadowed*."""
    for hook in list(_shadow_hooks.values()):
        try:
            hook(shadowed)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            _logger.error(
                "the hook %s failed: %s in %s, line %s",
                *(_name(hook), type(error).__name__, where.filename, where.lineno),
            )


def tell_alert(alert: Alert) -> None:
    """Log *alert*, and tell all hooks of alerts."""
    _logger.warning("%s", alert)
    _tell_all(_alert_hooks, alert)


def watched(drift: Drift | None) -> Hook:
    """`tell`, by which *drift* is told of each call too; `None`: nobody watches."""
    if drift is None:
        return tell

    def told(record: CallRecord) -> None:
        for alert in drift.take(record.decision):
            tell_alert(alert)
        tell(record)

    return told


def _added(hook: T, hooks: dict[object, T]) -> Callable[[], None]:
    """Put *hook* among *hooks*; what takes it away again, once is enough."""
    key = object()
    hooks[key] = hook

    def remove() -> None:
        hooks.pop(key, None)

    return remove


def _tell_all(hooks: Mapping[object, Callable[[S], object]], subject: S) -> None:
    # A copy: another thread may add one, or take one away, in the meantime.
    for hook in list(hooks.values()):
        try:
            hook(subject)
        except Exception:
            _logger.exception("the hook %s failed", _name(hook))


def _name(hook: object) -> object:
    return getattr(hook, "__qualname__", type(hook))
