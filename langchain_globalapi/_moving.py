"""The arguments of `ChatOpenAI`, `ChatDeepSeek` and `ChatOpenRouter`, as ours.

Whoever moves over changes the name of the class and no more. What has a counterpart here
gets its name; what the request carries goes into it; what was left unset is dropped. Of what
has no counterpart a `UserWarning` tells, unless the answers would be others than were asked
for: that is refused. Both say what to do in its place.

Names: langchain-openai 1.7, langchain-deepseek 1.1, langchain-openrouter 0.2.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Collection, Mapping
from typing import Any

from globalapi_core.errors import InvalidInputError

_SAME: Mapping[str, str] = {
    "openai_api_key": "api_key",
    "deepseek_api_key": "api_key",
    "openrouter_api_key": "api_key",
    "openai_api_base": "base_url",
    "api_base": "base_url",
    "deepseek_api_base": "base_url",
    "openrouter_api_base": "base_url",
    "request_timeout": "timeout",
    "max_completion_tokens": "max_tokens",
    "stop_sequences": "stop",
}
_IN_THE_REQUEST = (
    *("logit_bias", "service_tier", "store", "verbosity", "modalities", "prediction"),
    *("prompt_cache_key", "safety_identifier"),
)
_WITHOUT_EFFECT = frozenset(
    {
        "stream_usage",  # usage always comes
        "tiktoken_model_name",  # tokens are estimated offline
        "include_response_headers",  # the request's id is in response_metadata
        *("app_title", "app_url", "app_categories"),  # for OpenRouter's own pages
    }
)
_CLIENTS = "set HTTPS_PROXY, or SSL_CERT_FILE for a server's own certificate"
_ACCOUNT = "the key says whose account it is"
_METADATA = "put it into the config's metadata, where tracers read it"
_LOST: Mapping[str, str] = {
    "http_client": _CLIENTS,
    "http_async_client": _CLIENTS,
    "openai_proxy": _CLIENTS,
    "http_socket_options": "connections are kept alive as they are",
    "organization": _ACCOUNT,
    "openai_organization": _ACCOUNT,
    "default_headers": "requests carry the key and nothing of the caller's",
    "default_query": "put what it holds into base_url",
    "disabled_params": "what a model does not take is left out by its family's rules",
    "openrouter_provider": "name the models in a route of the config file, in their order",
    "stream_chunk_timeout": "the config file's `attempts` has the timeouts of streams",
    "session_id": _METADATA,
    "trace": _METADATA,
}
_CHAT = "leave it out: calls are chat completions"
_BESIDE: Mapping[str, str] = {
    "extra_headers": _LOST["default_headers"],
    "extra_query": "the address of a call has no query",
}
"""What a call of theirs takes and puts beside the request."""
_REFUSED: Mapping[str, str] = {
    "n": "call batch: an answer is one message",
    "plugins": "leave it out: the gateway has none",
    "use_responses_api": _CHAT,
    "use_previous_response_id": _CHAT,
    "context_management": _CHAT,
    "include": _CHAT,
    "truncation": _CHAT,
    "prompt_cache_options": _CHAT,
}


def moved(given: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """*given* under our names.

    Args:
        given: the arguments of a constructor.
        known: the arguments that ours takes. One of them that is given goes before any
            other of the same meaning.

    Raises:
        InvalidInputError: an argument that changes answers and that ours does not take, with
            what to do in its place; or an unknown one, with the name that was probably meant.
    """
    ours: dict[str, Any] = {}
    sent: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("model_kwargs", "extra_body"):
            sent.update(value or {})
        elif name in _SAME:
            if given.get(_SAME[name]) is None:
                ours[_SAME[name]] = value
        elif name in known and (value, name) != (None, "stream_usage"):
            ours[name] = value
        elif name in _IN_THE_REQUEST and value is not None:
            sent.setdefault(name, value)
        elif name == "reasoning":
            ours |= _thinking(value or {})
        elif not _is_unset(name, value):
            _tell(name, known)
    return {**ours, "model_kwargs": sent} if sent else ours


def flattened(given: Mapping[str, Any]) -> dict[str, Any]:
    """*given*, the arguments of a call, with what its `extra_body` holds among them.

    What would go beside the request is not used, which a `UserWarning` tells.
    """
    for name in _BESIDE:
        if given.get(name):
            _lost(name, _BESIDE[name])
    beside = ("extra_body", *_BESIDE)
    own = {name: value for name, value in given.items() if name not in beside}
    return {**(given.get("extra_body") or {}), **own}


def _is_unset(name: str, value: Any) -> bool:
    """Whether leaving it out changes nothing."""
    if name in _WITHOUT_EFFECT or (name == "n" and value == 1):
        return True
    return not value and (name in _LOST or name in _REFUSED or name in _IN_THE_REQUEST)


def _thinking(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`reasoning` of OpenAI and OpenRouter: how hard to think."""
    effort = asked.get("effort")
    return {"reasoning_effort": effort} if effort else {}


def _tell(name: str, known: Collection[str]) -> None:
    """Warn of *name*, or refuse it."""
    if name in _LOST:
        _lost(name, _LOST[name], stacklevel=7)
    elif name in _REFUSED:
        raise InvalidInputError(f"{name!r} has no counterpart here: {_REFUSED[name]}")
    else:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InvalidInputError(f"unknown argument {name!r}{hint}")


def _lost(name: str, instead: str, *, stacklevel: int = 3) -> None:
    """Warn that *name* has no effect."""
    warnings.warn(f"{name!r} is not used: {instead}", UserWarning, stacklevel=stacklevel)
