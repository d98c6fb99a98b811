"""Arguments of LlamaIndex's other LLM classes, taken as what they mean here."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import model_validator

_SENT: Mapping[str, str] = {
    "reasoning_effort": "reasoning_effort",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "modalities": "modalities",
    "audio_config": "audio",
}
"""Fields of theirs that are fields of the request, by their names there."""
_NEEDLESS = frozenset(
    {
        "api_version",  # Azure's
        "reuse_client",  # connections are shared by the process
        "should_use_structured_outputs",  # the catalog knows
        "tokenizer",  # for /completions alone
    }
)
"""Fields of theirs that have nothing to set here."""
_CLIENTS = "proxies and certificates are taken from the environment"
_LOST: Mapping[str, str] = {
    "default_headers": "no headers but the library's own are sent",
    "extra_headers": "no headers but the library's own are sent",
    "extra_query": "the address of a call has no query",
    "http_client": _CLIENTS,
    "async_http_client": _CLIENTS,
    "openai_client": _CLIENTS,
    "async_openai_client": _CLIENTS,
    "strict": "schemas are sent without it",
    "order": "fallbacks are named in the config file",
    "allow_fallbacks": "fallbacks are named in the config file",
}
"""Fields of theirs that do something which is not done here, and what is."""


class MovedOver(FunctionCallingLLM):
    """An LLM that takes the arguments of `OpenAILike`, `OpenRouter` and `DeepSeek`.

    Moving over is then changing the class name. What has an effect there and none here
    is told by a `UserWarning`; an argument that none of them knows is still an error.
    """

    @model_validator(mode="before")
    @classmethod
    def _take_over(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        taken, lost = taken_over(given)
        for name in lost:
            warnings.warn(unused(cls.__name__, name), UserWarning, stacklevel=4)
        return taken


def unused(who: str, name: str) -> str:
    """That *who* does not use what is called *name*, and what is done in its place."""
    return f"{who} does not use {name!r}: {_LOST[name]}"


def taken_over(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """*given* by the names that our classes know, and the names of what is lost."""
    taken = {name: value for name, value in given.items() if name not in _NEEDLESS}
    extras = dict(taken.get("additional_kwargs") or {})
    lost = [name for name in _LOST if taken.pop(name, None)]
    lost += [name for name in _LOST if name not in lost and extras.pop(name, None)]
    for name, sent in _SENT.items():
        value = taken.pop(name, None)
        # Their `top_logprobs` is 0 where nobody asked.
        if value is not None and not (name == "top_logprobs" and value == 0):
            extras.setdefault(sent, value)
    if "max_new_tokens" in taken:
        taken["max_tokens"] = taken.pop("max_new_tokens")
    if (base_url := taken.pop("base_url", None)) and taken.get("api_base") is None:
        taken["api_base"] = base_url  # as LangChain's users call it
    if extras or "additional_kwargs" in taken:
        taken["additional_kwargs"] = extras
    return taken, lost
