"""Tests in the file that fail."""

from __future__ import annotations

from collections.abc import Iterator

from globalapi_core.cli import _cases
from globalapi_core.cli._advice import Advice
from globalapi_core.router import Router


def find(router: Router) -> Iterator[Advice]:
    """Advice on each test that fails: what came instead, and why."""
    for result in _cases.run(router):
        if not result.passed:
            text = f"the test {result.name!r} fails: {'; '.join(result.wrong)}"
            why = f"{'; '.join(result.why)}"
            yield Advice("error", ("tests", result.number), text, why)
