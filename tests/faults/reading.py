"""What a framework hands over, as `Seen`: the same for this library and for others.

Each reader asks one object in one way and collects what a caller would look at. Nothing
here knows whose object it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.faults.case import PROMPT, Case, place
from tests.faults.promise import Seen, reveals

Reader = Callable[[Any, str, Mapping[str, Any], list[str]], Any]
"""Asks an object in a way, with arguments; puts what a stream shows into the list, and
returns `Seen`, or a coroutine of it in the asynchronous ways."""
Failure = Callable[[Exception], Seen]
"""What a caller sees of an error."""


def see(
    case: Case, way: str, make: Callable[[str, Case], Any], read: Reader, fail: Failure
) -> Seen:
    """What a caller sees of *case*: one made by *make*, asked in *way* and read by *read*."""
    with place(case) as here:
        shown: list[str] = []
        asking = _again if way.startswith("a") else _once
        started = time.monotonic()
        try:
            model = make(here.url, case)
            seen: Seen = asking(case.calls, lambda: read(model, way, case.given, _emptied(shown)))
        except Exception as error:
            facts = fail(error)
            seen = replace(facts, reveals=reveals(error))
        return replace(
            seen,
            shown="".join(shown),
            seconds=time.monotonic() - started,
            requests=seen.requests if here.requests is None else here.requests,
            models=here.models or seen.models,
            leaked=here.leaked,
            prompt_in_head=here.prompt_in_head if here.server else False,
        )


def _once(calls: int, ask: Callable[[], Any]) -> Any:
    seen = None
    for number in range(calls):
        if number:
            time.sleep(0.1)  # what the server does after its answer arrives
        seen = ask()
    return seen


def _again(calls: int, ask: Callable[[], Any]) -> Any:
    async def asked() -> Any:
        seen = None
        for number in range(calls):
            if number:
                await asyncio.sleep(0.1)
            seen = await ask()
        return seen

    return asyncio.run(asked())


def _emptied(shown: list[str]) -> list[str]:
    shown.clear()
    return shown


# --- LangChain --------------------------------------------------------------------------


def langchain(model: Any, way: str, given: Mapping[str, Any], shown: list[str]) -> Any:
    """Read a chat model of LangChain's."""
    if way == "invoke":
        return _message(model.invoke(PROMPT, **given))
    if way == "stream":
        return _chunks(model.stream(PROMPT, **given), shown)
    if way == "ainvoke":
        return _amessage(model, given)
    return _achunks(model.astream(PROMPT, **given), shown)


async def _amessage(model: Any, given: Mapping[str, Any]) -> Seen:
    return _message(await model.ainvoke(PROMPT, **given))


def _chunks(chunks: Any, shown: list[str]) -> Seen:
    whole = None
    for chunk in chunks:
        shown.append(_text(chunk))
        whole = chunk if whole is None else whole + chunk
    return _message(whole)


async def _achunks(chunks: Any, shown: list[str]) -> Seen:
    whole = None
    async for chunk in chunks:
        shown.append(_text(chunk))
        whole = chunk if whole is None else whole + chunk
    return _message(whole)


def _text(message: Any) -> str:
    return message.content if isinstance(message.content, str) else str(message.text)


def _message(message: Any) -> Seen:
    usage = message.usage_metadata
    return Seen(
        text=_text(message),
        calls=tuple((each["name"], each["args"]) for each in message.tool_calls),
        finish=message.response_metadata.get("finish_reason"),
        usage=(usage["input_tokens"], usage["output_tokens"]) if usage else None,
        reasoning=message.additional_kwargs.get("reasoning_content", ""),
    )


# --- LlamaIndex -------------------------------------------------------------------------


def llamaindex(llm: Any, way: str, given: Mapping[str, Any], shown: list[str]) -> Any:
    """Read an LLM of LlamaIndex's."""
    from llama_index.core.llms import ChatMessage

    messages = [ChatMessage(role="user", content=PROMPT)]
    if way == "invoke":
        return _response(llm, llm.chat(messages, **given))
    if way == "stream":
        return _responses(llm, llm.stream_chat(messages, **given), shown)
    if way == "ainvoke":
        return _aresponse(llm, messages, given)
    return _aresponses(llm, messages, given, shown)


async def _aresponse(llm: Any, messages: Any, given: Mapping[str, Any]) -> Seen:
    return _response(llm, await llm.achat(messages, **given))


def _responses(llm: Any, responses: Any, shown: list[str]) -> Seen:
    last, finish, usage = None, None, None
    for last in responses:
        shown.append(last.delta or "")
        finish, usage = _finish(last.raw) or finish, _counts(last) or usage
    return replace(_response(llm, last), finish=finish, usage=usage)


async def _aresponses(llm: Any, messages: Any, given: Mapping[str, Any], shown: list[str]) -> Seen:
    last, finish, usage = None, None, None
    async for last in await llm.astream_chat(messages, **given):
        shown.append(last.delta or "")
        finish, usage = _finish(last.raw) or finish, _counts(last) or usage
    return replace(_response(llm, last), finish=finish, usage=usage)


def _response(llm: Any, response: Any) -> Seen:
    if response is None:
        return Seen(text=None)
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    thoughts = (each for each in response.message.blocks if each.block_type == "thinking")
    return Seen(
        text=response.message.content or "",
        calls=tuple((each.tool_name, each.tool_kwargs) for each in calls),
        finish=_finish(response.raw),
        usage=_counts(response),
        reasoning="".join(each.content or "" for each in thoughts),
    )


def _finish(raw: Any) -> str | None:
    """The finish reason in what a response says is raw: a dict, or an object of an SDK."""
    if isinstance(raw, Mapping):
        return raw.get("finish_reason")
    choices = getattr(raw, "choices", None)
    return getattr(choices[0], "finish_reason", None) if choices else None


def _counts(response: Any) -> tuple[int, int] | None:
    found = response.additional_kwargs
    if "prompt_tokens" not in found:
        return None
    return found["prompt_tokens"], found["completion_tokens"]
