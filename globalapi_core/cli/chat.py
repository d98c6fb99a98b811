"""`globalapi chat`: one question, streamed, with what it took on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from globalapi_core.budget import Budget
from globalapi_core.cli import _endpoint, _options, _output, _prompt
from globalapi_core.cli._lazy import plain
from globalapi_core.client import Answer, Client
from globalapi_core.records import CallRecord, Decision
from globalapi_core.router import Router
from globalapi_core.wire import ChatRequest, Timeouts, Wire

app = plain()


@app.command(epilog='Example: globalapi chat "What is a context window?" --model qwen3-32b')
def chat(
    prompt: _options.Prompt = None,
    file: _options.File = None,
    image: _options.Image = None,
    system: _options.System = None,
    route: _options.Route = None,
    model: _options.Model = None,
    tag: _options.Tag = None,
    max_tokens: _options.MaxTokens = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", metavar="T", min=0, max=2, help="How varied.")
    ] = None,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Wait for the whole answer.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only the answer, nothing on stderr.")
    ] = False,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Ask one question and stream the answer; stderr says model, reason, tokens and cost."""
    router = Router(config)
    messages = _prompt.messages(_prompt.read(prompt, file), system=system, image=image)
    signals = router.signals(messages, max_tokens=max_tokens, tags=tag or ())
    decision = _prompt.decide(router, signals, route=route, model=model)
    params = {"max_tokens": max_tokens, "temperature": temperature}
    request = ChatRequest(messages, params=params)
    with _endpoint.target(router.config) as target:
        for note in () if quiet or json else (_prompt.assumptions(decision, router), str(target)):
            if note:
                typer.echo(note, err=True)
        limits = router.config.attempts
        wire = Wire(target.endpoint, Timeouts.of(limits))
        client = Client(wire, limits=limits, budget=Budget.of(router.config))
        if json:
            answer = client.complete(request, decision)
            _output.document(_described(answer) | {"endpoint": target.name})
        else:
            answer = _say(client, request, decision, whole=no_stream)
    for line in () if quiet or json else _footer(answer.record):
        typer.echo(line, err=True)


def _say(client: Client, request: ChatRequest, decision: Decision, *, whole: bool) -> Answer:
    """Write the answer to stdout as it comes, or when it is *whole*."""
    if whole:
        answer = client.complete(request, decision)
        typer.echo(answer.reply.text)
        return answer
    ended = True
    try:
        for item in client.stream(request, decision):
            if isinstance(item, Answer):
                return item
            typer.echo(item.text, nl=False)
            ended = not item.text and ended
    finally:
        # Half an answer too ends its line, so that the error after it has its own.
        if not ended:
            typer.echo()
    raise TypeError("the stream ended without an answer")


def _described(answer: Answer) -> dict[str, Any]:
    """For JSON: the answer and the record of the call."""
    reply = answer.reply
    return {
        "text": reply.text,
        "reasoning": reply.reasoning,
        "finish_reason": reply.finish_reason,
        **answer.record.as_dict(),
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
