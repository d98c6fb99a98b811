"""`globalapi chat`: one question, streamed, with what it took on stderr."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from globalapi_core.budget import Budget
from globalapi_core.cli import _endpoint, _options, _output, _prompt
from globalapi_core.cli._lazy import plain
from globalapi_core.client import Answer, Client
from globalapi_core.records import CallRecord, Decision
from globalapi_core.router import Router
from globalapi_core.wire import ChatRequest, InvalidToolCall, Reply, Timeouts, ToolCall, Wire

app = plain()


@app.command(epilog='Example: globalapi chat "What is a context window?" --model qwen3-32b')
def chat(
    prompt: _options.Prompt = None,
    file: _options.File = None,
    image: _options.Image = None,
    system: _options.System = None,
    tools: _options.Tools = None,
    json_output: _options.JsonOutput = False,
    tag: _options.Tag = None,
    meta: _options.Meta = None,
    max_tokens: _options.MaxTokens = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            "--temperature",
            metavar="T",
            min=0,
            max=2,
            help="0: the likeliest answer; 2: the most varied.",
        ),
    ] = None,
    route: _options.Route = None,
    model: _options.Model = None,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Wait for the whole answer.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only the answer; on stderr only errors.")
    ] = False,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Ask one question and stream the answer.

    Model, reason, tokens and cost in USD go to stderr. Tools that the model calls are not run:
    each call is a line of JSON.
    """
    router = Router(config)
    asked = _prompt.asked(
        prompt, file=file, image=image, system=system, tools=tools, json_output=json_output,
        max_tokens=max_tokens, tag=tag, meta=meta,
    )  # fmt: skip
    decision = _prompt.decide(router, asked, route=route, model=model)
    request = ChatRequest(
        asked.messages,
        tools=asked.tools,
        response_format=asked.response_format,
        params={"max_tokens": max_tokens, "temperature": temperature},
    )
    silent = quiet or json
    with _endpoint.target(router.config) as target:
        _note(() if silent else (_prompt.assumptions(decision, router), str(target)))
        limits = router.config.attempts
        wire = Wire(target.endpoint, Timeouts.of(limits))
        client = Client(wire, limits=limits, budget=Budget.of(router.config))
        if json:
            answer = client.complete(request, decision)
            _output.document(_described(answer.reply, answer.record) | {"endpoint": target.name})
        else:
            answer = _say(client, request, decision, whole=no_stream)
    _note(() if silent else _footer(answer.record))


def _note(lines: Iterable[str | None]) -> None:
    for line in lines:
        if line:
            typer.echo(line, err=True)


def _say(client: Client, request: ChatRequest, decision: Decision, *, whole: bool) -> Answer:
    """Write the answer to stdout as it comes, or when it is *whole*; calls of tools after it."""
    answer = client.complete(request, decision) if whole else _streamed(client, request, decision)
    if whole and answer.reply.text:
        typer.echo(_shown(answer.reply.text))
    called: tuple[ToolCall | InvalidToolCall, ...]
    called = (*answer.reply.tool_calls, *answer.reply.invalid_tool_calls)
    for each in called:
        typer.echo(json_.dumps(asdict(each), ensure_ascii=False))
    return answer


def _streamed(client: Client, request: ChatRequest, decision: Decision) -> Answer:
    ended = True
    try:
        for item in client.stream(request, decision):
            if isinstance(item, Answer):
                return item
            typer.echo(_shown(item.text), nl=False)
            ended = not item.text and ended
    finally:
        # Half an answer too ends its line, so that the error after it has its own.
        if not ended:
            typer.echo()
    raise TypeError("the stream ended without an answer")


def _shown(text: str) -> str:
    """An answer as it came, but for what could steer a terminal."""
    return _output.harmless(text) if sys.stdout.isatty() else text


def _described(reply: Reply, record: CallRecord) -> dict[str, Any]:
    """For JSON: the answer and the record of the call."""
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "finish_reason": reply.finish_reason,
        "tool_calls": [asdict(each) for each in reply.tool_calls],
        "invalid_tool_calls": [asdict(each) for each in reply.invalid_tool_calls],
        **record.as_dict(),
    }


def _footer(record: CallRecord) -> Iterator[str]:
    """Model, route and why, tokens, cost, and the attempts when there were several."""
    tokens_in, tokens_out = _output.tokens(record.usage)
    tries = len(record.attempts)
    route = f"route {record.decision.route}, " if record.decision.route else ""
    yield f"{record.model} ({route}{record.decision.reason})"
    attempts = f"{_output.count(tries, 'attempt')}, {record.seconds:.2f} s"
    yield f"{tokens_in} tokens in, {tokens_out} out; {record.cost}; {attempts}"
    for attempt, outcome in record.attempts if tries > 1 else ():
        said = "answered" if outcome.error is None else _output.failure(outcome.error)
        yield f"  {attempt.number}. {attempt.candidate.name}: {said}"
