"""Configurations drawn by lot, and a second opinion on what their policies allow.

The opinion is formed from the text of the configuration and the catalog's data file alone:
nothing of `globalapi_core` is asked but what the caller's request is like.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib import resources
from random import Random
from typing import Any

from globalapi_core.signals import Signals

Document = dict[str, Any]
ASSUMED_WINDOW, ASSUMED_ANSWER, EXPECTED_ANSWER = 32_000, 4_096, 500


# --- what is known of a model -------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What the files say of a model; `None`: nothing."""

    name: str
    sent: str
    asked: str = ""
    mode_of: str = ""
    also: tuple[str, ...] = ()
    known: bool = True
    said: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return self.said.get(name)

    def price(self, kind: str) -> Decimal | None:
        """USD per million tokens."""
        stated = self.said.get(f"{kind}_mtok")
        return None if stated is None else Decimal(str(stated))

    @property
    def window(self) -> int:
        """Tokens of prompt and answer."""
        return int(self.said.get("context_window") or ASSUMED_WINDOW)

    @property
    def longest(self) -> int:
        """Tokens of an answer that nobody limits."""
        return int(self.said.get("max_output") or min(ASSUMED_ANSWER, self.window // 4))


@functools.cache
def plain(spelling: str) -> str:
    """A spelling without its maker, case and punctuation; a tag stays."""
    bare = spelling.strip().casefold().split("/")[-1]
    return "".join(each for each in bare if each.isalnum() or each == ":") or spelling


def shipped() -> dict[str, Facts]:
    """The models of the catalog's data file."""
    data = json.loads(
        resources.files("globalapi_core").joinpath("data/catalog.json").read_text("utf-8")
    )
    return {
        entry["name"]: Facts(
            entry["name"],
            entry["id"]["value"],
            mode_of=entry.get("variant_of") or "",
            also=tuple(entry.get("aliases", ())),
            said={key: v["value"] for key, v in entry.items() if isinstance(v, dict) and "value" in v}
            | {"family": entry["family"]},
        )
        for entry in data["models"]
    }  # fmt: skip


_SHIPPED = shipped()


class World:
    """One configuration, and whom its policies allow."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.models = dict(_SHIPPED)
        for name, said in document.get("models", {}).items():
            base = self.models.get(name) or Facts(name, name, said={"family": "other"})
            self.models[name] = replace(
                base, sent=said.get("id", base.sent), said={**base.said, **said}
            )
        self._spelled: dict[str, str] = {}
        for each in self.models.values():
            for spelling in (each.name, each.sent, *each.also):
                self._spelled.setdefault(plain(spelling), each.name)
        self._spelled |= {plain(name): name for name in self.models}
        for spelling, name in document.get("aliases", {}).items():
            self._spelled[plain(spelling)] = self._spelled[plain(name)]

    def model(self, spelling: str) -> Facts:
        """The model of that spelling; one of which nothing is known, if there is none."""
        name = self._spelled.get(plain(spelling))
        if name is None:
            return Facts(spelling, spelling, asked=spelling, known=False)
        return replace(self.models[name], asked=spelling)

    def thinking(self, model: Facts, thinks: bool) -> Facts:
        """The model as it is priced when it thinks."""
        modes = (each for each in self.models.values() if each.mode_of == model.name)
        mode = next(modes, None) if thinks else None
        return replace(mode, asked=model.asked) if mode else model

    # --- whom a policy allows ---

    def in_force(self, call: Signals) -> list[Document]:
        """The policies that hold for *call*."""
        return [
            each
            for each in self.document.get("policies", ())
            if holds(each.get("when"), call)
            and ("unless" not in each or not holds(each["unless"], call))
        ]

    def forbids(self, model: Facts, call: Signals, params: Mapping[str, Any]) -> str | None:
        """The policy that does not allow *model*."""
        for policy in self.in_force(call):
            if not all(self._allowed(policy, model, call, params)):
                return str(policy["name"])
        return None

    def _allowed(
        self, policy: Document, model: Facts, call: Signals, params: Mapping[str, Any]
    ) -> Iterator[bool]:
        if "origins" in policy:
            yield model.origin in listed(policy["origins"])
        names = (model.name, model.sent, model.mode_of, *model.also)
        if "models" in policy:
            yield self._is_any(names, policy["models"])
        if "not_models" in policy:
            untagged = [each.split(":")[0] for each in (*names, model.asked)]
            yield not self._is_any((*names, model.asked, *untagged), policy["not_models"])
        if "max_cost" in policy:
            price = dearest(model, call, params)
            yield price is not None and price <= Decimal(str(policy["max_cost"]))
        if "max_seconds" in policy:
            answer = call.max_tokens or params.get("max_tokens") or EXPECTED_ANSWER
            speed = model.tokens_per_second
            yield bool(speed) and (model.ttft_ms or 0) / 1000 + answer / speed <= policy[
                "max_seconds"
            ]

    def _is_any(self, names: Sequence[str], patterns: Any) -> bool:
        wanted = [
            "*".join(map(_bare, each.split("/")[-1].split("*")))
            if "*" in each
            else plain(self.model(each).name)
            for each in listed(patterns)
        ]
        return any(fnmatchcase(plain(name), each) for name in names if name for each in wanted)


@functools.cache
def _bare(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum() or each == ":")


def listed(value: Any) -> list[Any]:
    """A value that may stand for a list of one."""
    return value if isinstance(value, list) else [value]


def dearest(model: Facts, call: Signals, params: Mapping[str, Any]) -> Decimal | None:
    """USD that an attempt may come to."""
    limits = [each for each in (call.max_tokens, params.get("max_tokens")) if each]
    answer = max(limits, default=model.longest)
    if model.family == "qwen" and model.thinking in ("optional", "always"):
        answer += model.longest
    parts = [(call.input_tokens, model.price("input")), (answer, model.price("output"))]
    if any(tokens and price is None for tokens, price in parts):
        return None
    return sum(((tokens * (price or 0)) for tokens, price in parts), Decimal(0)) / 1_000_000


def able(model: Facts, call: Signals, params: Mapping[str, Any]) -> bool:
    """Whether *model* is known to be able to take *call*."""
    answer = call.max_tokens or params.get("max_tokens") or 0
    json_ = bool(model.json_mode or model.json_schema) or not call.response_format
    return (
        call.modalities <= set(listed(model.modalities or ["text"]))
        and (not call.tools or bool(model.tools))
        and (json_ or (call.response_format == "json_schema" and bool(model.tools)))
        and answer <= (model.max_output or answer)
        and call.input_tokens + answer <= model.window
    )


def holds(when: Document | None, call: Signals) -> bool:
    """Whether every condition of *when* does."""
    return all(_one_holds(key, wanted, call) for key, wanted in (when or {}).items())


def _one_holds(key: str, wanted: Any, call: Signals) -> bool:
    if key in ("tags", "keywords", "modality"):
        found = {"modality": call.modalities, "tags": call.tags, "keywords": call.keywords}[key]
        return any(each in found for each in listed(wanted))
    if key == "metadata":
        return all(call.metadata.get(name) in listed(each) for name, each in wanted.items())
    if key == "pii":
        return any(each in call.pii or (each == "any" and call.pii) for each in listed(wanted))
    if key == "language":
        mine = {call.language}
        if call.language == "zh":
            mine |= {f"zh-{call.script}"} if call.script else {"zh-Hans", "zh-Hant"}
        return bool(mine.intersection(listed(wanted)))
    if key == "task":
        return call.task in listed(wanted)
    number = {"min_tokens": call.input_tokens, "max_tokens": -call.input_tokens,
              "min_difficulty": call.difficulty, "max_difficulty": -call.difficulty}  # fmt: skip
    if key in number:
        return bool(number[key] >= (wanted if key.startswith("min") else -wanted))
    flags = {"tools": call.tools, "json_output": call.response_format, "code": call.code,
             "reasoning": call.reasoning}  # fmt: skip
    return bool(flags[key]) is wanted


# --- drawn by lot -------------------------------------------------------------------------------

TAGS, APPS, PII = ("pii", "vip", "batch", "consent"), ("zh-desk", "web", "ops"), ("email", "cn_id")
OWN = ("own-7b", "Own/Large_2", "acme-glm-9", "lab:tagged", "gpt-like", "house-qwen")
FROM_CATALOG = (
    *("kimi-k2.5-thinking", "glm-5", "gpt-4o", "gpt-4o-mini", "kimi-k2.5", "deepseek-v4-flash", "qwen3-32b"),
    *("claude-3-5-sonnet", "ga-standard", "minimax-m2.5", "gemini-1.5-pro"),
)
GLOBS = ("glm-*", "GPT-*", "*glm*", "kimi-k2.5*", "own*", "qwen*", "*-*", "*", "gpt-*.*", "claude-*")


def world(draw: Random) -> World:
    """A configuration."""
    models = {name: _model(draw, own=name in OWN) for name in draw.sample(OWN, draw.randint(1, 5))}
    named = [*models, *draw.sample(FROM_CATALOG, draw.randint(2, 6))]
    for name in draw.sample(named, draw.randint(0, 2)):
        models.setdefault(name, _model(draw, own=False))
    aliases = {f"nick{number}": draw.choice(named) for number in range(draw.randint(0, 2))}
    tiers = {name: draw.sample(named, draw.randint(1, 3)) for name in ("budget", "premium")}
    document: Document = {
        "models": {name: said or {"title": name} for name, said in models.items()},
        "aliases": aliases,
        "tiers": tiers,
        "tier": draw.choice(["budget", "premium"]),
        "policies": [
            _policy(draw, number, [*named, *aliases]) for number in range(draw.randint(0, 4))
        ],
        "routes": _routes(draw, named, aliases),
    }
    return World(document)


def _model(draw: Random, *, own: bool) -> Document:
    said = {
        "origin": draw.choice(["cn", "us"]),
        "input_mtok": draw.choice(["0", "0.5", "3"]),
        "output_mtok": draw.choice(["0.25", "2", "15"]),
        "context_window": draw.choice([4_000, 64_000]),
        "max_output": draw.choice([500, 8_000]),
        "modalities": draw.choice([["text"], ["text", "image"]]),
        "tools": draw.choice([True, False]),
        "json_mode": draw.choice([True, False]),
        "json_schema": draw.choice([True, False]),
        "thinking": draw.choice(["never", "optional", "always"]),
        "tokens_per_second": draw.choice([10, 80]),
        "ttft_ms": 500,
        "family": draw.choice(["other", "qwen"]),
        "id": f"srv/{draw.choice('abc')}-{draw.randint(1, 9)}",
    }
    keep = 0.7 if own else 0.2
    return {key: value for key, value in said.items() if draw.random() < keep}


def _when(draw: Random, at_most: int = 2) -> Document:
    asked = {
        "tags": draw.sample(TAGS, draw.randint(1, 2)),
        "metadata": {"app": draw.choice(APPS)},
        "pii": draw.choice(["any", "email", ["cn_id", "email"]]),
        "language": draw.choice(["zh", "en", ["zh-Hant", "ja"]]),
        "task": draw.choice(["code", ["math", "translation"]]),
        "min_difficulty": 0.5,
        "max_difficulty": 0.5,
        "code": draw.choice([True, False]),
        "reasoning": draw.choice([True, False]),
        "tools": draw.choice([True, False]),
        "json_output": draw.choice([True, False]),
        "min_tokens": draw.choice([100, 2_000]),
        "max_tokens": draw.choice([100, 2_000]),
        "keywords": "refund",
        "modality": "image",
    }
    return {key: asked[key] for key in draw.sample(list(asked), draw.randint(1, at_most))}


def _policy(draw: Random, number: int, named: Sequence[str]) -> Document:
    def some() -> list[str]:
        # An alias is chosen often: a policy must mean its model.
        return draw.sample([*named, *named[-2:], *GLOBS], draw.randint(1, 3))

    limits = {
        "origins": draw.choice(["us", "cn", ["cn", "us"]]),
        "models": some(),
        "not_models": some(),
        "max_cost": draw.choice(["0.002", "0.01", "0.02", "0.05", "0.2"]),
        "max_seconds": draw.choice([8, 60]),
    }
    policy = {key: limits[key] for key in draw.sample(list(limits), draw.choice([1, 1, 1, 2]))}
    if draw.random() < 0.2:
        policy = {"max_cost": limits["max_cost"]}
    if draw.random() < 0.6:
        policy["when"] = draw.choice([{"tags": "pii"}, {"pii": "any"}, _when(draw)])
    if draw.random() < 0.3:
        policy["unless"] = _when(draw)
    return {"name": f"policy {number}", **policy}


def _routes(draw: Random, named: Sequence[str], aliases: Mapping[str, str]) -> list[Document]:
    routes = [_route(draw, f"route {number}", named, aliases) for number in range(draw.randint(1, 3))]
    for route in routes[:-1]:
        route["when"] = _when(draw, 1)
    return routes


def _route(draw: Random, name: str, named: Sequence[str], aliases: Mapping[str, str]) -> Document:
    listed_ = draw.sample(named, draw.randint(1, len(named)))
    short = {model: nick for nick, model in aliases.items()}
    listed_ = [short.get(each, each) if draw.random() < 0.3 else each for each in listed_]
    route: Document = {"name": name, "candidates": listed_}
    kind = draw.random()
    if kind < 0.1:
        route = {"name": name}
    elif kind < 0.2:
        route = {"name": name, "tier": draw.choice(["budget", "premium"])}
    choices = ["priority", "cheapest", "fastest", "balanced", "quality"]
    route["choose"] = draw.choices(choices, [4, 2, 2, 2, 1])[0]
    route["params"] = draw.choice([{}, {"max_tokens": 300}, {"thinking": True}, {"temperature": 0}])
    route["sticky"] = draw.random() < 0.3
    route["escalate"] = draw.choice([[], ["refusal", "empty"]])
    if draw.random() < 0.5:
        route["shadow"] = {"model": draw.choice(named), "budget": {"usd": 1}}
    if len(listed_) > 1 and "candidates" in route:
        if draw.random() < 0.3:
            route["split"] = {"by": "app", "shares": dict.fromkeys(listed_[:2], 1)}
        if draw.random() < 0.1:
            route |= {"target_share": {listed_[0]: 0.5}, "need_above": 0.0}
    return route


def call(draw: Random, models: Sequence[str]) -> Signals:
    """What is known of a request."""
    return Signals(
        language=draw.choice(["zh", "en", "ja"]),
        script=draw.choice([None, "Hans", "Hant"]),
        task=draw.choice(["chat", "code", "math", "translation"]),
        difficulty=draw.choice([0.1, 0.5, 0.9]),
        code=draw.random() < 0.3,
        reasoning=draw.random() < 0.3,
        modalities=frozenset({"text", *(["image"] if draw.random() < 0.15 else [])}),
        tools=draw.choice([0, 0, 0, 2]),
        tool_loop=draw.choice([None, None, *models]),
        previous=draw.choice([None, *models]),
        cached_tokens=draw.choice([0, 50]),
        bucket=draw.randrange(10_000),
        response_format=draw.choice([None, None, None, "json_object", "json_schema"]),
        input_tokens=draw.choice([0, 50, 1_500, 5_000, 60_000]),
        max_tokens=draw.choice([None, None, 200, 2_000]),
        thinking=draw.random() < 0.2,
        pii=frozenset(draw.sample(PII, draw.choice([0, 0, 1]))),
        keywords=frozenset({"refund"} if draw.random() < 0.2 else ()),
        tags=frozenset(draw.sample(TAGS, draw.randint(0, 2))),
        metadata={"app": draw.choice(APPS)} if draw.random() < 0.7 else {},
    )
