"""The gateway's errors as LangChain knows them.

Each is both: `except globalapi_core.errors.RateLimitError` and `except
langchain_core.exceptions.ModelRateLimitError` catch the same one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core import exceptions as theirs

from globalapi_core import errors


class GatewayConnectionError(errors.GatewayConnectionError, theirs.ModelConnectionError):
    """The endpoint could not be reached."""


class ConnectionLostError(errors.ConnectionLostError, theirs.ModelConnectionError):
    """The connection broke before any of the answer arrived."""


class GatewayTimeoutError(errors.GatewayTimeoutError, theirs.ModelTimeoutError):
    """The endpoint or the model did not answer in time."""


class DeadlineExceededError(errors.DeadlineExceededError, theirs.ModelTimeoutError):
    """The deadline of the whole call left no time for another attempt."""


class RateLimitError(errors.RateLimitError, theirs.ModelRateLimitError):
    """Too many requests."""


class ServerError(errors.ServerError, theirs.ModelAPIError):
    """The gateway or the model behind it failed or is overloaded."""


class ModelNotFoundError(errors.ModelNotFoundError, theirs.ModelNotFoundError):
    """The gateway does not serve this model."""


class ContextOverflowError(errors.ContextOverflowError, theirs.ContextOverflowError):
    """The prompt is longer than the model's context window."""


class QuotaExceededError(errors.QuotaExceededError, theirs.ModelPermissionDeniedError):
    """The balance or quota of the account is used up."""


class AuthenticationError(errors.AuthenticationError, theirs.ModelAuthenticationError):
    """The API key was not accepted, or may not do this."""


class ContentFilteredError(errors.ContentFilteredError, theirs.ModelInvalidRequestError):
    """A content policy stopped the prompt or the answer."""


class InvalidRequestError(errors.InvalidRequestError, theirs.ModelInvalidRequestError):
    """The gateway did not accept the request."""


class ResponseError(errors.ResponseError, theirs.ModelAPIError):
    """An answer arrived that is not a chat completion."""


class IncompleteResponseError(errors.IncompleteResponseError, theirs.ModelAPIError):
    """An answer ended without a finish reason."""


class RejectedAnswerError(errors.RejectedAnswerError, theirs.ModelAPIError):
    """A whole answer failed a check."""


class BrokenCheckError(errors.BrokenCheckError, theirs.ModelAPIError):
    """The caller's own check raised."""


class UnusableAnswerError(RejectedAnswerError, theirs.OutputParserException):
    """An answer arrived that is not the object that was asked for. It was paid for."""

    # What does not fit a schema may fit it the next time.
    retryable = True

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        # LangChain's own puts an address of its manual behind it.
        self.args = (message,)


class AllModelsFailedError(errors.AllModelsFailedError, theirs.ModelError):
    """Every candidate was tried and failed."""


_BOTH: dict[type[Exception], type[Exception]] = {
    both.__mro__[1]: both
    for both in (
        *(GatewayConnectionError, ConnectionLostError, GatewayTimeoutError),
        *(DeadlineExceededError, RateLimitError, ServerError, ModelNotFoundError),
        *(ContextOverflowError, QuotaExceededError, AuthenticationError),
        *(ContentFilteredError, InvalidRequestError, ResponseError, IncompleteResponseError),
        *(RejectedAnswerError, BrokenCheckError, AllModelsFailedError),
    )
}


@contextmanager
def in_both_families() -> Iterator[None]:
    """Raise the core's errors so that LangChain's names for them catch them too."""
    try:
        yield
    except (errors.GatewayError, errors.AllModelsFailedError) as error:
        both = _BOTH.get(type(error))
        if both is None:
            raise
        raise _as(both, error) from error.__cause__


def _as(both: type[Exception], error: Exception) -> Exception:
    made = both.__new__(both, *error.args)
    made.args = error.args
    made.__dict__.update(error.__dict__)
    if isinstance(made, theirs.ModelError):
        made.is_retryable = bool(getattr(error, "retryable", False))
    return made.with_traceback(error.__traceback__)
