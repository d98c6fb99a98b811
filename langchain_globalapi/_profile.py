"""What LangChain may plan by: its profile of the models a call may reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from globalapi_core.catalog import ModelInfo


def profile(models: Sequence[ModelInfo]) -> Any:
    """LangChain's profile of what every one of *models* can do."""
    inputs = {
        f"{name}_inputs": all(model.accepts([name]) for model in models)
        for name in ("text", "image", "audio", "video")
    }
    return {
        **inputs,
        "image_url_inputs": inputs["image_inputs"],
        "pdf_inputs": all(model.accepts(["file"]) for model in models),
        "max_input_tokens": min(model.window for model in models),
        "max_output_tokens": min(model.output_limit for model in models),
        "tool_calling": all(model.tools is True for model in models),
        "structured_output": all(bool(model.json_schema) for model in models),
        "reasoning_output": all(model.thinking in ("optional", "always") for model in models),
    }
