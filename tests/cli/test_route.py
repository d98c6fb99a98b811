"""`globalapi route`: explains a decision, calls nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.demo import load_questions
from globalapi_core.router import Router

from .conftest import Run

TEXT_ONLY = "routes: [{name: all, candidates: [deepseek-v4-flash, qwen3-32b]}]"
TINY = """
models: {tiny: {context_window: 256, output_mtok: 1}}
routes: [{name: all, candidates: tiny}]
"""


def _decided(run: Run, *arguments: str, stdin: str | bytes | None = None) -> dict[str, Any]:
    result = run("route", *arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.stderr
    decided: dict[str, Any] = json.loads(result.stdout)
    return decided


def test_explanation_names_every_part(run: Run) -> None:
    """Model, evidence, candidates with their cost and routes passed over are all said."""
    result = run("route", "Write a Python function that merges intervals")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "qwen3-coder-30b (route code, code: true (a request for code))"
    assert any("≥ $" in line and "input price unknown" in line for line in lines)
    assert "  reasoning  reasoning is false, not true" in "\n".join(lines)


def test_turned_down_models_are_named(run: Run, config: Callable[[str], str]) -> None:
    """A candidate that cannot take the call is listed with the reason."""
    file = config(TINY.replace("candidates: tiny", "candidates: [tiny, gpt-4o]"))

    result = run("route", "word " * 500, "-c", file)

    assert result.stdout.startswith("gpt-4o ")
    tokens = Router(file).signals([{"role": "user", "content": "word " * 500}]).input_tokens
    assert f"tiny  {tokens} tokens > 256 of context" in result.stdout


def test_json_is_the_decision(run: Run) -> None:
    """The document is what `Router.decide` decides, with an estimate for each candidate."""
    question = next(each for each in load_questions() if each.id == "zh-memory")
    router = Router()
    messages = [{"role": "user", "content": question.question}]

    decided = _decided(run, question.question)

    estimates = decided.pop("estimates")
    assert decided == router.decide(router.signals(messages)).as_dict()
    assert list(estimates) == decided["candidates"]


def test_prompt_comes_from_argument_stdin_or_file(run: Run, tmp_path: Path) -> None:
    """The same prompt decides alike wherever it comes from."""
    prompt = "证明：对任意正整数 n，n³ − n 都能被 6 整除"
    file = tmp_path / "prompt.txt"
    file.write_text(prompt, "utf-8")

    decisions = [
        _decided(run, prompt),
        _decided(run, "-", stdin=prompt),
        _decided(run, "--file", str(file)),
        _decided(run, "--file", "-", stdin=prompt),
    ]

    assert decisions[0]["route"] == "reasoning"
    assert all(each == decisions[0] for each in decisions)


def test_attachments_and_needs_reach_the_signals(run: Run, tmp_path: Path, picture: str) -> None:
    """Picture, tools, JSON, tags and limits are signals of the decision."""
    tools = tmp_path / "tools.json"
    tools.write_text('[{"name": "look_up"}, {"type": "function", "function": {"name": "b"}}]')

    signals = _decided(
        run, "hello", "--image", picture, "--tools", str(tools), "--json-output",
        "--tag", "night", "--max-tokens", "50", "--model", "gpt-4o",
    )["signals"]  # fmt: skip

    assert signals["modalities"] == ["image", "text"]
    assert (signals["tools"], signals["response_format"]) == (2, "json_object")
    assert (signals["tags"], signals["max_tokens"]) == (["night"], 50)


def test_metadata_and_tags_choose_a_route(run: Run, config: Callable[[str], str]) -> None:
    """A route that asks for metadata fires when it is given."""
    file = config("""
routes:
  - {name: gold, when: {metadata: {tier: gold}}, candidates: gpt-4o}
  - {name: rest, candidates: deepseek-v4-flash}
""")

    assert _decided(run, "hi", "-c", file)["route"] == "rest"
    assert _decided(run, "hi", "-c", file, "--meta", "tier=gold")["route"] == "gold"


def test_named_route_is_taken(run: Run) -> None:
    """`--route` goes before every condition."""
    decided = _decided(run, "hello", "--route", "code")

    assert (decided["route"], decided["forced"]) == ("code", True)


def test_unknown_model_is_explained_with_assumptions(run: Run) -> None:
    """Any id may be named; that its facts are assumed is said, with near names."""
    result = run("route", "hello", "--model", "kimi-k25x")

    assert result.exit_code == 0
    assert "'kimi-k25x' is not in the catalog (did you mean kimi-k2.5" in result.stdout
    assert "input price, output price unknown" in result.stdout


def test_prompt_beyond_every_window_fails(run: Run, config: Callable[[str], str]) -> None:
    """A prompt that fits nowhere ends in 1 and says how large it is."""
    result = run("route", "word " * 500, "-c", config(TINY), "--json")

    error = json.loads(result.stderr)["error"]
    assert (result.exit_code, result.stdout) == (1, "")
    assert error["type"] == "NoCandidateError"
    assert re.fullmatch(r"\d{3} tokens > 256 of context", error["rejected"]["tiny"])


def test_prompt_beyond_the_largest_window_of_the_catalog_fails(run: Run) -> None:
    """The shipped config has an end too: two million tokens and more fit nowhere."""
    result = run("route", "-", stdin="word " * 2_500_000)

    assert result.exit_code == 1
    assert "tokens > 2,097,152 of context" in result.stderr


def test_image_that_no_candidate_sees_fails(
    run: Run, config: Callable[[str], str], picture: str
) -> None:
    """A picture for text-only models ends in 1, each model named."""
    result = run("route", "what is it?", "--image", picture, "-c", config(TEXT_ONLY))

    assert (result.exit_code, result.stdout) == (1, "")
    assert "deepseek-v4-flash: takes no image; qwen3-32b: takes no image" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "got nothing"),
        (("hi", "--file", "x.txt"), "got both"),
        (("",), "the prompt is empty"),
        (("  \n", "--system", "be brief"), "the prompt is empty"),
        (("--file", "absent.txt"), "cannot read absent.txt: No such file"),
        (("hi", "--image", "absent.png"), "cannot read absent.png: No such file"),
        (("hi", "--image", __file__), "expected a picture"),
        (("hi", "--tools", "absent.json"), "cannot read absent.json"),
        (("hi", "--meta", "tier"), "expected KEY=VALUE, not 'tier'"),
        (("hi", "--meta", "=7"), "expected KEY=VALUE, not '=7'"),
        (("hi", "--meta", "user=7", "--meta", "user=8"), "two values for 'user'"),
        (("hi", "--model", " "), "expected a model's name"),
        (("hi", "--max-tokens", "0"), "--max-tokens"),
        (("hi", "--route", "cod"), "unknown route 'cod'; did you mean"),
        (("hi", "--route", "code", "--model", "gpt-4o"), "not both"),
        (("hi", "--config", "absent.yaml"), "absent.yaml: cannot read the config file"),
        (("hi", "--verbose"), "no such option: --verbose"),
    ],
)
def test_wrong_input_is_misuse(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """Wrong arguments, files and names end in 2, with the reason on stderr alone."""
    result = run("route", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    "text",
    ["{", "[1]", '{"type": "function"}', '["look_up"]', "[" * 100_000],
    ids=["cut", "number", "nameless", "name", "deep"],
)
def test_tools_file_with_something_else_is_misuse(run: Run, tmp_path: Path, text: str) -> None:
    """A tools file that defines no tool ends in 2 and is named."""
    file = tmp_path / "tools.json"
    file.write_text(text)

    result = run("route", "hi", "--tools", str(file))

    assert result.exit_code == 2
    assert "tools.json" in result.stderr


def test_prompt_that_is_no_text_is_misuse(run: Run) -> None:
    """Bytes that are not UTF-8 end in 2, not in a guess."""
    result = run("route", "-", stdin=b"caf\xe9")

    assert result.exit_code == 2
    assert "not UTF-8 text" in result.stderr


def test_error_of_usage_is_json_too(run: Run) -> None:
    """With `--json`, stderr is one JSON document whatever was wrong."""
    error = json.loads(run("route", "hi", "--nope", "--json").stderr)["error"]

    assert "--nope" in error["message"]
