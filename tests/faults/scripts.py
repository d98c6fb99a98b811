"""Every scripted fault, in the order of the rows."""

from __future__ import annotations

from tests.faults import bodies, events, statuses, streams, tools, transport
from tests.faults.case import Case

CASES: tuple[Case, ...] = tuple(
    sorted(
        (
            *transport.CASES,
            *streams.CASES,
            *events.CASES,
            *tools.CASES,
            *bodies.CASES,
            *statuses.CASES,
        ),
        key=lambda case: case.row,
    )
)
