"""What an answer is held to before it counts: a check looks at its text and says what is wrong.

An answer that fails one goes up one candidate (`escalate` of a route, `check` of a router).
Checks see the visible text alone; an answer that calls tools is never held to one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Final, TypeAlias

from globalapi_core.errors import BrokenCheckError, RejectedAnswerError
from globalapi_core.pricing import total
from globalapi_core.records import CallRecord, Decision, known_cost

Check: TypeAlias = Callable[[str], str | None]
"""Takes an answer's text; `None`, or why it will not do, without quoting it."""
Own: TypeAlias = Callable[[str], str | bool | None]
"""A caller's own check: `None` and `True` let the answer pass, `False` and words do not."""

ENOUGH = 80
"""Visible characters that tell a refusal from another answer; a Chinese one counts twice."""
_ENOUGH_AFTER_AN_APOLOGY = 200
_LONGEST_REASON = 200

_FENCE = re.compile(r"```[A-Za-z0-9]*[ \t]*\n(.*?)\n?```", re.DOTALL)
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))
_APOLOGY = re.compile(
    r"\W*(?:i(?:'|’)?m (?:\w+ )?(?:sorry|afraid)|sorry|i apologi[sz]e|unfortunately|"
    r"抱歉|很抱歉|非常抱歉|对不起|對不起|很遗憾|很遺憾)",
    re.IGNORECASE,
)


def refusal(text: str) -> str | None:
    """What is wrong if the model declines to answer, in English or Chinese; `None`: it does not.

    An answer that quotes or explains a refusal is none, nor one that declines a part and
    gives the rest.
    """
    # Its words take some 20 ms to compile, and most programs ask for no check.
    from globalapi_core.refusals import is_refusal

    return "it is a refusal" if is_refusal(text) else None


def empty(text: str) -> str | None:
    """What is wrong if there is nothing to see; `None`: there is something."""
    return None if text.translate(_INVISIBLE).strip() else "it is empty"


def json(text: str) -> str | None:
    """What is wrong if the text is no JSON object or list, bare or in a code fence; else `None`."""
    from pydantic_core import from_json

    stripped = text.strip()
    fenced = _FENCE.fullmatch(stripped)
    stripped = fenced[1].strip() if fenced else stripped
    if not stripped.startswith(("{", "[")):
        return "it is not JSON: no object and no list"
    try:
        from_json(stripped, allow_inf_nan=False)
    except ValueError:
        return "it is not JSON"
    return None


CHECKS: Final = MappingProxyType[str, Check]({"refusal": refusal, "empty": empty, "json": json})
"""Those that `escalate` names."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What the answers of one call are held to."""

    names: tuple[str, ...] = ()
    """Of `CHECKS`."""
    own: Own | None = None
    """The caller's; it is asked last, and of no answer that fails another check than `refusal`."""
    refusal_will_do: bool = True
    """Whether a refusal may be handed over where no other answer is to be had."""

    def __bool__(self) -> bool:
        return bool(self.names or self.own)

    def rejected(self, text: str) -> RejectedAnswerError | None:
        """Why a whole answer will not do; `None` if it will.

        Whether nothing but a refusal was found is said by `is_answer`. What the caller's check
        raises comes back as a `BrokenCheckError`.
        """
        failed = {name: why for name in self.names if (why := CHECKS[name](text))}
        if self.own and failed.keys() <= {"refusal"}:
            try:
                why = _said(self.own, text)
            except Exception as raised:
                return _broken(raised, text)
            if why:
                failed["own"] = why
        if not failed:
            return None
        reasons = "; ".join(failed.values())
        error = RejectedAnswerError(f"the answer will not do: {reasons}", partial_text=text)
        error.is_answer = failed.keys() == {"refusal"} and self.refusal_will_do
        return error

    @property
    def needs_all(self) -> bool:
        """Whether only a whole answer can be checked: a stream is held back until its end."""
        return self.own is not None or "json" in self.names

    def may_show(self, text: str) -> bool:
        """Whether so much of a stream has come, *text*, that no check can turn it down any more."""
        if self.needs_all or empty(text):
            return False
        return "refusal" not in self.names or (_tells(text) and not refusal(text))


def of(names: Iterable[str], own: Own | None = None, *, for_object: bool = False) -> Checks:
    """The checks of these *names*, and the caller's.

    Args:
        names: of `CHECKS`.
        own: the caller's; `None`: he has none.
        for_object: whether the answer must be an object of a schema, which is checked apart:
            then a refusal is no answer that could be handed over.

    Raises:
        ValueError: there is no such check.
    """
    given = tuple(dict.fromkeys(names))
    if unknown := [name for name in given if name not in CHECKS]:
        known = ", ".join(map(repr, CHECKS))
        raise ValueError(f"unknown check {unknown[0]!r}; there are {known}")
    return Checks(tuple(each for each in given if not (for_object and each == "refusal")), own)


NONE: Final = Checks()
"""Any answer will do."""


@dataclass(frozen=True, slots=True)
class CheckedDecision(Decision):
    """The decision for one attempt of a router's member, whose answer is held to *checks*."""

    checks: Checks = NONE

    # A function of the caller's may not be picklable, and an error with its record must be.
    def __reduce__(self) -> tuple[object, ...]:
        return Decision, tuple(getattr(self, each.name) for each in fields(Decision))


def held(decision: Decision, checks: Checks) -> Decision:
    """*decision*, its answer held to *checks*."""
    if not checks:
        return decision
    given = {each.name: getattr(decision, each.name) for each in fields(Decision)}
    return CheckedDecision(**given, checks=checks)


def asked_of(decision: Decision) -> Checks:
    """What the answer to *decision* is held to."""
    if isinstance(decision, CheckedDecision):
        return decision.checks
    return of(decision.escalate)


@dataclass(frozen=True, slots=True)
class Escalations:
    """How often calls went up a candidate because of a check, and what that cost."""

    calls: int
    escalated: int
    """Calls of which an answer was left for the next candidate's because it failed a check."""
    usd: Decimal | None
    """What the answers came to that were rejected and not handed over; `None`: not known."""

    @property
    def rate(self) -> float | None:
        """The share of the calls that went up, 0 to 1; `None` without calls."""
        return self.escalated / self.calls if self.calls else None

    def __str__(self) -> str:
        cost = "unknown cost" if self.usd is None else f"${self.usd:.6f}"
        rate = "" if self.rate is None else f" ({self.rate:.1%})"
        return f"{self.escalated} of {self.calls} calls escalated{rate}, {cost}"


def escalations(records: Iterable[CallRecord]) -> Escalations:
    """What escalation came to in these calls, such as those of `recorded_calls`."""
    calls = list(records)
    costs = [known_cost(*each) for record in calls for each in record.rejected]
    return Escalations(
        calls=len(calls),
        escalated=sum(bool(record.escalated) for record in calls),
        usd=total([each for each in costs if each is not None]).usd,
    )


def _said(own: Own, text: str) -> str | None:
    """What the caller's check says is wrong."""
    said = own(text)
    if said is None or said is True or said == "":
        return None
    if said is False:
        return "the caller's check turned it down"
    if isinstance(said, Coroutine):
        said.close()
        raise TypeError("the check is async, and is not awaited; expected a plain function")
    if not isinstance(said, str):
        raise TypeError(
            f"the check gave {type(said).__name__!r}; expected None or True for an answer that "
            "will do, False or a reason for one that will not"
        )
    return said[:_LONGEST_REASON]


def _broken(raised: Exception, text: str) -> BrokenCheckError:
    error = BrokenCheckError(f"the caller's check raised {type(raised).__name__}")
    error.partial_text = text
    error.raised = raised
    return error


def _tells(text: str) -> bool:
    """Whether there is enough of *text* to tell a refusal."""
    enough = _ENOUGH_AFTER_AN_APOLOGY if _APOLOGY.match(text) else ENOUGH
    if len(text) < enough // 2:
        return False
    width = 0
    for each in text:
        if not each.isspace():
            width += 2 if unicodedata.east_asian_width(each) in "WF" else 1
            if width >= enough:
                return True
    return False
