"""The published schema of the config file: up to date, and of one mind with the reader."""

from __future__ import annotations

import importlib.util
import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from globalapi_core.config import parse_config
from globalapi_core.errors import ConfigError

ROOT = Path(__file__).parents[2]
DATA = resources.files("globalapi_core") / "data"


def schema() -> Any:
    """The schema that is shipped."""
    return json.loads((DATA / "config.schema.json").read_text("utf-8"))


def test_file_is_up_to_date() -> None:
    """The file is what the code makes of the config's classes."""
    path = ROOT / "scripts" / "build_schema.py"
    spec = importlib.util.spec_from_file_location("build_schema", path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    shipped = (DATA / "config.schema.json").read_text("utf-8")

    assert shipped == script.compiled(), "run `make generated`"


def test_schema_is_one() -> None:
    """The file is a valid schema that says what it is of."""
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema()["title"] == "globalapi-llm config"
    assert schema()["description"]
    assert "file" not in schema()["properties"]


def is_valid(text: str) -> bool:
    """Whether the schema accepts a file with this text."""
    document = YAML(typ="safe", pure=True).load(text)
    return bool(jsonschema.Draft202012Validator(schema()).is_valid(document))


def test_shipped_default_is_valid() -> None:
    """The shipped config follows the schema."""
    assert is_valid((DATA / "default.yaml").read_text("utf-8"))


ROUTES = "routes: [{name: d, candidates: gpt-4o}]\n"
GOOD = [
    ROUTES,
    "version: 1\n" + ROUTES,
    ROUTES + "models: {own: {input_mtok: 0.1, output_mtok: '0.30', modalities: image}}\n",
    ROUTES + "models: {own: {tools: true, thinking: optional, context_window: 8000}}\n",
    ROUTES + "aliases: {mine: gpt-4o}\n",
    ROUTES + "attempts: {max_retries: 0, timeout: 2.5}\n",
    ROUTES + "attempts: {max_cost: 0.05}\n",
    ROUTES + "attempts: {max_cost: '0.05'}\nbudget: {usd: 5.00, per: day}\n",
    ROUTES + "budget: {usd: 100}\n",
    ROUTES + "gateway: {base_url: 'http://127.0.0.1:8000/v1'}\n",
    ROUTES + "tests: [{input: 退款, expect: {route: d}}]\n",
    ROUTES + "tests:\n  - {input: [{role: user, content: hi}], tools: true, json: true, tokens: 9,"
    " tags: x, metadata: {k: v}, image: true, expect: {model: gpt-4o, not_model: [glm-5]}}\n",
    "routes:\n  - {name: a, when: {language: [zh, mixed], tags: vip, metadata: {k: [v]}},"
    " candidates: [gpt-4o], choose: cheapest, params: {temperature: 0.1}}\n"
    "  - {name: b, when: null, candidates: gpt-4o}\n",
]
BAD = [
    "{}",
    "[]",
    "routes: []\n",
    "routes: [{name: d}]\n",
    "routes: [{name: '', candidates: gpt-4o}]\n",
    "routes: [{name: d, candidates: []}]\n",
    "routes: [{name: d, candidates: gpt-4o, chose: cheapest}]\n",
    "routes: [{name: d, candidates: gpt-4o, choose: best}]\n",
    "routes: [{name: d, candidates: gpt-4o, when: {language: no}}]\n",
    ROUTES + "rutes: []\n",
    ROUTES + "version: 2\n",
    ROUTES + "api_key: x\n",
    ROUTES + "attempts: {max_retries: -1}\n",
    ROUTES + "attempts: {timeout: 0}\n",
    ROUTES + "attempts: {max_cost: -1}\n",
    ROUTES + "budget: {usd: -1}\n",
    ROUTES + "budget: {per: day}\n",
    ROUTES + "budget: {usd: 5, per: year}\n",
    ROUTES + "budget: 5\n",
    ROUTES + "tests: [{input: hi}]\n",
    ROUTES + "tests: [{input: 1, expect: {route: d}}]\n",
    ROUTES + "tests: [{input: [{content: hi}], expect: {route: d}}]\n",
    ROUTES + "tests: [{input: hi, expect: {rout: d}}]\n",
    ROUTES + "models: {own: {input_mtok: -1}}\n",
    ROUTES + "models: {own: {modalities: [smell]}}\n",
    ROUTES + "models: {own: {price: 1}}\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_good_file(text: str) -> None:
    """What the reader accepts the schema accepts."""
    assert parse_config(text)
    assert is_valid(text)


@pytest.mark.parametrize("text", BAD)
def test_bad_file(text: str) -> None:
    """What the schema can know to be wrong both refuse."""
    with pytest.raises(ConfigError):
        parse_config(text)
    assert not is_valid(text)
