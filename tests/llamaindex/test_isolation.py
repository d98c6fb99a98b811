"""What importing the adapter brings along."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("foreign", ["langchain", "openai", "litellm"])
def test_import_brings_no_other_framework(foreign: str) -> None:
    """A LlamaIndex installation needs LlamaIndex alone."""
    code = (
        "import sys, llamaindex_globalapi, llamaindex_globalapi.demo;"
        f"print([name for name in sys.modules if name.startswith({foreign!r})])"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
