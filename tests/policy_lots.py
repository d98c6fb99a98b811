"""Configurations and requests drawn by lot: every key of a route and of a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from globalapi_core.signals import Signals
from tests.policies import Document, World

TAGS, APPS, PII = ("pii", "vip", "batch", "consent"), ("zh-desk", "web", "ops"), ("email", "cn_id")
OWN = ("own-7b", "Own/Large_2", "acme-glm-9", "lab:tagged", "gpt-like", "house-qwen")
FROM_CATALOG = (
    *("kimi-k2.5-thinking", "glm-5", "gpt-4o", "gpt-4o-mini", "kimi-k2.5", "deepseek-v4-flash"),
    *("qwen3-32b", "claude-3-5-sonnet", "ga-standard", "minimax-m2.5", "gemini-1.5-pro"),
)
GLOBS = (
    *("glm-*", "GPT-*", "*glm*", "kimi-k2.5*", "own*", "qwen*", "*-*", "*", "gpt-*.*"),
    "claude-*",
)


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
    routes = [
        _route(draw, f"route {number}", named, aliases) for number in range(draw.randint(1, 3))
    ]
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
        thinking=draw.choice([None, None, None, False, True]),
        pii=frozenset(draw.sample(PII, draw.choice([0, 0, 1]))),
        keywords=frozenset({"refund"} if draw.random() < 0.2 else ()),
        tags=frozenset(draw.sample(TAGS, draw.randint(0, 2))),
        metadata={"app": draw.choice(APPS)} if draw.random() < 0.7 else {},
    )
