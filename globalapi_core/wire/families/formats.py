"""JSON: by schema, by mode, or in the prompt alone."""

from __future__ import annotations

import json

from globalapi_core.catalog import ModelInfo
from globalapi_core.wire.families.body import Body, instruct


def schema_in_prompt(body: Body, model: ModelInfo) -> str | None:
    """Without a schema mode, the schema goes into the prompt and JSON mode does the rest."""
    response_format = body.get("response_format") or {}
    if response_format.get("type") != "json_schema" or model.json_schema:
        return None
    schema = (response_format.get("json_schema") or {}).get("schema", {})
    instruct(body, f"Answer with JSON only, following this JSON schema: {_compact(schema)}")
    body["response_format"] = {"type": "json_object"}
    return "JSON schema put into the prompt"


def word_json(body: Body, model: ModelInfo) -> str | None:
    """JSON mode wants the word in the prompt (DeepSeek and Qwen refuse without it).

    Qwen wants it for a schema too: it makes a JSON mode of it.
    """
    kind = (body.get("response_format") or {}).get("type")
    if kind != "json_object" and not (kind == "json_schema" and model.family == "qwen"):
        return None
    if any("json" in str(message.get("content")).casefold() for message in body["messages"]):
        return None
    instruct(body, "Answer with a JSON object only.")
    return "asked for JSON in the prompt"


def no_json_mode(body: Body, model: ModelInfo) -> str | None:
    """A model without a JSON mode is asked in the prompt alone."""
    kind = (body.get("response_format") or {}).get("type")
    if kind != "json_object" or model.json_mode is not False:
        return None
    del body["response_format"]
    return f"left out response_format: {model.name} has no JSON mode"


def _compact(schema: object) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
