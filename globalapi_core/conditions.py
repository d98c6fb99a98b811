"""What `when` asks of a request, and whether it holds: pure functions of its signals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from globalapi_core.config import When
from globalapi_core.signals import Signals


def unmet(when: When | None, signals: Signals) -> str | None:
    """The first condition of *when* that does not hold, in words; `None` if all hold."""
    for name, wanted in (when.conditions if when else {}).items():
        actual = CONDITIONS[name](signals, wanted)
        if actual is not None:
            return f"{name} is {actual}, not {_words(wanted)}"
    return None


def met(when: When | None, signals: Signals) -> str:
    """Which conditions of *when* hold, in words, with what in the text showed it."""
    reasons = []
    for name, wanted in (when.conditions if when else {}).items():
        evidence = signals.evidence.get(_SHOWN_BY.get(name, name))
        held = _found(name, wanted, signals)
        reasons.append(f"{name}: {_words(held)}" + (f" ({evidence})" if evidence else ""))
    return "; ".join(reasons) or "no other route fired"


def _found(name: str, wanted: Any, signals: Signals) -> Any:
    """What of *wanted* made the condition hold: of a list, what the request has."""
    if not isinstance(wanted, list):
        return wanted
    held = [each for each in wanted if CONDITIONS[name](signals, [each]) is None]
    if name == "pii":
        return [each for each in held if each != "any"] or sorted(signals.pii)
    return held


def _unlike(actual: str, holds: bool) -> str | None:
    return None if holds else actual


def _flag(name: str) -> Callable[[Signals, bool], str | None]:
    def check(signals: Signals, wanted: bool) -> str | None:
        actual = bool(getattr(signals, name))
        return _unlike(str(actual).lower(), actual == wanted)

    return check


def _any_of(name: str) -> Callable[[Signals, list[str]], str | None]:
    def check(signals: Signals, wanted: list[str]) -> str | None:
        actual: frozenset[str] = getattr(signals, name)
        return _unlike(_listed(actual), not actual.isdisjoint(wanted))

    return check


def _language(signals: Signals, wanted: list[str]) -> str | None:
    if signals.language in wanted:
        return None
    spoken = signals.language
    if spoken == "zh":
        # Text such as 你好 is the same in both scripts, and suits those who ask for either.
        scripts = [signals.script] if signals.script else ["Hans", "Hant"]
        if any(f"zh-{script}" in wanted for script in scripts):
            return None
        spoken += f"-{signals.script}" if signals.script else ""
    return spoken


def _metadata(signals: Signals, wanted: Mapping[str, list[str]]) -> str | None:
    for key, values in wanted.items():
        if key not in signals.metadata:
            return f"without {key}"
        if signals.metadata[key] not in values:
            # Callers put names and ids of people into it: the value is not told.
            return f"another {key}"
    return None


def _pii(signals: Signals, wanted: list[str]) -> str | None:
    holds = bool(signals.pii) if "any" in wanted else not signals.pii.isdisjoint(wanted)
    return _unlike(_listed(signals.pii), holds)


def _bound(name: str, form: str, *, least: bool) -> Callable[[Signals, float], str | None]:
    def check(signals: Signals, bound: float) -> str | None:
        actual = getattr(signals, name)
        return _unlike(f"{actual:{form}}", actual >= bound if least else actual <= bound)

    return check


CONDITIONS: Mapping[str, Callable[[Signals, Any], str | None]] = {
    "modality": _any_of("modalities"),
    "tools": _flag("tools"),
    "json_output": _flag("response_format"),
    "language": _language,
    "task": lambda signals, wanted: _unlike(signals.task, signals.task in wanted),
    "min_difficulty": _bound("difficulty", "g", least=True),
    "max_difficulty": _bound("difficulty", "g", least=False),
    "code": _flag("code"),
    "reasoning": _flag("reasoning"),
    "pii": _pii,
    "min_tokens": _bound("input_tokens", ",", least=True),
    "max_tokens": _bound("input_tokens", ",", least=False),
    "keywords": _any_of("keywords"),
    "tags": _any_of("tags"),
    "metadata": _metadata,
}
"""For each key of `when`: what a request has in place of what is wanted, `None` if it holds."""

_SHOWN_BY = {"min_difficulty": "difficulty", "max_difficulty": "difficulty"}
"""The evidence of conditions that are not named like their signal."""


def _listed(found: Iterable[str]) -> str:
    return ", ".join(sorted(found)) or "none"


def _words(wanted: object) -> str:
    if isinstance(wanted, list):
        return " or ".join(map(str, wanted))
    if isinstance(wanted, bool):
        return str(wanted).lower()
    if isinstance(wanted, dict):
        return ", ".join(f"{key} {_words(values)}" for key, values in wanted.items())
    return f"{wanted:,}" if isinstance(wanted, int) else str(wanted)
