"""What models there are, what they can do and what they charge.

`data/catalog.yaml` holds the facts, each with its source and date; a config file may
correct or add models. The catalog resolves the many spellings in circulation to one
name. Any other id may be used too: `Catalog.get` then answers with `assumed` facts.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib import resources
from typing import Any, Literal

from globalapi_core.errors import UnknownModelError
from globalapi_core.pricing import Price

Modality = Literal["text", "image", "audio", "video", "file"]
Thinking = Literal["never", "optional", "always"]

ASSUMED_CONTEXT_WINDOW = 32_000
"""Tokens; the smallest window of the current models in the catalog."""
ASSUMED_MAX_OUTPUT = 4_096
"""Tokens; what most vendors accepted as `max_tokens` when they stated a limit at all."""

_PUNCTUATION = re.compile(r"[^\w:]|_")
_MOST_RESOLVED = 1_024
_PRICES = ("input_mtok", "output_mtok", "cache_read_mtok")
_FACTS = (
    "origin",
    "id",
    "context_window",
    "max_output",
    "modalities",
    "tools",
    "json_mode",
    "json_schema",
    "thinking",
    "tokens_per_second",
    "ttft_ms",
    "scores",
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read, and when."""

    title: str
    date: str
    """ISO date on which the source was published, or read if it has no date."""
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One model. A fact that no source states is `None`; see the properties for what then holds."""

    name: str
    """The one name used in reports."""
    id: str
    """What the gateway is sent."""
    asked: str = ""
    """The spelling it was asked for by; sent in place of `id` to servers other than the gateway."""
    alias_of: str = ""
    """The spelling that `asked` stands for, where it is an alias of the user's own; no server
    knows those, and this one is sent in its place."""
    title: str = ""
    family: str = "other"
    """Whose wire rules it follows: deepseek, qwen, kimi, glm, claude, gpt, gemini, ... or other."""
    origin: str | None = None
    """Where its maker is: "cn" or "us". `None`: unknown, which never counts as allowed."""
    price: Price = field(default_factory=Price)
    context_window: int | None = None
    """Tokens of prompt and answer together."""
    max_output: int | None = None
    """Tokens of answer."""
    modalities: frozenset[Modality] | None = None
    """What a prompt may hold."""
    tools: bool | None = None
    json_mode: bool | None = None
    """Whether `response_format: json_object` works."""
    json_schema: bool | None = None
    """Whether `response_format: json_schema` is obeyed, not only accepted."""
    thinking: Thinking | None = None
    adapt: bool = True
    """Whether requests are changed to suit the family; `False`: sent as they are."""
    tokens_per_second: float | None = None
    ttft_ms: float | None = None
    """Time to first token, in milliseconds."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Published benchmark scores, 0 to 100: mmlu, humaneval, c_eval."""
    variant_of: str | None = None
    """The model this is a mode of, such as the thinking mode that is priced apart."""
    aliases: tuple[str, ...] = ()
    notes: str = ""
    sources: Mapping[str, Source] = field(default_factory=dict)
    """The source of each field above that has one."""

    @property
    def base(self) -> str:
        """The name of the model, whatever mode of it this is."""
        return self.variant_of or self.name

    @property
    def known(self) -> bool:
        """Whether the catalog or the config file describes it; `False`: assumed facts."""
        return bool(self.sources)

    @property
    def window(self) -> int:
        """The context window to count on, in tokens: the stated one, else the assumed one."""
        return self.context_window or ASSUMED_CONTEXT_WINDOW

    @property
    def output_limit(self) -> int:
        """The longest answer to count on, in tokens: the stated one, else the assumed one."""
        return self.max_output or min(ASSUMED_MAX_OUTPUT, self.window // 4)

    def accepts(self, modalities: Iterable[Modality]) -> bool:
        """Whether a prompt may hold *modalities*; text only where no source says more."""
        return frozenset(modalities) <= (self.modalities or frozenset({"text"}))

    def seconds(self, output_tokens: int) -> float | None:
        """Expected seconds until *output_tokens* have arrived; `None` without a known speed."""
        if not self.tokens_per_second:
            return None
        return (self.ttft_ms or 0) / 1000 + output_tokens / self.tokens_per_second


class Catalog:
    """The models that are known, by every spelling."""

    def __init__(
        self, models: Iterable[ModelInfo], *, aliases: Mapping[str, str] | None = None
    ) -> None:
        """Index *models*; *aliases* are the user's own further spellings, by name."""
        self.models = tuple(models)
        self._by_name = {model.name: model for model in self.models}
        self._by_spelling: dict[str, ModelInfo] = {}
        self._resolved: dict[str, ModelInfo] = {}
        for model in self.models:
            for spelling in (model.name, model.id, *model.aliases):
                self._by_spelling.setdefault(fold(spelling), model)
        # A variant shares its sent id with the model it is a mode of, which keeps the id.
        for model in self.models:
            self._by_spelling[fold(model.name)] = model
        for spelling, name in (aliases or {}).items():
            model = self.resolve(name)
            self._by_spelling[fold(spelling)] = replace(model, alias_of=model.alias_of or name)
        # What was looked up for one alias may be another's spelling by now.
        self._resolved.clear()

    @classmethod
    def default(cls) -> Catalog:
        """The catalog shipped with this version."""
        return _default()

    def __iter__(self) -> Any:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and fold(name) in self._by_spelling

    def resolve(self, name: str) -> ModelInfo:
        """The model that *name* spells.

        Raises:
            UnknownModelError: no model is spelled so; near spellings are suggested.
        """
        known = self._resolved.get(name)
        if known is not None:
            return known
        model = self._by_spelling.get(fold(name))
        if model is None:
            raise UnknownModelError(name, close=self.near(name))
        # Every call asks several times; spellings that can be anything are not kept for ever.
        if len(self._resolved) >= _MOST_RESOLVED:
            self._resolved.clear()
        return self._resolved.setdefault(name, replace(model, asked=name))

    def get(self, name: str) -> ModelInfo:
        """The model that *name* spells, or one with assumed facts under that very id.

        An assumed model takes text only, counts on no tools and no JSON, has a window of
        32,000 tokens and an unknown price. Say otherwise under `models:` in the config.
        """
        if name in self:
            return self.resolve(name)
        return ModelInfo(name=name, id=name, asked=name)

    def in_mode(self, model: ModelInfo, *, thinking: bool) -> ModelInfo:
        """*model* as it is priced when it is asked to think, or as it is."""
        if not thinking:
            return model
        modes = (each for each in self.models if each.variant_of == model.name)
        mode = next(modes, None)
        return replace(mode, asked=model.asked, alias_of=model.alias_of) if mode else model

    def near(self, name: str) -> tuple[str, ...]:
        """Up to three names that *name* may have meant, the likeliest first."""
        folded = fold(name)
        spellings = list(self._by_spelling)
        found = difflib.get_close_matches(folded, spellings, n=6, cutoff=0.72)
        if folded:
            found += sorted(each for each in spellings if each.startswith(folded))
        return tuple(dict.fromkeys(self._by_spelling[each].name for each in found))[:3]

    def merged(
        self, overrides: Mapping[str, Mapping[str, Any]], aliases: Mapping[str, str], source: Source
    ) -> Catalog:
        """A catalog in which *overrides* correct models or add new ones, citing *source*."""
        models = dict(self._by_name)
        for name, facts in overrides.items():
            base = self.resolve(name) if name in self else ModelInfo(name=name, id=name)
            models[base.name] = _corrected(base, facts, source)
        return Catalog(models.values(), aliases=aliases)


def fold(spelling: str) -> str:
    """Reduce a spelling to what tells models apart.

    Case, an `org/` prefix and punctuation do not: `Qwen/Qwen3-32B` and `qwen3_32b` are
    one. A tag as in `qwen3:8b` does: it names a model of another kind of server.
    """
    name = spelling.strip().casefold()
    return _PUNCTUATION.sub("", name.rpartition("/")[2]) or name


def _corrected(base: ModelInfo, facts: Mapping[str, Any], source: Source) -> ModelInfo:
    """*base* with *facts* (fields of `ModelInfo` and of `Price`) put in, citing *source*."""
    prices = {key: Decimal(facts[key]) for key in _PRICES if facts.get(key) is not None}
    fields = {
        key: value for key, value in facts.items() if key not in _PRICES and value is not None
    }
    if "modalities" in fields:
        fields["modalities"] = frozenset(fields["modalities"])
    cited = dict.fromkeys((*prices, *(key for key in fields if key in _FACTS)), source)
    return replace(
        base,
        **fields,
        price=replace(base.price, **prices),
        # A model is known by its sources: one that the file merely names has the file for one.
        sources={**base.sources, **cited} or {"id": source},
    )


@functools.cache
def _default() -> Catalog:
    # The JSON is the YAML, compiled by `make catalog`: reading it costs a thirtieth.
    text = resources.files("globalapi_core").joinpath("data/catalog.json").read_text("utf-8")
    return from_data(json.loads(text))


def from_data(data: Mapping[str, Any]) -> Catalog:
    """Build a catalog from the structure of `data/catalog.yaml`."""
    sources = {
        key: Source(each["title"], str(each["date"]), each.get("url"))
        for key, each in data["sources"].items()
    }
    return Catalog(_model(entry, sources) for entry in data["models"])


def _model(entry: Mapping[str, Any], sources: Mapping[str, Source]) -> ModelInfo:
    facts = {key: entry[key]["value"] for key in _FACTS if key in entry}
    if "modalities" in facts:
        facts["modalities"] = frozenset(facts["modalities"])
    prices = {key: Decimal(entry[key]["value"]) for key in _PRICES if key in entry}
    return ModelInfo(
        name=entry["name"],
        title=entry["title"],
        family=entry["family"],
        aliases=tuple(entry.get("aliases", ())),
        variant_of=entry.get("variant_of"),
        notes=entry.get("notes", ""),
        price=Price(**prices),
        sources={key: sources[entry[key]["source"]] for key in (*_FACTS, *_PRICES) if key in entry},
        **facts,
    )
