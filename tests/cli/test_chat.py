"""`globalapi chat`, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from globalapi_core.sandbox import Sandbox, faults

from .conftest import Run

TOOL = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
TWO = """
attempts: {max_retries: 0}
routes: [{name: all, candidates: [deepseek-v4-flash, qwen3-32b]}]
"""


@pytest.fixture
def server(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that `GLOBAL_API_BASE_URL` names."""
    monkeypatch.setenv("GLOBAL_API_BASE_URL", sandbox.base_url)
    return sandbox


def test_without_key_the_embedded_sandbox_answers(run: Run) -> None:
    """The answer is on stdout; that it is the sandbox's, and the footer, on stderr."""
    result = run("chat", "hello there")

    assert result.exit_code == 0
    assert result.stdout.startswith("[sandbox] ")
    assert result.stdout.count("\n") == 1
    assert result.stderr.startswith("no GLOBAL_API_KEY: answers come from the embedded sandbox")
    assert "deepseek-v4-flash (route default, no other route fired)" in result.stderr
    assert "1 attempt" in result.stderr


def test_named_server_is_asked(run: Run, server: Sandbox) -> None:
    """Prompt, system message and parameters arrive at `GLOBAL_API_BASE_URL`."""
    result = run(
        "chat", "hello", "--system", "be brief", "--model", "qwen3-32b", "--max-tokens", "20",
        "--temperature", "0.5",
    )  # fmt: skip

    (request,) = server.requests
    assert result.exit_code == 0
    assert server.base_url in result.stderr
    assert request.model == "qwen3-32b"
    assert (request.body["max_tokens"], request.body["temperature"]) == (20, 0.5)
    assert [each["role"] for each in request.body["messages"]] == ["system", "user"]


def test_answer_streams_unless_told_otherwise(run: Run, server: Sandbox) -> None:
    """Streamed or whole, the answer is the same; only what is asked for differs."""
    streamed, whole = run("chat", "hello"), run("chat", "hello", "--no-stream")

    assert streamed.stdout == whole.stdout
    assert [bool(each.body.get("stream")) for each in server.requests] == [True, False]


def test_quiet_leaves_stderr_empty(run: Run) -> None:
    """`--quiet` writes the answer and nothing else."""
    result = run("chat", "hello", "--quiet")

    assert (result.exit_code, result.stderr) == (0, "")


def test_json_holds_answer_and_record(run: Run, server: Sandbox) -> None:
    """One document with text, usage, cost and attempts; stderr stays empty."""
    result = run("chat", "hello", "--json")

    told = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert told["text"].startswith("[sandbox]")
    assert told["cost"]["usd"] == str(server.bill.total.usd)
    assert (told["endpoint"], told["model"]) == ("server", "deepseek-v4-flash")


def test_picture_is_sent(run: Run, server: Sandbox, picture: str) -> None:
    """`--image` goes to a model that sees, as a data URL."""
    result = run("chat", "what is it?", "--image", picture)

    content = server.requests[0].body["messages"][0]["content"]
    assert result.exit_code == 0
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")


SPLIT = """
routes:
  - name: trial
    when: {metadata: {trial: kimi}}
    candidates: [gpt-4o, kimi-k2.5]
    split: {by: user, shares: {gpt-4o: 50, kimi-k2.5: 50}}
  - {name: rest, candidates: [deepseek-v4-flash]}
"""


def test_metadata_reaches_route_and_arm(
    run: Run, server: Sandbox, config: Callable[[str], str]
) -> None:
    """`--meta` takes a call along its route and to its user's arm, as `route` says it will."""
    file = config(SPLIT)
    users = [("--meta", "trial=kimi", "--meta", f"user={number}") for number in range(6)]

    told = [json.loads(run("route", "hi", *user, "-c", file, "--json").stdout) for user in users]
    ended = [run("chat", "hi", *user, "-c", file).exit_code for user in users]

    assert ended == [0] * len(users)
    sent = [each.model for each in server.requests]
    assert sent == [each["candidates"][0] for each in told]
    assert set(sent) == {"gpt-4o", "kimi-k2.5"}


@pytest.mark.parametrize("how", [(), ("--no-stream",)])
def test_called_tool_is_a_line_of_json(
    run: Run, server: Sandbox, tmp_path: Path, how: tuple[str, ...]
) -> None:
    """Tools are bound, and what the model calls is said, with what it would be called with."""
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps(TOOL), "utf-8")

    result = run("chat", "weather in Paris?", "--tools", str(tools), *how)
    described = run("chat", "weather in Paris?", "--tools", str(tools), "--json")

    (call,) = map(json.loads, result.stdout.splitlines())
    assert (call["name"], call["arguments"]) == ("get_weather", {"city": "Paris"})
    assert json.loads(described.stdout)["tool_calls"][0]["arguments"] == {"city": "Paris"}
    assert server.requests[0].body["tools"][0]["function"] == TOOL


def test_json_output_asks_for_json(run: Run, server: Sandbox) -> None:
    """`--json-output` decides as `route` does, and asks the model for JSON."""
    result = run("chat", "hello", "--json-output")

    assert isinstance(json.loads(result.stdout), dict)
    assert server.requests[0].body["response_format"] == {"type": "json_object"}


def test_fallback_is_told(run: Run, server: Sandbox, config: Callable[[str], str]) -> None:
    """When the first model is down the next answers, and stderr says who failed and why."""
    server.down("deepseek-v4-flash")

    result = run("chat", "hello", "-c", config(TWO))

    assert result.exit_code == 0
    assert "2 attempts" in result.stderr
    assert "1. deepseek-v4-flash: ServerError" in result.stderr
    assert "2. qwen3-32b: answered" in result.stderr


def test_all_models_down_fails(run: Run, server: Sandbox, config: Callable[[str], str]) -> None:
    """When none answers the exit code is 1 and each failure is told."""
    server.down("*")

    result = run("chat", "hello", "-c", config(TWO), "--json")

    error = json.loads(result.stderr)["error"]
    assert (result.exit_code, result.stdout) == (1, "")
    assert error["type"] == "AllModelsFailedError"
    assert [each["model"] for each in error["attempts"]] == ["deepseek-v4-flash", "qwen3-32b"]


def test_cut_answer_is_an_error(run: Run, server: Sandbox) -> None:
    """Half an answer stays on stdout, on its own line, and ends in 1."""
    server.script("deepseek-v4-flash", [faults.cut(after_chunks=3)])

    result = run("chat", "Say hello to everyone who came here today, please.")

    assert result.exit_code == 1
    assert result.stdout.endswith("\n")
    assert "error: " in result.stderr


def test_wrong_key_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is refused ends in 1, and no message holds it."""
    with Sandbox(key="right") as sandbox:
        monkeypatch.setenv("GLOBAL_API_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("GLOBAL_API_KEY", "wrong-key")
        result = run("chat", "hello")

    assert result.exit_code == 1
    assert "wrong-key" not in result.output


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("GLOBAL_API_BASE_URL", "http://example.com/v1", "refusing to send"),
        ("GLOBAL_API_BASE_URL", "example.com", "not a base URL"),
        ("GLOBAL_API_KEY", "two words", "holds a space"),
    ],
)
def test_wrong_setting_is_misuse(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """A setting that cannot be used ends in 2 before anything is sent."""
    monkeypatch.setenv(variable, value)

    result = run("chat", "hello")

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_empty_prompt_is_misuse(run: Run, server: Sandbox) -> None:
    """Nothing is sent for an empty prompt."""
    result = run("chat", "-", stdin="\n")

    assert result.exit_code == 2
    assert server.requests == []
