"""`OpenAILike`, asked all that the suite asks.

Run by `scripts/build_conformance.py` in an environment that has it, as a program: it
prints what came of each check as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from globalapi_core.catalog import Catalog
from globalapi_core.sandbox import Sandbox
from tests.llamaindex.conformance.bench import Bench, Make
from tests.llamaindex.conformance.suite import CHECKS

DISTRIBUTIONS = ("llama-index-llms-openai-like", "llama-index-core", "openai")
KEY = "sk-none"


def _like(url: str, model: str, **settings: Any) -> Any:
    """As it comes, but for what makes it call the endpoint of chats."""
    from llama_index.llms.openai_like import OpenAILike

    own = {"api_key": KEY, "max_retries": 0, "is_chat_model": True, **settings}
    return OpenAILike(model=model, api_base=url, **own)


def _told(url: str, model: str, **settings: Any) -> Any:
    """With all that a user may know of the model."""
    window = Catalog.default().get(model).window
    return _like(
        url, model, **{"context_window": window, "is_function_calling_model": True, **settings}
    )


PEERS: Mapping[str, Make] = {"OpenAILike, told": _told, "OpenAILike": _like}


def cells(makers: Mapping[str, Make], only: str = "") -> list[list[str]]:
    """What came of each check, asked of each class: check, class, right or wrong, in words."""
    found = []
    for check in CHECKS:
        for who, make in makers.items():
            name = f"{check.section}: {check.name}"
            if only in name:
                found.append([name, who, *_seen(check, make)])
    return found


def _seen(check: Any, make: Make) -> tuple[str, str]:
    with Sandbox() as sandbox:
        try:
            return "right", check.run(Bench(make, sandbox))
        except AssertionError as error:
            return "wrong", _short(str(error) or "otherwise")
        except Exception as error:
            body = getattr(error, "body", None)
            said = body.get("message", error) if isinstance(body, dict) else error
            return "wrong", _short(f"raises {type(error).__name__}: {said}")


def _short(said: str) -> str:
    """*said* on one line, or its beginning."""
    line = " ".join(said.split())
    return line if len(line) <= 110 else f"{line[:107]}..."


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in [each for each in os.environ if each.startswith(("OPENAI_", "GLOBAL_API_"))]:
        del os.environ[name]
    measured = cells(PEERS, sys.argv[1] if len(sys.argv) > 1 else "")
    versions = {name: version(name) for name in DISTRIBUTIONS}
    json.dump({"versions": versions, "cells": measured}, sys.stdout, indent=1)
