"""All that is wrong with a config file or unwise in it, each with its line: one round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from globalapi_core.cli._advice import Severity, find
from globalapi_core.config import keys, problems
from globalapi_core.config.file import Reading


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at in a config file; nothing in it shows a key."""

    severity: Severity
    line: int | None
    key: str | None
    text: str
    """What is the matter."""
    help: str = ""
    """What to do; empty where *text* says it."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "severity": self.severity,
            "line": self.line,
            "key": self.key,
            "message": self.text,
            "help": self.help or None,
        }


def of(reading: Reading) -> list[Finding]:
    """What there is to say of *reading*, in the order of the file, errors first on a line."""
    found = [*_problems(reading), *_advice(reading)]
    found += _keys(reading, {each.line for each in found if problems.KEEP_OUT in each.text})
    return sorted(found, key=lambda each: (each.line or 0, each.severity))


def _problems(reading: Reading) -> Iterator[Finding]:
    for where, text in reading.problems:
        line = problems.line_of(reading.document, where)
        yield Finding("error", line, problems.path_of(where), keys.masked(text))


def _advice(reading: Reading) -> Iterator[Finding]:
    if reading.mended is None:
        return
    for each in find(reading.mended):
        where = reading.mended.place(each.location)
        line = problems.line_of(reading.document, where)
        yield Finding(each.severity, line, problems.path_of(where), each.text, each.help)


def _keys(reading: Reading, known: set[int | None]) -> Iterator[Finding]:
    """What looks like a key in a comment, or in a test, whose prompt may need one made up."""
    sections = {problems.line_of(reading.document, (name,)) or 0: name for name in reading.document}
    for line in keys.lines(reading.text):
        if line in known:
            continue
        within = max((each for each in sections if each <= line), default=0)
        if sections.get(within) == "tests":
            help_ = "if it is a real one, revoke it and make one up"
            yield Finding("warning", line, "tests", "this looks like a key", help_)
        else:
            help_ = "take it out of the file, and revoke it"
            yield Finding("error", line, None, "this looks like a key", help_)
