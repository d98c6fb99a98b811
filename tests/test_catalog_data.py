"""The catalog's data: compiled, sourced, dated, and true to the published lists."""

from __future__ import annotations

import datetime
import importlib.util
import json
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.catalog import Catalog, from_data

ROOT = Path(__file__).parents[1]
TEXT = (resources.files("globalapi_core") / "data" / "catalog.json").read_text("utf-8")
DATA: dict[str, Any] = json.loads(TEXT)
UNSOURCED = {"name", "title", "family", "aliases", "notes", "variant_of"}
"""What is a name or a remark, and not a fact that someone states."""

ARTICLES = {
    "gpt-4o": ("2.50", "10.00"),
    "claude-3.5-sonnet": ("3.00", "15.00"),
    "gemini-1.5-pro": ("1.25", "5.00"),
    "gpt-4o-mini": ("0.15", "0.60"),
    "deepseek-v4-flash": ("0.18", "0.25"),
    "qwen3-32b": ("0.18", "0.28"),
    "glm-5": ("0.73", "1.92"),
    "kimi-k2.5": ("0.59", "3.00"),
}
"""The list that all five articles repeat: USD per million tokens, input and output."""

OUTPUT_ONLY = {
    "deepseek-v3.2": "0.38",
    "deepseek-v4-pro": "0.78",
    "deepseek-r1": "2.50",
    "deepseek-coder": "0.25",
    "qwen3-8b": "0.01",
    "qwen3-coder-30b": "0.35",
    "qwen3-vl-32b": "0.52",
    "qwen3-omni-30b": "0.52",
    "qwen3.5-397b": "2.34",
    "qwen3.6-35b": "1.00",
    "kimi-k2.5-thinking": "3.50",
    "glm-4-9b": "0.01",
    "glm-4-9b-chat": "0.01",
    "glm-4.6v": "0.15",
}
"""What one or the other article says of an output price alone."""

SPELLINGS = {
    # Code and id lists of the gateway and of those who write about it.
    "deepseek-chat": "deepseek-v4-flash",
    "deepseek-v4-flash": "deepseek-v4-flash",
    "deepseek-ai/DeepSeek-V4-Flash": "deepseek-v4-flash",
    "deepseek-v4-pro": "deepseek-v4-pro",
    "Pro/deepseek-ai/DeepSeek-V3.2": "deepseek-v3.2",
    "Qwen/Qwen3-32B": "qwen3-32b",
    "qwen3-32b": "qwen3-32b",
    "Qwen/Qwen3-8B": "qwen3-8b",
    "glm-5": "glm-5",
    "kimi-k2.5": "kimi-k2.5",
    # Code of the articles.
    "claude-3-5-sonnet": "claude-3-5-sonnet",
    "claude-3.5-sonnet": "claude-3-5-sonnet",
    "kimi-k2-5": "kimi-k2.5",
    "moonshot-k2.5": "kimi-k2.5",
    "gpt-4o": "gpt-4o",
    "gpt-4o-mini": "gpt-4o-mini",
    "gemini-1.5-pro": "gemini-1.5-pro",
    "deepseek-r1": "deepseek-r1",
    "Qwen3-32B": "qwen3-32b",
    # Names in the articles' prose and tables.
    "DeepSeek V4 Flash": "deepseek-v4-flash",
    "DeepSeek V4 Pro": "deepseek-v4-pro",
    "DeepSeek V3.2": "deepseek-v3.2",
    "DeepSeek R1": "deepseek-r1",
    "DeepSeek Coder": "deepseek-coder",
    "Qwen3-8B": "qwen3-8b",
    "Qwen3-Coder-30B": "qwen3-coder-30b",
    "Qwen3-VL-32B": "qwen3-vl-32b",
    "Qwen3-Omni-30B": "qwen3-omni-30b",
    "Qwen3.5-397B": "qwen3.5-397b",
    "Qwen3.6-35B": "qwen3.6-35b",
    "Kimi K2.5": "kimi-k2.5",
    "GLM-4-9B": "glm-4-9b",
    "GLM-4-9B-Chat": "glm-4-9b-chat",
    "GLM-4.6V": "glm-4.6v",
    "GLM-5": "glm-5",
    "Claude 3.5 Sonnet": "claude-3-5-sonnet",
    "GPT-4o": "gpt-4o",
    "GPT-4o-mini": "gpt-4o-mini",
    "Gemini 1.5 Pro": "gemini-1.5-pro",
    # Named by the gateway without an id.
    "Qwen2.5-7B": "qwen2.5-7b",
    "Qwen3-VL-8B": "qwen3-vl-8b",
    "Qwen3-VL-30B-A3B": "qwen3-vl-30b-a3b",
    "Qwen3.5-27B": "qwen3.5-27b",
    "Qwen-VL-Plus": "qwen-vl-plus",
    "Kimi K2.6": "kimi-k2.6",
    "kimi-k2-thinking": "kimi-k2-thinking",
    "GLM-4-32B": "glm-4-32b",
    "GLM-4.5V": "glm-4.5v",
    "GLM-4 Plus": "glm-4-plus",
    "Step-3.5-Flash": "step-3.5-flash",
    "Hunyuan-Turbo": "hunyuan-turbo",
    "Hunyuan-TurboS": "hunyuan-turbos",
    "Hunyuan-Vision": "hunyuan-vision",
    "Hunyuan-Turbo-Vision": "hunyuan-turbo-vision",
    "Doubao-Seed-Lite": "doubao-seed-lite",
    "Doubao-Seed-Pro": "doubao-seed-pro",
    "Doubao-Seed-2.0-Pro": "doubao-seed-2.0-pro",
    "MiniMax M2.5": "minimax-m2.5",
    "Ga-Standard": "ga-standard",
    # The makers' own ids.
    "deepseek-reasoner": "deepseek-r1",
    "deepseek-ai/DeepSeek-R1": "deepseek-r1",
    "deepseek-ai/DeepSeek-V3.2": "deepseek-v3.2",
    "moonshotai/Kimi-K2.5": "kimi-k2.5",
    "zai-org/GLM-5": "glm-5",
    "claude-3-5-sonnet-latest": "claude-3-5-sonnet",
    "Qwen/Qwen3-Coder-30B-A3B-Instruct": "qwen3-coder-30b",
    "Qwen/Qwen3-VL-32B-Instruct": "qwen3-vl-32b",
}
"""Every spelling in circulation, and the model it means."""


def test_json_is_the_yaml() -> None:
    """What the package reads is what the YAML file says."""
    path = ROOT / "scripts" / "build_catalog.py"
    spec = importlib.util.spec_from_file_location("build_catalog", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert script.compiled() == TEXT, "run `make generated`"


@pytest.mark.parametrize("entry", DATA["models"], ids=lambda entry: entry["name"])
def test_every_fact_is_sourced_and_dated(entry: dict[str, Any]) -> None:
    """Every fact names a source that is there and has a date."""
    facts = {key: value for key, value in entry.items() if key not in UNSOURCED}

    assert facts
    for key, fact in facts.items():
        assert set(fact) == {"value", "source"}, key
        assert fact["value"] is not None, key
        source = DATA["sources"][fact["source"]]
        assert source["title"]
        assert datetime.date.fromisoformat(source["date"])


def test_every_source_is_cited() -> None:
    """No source is listed that nothing cites."""
    cited = {
        fact["source"]
        for entry in DATA["models"]
        for fact in entry.values()
        if isinstance(fact, dict)
    }

    assert set(DATA["sources"]) == cited


@pytest.mark.parametrize("entry", DATA["models"], ids=lambda entry: entry["name"])
def test_facts_make_sense(entry: dict[str, Any]) -> None:
    """Prices are exact text and no gift, limits fit each other, scores are of a hundred."""
    model = from_data(DATA).resolve(entry["name"])

    for key in ("input_mtok", "output_mtok", "cache_read_mtok"):
        if key in entry:
            assert isinstance(entry[key]["value"], str)
            assert 0 < Decimal(entry[key]["value"]) <= 100
    assert model.context_window is None or 1_000 <= model.context_window <= 10_000_000
    assert model.output_limit <= model.window
    assert model.modalities is None or "text" in model.modalities
    assert model.tokens_per_second is None or model.tokens_per_second > 0
    assert all(0 < score <= 100 for score in model.scores.values())
    assert model.origin in (None, "cn", "us")
    if model.variant_of is not None:
        assert Catalog.default().resolve(model.variant_of).id == model.id


@pytest.mark.parametrize("name", ARTICLES)
def test_list_price_of_the_articles(name: str) -> None:
    """The eight list prices of the articles, to the cent."""
    price = Catalog.default().resolve(name).price

    assert (price.input_mtok, price.output_mtok) == tuple(map(Decimal, ARTICLES[name]))


@pytest.mark.parametrize("name", OUTPUT_ONLY)
def test_output_price_of_the_articles(name: str) -> None:
    """The output prices that one or the other article adds, to the cent."""
    assert Catalog.default().resolve(name).price.output_mtok == Decimal(OUTPUT_ONLY[name])


@pytest.mark.parametrize(
    "name", ["qwen3.5-397b", "qwen3-coder-30b", "deepseek-coder", "deepseek-r1", "deepseek-v3.2"]
)
def test_input_price_that_nobody_states(name: str) -> None:
    """An input price that nobody states is unknown, not zero."""
    assert Catalog.default().resolve(name).price.input_mtok is None


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_in_circulation(spelling: str) -> None:
    """Every spelling in circulation means the model it is used for."""
    assert Catalog.default().resolve(spelling).name == SPELLINGS[spelling]


@pytest.mark.parametrize("name", ["deepseek-v4-flash", "deepseek-r1", "kimi-k2.5"])
def test_models_that_take_no_pictures(name: str) -> None:
    """DeepSeek and Kimi take no pictures here, as the articles found."""
    assert not Catalog.default().resolve(name).accepts(["image"])


def test_no_alias_is_used_twice() -> None:
    """No spelling is listed for two models."""
    from globalapi_core.catalog import fold

    seen: dict[str, str] = {}
    for entry in DATA["models"]:
        for spelling in {fold(each) for each in (entry["name"], *entry.get("aliases", ()))}:
            assert seen.setdefault(spelling, entry["name"]) == entry["name"], spelling
