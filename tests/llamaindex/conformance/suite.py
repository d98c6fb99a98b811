"""All checks, in the order of the page."""

from __future__ import annotations

from tests.llamaindex.conformance import (
    agents,
    answers,
    chats,
    copies,
    engines,
    judges,
    methods,
    selectors,
    structured,
    watching,
)
from tests.llamaindex.conformance.bench import CHECKS as _ADDED
from tests.llamaindex.conformance.bench import Check

__all__ = ["CHECKS", "SECTIONS"]

_MODULES = (
    *(methods, answers, engines, chats, selectors),
    *(agents, structured, judges, watching, copies),
)
_ORDER = [module.__name__ for module in _MODULES]

CHECKS: list[Check] = sorted(_ADDED, key=lambda check: _ORDER.index(check.module))
SECTIONS: list[str] = list(dict.fromkeys(check.section for check in CHECKS))
