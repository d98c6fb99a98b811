"""`globalapi demo`, with pipelines offered by entry points."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.cli import _demo_table
from globalapi_core.cli._demo_run import Row
from globalapi_core.demo import load_questions
from globalapi_core.pricing import Price, Usage, cost
from globalapi_core.sandbox import Sandbox

from .conftest import Process, Run

ENTRY_POINTS = """[globalapi.pipelines]
plain = cli_pipelines:answers
only_gpt = cli_pipelines:only_gpt
stumbling = cli_pipelines:stumbling
silent = cli_pipelines:silent
absent = no_such_framework.demo:answers
"""
NARROW = 80


@pytest.fixture(autouse=True)
def _offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offers the pipelines of `cli_pipelines`, as an installed distribution does."""
    info = tmp_path / "site" / "cli_pipelines-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cli-pipelines\nVersion: 1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(info.parent))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def _demo(run: Run, framework: str, *arguments: str, code: int = 0) -> dict[str, Any]:
    result = run("demo", "--framework", framework, "--json", *arguments)
    assert result.exit_code == code, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_every_question_is_a_row(run: Run) -> None:
    """Each question is asked once, and takes the route it was written for."""
    rows = _demo(run, "plain")["rows"]

    asked = {each.id: each.route for each in load_questions() if not each.long}
    taken = {row["question"]: row["route"] for row in rows}
    assert [row["question"] for row in rows] == [each.id for each in load_questions()]
    assert {name: taken[name] for name in asked} == asked


def test_sums_are_those_of_the_sandbox(
    run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens and cost of the demo equal the server's own bill."""
    monkeypatch.setenv("GLOBAL_API_BASE_URL", sandbox.base_url)

    told = _demo(run, "plain")

    sums, bill = told["sums"]["plain"], sandbox.bill
    assert (told["endpoint"], told["taken_down"]) == ("server", None)
    assert sums["input_tokens"] == sum(row.input_tokens for row in bill.rows)
    assert Decimal(sums["cost"]["at_least"]) == bill.total.at_least
    assert sums["cost"]["usd"] is None, "some input prices are unknown"


def test_baseline_is_the_same_tokens_at_another_price(run: Run) -> None:
    """What GPT-4o would have cost is its price times the tokens of the row."""
    price = Price(Decimal("2.50"), Decimal("10.00"))

    for row in _demo(run, "plain", "--questions", "5")["rows"]:
        expected = cost(Usage(**row["usage"]), price).usd
        assert Decimal(row["baseline_cost"]["usd"]) == expected


def test_model_taken_down_is_survived(run: Run) -> None:
    """The model of the busiest route fails, and another one answers."""
    told = _demo(run, "plain")

    (again,) = told["survived"]
    assert told["taken_down"] == "deepseek-v4-flash"
    assert again["attempts"][0]["outcome"] == "ServerError"
    assert again["model"] == "qwen3-32b"
    assert again["error"] is None


def test_error_of_a_question_is_its_row(run: Run) -> None:
    """A failing question does not stop the others; it is told in one line, and ends in 1."""
    told = _demo(run, "stumbling", "--questions", "14", code=1)

    failed = [row for row in told["rows"] if row["error"]]
    answered = [row for row in told["rows"] if not row["error"]]
    assert len(told["rows"]) == 14
    assert {row["error"] for row in failed} == {"LookupError: no Chinese here"}
    assert answered
    assert told["sums"]["stumbling"]["answered"] == len(answered)


def test_pipeline_without_answers_fails(run: Run) -> None:
    """A pipeline that ends early leaves a failed row for each question, not none."""
    told = _demo(run, "silent", "--questions", "2", code=1)

    assert [row["error"] is None for row in told["rows"]] == [False, False]
    assert told["taken_down"] is None


def test_refused_key_ends_the_demo_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all calls would meet is one error, not one for each question."""
    with Sandbox(key="right") as sandbox:
        monkeypatch.setenv("GLOBAL_API_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("GLOBAL_API_KEY", "wrong-key")
        result = run("demo", "--framework", "plain")

    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "wrong-key" not in result.output


def test_missing_framework_says_what_to_install(run: Run) -> None:
    """A framework that is not installed ends in 1 and names the extra."""
    result = run("demo", "--framework", "absent")

    assert result.exit_code == 1
    assert "No module named 'no_such_framework'" in result.stderr
    assert "pip install 'globalapi-llm[absent,demo]'" in result.stderr


def test_unknown_framework_is_misuse(run: Run) -> None:
    """A framework nobody offers ends in 2 and names those on offer."""
    result = run("demo", "--framework", "haystack")

    assert result.exit_code == 2
    assert "plain" in result.stderr


def test_few_questions_take_many_routes(run: Run) -> None:
    """`--questions` picks evenly, so that the table is not all one route."""
    rows = _demo(run, "plain", "--questions", "7")["rows"]

    assert len(rows) == 7
    assert len({row["route"] for row in rows}) >= 4


def test_output_begins_and_ends_plainly(run: Run) -> None:
    """Where the answers come from comes first, what it all came to last."""
    result = run("demo", "--framework", "plain", "--questions", "4")

    lines = result.stdout.splitlines()
    assert lines[0].startswith("no GLOBAL_API_KEY: answers come from the embedded sandbox")
    assert lines[-1].startswith("4 of 4 calls answered in ")
    assert "at GPT-4o's price" in lines[-1]
    assert any("is taken down" in line for line in lines)
    assert "4 of 4 calls" in result.stderr


def test_server_cannot_be_taken_down(
    run: Run, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real server the demo says that this part needs the sandbox."""
    monkeypatch.setenv("GLOBAL_API_BASE_URL", sandbox.base_url)

    result = run("demo", "--framework", "plain", "--questions", "1")

    assert result.exit_code == 0
    assert "Taking a model down is for the embedded sandbox" in result.stdout


def test_config_is_the_pipeline_s_too(run: Run, config: Callable[[str], str]) -> None:
    """The file given decides in the pipeline."""
    file = config("routes: [{name: all, candidates: [gpt-4o]}]")

    told = _demo(run, "plain", "--questions", "2", "-c", file)

    assert {(row["route"], row["model"]) for row in told["rows"]} == {("all", "gpt-4o")}
    assert told["taken_down"] is None, "there is nothing to fall back on"


def test_both_frameworks_decide_alike(process: Process) -> None:
    """LangChain and LlamaIndex take the same route and model for every question."""
    results = {
        name: process("demo", "--framework", name, "--questions", "9", "--json")
        for name in ("langchain", "llamaindex")
    }

    decided = [
        [(row["question"], row["route"], row["model"]) for row in json.loads(each.stdout)["rows"]]
        for each in results.values()
    ]
    assert [each.returncode for each in results.values()] == [0, 0]
    assert decided[0] == decided[1]


def _row(framework: str, *, route: str = "chinese", model: str = "glm-5") -> Row:
    question = next(each for each in load_questions() if each.id == "zh-memory")
    usage = {"input_tokens": 1_000, "output_tokens": 10}
    record = {
        "route": route,
        "reason": "language: zh",
        "model": model,
        "cost": {"usd": "0.0001", "at_least": "0.0001", "unknown": []},
        "attempts": [{"usage": usage}],
    }
    return Row(framework, question, "多个进程之间不共享内存。", record)


def test_rows_decided_alike_are_one() -> None:
    """One row stands for both frameworks, two where they differ."""
    alike = [_row("a"), _row("b")]
    different = [_row("a"), _row("b", model="kimi-k2.5")]

    assert _demo_table.table(alike, Price(), "GPT-4o", NARROW).row_count == 1
    assert _demo_table.table(different, Price(), "GPT-4o", NARROW).row_count == 2
    assert _demo_table.apart(alike) == []
    assert _demo_table.apart(different) == ["zh-memory"]


def test_chinese_takes_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """A table with Chinese fits the terminal, its columns in line."""
    from rich.cells import cell_len
    from rich.console import Console

    Console(width=NARROW).print(_demo_table.table([_row("a")], Price(), "GPT-4o", NARROW))

    header, second, _, question, answer = capsys.readouterr().out.splitlines()[:5]
    assert cell_len(question) <= NARROW
    column = cell_len(header[: header.index("route")])
    assert cell_len(question[: question.index("chinese")]) == column
    assert cell_len(answer[: answer.index("language")]) == column + 2
    assert second.startswith("answer")


def test_unknown_price_makes_the_sum_a_lower_bound() -> None:
    """One call of unknown cost marks the sum and what was saved."""
    unknown = _row("a")
    assert unknown.record is not None
    record = {**unknown.record, "cost": {"usd": None, "at_least": "0.1", "unknown": ["price"]}}
    price = Price(Decimal(500), Decimal(0))

    sums = _demo_table.sums([_row("a"), Row("a", unknown.question, "", record)], price)

    assert (sums.cost.usd, sums.cost.at_least) == (None, Decimal("0.1001"))
    assert sums.baseline.usd == Decimal(1)
    assert _demo_table.percent(sums) == "≤ 90%"
