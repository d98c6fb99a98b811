"""`globalapi check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from globalapi_core.cli import _findings
from globalapi_core.config.file import examine

from .conftest import Run

KEYS = st.sampled_from(
    ["modality", "tools", "language", "keywords", "tags", "metadata", "min_tokens", "max_tokens",
     "code", "timeout", "max_cost", "usd", "input", "expect", "route", "gpt-4o", "y"]
)  # fmt: skip
BROKEN = """version: 1
routes:
  - name: vision
    when: {modality: smell}
    candidates: [gpt-4o]
  - name: rest
    candidates: [gpt-4p]
    chose: fastest
"""


def found(run: Run, file: str) -> dict[str, Any]:
    """What the command finds, as JSON."""
    document: dict[str, Any] = json.loads(run("check", file, "--json").stdout)
    return document


def said(run: Run, file: str, severity: str) -> list[str]:
    """The messages of one severity."""
    findings = found(run, file)["findings"]
    return [each["message"] for each in findings if each["severity"] == severity]


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
    """A broken file ends in 2 with each problem's place, line and what may be meant."""
    file = config(BROKEN)

    result = run("check", file)

    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert any(
        each.startswith(f"{file}:4: error: ") and each.endswith("[routes[0].when.modality[0]]")
        for each in lines
    )
    assert any(f"{file}:8: error: unknown key; did you mean 'choose'?" in each for each in lines)
    assert "    | chose: fastest" in lines
    assert lines[-1] == f"not ok: 3 errors ({file})"


def test_misspelt_key_hides_no_bad_candidate(run: Run, config: Callable[[str], str]) -> None:
    """What the schema finds and what it cannot find are told in one round."""
    messages = said(run, config(BROKEN), "error")

    assert len(messages) == 3
    assert "unknown model 'gpt-4p'; did you mean 'gpt-4o'" in messages[1]


def test_unknown_model_of_a_route_is_suggested(run: Run, config: Callable[[str], str]) -> None:
    """A candidate that is not in the catalog is a problem, with near names."""
    file = config("routes:\n  - name: all\n    candidates: [deepseek-v4-flahs]\n")

    document = found(run, file)

    error = document["findings"][0]
    assert document["ok"] is False
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
    assert file in result.output


def test_what_is_unknown_is_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """Unknown prices and windows are warnings: the file can be used."""
    file = config("""
models: {mine: {tools: true}}
routes: [{name: all, candidates: [mine, deepseek-coder]}]
""")

    document = found(run, file)

    assert document["ok"] is True
    assert [(each["severity"], each["message"]) for each in document["findings"]] == [
        ("warning", "mine: input and output prices unknown, so costs are lower bounds"),
        ("warning", "mine: context window unknown, 32,000 tokens assumed"),
        ("warning", "deepseek-coder: input price unknown, so costs are lower bounds"),
    ]
    assert document["findings"][1]["help"] == "state it under models.mine: context_window"


def test_candidate_that_is_never_taken_is_found(run: Run, config: Callable[[str], str]) -> None:
    """A text model on a route for pictures is found before any call is."""
    file = config("""
routes:
  - {name: vision, when: {modality: image}, candidates: [qwen3-32b, gpt-4o]}
  - {name: either, when: {modality: [audio, image]}, candidates: [gpt-4o]}
  - {name: huge, when: {min_tokens: 150000}, candidates: [gpt-4o]}
  - {name: rest, candidates: [gpt-4o]}
""")

    warnings, errors = said(run, file, "warning"), said(run, file, "error")

    assert "route 'vision' never takes qwen3-32b: takes no image" in warnings
    assert "route 'either' fires for audio, which none of its candidates takes" in warnings
    assert len(errors) == 1
    assert "route 'huge' never takes gpt-4o: 150,000 tokens > 128,000 of context" in errors[0]


@pytest.mark.parametrize(
    ("when", "model", "reason"),
    [
        ("modality: image", "qwen3-32b", "takes no image"),
        ("tools: true", "deepseek-r1", "not known to call tools"),
        ("json_output: true", "claude-3-5-sonnet", "has no JSON mode"),
        ("min_tokens: 40000", "qwen3-32b", "40,000 tokens > 32,000 of context"),
    ],
)
def test_route_that_nobody_can_serve_is_an_error(
    run: Run, config: Callable[[str], str], when: str, model: str, reason: str
) -> None:
    """Of such a route the error names a model that can."""
    file = config(
        f"routes:\n  - {{name: a, when: {{{when}}}, candidates: {model}}}\n"
        "  - {name: rest, candidates: deepseek-v4-flash}\n"
    )

    error = next(each for each in found(run, file)["findings"] if each["severity"] == "error")

    assert f"route 'a' never takes {model}: {reason}" in error["message"]
    assert error["help"].startswith("models that can: ")
    assert error["line"] == 2


def test_time_that_no_model_can_keep_is_an_error(run: Run, config: Callable[[str], str]) -> None:
    """A thousand tokens in two seconds, at sixty a second, with what would fit."""
    file = config("""
attempts: {timeout: 2}
routes: [{name: all, candidates: [deepseek-v4-flash], params: {max_tokens: 1000}}]
""")

    error = found(run, file)["findings"][0]

    assert error["severity"] == "error"
    assert error["message"].startswith("1,000 tokens take deepseek-v4-flash 16.8 s at 60 a second")
    assert error["help"].startswith("at most 109 tokens fit")


@pytest.mark.parametrize(
    ("attempts", "severity", "says"),
    [
        ("{timeout: 2}", "warning", "500 tokens, assumed without max_tokens, take"),
        ("{timeout: 0.1}", "error", "shows nothing before 0.18 s, and attempts.timeout is 0.1 s"),
        ("{first_delta: 0.1}", "error", "0.18 s, and attempts.first_delta is 0.1 s"),
    ],
)
def test_time_is_weighed_by_what_the_file_says(
    run: Run, config: Callable[[str], str], attempts: str, severity: str, says: str
) -> None:
    """An assumed length is a warning; silence beyond the limit is an error."""
    file = config(f"attempts: {attempts}\nroutes: [{{name: a, candidates: deepseek-v4-flash}}]\n")

    assert says in said(run, file, severity)[0]


def test_fallback_beyond_the_ceiling_is_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """What a call may cost at most is compared with the ceiling and with the budget."""
    file = config("""
attempts: {max_cost: 0.01}
budget: {usd: 0.005}
routes:
  - name: all
    candidates: [deepseek-v4-flash, gpt-4o, deepseek-coder]
    params: {max_tokens: 2000}
""")

    warnings = said(run, file, "warning")

    assert any("gpt-4o" in each and "attempts.max_cost is $0.01" in each for each in warnings)
    assert any("gpt-4o" in each and "budget.usd is $0.005" in each for each in warnings)
    assert any(
        "deepseek-coder is always passed over: its price is not" in each for each in warnings
    )
    assert not any("deepseek-v4-flash" in each for each in warnings)


def test_route_that_nobody_pays_for_is_an_error(run: Run, config: Callable[[str], str]) -> None:
    """If every candidate is too dear for what the route asks, no call of it is made."""
    file = config("""
attempts: {max_cost: 0.001}
routes: [{name: all, candidates: gpt-4o, params: {max_tokens: 2000}}]
""")

    assert "gpt-4o is passed over" in said(run, file, "error")[0]


@pytest.mark.parametrize(
    ("earlier", "later", "is_shadowed"),
    [
        ("{code: true}", "{code: true, tools: true}", True),
        ("{code: true, tools: true}", "{code: true}", False),
        ("{language: [zh, mixed]}", "{language: zh}", True),
        ("{language: zh}", "{language: [zh, mixed]}", False),
        ("{keywords: 退}", "{keywords: [退款, 退货]}", True),
        ("{keywords: 退款}", "{keywords: [退款, 退货]}", False),
        ("{keywords: refund}", "{keywords: [refund now]}", True),
        ("{keywords: reason}", "{keywords: [reasonable]}", False),
        ("{min_tokens: 100}", "{min_tokens: 200}", True),
        ("{min_tokens: 200}", "{min_tokens: 100}", False),
        ("{max_tokens: 200}", "{max_tokens: 100}", True),
        ("{metadata: {a: [x, y]}}", "{metadata: {a: x, b: z}}", True),
        ("{metadata: {a: x, b: z}}", "{metadata: {a: x}}", False),
        ("{tools: true}", "{tools: false}", False),
    ],
)
def test_route_that_an_earlier_one_contains_is_shadowed(
    run: Run, config: Callable[[str], str], earlier: str, later: str, is_shadowed: bool
) -> None:
    """Whatever fires it fires the one before it; the last route shadows nobody."""
    file = config(f"""
routes:
  - {{name: a, when: {earlier}, candidates: deepseek-v4-flash}}
  - {{name: b, when: {later}, candidates: deepseek-v4-flash}}
  - {{name: rest, candidates: deepseek-v4-flash}}
""")

    shadowed = [each for each in said(run, file, "warning") if "is shadowed" in each]

    assert len(shadowed) == is_shadowed
    assert all(each.startswith("route 'b'") for each in shadowed)


def test_route_that_never_fires_is_an_error(run: Run, config: Callable[[str], str]) -> None:
    """Bounds that exclude each other, and a condition before it that always holds."""
    file = config("""
routes:
  - {name: a, when: {min_tokens: 500, max_tokens: 100}, candidates: deepseek-v4-flash}
  - {name: b, when: {modality: [text, image]}, candidates: gpt-4o}
  - {name: c, when: {code: true}, candidates: deepseek-v4-flash}
  - {name: rest, candidates: deepseek-v4-flash}
""")

    errors = said(run, file, "error")

    assert errors == [
        "route 'a' never fires: no prompt has 500 tokens or more and 100 or fewer",
        "route 'c' never fires: 'b' before it takes every prompt",
    ]


@pytest.mark.parametrize("word", ["的", "我", "退", "the", "Please", "什么", "?", "請問"])
def test_keyword_of_half_the_language_is_warned_of(
    run: Run, config: Callable[[str], str], word: str
) -> None:
    """One Chinese character, a stop word and a mark are in most text."""
    file = config(f"""
routes:
  - {{name: a, when: {{keywords: [退款, '{word}', refund, reason]}}, candidates: gpt-4o}}
  - {{name: rest, candidates: gpt-4o}}
""")

    findings = found(run, file)["findings"]

    assert [each["key"] for each in findings] == ["routes[0].when.keywords[1]"]
    assert repr(word) in findings[0]["message"]


@pytest.mark.parametrize("place", ["comment", "value", "test"])
def test_key_in_the_file_is_found_and_never_shown(
    run: Run, config: Callable[[str], str], place: str
) -> None:
    """Where a key may be, in a comment too; only a test's prompt may hold one made up."""
    secret = "sk-proj-4f8a1c9e7b2d6053"
    lines = {
        "comment": f"# {secret}\nroutes: [{{name: a, candidates: gpt-4o}}]\n",
        "value": f"routes: [{{name: a, candidates: gpt-4o, params: {{user: {secret}}}}}]\n",
        "test": "routes: [{name: a, candidates: gpt-4o}]\n"
        f"tests: [{{input: my key is {secret}, expect: {{route: a}}}}]\n",
    }

    result = run("check", config(lines[place]))

    assert secret not in result.output
    assert "looks like a key" in result.stdout
    assert result.exit_code == (0 if place == "test" else 2)


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 200_000), st.floats(allow_nan=False),
        st.sampled_from(["gpt-4o", "qwen3-32b", "gpt-4p", "image", "zh", "退", "the", "a", ""]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip
ROUTES = st.fixed_dictionaries(
    {"name": st.sampled_from("abc"), "candidates": st.sampled_from(["gpt-4o", "glm-5", ["x"]])},
    optional={
        "when": st.dictionaries(KEYS, VALUES, max_size=2),
        "params": st.dictionaries(KEYS, VALUES, max_size=2),
        "choose": st.sampled_from(["cheapest", "best"]),
    },
)


@given(
    st.fixed_dictionaries(
        {"routes": st.lists(ROUTES, max_size=3)},
        optional=dict.fromkeys(("attempts", "budget", "models", "aliases", "tests", "x"), VALUES),
    )
)
@settings(max_examples=60)
def test_any_file_has_findings_and_no_traceback(content: dict[str, Any]) -> None:
    """Whatever a file says, each finding names a line of it, and errors are load errors too."""
    text = json.dumps(content)
    reading = examine(text, file="f.yaml")

    findings = _findings.of(reading)

    assert all(each.line == 1 for each in findings if each.line)
    assert bool(reading.problems) <= any(each.severity == "error" for each in findings)


def test_failing_test_of_the_file_is_an_error(run: Run, config: Callable[[str], str]) -> None:
    """With what fired, and why what was expected did not."""
    file = config("""
routes:
  - {name: proofs, when: {keywords: prove}, candidates: kimi-k2.5}
  - {name: rest, candidates: deepseek-v4-flash}
tests:
  - {input: a reasonable price, expect: {model: kimi-k2.5}}
""")

    error = found(run, file)["findings"][0]

    assert (error["severity"], error["line"]) == ("error", 6)
    assert "went to deepseek-v4-flash, expected kimi-k2.5" in error["message"]
    assert "route 'proofs' did not: keywords is none, not prove" in error["help"]


def test_shipped_default_has_no_dead_ends(run: Run) -> None:
    """Every candidate of the shipped config can be taken on its own route."""
    assert "error" not in run("check").stdout


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
