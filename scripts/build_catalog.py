"""Compile `data/catalog.yaml` to `data/catalog.json`, which is what the package reads.

Run by `make catalog`; a test fails when the two differ.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DATA = Path(__file__).parent.parent / "globalapi_core" / "data"


def compiled() -> str:
    """The JSON text that belongs to the YAML file."""
    data = YAML(typ="safe", pure=True).load(DATA / "catalog.yaml")
    return json.dumps(data, ensure_ascii=False, default=_plain, indent=None) + "\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"no JSON for {value!r}")


if __name__ == "__main__":
    (DATA / "catalog.json").write_text(compiled(), "utf-8")
