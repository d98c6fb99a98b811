"""Everything that can go wrong, as one tree.

GlobalAPIError
├── ConfigError                     the file, line and key of the offending entry
├── MissingKeyError                 no API key for the gateway
├── InsecureURLError                a base URL that would send the key in clear
├── UnknownModelError               the name, and near ones from the catalog
├── UnknownRouteError               the name, and the routes there are
├── InvalidInputError               an input that no model can be called with
├── NoCandidateError                each model turned down, with its reason
│   └── PolicyError                 a model could have, and a policy does not allow it
├── AllModelsFailedError            also an ExceptionGroup: one error per attempt
├── BudgetExceededError             no money left for another attempt
├── SandboxError                    the sandbox could not start
└── GatewayError                    what came of one attempt
    ├── GatewayConnectionError      could not connect: retry, then raise
    ├── ConnectionLostError         connected, then lost: retry, then fall back
    ├── GatewayTimeoutError         too slow: retry, then fall back
    │   └── DeadlineExceededError   no time left for another attempt: raise
    ├── RateLimitError              retry after `retry_after`, then fall back
    ├── ServerError                 retry, then fall back
    ├── ModelNotFoundError          fall back
    ├── ContextOverflowError        fall back, to a larger window only
    ├── QuotaExceededError          raise: every model shares the account
    ├── AuthenticationError         raise: every model shares the key
    ├── ContentFilteredError        raise
    ├── InvalidRequestError         raise
    ├── AbandonedError              the caller left: in records only
    └── ResponseError               an answer that cannot be used: retry, then fall back
        ├── IncompleteResponseError an answer without its end
        └── RejectedAnswerError     an answer that fails a check: fall back
            └── BrokenCheckError    the caller's check raised: what it raised is raised

What is retried (the same model again) and what falls back (the next candidate) is
said on each class and can differ on an instance: `wire.failures` decides it from the
status, headers and body of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from globalapi_core.pricing import Usage
    from globalapi_core.records import CallRecord, Rejection

Scope = Literal["request", "model", "key", "endpoint"]
"""How far a failure reaches: this request only, this model, all that share the key,
or all that share the endpoint."""


class GlobalAPIError(Exception):
    """Base of every error this library raises on purpose."""

    # The facts travel as state, after the error itself: its record holds it again.
    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (type(self), self.args), self.__dict__


class ConfigError(GlobalAPIError):
    """A config file that cannot be used; the message names file, line and key."""

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        where = ":".join(str(part) for part in (file, line) if part is not None)
        super().__init__(": ".join(part for part in (where, key, message) if part))
        self.file = file
        self.line = line
        self.key = key


class MissingKeyError(GlobalAPIError):
    """No API key was given by argument, environment or file."""


class InsecureURLError(GlobalAPIError):
    """The base URL is plain http and not on the loopback interface."""


class _UnknownNameError(GlobalAPIError):
    """A name that is not known; near ones are suggested."""

    kind = "name"

    def __init__(self, name: str, *, close: Sequence[str] = (), known: Sequence[str] = ()) -> None:
        text = f"unknown {self.kind} {name!r}"
        if close:
            text += f"; did you mean {' or '.join(map(repr, close))}?"
        elif known:
            text += f"; there are {', '.join(map(repr, known))}"
        super().__init__(text)
        self.name = name
        self.close = tuple(close)


class UnknownModelError(_UnknownNameError):
    """A model name that neither the catalog nor the config file knows."""

    kind = "model"


class UnknownRouteError(_UnknownNameError):
    """A route name that the config file does not define."""

    kind = "route"


class InvalidInputError(GlobalAPIError, ValueError):
    """An input that no model can be called with, such as an empty conversation."""


class NoCandidateError(GlobalAPIError):
    """Every model considered for a call was turned down.

    Attributes:
        route: the route that fired.
        rejected: each model turned down, with its reason.
    """

    def __init__(self, message: str, *, route: str | None, rejected: Sequence[Rejection]) -> None:
        super().__init__(message)
        self.route = route
        self.rejected = tuple(rejected)


class PolicyError(NoCandidateError):
    """The models that could take a call are not allowed to: a policy of the file forbids it.

    `rejected` names the policy for each of them.
    """


class BudgetExceededError(GlobalAPIError):
    """No attempt was left that is sure to stay within a limit: `attempts.max_cost` or `budget`.

    Attributes:
        limit: USD that may be spent, by one call or in the budget's period.
        spent: USD of it that are gone, those set aside for calls under way included.
        needed: USD that the cheapest attempt passed over may cost; `None`: no price is known.
        record: the whole call with every attempt; `passed_over` has who could not be paid.
    """

    def __init__(
        self, message: str, *, limit: Decimal, spent: Decimal, needed: Decimal | None
    ) -> None:
        super().__init__(message)
        self.limit = limit
        self.spent = spent
        self.needed = needed
        self.record: CallRecord | None = None


class SandboxError(GlobalAPIError):
    """The sandbox could not start, for example because its port is in use."""


class GatewayError(GlobalAPIError):
    """What went wrong in one attempt.

    Attributes:
        model: the model that was called, or `None` where no model was involved.
        status: the HTTP status, or `None` when no answer arrived.
        code: the error code in the body, as text, or `None`.
        request_id: the gateway's name for the request, or `None`.
        retry_after: seconds the gateway asked to wait, or `None` if it did not say.
        scope: how far the failure reaches.
        billed: whether it may be billed all the same: then it is retried once at most.
        begun: whether an answer had begun: what had come of it may be billed.
        retryable: whether the same model may be tried again.
        fallback: whether the next candidate may be tried.
        partial_text: what had arrived of the answer; `""` if nothing.
        partial_tokens: what that comes to, reasoning and tool calls included: estimated
            tokens, 0 if nothing had arrived; `None`: not known.
        usage: what the attempt is known to have used, or `None`: it may be billed all the same.
        shown: whether any of it had been handed to the caller.
        record: the whole call with every attempt, or `None` before the call has ended.
    """

    scope: Scope = "model"
    retryable: bool = False
    fallback: bool = True
    billed: bool = False
    begun: bool = False

    def __init__(
        self,
        message: str,
        *,
        model: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        partial_text: str = "",
        scope: Scope | None = None,
        retryable: bool | None = None,
        fallback: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.model = model
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.partial_text = partial_text
        self.partial_tokens: int | None = 0
        self.usage: Usage | None = None
        self.shown = False
        self.record: CallRecord | None = None
        if scope is not None:
            self.scope = scope
        if retryable is not None:
            self.retryable = retryable
        if fallback is not None:
            self.fallback = fallback


class GatewayConnectionError(GatewayError):
    """The endpoint could not be reached: refused, no such host, TLS, proxy."""

    scope: Scope = "endpoint"
    retryable = True
    fallback = False


class ConnectionLostError(GatewayError):
    """The connection broke before the answer was whole. It may have been billed."""

    retryable = True
    billed = True


class GatewayTimeoutError(GatewayError):
    """The endpoint or the model did not answer in time. It may have been billed."""

    retryable = True
    billed = True


class DeadlineExceededError(GatewayTimeoutError):
    """The deadline of the whole call left no time for another attempt."""

    scope: Scope = "request"
    retryable = False
    fallback = False


class RateLimitError(GatewayError):
    """Too many requests; `retry_after` says how long to wait, if the gateway did."""

    retryable = True


class ServerError(GatewayError):
    """The gateway or the model behind it failed or is overloaded."""

    retryable = True


class ModelNotFoundError(GatewayError):
    """The gateway does not serve this model, or the path of the base URL is wrong."""


class ContextOverflowError(GatewayError):
    """The prompt is longer than the model's context window."""

    scope: Scope = "request"


class QuotaExceededError(GatewayError):
    """The balance or quota of the account is used up."""

    scope: Scope = "key"
    fallback = False


class AuthenticationError(GatewayError):
    """The API key was not accepted, or may not do this."""

    scope: Scope = "key"
    fallback = False


class ContentFilteredError(GatewayError):
    """A content policy stopped the prompt or the answer."""

    scope: Scope = "request"
    fallback = False


class InvalidRequestError(GatewayError):
    """The gateway did not accept the request; another model would not either."""

    scope: Scope = "request"
    fallback = False


class AbandonedError(GatewayError):
    """The caller left before the answer was whole. Only the record says so: nobody is there."""

    scope: Scope = "request"
    fallback = False
    begun = True


class ResponseError(GatewayError):
    """An answer arrived that is not a chat completion. It may have been billed."""

    retryable = True
    begun = True


class IncompleteResponseError(ResponseError):
    """An answer ended without a finish reason: half an answer, never a whole one.

    `partial_text` has what arrived, `shown` says whether the caller has seen any of it.
    """


class RejectedAnswerError(ResponseError):
    """A whole answer that fails a check: it was paid for, and the next candidate is asked.

    Attributes:
        is_answer: whether it is handed over all the same where no other answer is to be had,
            as a refusal is.
        answer: the answer as whoever checked it had it; `partial_text` has its text.
    """

    # It says something about this request: the model works.
    scope: Scope = "request"
    retryable = False
    is_answer: bool = False
    answer: object = None


class BrokenCheckError(RejectedAnswerError):
    """The caller's own check raised: only records say so, the caller gets what it raised.

    Attributes:
        raised: what the check raised.
    """

    fallback = False
    raised: Exception | None = None


class AllModelsFailedError(GlobalAPIError, ExceptionGroup[GatewayError]):
    """Every candidate was tried and failed; `exceptions` has one error per attempt.

    `except* RateLimitError` and `except GlobalAPIError` both catch it.

    Attributes:
        record: the whole call with every attempt.
    """

    record: CallRecord | None = None

    @property
    def retryable(self) -> bool:
        """Whether the whole call may be tried again: some model's failure was a passing one."""
        return any(getattr(each, "retryable", False) for each in self.exceptions)

    @property
    def retry_after(self) -> float | None:
        """Seconds until the first of the models may be tried again, where any said so."""
        said = [each.retry_after for each in self.exceptions if isinstance(each, GatewayError)]
        return min((each for each in said if each is not None), default=None)

    def __new__(cls, message: str, errors: Sequence[GatewayError]) -> AllModelsFailedError:
        """Make the group; *errors* is in order of the attempts."""
        return super().__new__(cls, message, errors)

    def derive(self, excs: Sequence[GatewayError]) -> AllModelsFailedError:  # type: ignore[override]
        """Keep type and record when `except*` splits the group."""
        part = AllModelsFailedError(self.message, excs)
        part.record = self.record
        return part

    def __str__(self) -> str:
        lines = [self.message]
        for error in self.exceptions:
            name = error.model if isinstance(error, GatewayError) else None
            lines.append(f"  {name or 'gateway'}: {error}")
        return "\n".join(lines)


def _unpickled(cls: type[Exception], args: tuple[object, ...]) -> Exception:
    """An error whose constructor takes more than its message; its facts follow as state."""
    error = cls.__new__(cls, *args)
    error.args = args
    return error
