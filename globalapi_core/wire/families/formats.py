"""JSON: by schema, by mode, by a tool, or in the prompt alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.wire.families.body import Body, instruct


def answer_tool(body: Body, model: ModelInfo) -> dict[str, Any] | None:
    """The tool whose call is *model*'s answer to *body*; `None`: no tool is needed, or possible.

    A model with tools and no JSON mode is asked for an object by them, as Claude's own
    documentation does it (platform.claude.com/docs/en/agents-and-tools/tool-use).
    """
    if model.json_schema or model.json_mode or not model.tools or _call_is_forced(body):
        return None
    named = _named(body.get("response_format") or {})
    schema = _of_object(named.get("schema"))
    if schema is None:
        return None
    taken = [(tool.get("function") or {}).get("name") for tool in body.get("tools") or ()]
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(named.get("name") or "answer"))[:60]
    while name in taken:
        name += "_"
    told = named.get("description") or schema.get("description") or "Gives the answer."
    function = {"name": name, "description": told, "parameters": schema}
    if named.get("strict") is not None:
        function["strict"] = named["strict"]
    return {"type": "function", "function": function}


def by_tool(body: Body, model: ModelInfo) -> str | None:
    """A schema becomes a tool that must be called, or one of those there are."""
    tool = answer_tool(body, model)
    if tool is None:
        return None
    del body["response_format"]
    name = tool["function"]["name"]
    others = body.get("tools") or ()
    body["tools"] = [*others, tool]
    if others and body.get("tool_choice") != "none":
        # Forced by name, it would keep the model from ever calling the others.
        body["tool_choice"] = "required"
        return f"JSON asked for by the tool {name!r}, beside the others: {_why(model)}"
    body["tool_choice"] = {"type": "function", "function": {"name": name}}
    return f"JSON asked for by the tool {name!r}: {_why(model)}"


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
    return f"left out response_format: {_why(model)}"


def _why(model: ModelInfo) -> str:
    return f"{model.name} has no JSON mode"


def _call_is_forced(body: Body) -> bool:
    """Whether the answer must be a call of the caller's tools, and so can be no object."""
    return bool(body.get("tools")) and body.get("tool_choice") not in (None, "auto", "none")


def _named(response_format: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name and schema of what is asked for; JSON mode has a schema on llama.cpp and others."""
    kind = response_format.get("type")
    named = response_format.get("json_schema") if kind == "json_schema" else response_format
    return named if isinstance(named, Mapping) else {}


def _of_object(schema: object) -> dict[str, Any] | None:
    """*schema* as the parameters of a tool, which are an object; `None` if it is of none."""
    if not isinstance(schema, Mapping):
        return None
    pointer = str(schema.get("$ref", ""))
    if pointer.startswith("#/$defs/"):
        # Pydantic's form of a class that holds itself.
        meant = (schema.get("$defs") or {}).get(pointer.removeprefix("#/$defs/")) or {}
        schema = {**meant, "$defs": schema["$defs"]}
    return dict(schema) if schema.get("type") == "object" else None


def _compact(schema: object) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
