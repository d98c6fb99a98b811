"""Write `data/config.schema.json`, the JSON Schema of the config file, for editors.

Run by `make generated`; a test fails when file and code differ.
"""

from __future__ import annotations

import json
from pathlib import Path

from globalapi_core.cli._schema import config_schema

FILE = Path(__file__).parent.parent / "globalapi_core" / "data" / "config.schema.json"


def compiled() -> str:
    """The text that belongs into the file: what `globalapi check --schema` prints."""
    return json.dumps(config_schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(compiled(), "utf-8")
