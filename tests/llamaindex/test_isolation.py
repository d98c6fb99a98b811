"""What importing the adapter brings along."""

from __future__ import annotations

import subprocess
import sys

_FOREIGN = ("langchain", "langgraph", "openai", "litellm")


def test_import_brings_no_other_framework() -> None:
    """A LlamaIndex installation needs LlamaIndex alone."""
    code = (
        "import sys, llamaindex_globalapi, llamaindex_globalapi.demo;"
        f"print([name for name in sys.modules if name.startswith({_FOREIGN!r})])"
    )
    command = [sys.executable, "-c", code]

    run = subprocess.run(command, capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
