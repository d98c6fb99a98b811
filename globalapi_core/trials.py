"""One attempt under way: what has come of it, what of that may be shown, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from globalapi_core.errors import GatewayError, GlobalAPIError, RejectedAnswerError
from globalapi_core.records import Attempt, Outcome
from globalapi_core.signals import size

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Judge(Protocol[T_contra]):
    """What an answer is held to before it counts."""

    def may_show(self, items: Sequence[T_contra]) -> bool:
        """Whether *items*, a stream so far, may be shown: what was shown is not taken back."""

    def rejected(self, answer: T_contra) -> RejectedAnswerError | None:
        """Why a whole answer, or the last item of a stream, will not do; `None` if it will."""


class Trial(Generic[T]):
    """One attempt under way: how far it has come. It takes in the gateway's errors."""

    def __init__(
        self,
        attempt: Attempt,
        clock: Callable[[], float],
        facts: Callable[[T], Outcome | None],
        visible: Callable[[T], bool],
        text: Callable[[T], str] | None,
        left: Callable[[Trial[T]], None],
        judge: Judge[T] | None,
    ) -> None:
        self.attempt = attempt
        self._clock = clock
        self._facts = facts
        self._visible = visible
        self._text = text
        self._left = left
        self._judge = judge
        self._started = clock()
        self._streamed = False
        self._tokens = 0.0
        self.first: float | None = None
        """Seconds until something could be shown; `None` before that."""
        self.held: list[T] = []
        """Items held back: those before the first visible one, and what carries the outcome."""
        self.outcome: Outcome | None = None
        self.error: GatewayError | None = None
        """Why it failed, saying whether the caller has seen any of the answer."""

    @property
    def written(self) -> int | None:
        """Estimated tokens of the answer so far; `None`: not known."""
        return None if self._streamed and self._text is None else round(self._tokens)

    def timed(self, outcome: Outcome) -> Outcome:
        """*outcome*, with how long it took."""
        seconds = self._clock() - self._started
        return replace(outcome, seconds=seconds, first_delta=self.first)

    def pass_on(self, item: T) -> Iterator[T]:
        """Yield what may be shown now that *item* has come."""
        self._streamed = True
        if self._facts(item) is not None:
            self.take(item)
            if self._judge is not None:
                yield from self._release()
            self.held.append(item)
            return
        if self._text is not None:
            self._tokens += size.of_text(self._text(item))
        if self.first is not None:
            yield item
        else:
            self.held.append(item)
            if self._may_show(item):
                yield from self._release()

    def take(self, answer: T) -> None:
        """Take a whole answer, or the last item of a stream.

        Raises:
            RejectedAnswerError: it will not do, and the caller has seen nothing of it.
        """
        self.outcome = self._facts(answer)
        if self._judge is None or self.first is not None:
            return
        error = self._judge.rejected(answer)
        if error is not None:
            outcome = self.outcome or Outcome()
            error.answer = answer
            error.model = self.attempt.candidate.name
            error.usage, error.request_id = outcome.usage, outcome.request_id
            error.partial_tokens = outcome.estimate.output_tokens if outcome.estimate else 0
            raise error

    def _may_show(self, item: T) -> bool:
        return self._visible(item) if self._judge is None else self._judge.may_show(self.held)

    def _release(self) -> Iterator[T]:
        """Yield what was held back: the caller sees it now."""
        if self.held:
            self.first = self._clock() - self._started
        held, self.held = self.held, []
        yield from held

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, GatewayError):
            error.shown = self.first is not None
            error.model = error.model or self.attempt.candidate.name
            self.error = error
            return True
        # What we raise ourselves, such as for a request that is no JSON, was not sent.
        if error is not None and not isinstance(error, GlobalAPIError):
            self._left(self)
        return False
