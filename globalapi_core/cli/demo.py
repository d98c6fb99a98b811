"""`globalapi demo`: one retrieval pipeline in each framework, with reasons and costs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from globalapi_core import settings
from globalapi_core.catalog import ModelInfo
from globalapi_core.cli import _demo_table, _endpoint, _options, _output
from globalapi_core.cli._demo_run import Row, Run, busiest, load_pipelines, load_retriever
from globalapi_core.cli._lazy import plain
from globalapi_core.cli._progress import Progress
from globalapi_core.config import load_config
from globalapi_core.demo import Question, load_questions

BASELINE = "gpt-4o"
"""The model whose price the costs are held against."""

app = plain()


@dataclass(frozen=True, slots=True)
class Result:
    """Everything a demo found out."""

    rows: tuple[Row, ...]
    sums: Mapping[str, _demo_table.Sums]
    taken_down: str | None
    """The model that was taken down; `None` without a sandbox, or without a fallback to show."""
    survived: tuple[Row, ...]
    """The questions asked again without it."""
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether any question has no answer."""
        return any(row.error is not None for row in (*self.rows, *self.survived))


@app.command(epilog="Example: globalapi demo --framework langchain --questions 8")
def demo(
    framework: Annotated[
        str, typer.Option("--framework", metavar="NAME", help="langchain, llamaindex or both.")
    ] = "both",
    questions: Annotated[
        int | None,
        typer.Option(
            "--questions", metavar="N", min=1, help="How many questions, evenly spaced; else all."
        ),
    ] = None,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Run one RAG pipeline in LangChain and LlamaIndex, with costs.

    With GLOBAL_API_KEY the gateway answers, with GLOBAL_API_BASE_URL that server, and
    without either the embedded sandbox. Takes a model down at the end (sandbox only).
    """
    checked = load_config(config)
    baseline = checked.catalog.resolve(BASELINE)
    with _endpoint.target(checked) as target:
        say = _nothing if json else typer.echo
        say(str(target))
        pipelines, missing = load_pipelines(framework)
        for name, text in missing.items():
            say(f"{name} is left out: {text}")
        run = Run(pipelines, load_retriever(), str(config or ""), target.endpoint)
        asked = _spread(load_questions(), questions)
        passages = _output.count(len(run.retriever.passages), "passage")
        names = " and ".join(pipelines)
        say(f"{_output.count(len(asked), 'question')}, {passages}, in {names}")
        result = _run(run, asked, baseline, target, quiet=json)
    if json:
        _output.document(_described(result, target, missing, baseline))
    else:
        _show(result, baseline, target)
    raise typer.Exit(1 if result.failed else 0)


def _run(
    run: Run,
    questions: Sequence[Question],
    baseline: ModelInfo,
    target: _endpoint.Target,
    *,
    quiet: bool,
) -> Result:
    started = time.monotonic()
    rows: list[Row] = []
    with Progress(len(questions) * len(run.pipelines), quiet=quiet) as progress:
        for framework in run.pipelines:
            for row in run.ask(framework, questions):
                rows.append(row)
                progress.step(f"{framework}: {row.question.id}")
    sums = {
        name: _demo_table.sums([row for row in rows if row.framework == name], baseline.price)
        for name in run.pipelines
    }
    example = busiest(rows)
    taken_down: str | None = None
    survived: tuple[Row, ...] = ()
    if target.sandbox is not None and example is not None:
        taken_down = example.decided[1]
        with _down(target.sandbox, taken_down):
            survived = tuple(
                row for name in run.pipelines for row in run.ask(name, [example.question])
            )
    return Result(tuple(rows), sums, taken_down, survived, time.monotonic() - started)


@contextmanager
def _down(sandbox: Any, model: str | None) -> Iterator[None]:
    sandbox.down(model)
    try:
        yield
    finally:
        sandbox.up(model)


def _spread(questions: Sequence[Question], wanted: int | None) -> list[Question]:
    """*wanted* of the questions, evenly spaced, so that few of them still take many routes."""
    count = min(wanted or len(questions), len(questions))
    return [questions[number * len(questions) // count] for number in range(count)]


def _show(result: Result, baseline: ModelInfo, target: _endpoint.Target) -> None:
    console = _output.console()
    title = baseline.title or baseline.name
    console.print()
    console.print(_demo_table.table(result.rows, baseline.price, title, console.width))
    console.print()
    console.print(_demo_table.sums_table(result.sums, title))
    if len(result.sums) > 1:
        console.print(f"\n{_alike(result)}")
    console.print()
    if result.taken_down is None:
        console.print(_not_taken_down(target))
    else:
        console.print(f"{result.taken_down} is taken down, and the question asked once more:")
        console.print(_output.rows(*_attempts(result.survived)))
    console.print(f"\n{_summary(result, baseline)}")


def _attempts(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """Who was tried, who failed and why, and who answered."""
    for row in rows:
        for each in row.attempts:
            error = each["error"]
            said = "answered" if error is None else f"{each['outcome']}: {error}"
            name = row.framework if each["number"] == 1 else ""
            yield name, f"{each['number']}. {each['model']}", said.partition("\n")[0]
        if not row.attempts:
            yield row.framework, "no attempt", row.error or ""


def _not_taken_down(target: _endpoint.Target) -> str:
    if target.sandbox is None:
        names = f"{settings.KEY_VARIABLE} and {settings.BASE_URL_VARIABLE}"
        return f"Taking a model down is for the embedded sandbox: unset {names}."
    return "No model is taken down: no answered question had another candidate to fall back on."


def _alike(result: Result) -> str:
    apart = _demo_table.apart(result.rows)
    count = len({row.question.id for row in result.rows})
    names = " and ".join(result.sums)
    if not apart:
        return f"{names} took the same route and model for all {count} questions."
    return f"{names} decided apart for {len(apart)} of {count} questions: {', '.join(apart)}."


def _summary(result: Result, baseline: ModelInfo) -> str:
    every = _demo_table.sums(result.rows, baseline.price)
    return (
        f"{every.answered} of {every.questions} calls answered in {result.seconds:.1f} s for "
        f"{_output.amount(every.cost)} instead of {_output.amount(every.baseline)} at "
        f"{baseline.title}'s price ({_demo_table.percent(every)} saved)."
    )


def _described(
    result: Result, target: _endpoint.Target, missing: Mapping[str, str], baseline: ModelInfo
) -> dict[str, Any]:
    """For JSON."""
    return {
        "endpoint": target.name,
        "missing": dict(missing),
        "baseline": baseline.name,
        "rows": [_demo_table.row_dict(row, baseline.price) for row in result.rows],
        "sums": {name: each.as_dict() for name, each in result.sums.items()},
        "apart": _demo_table.apart(result.rows),
        "taken_down": result.taken_down,
        "survived": [_demo_table.row_dict(row, baseline.price) for row in result.survived],
        "seconds": round(result.seconds, 3),
    }


def _nothing(text: str) -> None:
    """Say nothing: stdout is for the JSON document alone."""
