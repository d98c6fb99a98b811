"""What a config file may say, as frozen pydantic models."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from globalapi_core.catalog import Catalog, Modality, Source, Thinking
from globalapi_core.config.fields import (
    Check,
    Choose,
    Conversation,
    Language,
    Limit,
    Money,
    Origin,
    Pii,
    Seconds,
    Section,
    Share,
    Task,
    Tokenizer,
    Weight,
    Words,
    listed,
)

READ_FROM_TEXT = frozenset(
    {"language", "task", "min_difficulty", "max_difficulty", "code", "reasoning", "keywords", "pii"}
)
"""The keys of `when` for which the text has to be looked into."""


class Gateway(Section):
    """Where calls go."""

    base_url: str | None = Field(
        None, description="OpenAI-compatible server; GLOBAL_API_BASE_URL goes before it."
    )


class Attempts(Section):
    """How often and how long to try."""

    max_retries: int = Field(1, ge=0, le=10, description="Further tries of the same model.")
    max_attempts: int = Field(4, ge=1, le=50, description="Tries in all, over all candidates.")
    timeout: Seconds = Field(600.0, description="Seconds for the whole call.")
    connect: Seconds = Field(10.0, description="Seconds to connect.")
    first_delta: Seconds = Field(
        120.0, description="Seconds until a stream shows anything: a model may think that long."
    )
    idle: Seconds = Field(60.0, description="Seconds between two deltas of a stream.")
    cooldown: Seconds = Field(
        30.0, description="Seconds that others go before a model that failed."
    )
    max_cost: Limit | None = Field(
        None,
        description="USD for the whole call, failed attempts included; absent: no limit. A model "
        "without a known price is then passed over.",
    )


class Budget(Section):
    """What all calls of a process may come to."""

    usd: Limit = Field(description="USD in each period.")
    per: Literal["hour", "day", "month"] | None = Field(
        None, description="The period, in UTC; absent: the life of the process."
    )


class Model(Section):
    """A correction of the catalog, or a model it does not have."""

    id: str | None = Field(None, min_length=1, description="What the server is sent.")
    title: str | None = None
    family: str | None = Field(None, description="Whose wire rules it follows.")
    origin: Origin | None = None
    input_mtok: Money | None = Field(None, description="USD per million input tokens.")
    output_mtok: Money | None = Field(None, description="USD per million output tokens.")
    cache_read_mtok: Money | None = None
    context_window: int | None = Field(None, ge=256, description="Tokens.")
    max_output: int | None = Field(None, ge=1, description="Tokens.")
    modalities: Annotated[list[Modality] | None, BeforeValidator(listed)] = None
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

    modality: Annotated[list[Modality] | None, BeforeValidator(listed)] = None
    tools: bool | None = Field(None, description="Whether tools are bound.")
    json_output: bool | None = Field(None, description="Whether the answer must be JSON.")
    language: Annotated[list[Language] | None, BeforeValidator(listed)] = Field(
        None, description="Of what is asked; zh is both zh-Hans and zh-Hant."
    )
    task: Annotated[list[Task] | None, BeforeValidator(listed)] = Field(
        None, description="What is asked for."
    )
    min_difficulty: Share | None = Field(None, description="0 to 1, at least.")
    max_difficulty: Share | None = Field(None, description="0 to 1, at most.")
    code: bool | None = None
    reasoning: bool | None = None
    pii: Annotated[list[Pii] | None, BeforeValidator(listed)] = Field(
        None, description="Personal data noticed in the prompt, best effort; any: of any kind."
    )
    min_tokens: int | None = Field(None, ge=1, description="Estimated input tokens, at least.")
    max_tokens: int | None = Field(None, ge=1, description="Estimated input tokens, at most.")
    keywords: Words | None = None
    tags: Words | None = None
    metadata: dict[str, Words] | None = None

    @functools.cached_property
    def conditions(self) -> dict[str, Any]:
        """The keys given, with their values."""
        return {key: value for key, value in self if value is not None}

    @property
    def reads_text(self) -> bool:
        """Whether it asks for something that only the text can tell."""
        return not READ_FROM_TEXT.isdisjoint(self.conditions)


class Split(Section):
    """Part of the traffic to each of several models; who comes again gets the same one."""

    by: str = Field(
        "conversation",
        min_length=1,
        description="Whose share: a key of the metadata, such as user; conversation: the "
        "conversation's own, by its first user message.",
    )
    shares: dict[str, Weight] = Field(
        min_length=2, description="The weight of each model, such as 90 and 10."
    )


class Shadow(Section):
    """A second model that is asked too, after the answer: the user never sees what it says."""

    model: str = Field(min_length=1)
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="Of the calls, drawn by lot."
    )
    budget: Budget = Field(description="What shadow calls may come to, beside all others.")


class Route(Section):
    """When these signals, consider these candidates in this order."""

    name: str = Field(min_length=1)
    when: When | None = Field(None, description="Absent: always.")
    candidates: Annotated[list[str], BeforeValidator(listed), Field(min_length=1)] = Field(
        description="The models to consider; absent: those of the tier."
    )
    tier: str | None = Field(
        None, description="The tier whose models are considered; absent: the file's own 'tier'."
    )
    choose: Choose = "priority"
    cost_weight: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = Field(
        0.0, description="With choose: quality, the share of right answers one USD is worth."
    )
    target_share: Annotated[dict[str, Share], Field(min_length=1, max_length=1)] | None = Field(
        None, description="The share of this route's calls that a dear model gets: the hardest."
    )
    need_above: float | None = Field(
        None, description="From where on a call is hard enough; `globalapi calibrate` sets it."
    )
    split: Split | None = None
    shadow: Shadow | None = None
    escalate: Annotated[list[Check], BeforeValidator(listed)] = Field(
        default_factory=list, description="Answers that go up one candidate."
    )
    sticky: bool = Field(
        False,
        description="Keep a conversation's model while what it has cached makes it no dearer.",
    )
    params: dict[str, Any] = Field(
        default_factory=dict, description="Set for calls of this route: temperature, max_tokens..."
    )


class Policy(Section):
    """What no call may break: fallbacks, shadows and models named outright included."""

    name: str = Field(min_length=1)
    when: When | None = Field(None, description="The calls it holds for; absent: all.")
    unless: When | None = Field(None, description="Of those, the calls it does not hold for.")
    origins: Annotated[list[Origin] | None, BeforeValidator(listed)] = Field(
        None, description="Where a model's maker may be; one of unknown origin is not allowed."
    )
    models: Words | None = Field(None, description="The only models allowed, such as glm-*.")
    not_models: Words | None = Field(None, description="Models not allowed.")
    max_cost: Limit | None = Field(
        None, description="USD for the whole call; a model of unknown price is not allowed."
    )
    max_seconds: Seconds | None = Field(
        None,
        description="Seconds an answer may be expected to take; a model of unknown speed is "
        "not allowed.",
    )

    @property
    def reads_text(self) -> bool:
        """Whether only the text can tell whom it holds for."""
        return any(each.reads_text for each in (self.when, self.unless) if each)


class Alerts(Section):
    """What to warn of."""

    shares: dict[str, tuple[Share, Share]] = Field(
        default_factory=dict,
        description="For a model, the least and the most of the calls that should go to it.",
    )
    window: int = Field(500, ge=20, le=100_000, description="Over so many of the last calls.")


class Expect(Section):
    """What a test holds a decision to: every key given, any value of a list."""

    model: Words | None = Field(None, description="The model tried first, by any spelling.")
    route: Words | None = Field(None, description="The route that fires.")
    not_model: Words | None = Field(None, description="Models that must not be tried first.")

    @property
    def empty(self) -> bool:
        """Whether nothing is expected."""
        return not (self.model or self.route or self.not_model)


class Case(Section):
    """A test of the routes: a request, and where it must go."""

    input: Conversation = Field(description="The prompt, or the messages of a conversation.")
    tags: Words = Field(default_factory=list)
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
    tiers: dict[str, Annotated[Words, Field(min_length=1)]] = Field(
        default_factory=dict, description="Sets of candidates, by name."
    )
    tier: str | None = Field(
        None,
        description="The tier of every route that names neither candidates nor a tier of its "
        "own; GLOBAL_API_TIER goes before it.",
    )
    policies: list[Policy] = Field(
        default_factory=list, description="What no call may break, whatever the routes say."
    )
    results: str | None = Field(
        None,
        description="Your own evaluation, for choose: quality: a JSONL file of prompts and of "
        "each model's score on them, seen from this file.",
    )
    tokenizers: Annotated[list[Tokenizer], BeforeValidator(listed)] = Field(
        default_factory=list,
        description="Families whose own tokenizer counts prompts, where others estimate.",
    )
    alerts: Alerts = Alerts()
    routes: list[Route] = Field(min_length=1)
    tests: list[Case] = Field(
        default_factory=list, description="Where requests must go; run by `globalapi test`."
    )
    file: str | None = Field(None, exclude=True, description="Where it was read.")

    @model_validator(mode="before")
    @classmethod
    def _fill_candidates(cls, given: Any) -> Any:
        """Put the candidates of its tier into each route that names none of its own."""
        if not isinstance(given, dict) or not isinstance(given.get("routes"), list):
            return given
        tiers = given.get("tiers")
        tiers = tiers if isinstance(tiers, dict) else {}
        routes = [_filled(route, tiers, given.get("tier")) for route in given["routes"]]
        return {**given, "routes": routes}

    @functools.cached_property
    def conditions(self) -> tuple[When, ...]:
        """Every `when` and `unless` of the file."""
        found = [route.when for route in self.routes]
        found += [each for policy in self.policies for each in (policy.when, policy.unless)]
        return tuple(each for each in found if each is not None)

    @functools.cached_property
    def keywords(self) -> frozenset[str]:
        """Every keyword that something in the file asks for."""
        return frozenset(word for when in self.conditions for word in when.keywords or ())

    @functools.cached_property
    def is_learned(self) -> bool:
        """Whether some route goes by how good the models are expected to be."""
        return any(each.choose == "quality" or each.target_share for each in self.routes)

    def route(self, name: str) -> Route | None:
        """The route of that name, if there is one."""
        return next((each for each in self.routes if each.name == name), None)

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


def _filled(route: Any, tiers: Mapping[Any, Any], tier: Any) -> Any:
    """*route* with the candidates of its tier, else of *tier*, where it names none itself."""
    if not isinstance(route, dict) or "candidates" in route:
        return route
    named = route.get("tier") or tier
    if not isinstance(named, str) or named not in tiers:
        return route
    return {**route, "candidates": tiers[named]}
