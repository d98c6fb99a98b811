"""`globalapi test`: the tests in a config file, and what is said of one that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run

ROUTES = """
routes:
  - {name: eyes, when: {modality: image}, candidates: [gpt-4o]}
  - {name: vip, when: {tags: vip}, candidates: [claude-3-5-sonnet]}
  - {name: gold, when: {metadata: {tier: gold}}, candidates: [gpt-4o-mini]}
  - {name: agents, when: {tools: true}, candidates: [kimi-k2.5]}
  - {name: data, when: {json_output: true}, candidates: [step-3.5-flash]}
  - {name: long, when: {min_tokens: 20000}, candidates: [qwen3-8b, glm-5]}
  - {name: refunds, when: {keywords: [退款, refund]}, candidates: [glm-5]}
  - {name: chinese, when: {language: zh}, candidates: [qwen3-32b]}
  - {name: rest, candidates: [deepseek-v4-flash]}
tests:
"""


@pytest.mark.parametrize(
    "case",
    [
        "{input: hello, expect: {route: rest}}",
        "{input: hello, expect: {model: deepseek-chat}}",
        "{input: hello, expect: {not_model: [gpt-4o, glm-5]}}",
        "{input: hello, expect: {route: [chinese, rest], model: [glm-5, deepseek-v4-flash]}}",
        "{input: hello, image: true, expect: {route: eyes}}",
        "{input: hello, tags: vip, expect: {route: vip}}",
        "{input: hello, metadata: {tier: gold}, expect: {route: gold}}",
        "{input: hello, tools: true, expect: {route: agents}}",
        "{input: hello, json: true, expect: {route: data}}",
        "{input: hello, tokens: 20000, expect: {model: qwen3-8b}}",
        "{input: hello, tokens: 60000, expect: {model: glm-5}}",
        "{input: hello, tokens: 31000, max_tokens: 2000, expect: {model: glm-5}}",
        "{input: 退款, expect: {route: refunds}}",
        "{input: 今天天气怎么样？, expect: {route: chinese}}",
        "{input: [{role: system, content: 用中文回答}, {role: user, content: Where is Hamburg?}],"
        " expect: {route: rest}}",
        "{input: [{role: user, content: hi}, {role: assistant, content: hello},"
        " {role: user, content: 怎么退款？}], expect: {route: refunds}}",
        "{input: [{role: user, content: [{type: text, text: 这是什么？}]}], image: true,"
        " expect: {route: eyes}}",
    ],
)
def test_case_that_holds_passes(run: Run, config: Callable[[str], str], case: str) -> None:
    """What a request may be made of reaches the decision; any spelling and any value will do."""
    file = config(f"{ROUTES}  - {case}\n")

    result = run("test", file)

    assert (result.exit_code, result.stdout) == (0, f"ok: 1 test ({file})\n")


@pytest.mark.parametrize(
    ("case", "lines"),
    [
        (
            "{input: how do I get a refund?, expect: {route: rest}}",
            [
                "took route 'refunds', expected 'rest'",
                "route 'refunds' fired: keywords: refund",
                "route 'rest' was not asked: 'refunds' stands before it",
            ],
        ),
        (
            "{input: where is it?, expect: {model: qwen3-32b}}",
            [
                "went to deepseek-v4-flash, expected qwen3-32b",
                "route 'rest' fired: no other route fired",
                "route 'chinese' did not: language is en, not zh",
            ],
        ),
        (
            "{input: where is it?, tokens: 60000, expect: {model: qwen3-8b}}",
            [
                "went to glm-5, expected qwen3-8b",
                "route 'long' fired: min_tokens: 20,000",
                "qwen3-8b was turned down: 60,000 tokens > 32,000 of context",
            ],
        ),
        (
            "{input: where is it?, expect: {not_model: deepseek-chat}}",
            ["went to deepseek-v4-flash, expected any other model"],
        ),
        (
            "{input: where?, image: true, tools: true, tokens: 900000, expect: {model: glm-5}}",
            ["route 'eyes' has no model that can take this call"],
        ),
        ("{input: '', expect: {model: glm-5}}", ["the prompt is empty"]),
    ],
)
def test_case_that_fails_says_what_fired_and_why(
    run: Run, config: Callable[[str], str], case: str, lines: list[str]
) -> None:
    """A test that fails ends in 1, with its line, what came instead, and why."""
    file = config(f"{ROUTES}  - {{input: hello, expect: {{route: rest}}}}\n  - {case}\n")
    number = (ROUTES + "\n").count("\n") + 1

    result = run("test", file)

    shown = result.stdout.splitlines()
    assert result.exit_code == 1
    assert shown[0].startswith(f"{file}:{number}: failed: ")
    for line in lines:
        assert any(line in each for each in shown), shown
    assert shown[-1] == f"1 of 2 tests failed ({file})"


def test_json_tells_each_result(run: Run, config: Callable[[str], str]) -> None:
    """One document with the decision of every test, passed or failed."""
    file = config(
        f"{ROUTES}  - {{input: hello, expect: {{route: rest}}}}\n"
        "  - {input: hello, expect: {route: vip}}\n"
    )

    result = run("test", file, "--json")

    told: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (told["ok"], told["tests"], told["failed"]) == (False, 2, 1)
    first, second = told["results"]
    assert (first["passed"], first["route"], first["wrong"]) == (True, "rest", [])
    assert (second["passed"], second["wrong"]) == (False, ["took route 'rest', expected 'vip'"])
    assert second["why"][1] == "route 'vip' did not: tags is none, not vip"


def test_file_without_tests_is_misuse(run: Run, config: Callable[[str], str]) -> None:
    """No tests are not tests that pass; the message shows how to write one."""
    result = run("test", config("routes: [{name: a, candidates: gpt-4o}]"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "tests: [{input: ..., expect: {route: ...}}]" in result.stderr


def test_broken_file_is_misuse(run: Run, config: Callable[[str], str]) -> None:
    """A file that cannot be used ends in 2, with all that is wrong."""
    result = run("test", config("rutes: 1\nroutes: [{name: a, candidates: gpt-4p}]"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'routes'?" in result.stderr
    assert "did you mean 'gpt-4o'" in result.stderr


def test_without_a_file_the_one_in_use_is_tested(run: Run) -> None:
    """`globalapi.yaml` in the working directory is what a plain `globalapi test` runs."""
    Path("globalapi.yaml").write_text(f"{ROUTES}  - {{input: hello, expect: {{route: rest}}}}\n")

    assert run("test").stdout == "ok: 1 test (globalapi.yaml)\n"
