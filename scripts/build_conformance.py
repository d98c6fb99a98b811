"""Write `docs/conformance.md`: what LlamaIndex expects of an LLM, and who does it.

`OpenAILike` lives in `.venv-peers`, which is made if it is not there. Everybody is asked by
the same checks, the ones the tests run. Takes a minute or two.

    python scripts/build_conformance.py          # everybody
    python scripts/build_conformance.py --ours   # our classes; OpenAILike as it was
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from scripts.build_faults import NEEDED, PYTHON, VENV  # noqa: E402
from tests.llamaindex.conformance import ours, page, peers  # noqa: E402

PAGE = ROOT / "docs" / "conformance.md"


def measure() -> Mapping[str, Any]:
    """Ask `OpenAILike`, in an environment of its own."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    # What the checks stand on: the sandbox, without the frameworks' extras.
    needed = [*NEEDED, "--editable", str(ROOT)]
    subprocess.run([str(PYTHON), "-m", "pip", "install", "--quiet", *needed], check=True)
    done = subprocess.run(
        [str(PYTHON), "-m", "tests.llamaindex.conformance.peers"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    measured: Mapping[str, Any] = json.loads(done.stdout)
    return measured


def kept() -> Mapping[str, Any]:
    """What `OpenAILike` was last seen to do."""
    before = page.read()
    theirs = [
        [name, who, cell.verdict, cell.said]
        for (name, who), cell in before.cells.items()
        if who in page.PEERS
    ]
    return {"versions": before.versions, "cells": theirs}


if __name__ == "__main__":
    theirs = kept() if "--ours" in sys.argv else measure()
    with tempfile.TemporaryDirectory() as directory:
        own = peers.cells(ours.makers(Path(directory)))
    page.write(theirs["versions"], [*own, *theirs["cells"]])
    PAGE.write_text(page.text(page.read()), "utf-8")
