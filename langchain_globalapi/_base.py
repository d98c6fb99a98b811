"""What the two chat models share: their settings, tools and structured output."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from globalapi_core import reprs, settings
from globalapi_core.catalog import ModelInfo
from globalapi_core.config import Attempts, Config
from globalapi_core.flow import limited
from globalapi_core.health import Health
from globalapi_core.reloading import InForce, LiveRouter
from globalapi_core.router import Router
from globalapi_core.settings import Endpoint
from globalapi_core.signals import size
from langchain_globalapi import _bridge
from langchain_globalapi._binding import Bound, chosen
from langchain_globalapi._checking import Check
from langchain_globalapi._moving import moved
from langchain_globalapi._profile import profile
from langchain_globalapi._structured import structured

Method = Literal["json_schema", "json_mode", "function_calling"]

_SENT = (
    "temperature",
    "max_tokens",
    "top_p",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "logprobs",
    "top_logprobs",
    "user",
)


class GatewayChatModel(BaseChatModel):
    """Base of the chat models on the gateway; not for use by itself."""

    # LangChain's own default drops a misspelt argument without a word.
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("api_key", "globalapi_api_key"), repr=False
    )
    """`None`: `GLOBAL_API_KEY`. It is in no repr, trace or pickle."""
    base_url: str | None = Field(
        None, validation_alias=AliasChoices("base_url", "openai_api_base", "globalapi_api_base")
    )
    """`None`: `GLOBAL_API_BASE_URL`, then the config file, then the gateway."""
    config: str | Path | Config | None = Field(None, exclude=True, repr=False)
    """The config file; `None`: the one that `globalapi_core.load_config` finds.

    It is read again when it was edited, but for the server's address: each call goes by what
    the file says when it begins. A `Config` is not.
    """
    temperature: float | None = None
    """`None` is not sent, here and below: the model's own default then holds."""
    max_tokens: int | None = Field(
        None, validation_alias=AliasChoices("max_tokens", "max_completion_tokens")
    )
    top_p: float | None = None
    stop: list[str] | str | None = Field(
        None, validation_alias=AliasChoices("stop", "stop_sequences")
    )
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    reasoning_effort: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    user: str | None = None
    model_kwargs: dict[str, Any] = Field(
        default_factory=dict, validation_alias=AliasChoices("model_kwargs", "extra_body")
    )
    """Anything else to put into the request."""
    timeout: float | None = Field(
        None, validation_alias=AliasChoices("timeout", "request_timeout"), gt=0
    )
    """Seconds for the whole call, retries and fallbacks included; `None`: as the config
    file says (600 by default)."""
    max_retries: int | None = Field(None, ge=0)
    """Further tries of the same model; `None`: as the config file says (1 by default)."""
    streaming: bool = False
    """Whether `invoke` streams underneath."""
    stream_usage: bool = True
    """Accepted for the sake of moving over; usage is always asked for."""

    _configurable: ClassVar[tuple[str, ...]] = ("model",)
    _live: LiveRouter = PrivateAttr()
    _followed: InForce = PrivateAttr()
    """What `profile` was last made of."""
    _own_profile: Any = PrivateAttr(None)
    """The `profile` that we made; `None`: it is the caller's."""
    _endpoint: Endpoint = PrivateAttr()
    _health: Health = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _move_over(cls, given: Any) -> Any:
        return moved(given, _arguments(cls)) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _resolve_endpoint(self) -> Self:
        self._live = LiveRouter(self.config)
        self._followed = self._live.in_force
        config = self._config
        key = self.api_key.get_secret_value() if self.api_key else None
        self._endpoint = settings.resolve(self.base_url, key, file_url=config.gateway.base_url)
        self._health = Health(self._endpoint)
        if self.profile is None:
            self.profile = self._own_profile = profile(self._models)
        return self

    @property
    def _router(self) -> Router:
        """The one in force, as far as is known; a call looks at the file."""
        return self._live.in_force.router

    @property
    def _config(self) -> Config:
        return self._router.config

    def _now(self) -> InForce:
        """What a call that begins now goes by, to its end."""
        return self._following(self._live.now())

    async def _anow(self) -> InForce:
        """`_now`, without holding up the event loop."""
        return self._following(await self._live.anow())

    def _following(self, found: InForce) -> InForce:
        """*found*, which `profile` now follows too."""
        if found is not self._followed:
            self._followed = found
            if self._own_profile is not None and self.profile is self._own_profile:
                self.profile = self._own_profile = profile(self._models)
        return found

    @property
    def _models(self) -> Sequence[ModelInfo]:
        """The models a call may reach."""
        raise NotImplementedError

    # A pickle leaves the key out: whoever unpickles reads it from the environment.
    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "api_key": None}}

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """Model or routes, server, and what was set: no key, and nothing that is as it comes."""
        yield ("model", self._models[0].asked) if self._is_one else reprs.told_by(self._config)
        yield "base_url", self._endpoint.base_url
        for name in (*_SENT, "timeout", "max_retries", "model_kwargs"):
            if getattr(self, name) not in (None, {}):
                yield name, getattr(self, name)

    def _repr_html_(self) -> str | None:
        """What a notebook shows of a router: its routes. Of one model it shows the `repr`."""
        return None if self._is_one else reprs.router(self._router)

    @property
    def _is_one(self) -> bool:
        """Whether it is one model, and no router."""
        return "route" not in type(self).model_fields

    def _limits(
        self, config: Config, kwargs: Mapping[str, Any], *, one_model: bool = False
    ) -> Attempts:
        """How often and how long to try: the call's, else ours, else the config's."""
        timeout = kwargs.get("timeout") or self.timeout
        return limited(config.attempts, timeout, self.max_retries, one_model=one_model)

    @property
    def _params(self) -> dict[str, Any]:
        """What every request carries."""
        own = {name: getattr(self, name) for name in _SENT}
        return {**{name: v for name, v in own.items() if v is not None}, **self.model_kwargs}

    def stream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """LangChain's events of one call; its version 3 passes no config on, so we do."""
        if kwargs.get("version") == "v3":
            kwargs = {**self._configured(config), **kwargs}
        return super().stream_events(input, config, **kwargs)

    def astream_events(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """`stream_events`, asynchronously."""
        if kwargs.get("version") == "v3":
            kwargs = {**self._configured(config), **kwargs}
        return super().astream_events(input, config, **kwargs)

    def _configured(self, config: RunnableConfig | None) -> dict[str, Any]:
        """What `with_config(configurable=...)` sets for one call."""
        return self._set_by(ensure_config(config))

    def _set_by(self, config: RunnableConfig) -> dict[str, Any]:
        """`_configured`, of a config that LangChain has completed already."""
        given = config.get("configurable") or {}
        found = {name: given.get(name) for name in self._configurable}
        return {name: value for name, value in found.items() if value and isinstance(value, str)}

    def bind(self, **kwargs: Any) -> Bound:
        """This model with *kwargs* in every call, which tools and schemas join."""
        return Bound(bound=self, kwargs=kwargs, config={})

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Bound:
        """Give the model tools to call.

        Args:
            tools: functions, tools, pydantic classes or definitions.
            tool_choice: "auto", "none", "any" (some tool must be called), the name of the
                tool that must be, or the wire's own form. What a model's family does not
                know is adapted when it is called, and the answer says so.
            strict: ask for arguments that keep to the schema exactly.
            parallel_tool_calls: whether one answer may hold several calls.
            **kwargs: bound with them.
        """
        definitions = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        if tool_choice:
            kwargs["tool_choice"] = chosen(tool_choice, definitions)
        if parallel_tool_calls is not None:
            kwargs["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(tools=definitions, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Have answers follow *schema*.

        Args:
            schema: a pydantic class, a TypedDict, a JSON schema or a tool definition.
            method: how to ask; `None`: the best way of the model that is called, by schema,
                in its JSON mode or by a tool.
            include_raw: return a dict of `raw`, `parsed` and `parsing_error`.
            strict: ask for output that keeps to the schema exactly.
            **kwargs: bound with it.
        """
        return structured(
            self,
            schema,
            method=method or "json_schema",
            include_raw=include_raw,
            strict=strict,
            **kwargs,
        )

    def _checking(self, check: Check) -> dict[str, Any]:
        """What is bound to a call whose answer must pass *check*: one model has no other to ask."""
        return {}

    def get_token_ids(self, text: str) -> list[int]:
        """The tokens of *text*, by the `custom_get_token_ids` of the constructor.

        Raises:
            NotImplementedError: there is none. A gateway has no tokenizer to ask.
        """
        if self.custom_get_token_ids is None:
            raise NotImplementedError(
                f"{type(self).__name__} knows no token ids, for each model has its own: "
                "get_num_tokens estimates their number, custom_get_token_ids=... sets a tokenizer"
            )
        return self.custom_get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """The tokens of *text*: estimated offline, or counted by `custom_get_token_ids`."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return round(size.of_text(text))

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """An estimate of the tokens of *messages* and *tools*, made offline."""
        definitions = [convert_to_openai_tool(tool) for tool in tools or ()]
        return size.tokens(_bridge.to_wire(messages), definitions)

    def _get_invocation_params(
        self, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        # As LangChain's own, which turns all warnings of the process off and on in every call.
        return {**self.asdict(), "stop": stop, **kwargs}

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        # What is left of a deadline is no part of what was asked: the cache ignores it.
        return super()._get_llm_string(stop=stop, **{**kwargs, "timeout": None})

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = _bridge.PROVIDER
        if stop := stop or ([self.stop] if isinstance(self.stop, str) else self.stop):
            params["ls_stop"] = stop
        return params


SHARED = (
    *_SENT,
    *("api_key", "base_url", "model_kwargs", "streaming", "timeout"),
    *("cache", "rate_limiter", "disable_streaming", "output_version", "verbose"),
    *("callbacks", "tags", "metadata"),
)
"""What a router's members have in common with it."""


@functools.cache
def _arguments(made: type[BaseModel]) -> frozenset[str]:
    """What the constructor of *made* takes, by every name."""
    names = set(made.model_fields)
    for field in made.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            names.update(map(str, field.validation_alias.choices))
    return frozenset(names)
