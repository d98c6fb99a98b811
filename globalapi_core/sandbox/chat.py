"""A chat-completions request as the sandbox reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from globalapi_core.sandbox import prompts, tokens
from globalapi_core.signals.question import text_of


@dataclass(frozen=True)
class ChatRequest:
    """The body of one request; what is asked of it is worked out once.

    Before the rules have passed only `body` and `model` may be relied on.
    """

    body: Mapping[str, Any] = field(repr=False)

    @property
    def model(self) -> str:
        """The model id as it was sent."""
        return str(self.body["model"])

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation."""
        return self.body["messages"]  # type: ignore[no-any-return]  # a list once checked

    @property
    def tools(self) -> Sequence[Mapping[str, Any]]:
        """The functions offered, without their `{"type": "function"}` wrapping."""
        return [tool["function"] for tool in self.body.get("tools") or ()]

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return bool(self.body.get("stream"))

    @property
    def include_usage(self) -> bool:
        """Whether a stream is to end with a usage chunk."""
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def max_tokens(self) -> int | None:
        """Tokens of answer allowed, or `None` if not said."""
        limit = self.body.get("max_completion_tokens")
        return limit if limit is not None else self.body.get("max_tokens")

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop sequences."""
        stop = self.body.get("stop") or ()
        return (stop,) if isinstance(stop, str) else tuple(stop)

    @property
    def format(self) -> str:
        """`text`, `json_object` or `json_schema`."""
        return str((self.body.get("response_format") or {}).get("type", "text"))

    @property
    def schema(self) -> Mapping[str, Any]:
        """The schema of a `json_schema` response format."""
        return self.body["response_format"]["json_schema"]["schema"]  # type: ignore[no-any-return]

    @property
    def thinking(self) -> bool | None:
        """Whether to think, in either spelling in use; `None` if neither says."""
        switch = self.body.get("thinking")
        kind = switch.get("type") if isinstance(switch, Mapping) else None
        flag = self.body.get("enable_thinking")
        if flag is True or kind == "enabled":
            return True
        return False if flag is False or kind == "disabled" else None

    @cached_property
    def input_tokens(self) -> int:
        """Tokens of the prompt."""
        return tokens.of_prompt(self.body)

    @cached_property
    def question(self) -> str:
        """What is asked, without the context around it."""
        return prompts.question(self.messages)

    @property
    def user_text(self) -> str:
        """The last user message, or the last message if there is none."""
        found = [each for each in self.messages if each["role"] == "user"]
        return text_of(found[-1] if found else self.messages[-1])

    @property
    def instructions(self) -> str:
        """The system and developer messages."""
        said = [each for each in self.messages if each["role"] in ("system", "developer")]
        return "\n".join(map(text_of, said))

    @property
    def results(self) -> list[Mapping[str, Any]]:
        """Tool results that came after the last user message."""
        last = max((i for i, each in enumerate(self.messages) if each["role"] == "user"), default=0)
        return [each for each in self.messages[last:] if each["role"] == "tool"]
