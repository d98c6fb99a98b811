"""The openai SDK, `ChatOpenAI` and `OpenAILike`, as callers of a case.

Run by `scripts/build_faults.py` in an environment that has them, as a program: it prints
what each of them does as JSON. Nothing of this library is imported here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

from tests.faults import reading
from tests.faults.case import FIRST, PROMPT, Case
from tests.faults.promise import KEY, RETRIES, Judgement, Seen, judge

# The error of a peer that means the same as ours, by the names of its classes. Theirs are
# fewer: whatever can be told from the outside counts.
_SAME: Mapping[str, tuple[str, ...]] = {
    "GatewayConnectionError": ("APIConnectionError",),
    "ConnectionLostError": ("APIConnectionError",),
    "GatewayTimeoutError": ("APITimeoutError", "StreamChunkTimeoutError"),
    "RateLimitError": ("RateLimitError",),
    "ServerError": ("InternalServerError", "ConflictError"),
    "ModelNotFoundError": ("NotFoundError",),
    "ContextOverflowError": ("OpenAIContextOverflowError", "ContextOverflowError"),
    "AuthenticationError": ("AuthenticationError", "PermissionDeniedError"),
    "InvalidRequestError": ("BadRequestError", "UnprocessableEntityError"),
    "ContentFilteredError": ("ContentFilterFinishReasonError",),
    "ResponseError": ("APIResponseValidationError", "APIConnectionError", "APIError"),
    "IncompleteResponseError": ("APIConnectionError", "APIError"),
    "QuotaExceededError": (),
}
# Where they have no class, the status may tell.
_BY_STATUS: Mapping[str, tuple[int, ...]] = {
    "QuotaExceededError": (402,),
    "GatewayTimeoutError": (408, 504, 524),
    "ServerError": (425,),
    "InvalidRequestError": (301, 302, 303, 307, 308, 405, 413, 415, 431, 434, 435, 446, 501, 505),
    "AuthenticationError": (451,),
}
_OWN = ("openai", "langchain_openai", "langchain_core", "llama_index")


def same(wanted: tuple[str, ...], seen: Seen) -> bool:
    """Whether a peer's error means one of those wanted."""
    kinds = {kind for each in wanted for kind in _SAME[each]}
    statuses = {status for each in wanted for status in _BY_STATUS.get(each, ())}
    return not kinds.isdisjoint(seen.kinds) or seen.status in statuses


def _failed(error: Exception) -> Seen:
    kinds = tuple(each.__name__ for each in type(error).__mro__)
    return Seen(
        error=type(error).__name__,
        kinds=kinds,
        own=type(error).__module__.partition(".")[0] in _OWN,
        message=f"{error} {error.__cause__ or ''}",
        status=getattr(error, "status_code", None),
    )


def _seconds(case: Case) -> float:
    """The one timer they have; where a case sets ours, the shortest of those."""
    return min([case.timeout, *case.limits.values()])


def _settings(case: Case) -> dict[str, Any]:
    return {"api_key": KEY, "max_retries": RETRIES, "timeout": _seconds(case)}


def _sdk(url: str, case: Case) -> Any:
    import openai

    return lambda way: (openai.AsyncOpenAI if way.startswith("a") else openai.OpenAI)(
        base_url=url, **_settings(case)
    )


def _chat(url: str, case: Case) -> Any:
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=FIRST, base_url=url, stream_usage=True, **_settings(case))


def _like(url: str, case: Case) -> Any:
    from llama_index.llms.openai_like import OpenAILike

    kind = {"is_chat_model": True, "is_function_calling_model": True, "context_window": 32_000}
    return OpenAILike(model=FIRST, api_base=url, **kind, **_settings(case))


def _read_sdk(make: Any, way: str, given: Mapping[str, Any], shown: list[str]) -> Any:
    """Read the SDK as its documentation shows, adding up the pieces of a stream."""
    client = make(way)
    asked: dict[str, Any] = {
        "model": FIRST,
        "messages": [{"role": "user", "content": PROMPT}],
        **given,
    }
    if way == "invoke":
        return _completion(client.chat.completions.create(**asked))
    if way == "ainvoke":
        return _acompletion(client, asked)
    asked |= {"stream": True, "stream_options": {"include_usage": True}}
    if way == "astream":
        return _achunks(client, asked, shown)
    pieces = _Pieces(shown)
    for chunk in client.chat.completions.create(**asked):
        pieces.add(chunk)
    return pieces.seen()


async def _acompletion(client: Any, asked: dict[str, Any]) -> Seen:
    return _completion(await client.chat.completions.create(**asked))


async def _achunks(client: Any, asked: dict[str, Any], shown: list[str]) -> Seen:
    pieces = _Pieces(shown)
    async for chunk in await client.chat.completions.create(**asked):
        pieces.add(chunk)
    return pieces.seen()


def _completion(answer: Any) -> Seen:
    choice = answer.choices[0]
    calls = [
        (each.function.name, each.function.arguments) for each in choice.message.tool_calls or ()
    ]
    return Seen(
        text=_joined(choice.message.content),
        calls=_runnable(calls),
        finish=choice.finish_reason,
        usage=_usage(answer.usage),
        reasoning=_thoughts(choice.message),
    )


def _joined(content: Any) -> str:
    """Text, also where it is passed on in parts."""
    return "".join(part["text"] for part in content) if isinstance(content, list) else content or ""


def _thoughts(said: Any) -> str:
    return getattr(said, "reasoning_content", None) or getattr(said, "reasoning", None) or ""


class _Pieces:
    def __init__(self, shown: list[str]) -> None:
        self.shown = shown
        self.finish: str | None = None
        self.usage: tuple[int, int] | None = None
        self.reasoning = ""
        self.calls: dict[Any, list[str]] = {}

    def add(self, chunk: Any) -> None:
        self.usage = _usage(chunk.usage) or self.usage
        for choice in (chunk.choices or ())[:1]:
            self.finish = choice.finish_reason or self.finish
            if choice.delta is None:
                continue
            self.shown.append(choice.delta.content or "")
            self.reasoning += _thoughts(choice.delta)
            for call in choice.delta.tool_calls or ():
                slot = self.calls.setdefault(call.index, [call.function.name or "", ""])
                slot[1] += call.function.arguments or ""

    def seen(self) -> Seen:
        return Seen(
            text="".join(self.shown),
            calls=_runnable([(name, arguments) for name, arguments in self.calls.values()]),
            finish=self.finish,
            usage=self.usage,
            reasoning=self.reasoning,
        )


def _runnable(calls: list[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """The calls a program would run: those whose arguments parse."""
    return tuple((name, parsed) for name, text in calls if (parsed := _parsed(text)) is not None)


def _parsed(text: Any) -> dict[str, Any] | None:
    try:
        arguments = json.loads(text or "{}") if isinstance(text, str) else text
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _usage(usage: Any) -> tuple[int, int] | None:
    if usage is None or usage.prompt_tokens is None:
        return None
    return usage.prompt_tokens, usage.completion_tokens


Made = tuple[Callable[[str, Case], Any], reading.Reader]
PEERS: dict[str, Made] = {
    "openai": (_sdk, _read_sdk),
    "ChatOpenAI": (_chat, reading.langchain),
    "OpenAILike": (_like, reading.llamaindex),
}
DISTRIBUTIONS = ("openai", "langchain-openai", "llama-index-llms-openai-like")


def judged(case: Case, peer: str, way: str) -> Judgement:
    """The verdict on *peer*, asked in *way*."""
    make, read = PEERS[peer]
    return judge(case.promise, reading.see(case, way, make, read, _failed), same)


def _all(only: str) -> list[dict[str, str]]:
    from tests.faults.scripts import CASES

    asked = [
        (case, peer, way)
        for case in CASES
        if only in case.id
        for peer in PEERS
        for way in case.ways
    ]
    with ThreadPoolExecutor(16) as pool:
        judgements = list(pool.map(lambda each: judged(*each), asked))
    return [
        {"case": case.id, "peer": peer, "way": way, "verdict": found.verdict, "why": found.why}
        for (case, peer, way), found in zip(asked, judgements, strict=True)
    ]


if __name__ == "__main__":
    for name in [each for each in os.environ if each.startswith("OPENAI_")]:
        del os.environ[name]
    rows = _all(sys.argv[1] if len(sys.argv) > 1 else "")
    versions = {name: version(name) for name in DISTRIBUTIONS}
    json.dump({"versions": versions, "rows": rows}, sys.stdout, indent=1)
