"""JSON Schemas as they come in with tools and response formats: checked and dereferenced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_BRANCHES = ("anyOf", "oneOf", "allOf", "prefixItems")
_TABLES = ("properties", "$defs", "definitions", "patternProperties")

Schema = Mapping[str, Any]


def problems(schema: Any, at: str) -> Iterator[str]:
    """What is wrong with *schema*, which stands at *at*, and with the schemas in it."""
    yield from _problems(schema, at, schema)


def _problems(schema: Any, at: str, root: Any) -> Iterator[str]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{at} must be a schema, not {type(schema).__name__}"
        return
    yield from _keywords(schema, at, root)
    for key in _BRANCHES:
        if key in schema:
            if not isinstance(schema[key], list) or not schema[key]:
                yield f"{at}.{key} must be a list of at least one schema"
                return
            for i, each in enumerate(schema[key]):
                yield from _problems(each, f"{at}.{key}[{i}]", root)
    for key in _TABLES:
        if not isinstance(schema.get(key, {}), dict):
            yield f"{at}.{key} must be an object of schemas"
            return
        for name, each in schema.get(key, {}).items():
            yield from _problems(each, f"{at}.{key}.{name}", root)
    for key in ("items", "additionalProperties", "not"):
        if key in schema:
            yield from _problems(schema[key], f"{at}.{key}", root)


def _keywords(schema: Schema, at: str, root: Any) -> Iterator[str]:
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in TYPES:
            yield f"{at}.type is {kind!r}; expected one of {', '.join(TYPES)}"
    if not isinstance(schema.get("enum", [None]), list) or schema.get("enum") == []:
        yield f"{at}.enum must be a list of at least one value"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(each, str) for each in required):
        yield f"{at}.required must be a list of names"
    if "$ref" in schema:
        try:
            resolve(schema, root)
        except LookupError as error:
            yield f"{at}.$ref: {error.args[0]}"


def resolve(schema: Schema, root: Schema) -> Schema:
    """*schema* without its `$ref` and `allOf`: what they lead to, put together.

    Raises:
        LookupError: a reference leads nowhere, in a circle or out of *root*.
    """
    seen: set[str] = set()
    while "$ref" in schema:
        reference = schema["$ref"]
        if reference in seen:
            raise LookupError(f"{reference!r} leads in a circle")
        seen.add(reference)
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**_pointed(reference, root), **rest}
    for part in schema.get("allOf", ()):
        found = resolve(part, root) if isinstance(part, dict) else {}
        schema = {
            **found,
            **schema,
            "properties": {**found.get("properties", {}), **schema.get("properties", {})},
            "required": [*found.get("required", ()), *schema.get("required", ())],
        }
    return schema


def _pointed(reference: Any, root: Schema) -> Schema:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise LookupError(f"{reference!r} leads out of the schema")
    found: Any = root
    for step in reference[1:].split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or name not in found:
            raise LookupError(f"{reference!r} leads nowhere")
        found = found[name]
    if not isinstance(found, dict):
        raise LookupError(f"{reference!r} leads to no schema")
    return found
