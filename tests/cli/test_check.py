"""`globalapi check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from .conftest import Run

BROKEN = """version: 1
routes:
  - name: vision
    when: {modality: smell}
    candidates: [gpt-4o]
  - name: rest
    candidates: [gpt-4p]
    chose: fastest
"""


def test_sound_file_is_counted(run: Run, config: Callable[[str], str]) -> None:
    """A sound file ends in 0 with the number of its routes and models."""
    file = config("routes: [{name: all, candidates: [gpt-4o, deepseek-v4-flash]}]")

    result = run("check", file)

    assert (result.exit_code, result.stdout) == (0, f"ok: 1 route, 2 models ({file})\n")


def test_without_a_file_the_one_in_use_is_checked(run: Run, tmp_path: Path) -> None:
    """`globalapi.yaml` in the working directory, else the shipped default."""
    assert "(the shipped default)" in run("check").stdout

    Path("globalapi.yaml").write_text("routes: [{name: all, candidates: gpt-4o}]")

    assert "(globalapi.yaml)" in run("check").stdout


def test_each_problem_names_file_line_and_key(run: Run, config: Callable[[str], str]) -> None:
    """A broken file ends in 2 with one line for each problem."""
    file = config(BROKEN)

    result = run("check", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file}:4: routes[0].when.modality" in result.stderr
    assert f"{file}:8: routes[1].chose: unknown key; did you mean 'choose'?" in result.stderr


def test_unknown_model_of_a_route_is_suggested(run: Run, config: Callable[[str], str]) -> None:
    """A candidate that is not in the catalog is a problem, with near names."""
    file = config("routes:\n  - name: all\n    candidates: [deepseek-v4-flahs]\n")

    result = run("check", file, "--json")

    error = json.loads(result.stderr)["error"]
    assert result.exit_code == 2
    assert (error["line"], error["key"]) == (3, "routes[0].candidates[0]")
    assert "did you mean 'deepseek-v4-flash'" in error["message"]


@pytest.mark.parametrize("text", ["", "- a\n", "routes: [", "routes: []\n", "a: &a [*a]\n"])
def test_file_that_is_no_config_is_misuse(
    run: Run, config: Callable[[str], str], text: str
) -> None:
    """Whatever a file holds, it ends in 2 with the file's name."""
    file = config(text)

    result = run("check", file)

    assert result.exit_code == 2
    assert file in result.stderr


def test_what_is_unknown_is_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """Unknown prices and windows are warnings: the file can be used."""
    file = config("""
models: {mine: {tools: true}}
routes: [{name: all, candidates: [mine, deepseek-coder]}]
""")

    result = run("check", file, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["warnings"] == [
        "mine: input and output prices unknown, so costs are lower bounds",
        "mine: context window unknown, 32,000 tokens assumed",
        "deepseek-coder: input price unknown, so costs are lower bounds",
    ]


def test_candidate_that_is_never_taken_is_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """A text model on a route for pictures is found before any call is."""
    file = config("""
routes:
  - {name: vision, when: {modality: image}, candidates: [qwen3-32b, gpt-4o]}
  - {name: either, when: {modality: [audio, image]}, candidates: [gpt-4o]}
  - {name: huge, when: {min_tokens: 150000}, candidates: [gpt-4o]}
  - {name: rest, candidates: [gpt-4o]}
""")

    warnings = json.loads(run("check", file, "--json").stdout)["warnings"]

    assert "route 'vision' never takes qwen3-32b: takes no image" in warnings
    assert "route 'huge' never takes gpt-4o: 150,000 tokens > 128,000 of context" in warnings
    assert not any("either" in each or "rest" in each for each in warnings)


def test_shipped_default_has_no_dead_ends(run: Run) -> None:
    """Every candidate of the shipped config can be taken on its own route."""
    assert "never takes" not in run("check").stdout


def test_schema_accepts_the_shipped_default(run: Run) -> None:
    """The JSON Schema is valid, and what we ship conforms to it."""
    schema = json.loads(run("check", "--schema").stdout)
    text = resources.files("globalapi_core").joinpath("data/default.yaml").read_text("utf-8")

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(YAML(typ="safe").load(text), schema)

    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"routes": [{"name": "all", "candidates": ["a"]}], "rotues": []},
        {"routes": [{"name": "all", "candidates": 1}]},
        {"routes": [{"name": "a", "when": {"modality": "smell"}, "candidates": "b"}]},
    ],
)
def test_schema_refuses_what_check_refuses(run: Run, broken: object) -> None:
    """Missing routes, unknown keys and wrong values do not conform."""
    schema = json.loads(run("check", "--schema").stdout)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)
