"""A request as the sandbox got it, and how it was answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from globalapi_core.sandbox import faults

_SECRET_HEADERS = frozenset(
    {"authorization", "api-key", "x-api-key", "proxy-authorization", "cookie"}
)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived, and how it was answered."""

    model: str | None
    """The model id as it was sent; `None` where the request names none."""
    path: str
    body: Mapping[str, Any] = field(repr=False)
    """The JSON body; `{}` if there was none or it was no JSON object."""
    headers: Mapping[str, str] = field(repr=False)
    """By lower-case name; a header that carries a secret is `***`."""
    authorized: bool
    """Whether the sandbox's key came with it; without a key of its own, whether any did."""
    method: str
    request_id: str
    """The `x-request-id` it was answered with."""
    at: float
    """When it arrived, in seconds of `time.monotonic()`."""
    status: int | None = None
    """The HTTP status of the answer, also where it is cut short later; `None`: there was none."""
    fault: faults.Fault | None = None
    """The scripted fault it met; `None` where all was well, or the sandbox refused it itself."""
    scripted: bool = False
    """Whether the answer's text was given by `Sandbox.say`."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        facts = {name: getattr(self, name) for name in self.__slots__}
        return {**facts, "fault": None if self.fault is None else faults.as_json(self.fault)}


def masked(headers: Mapping[str, str]) -> dict[str, str]:
    """*headers* without their secrets."""
    return {name: "***" if name in _SECRET_HEADERS else value for name, value in headers.items()}
