"""A JSON object for a prompt that describes it in words, by an example or by a pasted schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from globalapi_core.sandbox.phrases import is_schema, json_objects, without_json
from globalapi_core.sandbox.structures import Source, fill


def free_object(source: Source, answer: str) -> dict[str, Any]:
    """An object for a JSON mode without a schema.

    With the keys of the schema or the example in the prompt, else with the keys it names,
    else with *answer* alone.
    """
    texts = (source.text, source.instructions)
    pasted = [each for text in texts for each in json_objects(text)]
    schema = next(filter(is_schema, pasted), None)
    if schema is None and pasted:
        schema = _like(pasted[0])
    if schema is None:
        named = (list(dict.fromkeys(_named_keys(without_json(text)))) for text in texts)
        names = next(filter(None, named), [])
        properties = {name: {"type": "string"} for name in names}
        schema = {"type": "object", "properties": properties, "required": names}
    filled = fill(schema, source)
    return filled if isinstance(filled, dict) and filled else {"answer": answer}


def _like(example: Mapping[str, Any]) -> dict[str, Any]:
    """A schema for objects like *example*."""
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array"}
    properties = {
        key: _like(value) if isinstance(value, dict) else {"type": kinds.get(type(value), "string")}
        for key, value in example.items()
    }
    return {"type": "object", "properties": properties, "required": list(example)}


_NAME = r"[\"'`“‘]?[A-Za-z_][\w-]*[\"'`”’]?"
_LINK = r"(?:\s*(?:,\s*and|,|、|and|or|&|和|以及|与)\s*)"
_LIST = rf"({_NAME}(?:{_LINK}{_NAME})*)"
_KEYS = (
    re.compile(
        r"\b(?:keys|fields|properties|attributes)\b(?:[^:：\n.]{0,40}[:：]|\s+(?:named|called|are|as)\b)?"
        rf"\s*{_LIST}",
        re.IGNORECASE | re.ASCII,
    ),
    re.compile(rf"(?:字段|键名?|属性)[^:：\n。A-Za-z\"'`“]{{0,10}}[:：]?\s*{_LIST}", re.ASCII),
    re.compile(
        rf"([\"'`][A-Za-z_]\w*[\"'`](?:{_LINK}[\"'`][A-Za-z_]\w*[\"'`])*)\s*(?:keys?|fields?|字段|键)",
        re.ASCII,
    ),
    re.compile(r"(?:\bkey|\bfield)\s+([\"'`][A-Za-z_]\w*[\"'`])", re.ASCII),
)
_QUOTED_NAME = re.compile(r"[\"`]([A-Za-z_]\w*)[\"`]", re.ASCII)
_NO_KEYS = r"return|nothing|no|only|output|use|do|and|or|the|an?|json|respond|reply"


def _named_keys(text: str) -> Iterator[str]:
    """The keys the prompt asks for, in words."""
    for pattern in _KEYS:
        found = pattern.search(text)
        if found:
            names = re.findall(r"[A-Za-z_][\w-]*", found[1], re.ASCII)
            yield from (name for name in names if not re.fullmatch(_NO_KEYS, name, re.I))
            return
    yield from _QUOTED_NAME.findall(text)
