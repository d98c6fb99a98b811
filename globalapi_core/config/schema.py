"""What a config file may say, as frozen pydantic models."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from globalapi_core.catalog import Catalog, Modality, Source, Thinking

Choose = Literal["priority", "cheapest", "fastest", "balanced"]
Language = Literal["en", "zh", "ja", "ko", "mixed", "other"]


def _listed(value: object) -> object:
    """Let a single value stand for a list of one."""
    return value if isinstance(value, list | type(None)) else [value]


def _plain(value: Any) -> Any:
    """*value* without what the reader of YAML knows besides."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _conversation(value: object) -> object:
    """Let a text stand for the user message that says it."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not (isinstance(value, list) and value and all(map(_is_message, value))):
        raise ValueError("expected text, or a list of messages with role and content")
    return _plain(value)


def _is_message(value: object) -> bool:
    if not (isinstance(value, dict) and isinstance(value.get("role"), str)):
        return False
    content, calls = value.get("content"), value.get("tool_calls")
    if isinstance(content, str | None):
        content = []
    return all(
        isinstance(each, list) and all(isinstance(part, dict) for part in each)
        for each in (content, calls or [])
    )


def _money(value: object) -> object:
    # A YAML number is binary: through its text, 0.1 stays 0.1.
    return str(value) if isinstance(value, int | float) else value


_Money = Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False), BeforeValidator(_money)]
_Limit = Annotated[
    Decimal, Field(ge=0, le=1_000_000_000, allow_inf_nan=False), BeforeValidator(_money)
]
_Words = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed)]
_Conversation = Annotated[
    list[dict[str, Any]],
    BeforeValidator(_conversation),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "object", "required": ["role"]},
                },
            ]
        }
    ),
]
_Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class Section(BaseModel):
    """A mapping of the file: no other key, and nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Gateway(Section):
    """Where calls go."""

    base_url: str | None = Field(
        None, description="OpenAI-compatible server; GLOBAL_API_BASE_URL goes before it."
    )


class Attempts(Section):
    """How often and how long to try."""

    max_retries: int = Field(1, ge=0, le=10, description="Further tries of the same model.")
    max_attempts: int = Field(4, ge=1, le=50, description="Tries in all, over all candidates.")
    timeout: _Seconds = Field(600.0, description="Seconds for the whole call.")
    connect: _Seconds = Field(10.0, description="Seconds to connect.")
    first_delta: _Seconds = Field(
        120.0, description="Seconds until a stream shows anything: a model may think that long."
    )
    idle: _Seconds = Field(60.0, description="Seconds between two deltas of a stream.")
    cooldown: _Seconds = Field(
        30.0, description="Seconds that others go before a model that failed."
    )
    max_cost: _Limit | None = Field(
        None,
        description="USD for the whole call, failed attempts included; absent: no limit. A model "
        "without a known price is then passed over.",
    )


class Budget(Section):
    """What all calls of a process may come to."""

    usd: _Limit = Field(description="USD in each period.")
    per: Literal["hour", "day", "month"] | None = Field(
        None, description="The period, in UTC; absent: the life of the process."
    )


class Model(Section):
    """A correction of the catalog, or a model it does not have."""

    id: str | None = Field(None, min_length=1, description="What the server is sent.")
    title: str | None = None
    family: str | None = Field(None, description="Whose wire rules it follows.")
    origin: Literal["cn", "us"] | None = None
    input_mtok: _Money | None = Field(None, description="USD per million input tokens.")
    output_mtok: _Money | None = Field(None, description="USD per million output tokens.")
    cache_read_mtok: _Money | None = None
    context_window: int | None = Field(None, ge=256, description="Tokens.")
    max_output: int | None = Field(None, ge=1, description="Tokens.")
    modalities: Annotated[list[Modality] | None, BeforeValidator(_listed)] = None
    tools: bool | None = None
    json_mode: bool | None = None
    json_schema: bool | None = None
    thinking: Thinking | None = None
    adapt: bool | None = Field(
        None, description="Whether requests are changed to suit the family; default: true."
    )
    tokens_per_second: float | None = Field(None, gt=0, allow_inf_nan=False)
    ttft_ms: float | None = Field(None, ge=0, allow_inf_nan=False)


class When(Section):
    """What must hold for a route to fire: every key given, any value of a list."""

    modality: Annotated[list[Modality] | None, BeforeValidator(_listed)] = None
    tools: bool | None = Field(None, description="Whether tools are bound.")
    json_output: bool | None = Field(None, description="Whether the answer must be JSON.")
    language: Annotated[list[Language] | None, BeforeValidator(_listed)] = None
    code: bool | None = None
    reasoning: bool | None = None
    min_tokens: int | None = Field(None, ge=1, description="Estimated input tokens, at least.")
    max_tokens: int | None = Field(None, ge=1, description="Estimated input tokens, at most.")
    keywords: _Words | None = None
    tags: _Words | None = None
    metadata: dict[str, _Words] | None = None

    @functools.cached_property
    def conditions(self) -> dict[str, Any]:
        """The keys given, with their values."""
        return {key: value for key, value in self if value is not None}


class Route(Section):
    """When these signals, consider these candidates in this order."""

    name: str = Field(min_length=1)
    when: When | None = Field(None, description="Absent: always.")
    candidates: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    choose: Choose = "priority"
    params: dict[str, Any] = Field(
        default_factory=dict, description="Set for calls of this route: temperature, max_tokens..."
    )


class Expect(Section):
    """What a test holds a decision to: every key given, any value of a list."""

    model: _Words | None = Field(None, description="The model tried first, by any spelling.")
    route: _Words | None = Field(None, description="The route that fires.")
    not_model: _Words | None = Field(None, description="Models that must not be tried first.")

    @property
    def empty(self) -> bool:
        """Whether nothing is expected."""
        return not (self.model or self.route or self.not_model)


class Case(Section):
    """A test of the routes: a request, and where it must go."""

    input: _Conversation = Field(description="The prompt, or the messages of a conversation.")
    tags: _Words = Field(default_factory=list)
    metadata: dict[str, str] = Field(default_factory=dict)
    tools: bool = Field(False, description="Whether tools are bound.")
    image: bool = Field(False, description="Whether a picture is attached.")
    wants_json: bool = Field(False, alias="json", description="Whether the answer must be JSON.")
    tokens: int | None = Field(
        None, ge=1, description="Estimated input tokens, in place of the input's own."
    )
    max_tokens: int | None = Field(None, ge=1, description="Tokens of answer the call allows.")
    expect: Expect


class Config(Section):
    """A whole file."""

    version: Literal[1] = 1
    gateway: Gateway = Gateway()
    attempts: Attempts = Attempts()
    budget: Budget | None = Field(
        None, description="What all calls of one process may come to; absent: no limit."
    )
    models: dict[str, Model] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(
        default_factory=dict, description="Your own spellings of model names."
    )
    routes: list[Route] = Field(min_length=1)
    tests: list[Case] = Field(
        default_factory=list, description="Where requests must go; run by `globalapi test`."
    )
    file: str | None = Field(None, exclude=True, description="Where it was read.")

    @functools.cached_property
    def keywords(self) -> frozenset[str]:
        """Every keyword that some route asks for."""
        return frozenset(
            word for route in self.routes if route.when for word in route.when.keywords or ()
        )

    @functools.cached_property
    def catalog(self) -> Catalog:
        """The shipped catalog with this file's corrections."""
        overrides = {
            name: model.model_dump(exclude_none=True) for name, model in self.models.items()
        }
        if not (overrides or self.aliases):
            return Catalog.default()
        source = Source(title=self.file or "config", date="")
        return Catalog.default().merged(overrides, self.aliases, source)
