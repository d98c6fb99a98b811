"""What the two LLMs share: their settings, tools and structured output."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools import BaseTool
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

from globalapi_core import reprs, settings
from globalapi_core.config import Attempts, Config
from globalapi_core.errors import InvalidInputError
from globalapi_core.flow import limited
from globalapi_core.health import Health
from globalapi_core.reloading import InForce, LiveRouter
from globalapi_core.router import Router
from globalapi_core.settings import Endpoint
from llamaindex_globalapi._bridge import INVALID_CALLS
from llamaindex_globalapi._moving import unused
from llamaindex_globalapi._responses import only_first_call
from llamaindex_globalapi._structured import StructuredOutput

NUM_OUTPUT = 4_096
"""Tokens kept free for the answer at most, unless `max_tokens` says otherwise."""


class GatewayLLM(StructuredOutput):
    """Base of the LLMs on the gateway; not for use by itself."""

    # A misspelt argument is an error: LlamaIndex's own classes drop it without a word.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr | None = Field(None, exclude=True, repr=False)
    """`None`: `GLOBAL_API_KEY`. It is taken in and never given out: reading it gives `None`."""
    api_base: str | None = None
    """`None`: `GLOBAL_API_BASE_URL`, then the config file, then the gateway."""
    config: str | Path | Config | None = None
    """The config file; `None`: the one that `globalapi_core.load_config` finds.

    It is read again when it was edited, but for the server's address: each call goes by what
    the file says when it begins, and so does `metadata` from then on. A `Config` is not.
    """
    temperature: float | None = None
    """`None` is not sent: the model's own default then holds."""
    max_tokens: int | None = Field(None, gt=0)
    """Tokens of answer; `None` is not sent."""
    timeout: float | None = Field(None, gt=0)
    """Seconds for the whole call, retries and fallbacks included; `None`: as the config
    file says (600 by default)."""
    max_retries: int | None = Field(None, ge=0)
    """Further tries of the same model; `None`: as the config file says (1 by default)."""
    additional_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Anything else to put into every request."""
    tags: list[str] = Field(default_factory=list)
    """Tags of every call, for the config file's routes and policies; they are never sent."""
    call_metadata: dict[str, Any] = Field(default_factory=dict)
    """Metadata of every call, for the same; of one call: `metadata`. (That name is LlamaIndex's
    here.)"""

    _live: LiveRouter = PrivateAttr()
    _endpoint: Endpoint = PrivateAttr()
    _health: Health = PrivateAttr()

    @field_validator("config", mode="before")
    @classmethod
    def _empty_is_none(cls, config: object) -> object:
        return config or None

    @model_validator(mode="after")
    def _resolve(self) -> Self:
        self._live = LiveRouter(self.config)
        config = self._router.config
        key = self.api_key.get_secret_value() if self.api_key else None
        self._endpoint = settings.resolve(self.api_base, key, file_url=config.gateway.base_url)
        self._health = Health(self._endpoint)
        self.api_key = None
        return self

    @property
    def _router(self) -> Router:
        """The one in force, as far as is known; a call looks at the file."""
        return self._live.in_force.router

    def _now(self) -> InForce:
        """What a call that begins now goes by, to its end."""
        return self._live.now()

    async def _anow(self) -> InForce:
        """`_now`, without holding up the event loop."""
        return await self._live.anow()

    @field_serializer("config")
    def _config_file(self, config: str | Path | Config | None) -> str | None:
        """A config in memory is written as the file it was read from."""
        if isinstance(config, Config):
            return config.file
        return None if config is None else str(config)

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """Model or routes, server, and what was set: no key, and nothing that is as it comes."""
        config = self._router.config
        yield ("model", getattr(self, "model", None)) if self._is_one else reprs.told_by(config)
        yield "api_base", self._endpoint.base_url
        said = {"model", "api_base", "config", "api_key"}
        said.update(FunctionCallingLLM.model_fields)
        for name in type(self).model_fields:
            if name in self.model_fields_set - said and getattr(self, name) is not None:
                yield name, getattr(self, name)

    def _repr_html_(self) -> str | None:
        """What a notebook shows of a router: its routes. Of one model it shows the `repr`."""
        return None if self._is_one else reprs.router(self._router)

    @property
    def _is_one(self) -> bool:
        """Whether it is one model, and no router."""
        return "route" not in type(self).model_fields

    @property
    def _params(self) -> dict[str, Any]:
        """What every request carries."""
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        given = {name: value for name, value in own.items() if value is not None}
        return given | flattened(self.additional_kwargs)

    def _limits(
        self, config: Config, given: dict[str, Any], *, one_model: bool = False
    ) -> Attempts:
        """How often and how long to try: taken out of *given*, else the fields, else *config*."""
        timeout, max_retries = given.pop("timeout", None), given.pop("max_retries", None)
        return limited(
            config.attempts,
            self.timeout if timeout is None else timeout,
            self.max_retries if max_retries is None else max_retries,
            one_model=one_model,
        )

    def _labels(self, given: dict[str, Any]) -> dict[str, Any]:
        """Tags and metadata of a call: ours and those taken out of *given*."""
        tags, metadata = given.pop("tags", None) or (), given.pop("metadata", None) or {}
        tags = (tags,) if isinstance(tags, str) else tags
        if not isinstance(metadata, Mapping):
            kind = type(metadata).__name__
            raise InvalidInputError(f"expected metadata as a mapping of keys to values, not {kind}")
        return {"tags": (*self.tags, *tags), "metadata": {**self.call_metadata, **metadata}}

    def to_payload(self) -> dict[str, Any]:
        """What events say of this LLM; no key. Some tracers read `model`, some `model_name`."""
        payload = super().to_payload()
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return {**payload, "model": payload["model_name"], **own}

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments of `chat` for a call with tools.

        What the model's family does not know is adapted when it is called.
        """
        messages = list(chat_history or ())
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        prepared: dict[str, Any] = {"messages": messages, **kwargs}
        if tools:
            prepared["tools"] = [
                tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools
            ]
            prepared["parallel_tool_calls"] = allow_parallel_tool_calls
            choice = tool_choice or ("required" if tool_required else None)
            if choice is not None:
                prepared["tool_choice"] = _choice(choice)
        return prepared

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """Keep to one tool call where several were not allowed."""
        return response if allow_parallel_tool_calls else only_first_call(response)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tool calls of *response* that can be run.

        Raises:
            ValueError: there is none, and *error_on_no_tool_call*.
        """
        calls = [
            ToolSelection(
                tool_id=block.tool_call_id or "",
                tool_name=block.tool_name,
                tool_kwargs=block.tool_kwargs,
            )
            for block in response.message.blocks
            if isinstance(block, ToolCallBlock)
        ]
        if not calls and error_on_no_tool_call:
            invalid = response.message.additional_kwargs.get(INVALID_CALLS) or ()
            reasons = "".join(f"; {each['name']}: {each['error']}" for each in invalid)
            raise ValueError(f"the answer has no tool call that can be run{reasons}")
        return calls


def flattened(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of *given* goes into a request.

    `extra_body` is the openai SDK's place for what it does not know. What it would put beside
    the request is not used, which a `UserWarning` tells.
    """
    beside = ("extra_body", "extra_headers", "extra_query", "stream")
    for name in ("extra_headers", "extra_query"):
        if given.get(name):
            warnings.warn(unused("a call", name), UserWarning, stacklevel=2)
    flat = {name: value for name, value in given.items() if name not in beside}
    return {**(given.get("extra_body") or {}), **flat}


def _choice(choice: str | dict[str, Any]) -> str | dict[str, Any]:
    """A tool choice in the wire's form; any other word is a tool's name."""
    if isinstance(choice, dict) or choice in ("auto", "none", "required"):
        return choice
    if choice == "any":
        return "required"
    return {"type": "function", "function": {"name": choice}}
