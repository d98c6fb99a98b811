"""This library's two classes, as the suite makes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter
from tests.llamaindex.conformance.bench import Make


def makers(directory: Path) -> Mapping[str, Make]:
    """What makes each class; config files are written into *directory*."""

    def single(url: str, model: str, **settings: Any) -> GlobalAPI:
        return GlobalAPI(model=model, api_base=url, **{"max_retries": 0, **settings})

    def router(url: str, model: str, **settings: Any) -> GlobalAPIRouter:
        file = directory / f"{model}.yaml"
        file.write_text(f"routes: [{{name: all, candidates: [{model}]}}]\n", "utf-8")
        return GlobalAPIRouter(config=file, api_base=url, **{"max_retries": 0, **settings})

    return {"GlobalAPI": single, "GlobalAPIRouter": router}
