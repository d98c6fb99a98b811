"""Why a request is not answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from globalapi_core.catalog import ModelInfo
from globalapi_core.sandbox.chat import ChatRequest


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not answered, as it goes into the error body."""

    message: str
    param: str | None = None
    """The field it is about."""
    code: str | None = None
    status: int = 400


Rule = Callable[[ChatRequest, ModelInfo], Refusal | None]
