"""JSON Schemas filled from a prompt: tool arguments and structured answers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from globalapi_core.sandbox import labels, schemas
from globalapi_core.sandbox.phrases import Phrases, without_json
from globalapi_core.sandbox.schemas import Schema

_DEEPEST = 8
"""Levels after which a schema that holds itself is filled as sparingly as it allows."""
_CHOICES = ("choice", "index", "number")
"""Properties that take the number of what is chosen from a list."""
_ANSWERS = ("answer", "summary", "explanation", "reason", "response", "result", "content")
_FORMATS = {
    "date": (r"\d{4}-\d\d-\d\d", "2000-01-01"),
    "date-time": (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", "2000-01-01T00:00:00Z"),
    "time": (r"\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)", "00:00:00Z"),
    "email": (r"[\w.+-]+@[\w-]+\.[\w.]*\w", "someone@example.com"),
    "uri": (r"https?://[^\s\"'<>]+", "https://example.com/"),
    "uuid": (
        r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "0" * 8 + "-0000-0000-0000-" + "0" * 12,
    ),
    "ipv4": (r"\d{1,3}(?:\.\d{1,3}){3}", "192.0.2.1"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values come from."""

    text: str
    """The last user message."""
    question: str
    """What it asks."""
    extract: str | None
    """The sentences of its context nearest to the question, if there are any."""
    instructions: str = ""
    """The system message, which may describe the form of the answer."""
    chosen: tuple[tuple[int, str], ...] = ()
    """Numbers of what is to be chosen from a list in the prompt, the best first, and why."""


def fill(schema: Schema, source: Source) -> Any:
    """A value that satisfies *schema*, from what the prompt says as far as it says it.

    Numbers and quotations are taken in the order they stand, an enumeration by what is
    mentioned or described. Of an object's properties the required ones are filled, and those the
    prompt says something of. A `pattern` is met only by a word of the prompt.
    """
    return _Filler(schema, source).value(schema, "", 0)


class _Filler:
    """Fills one schema."""

    def __init__(self, root: Schema, source: Source) -> None:
        self._root = root
        self._source = source
        self._chosen = list(source.chosen)
        self._why = ""
        self._phrases = Phrases(source.text, source.question, _property_names(root))

    def value(self, schema: Any, name: str, depth: int) -> Any:
        """A value for the property *name*."""
        if not isinstance(schema, dict):
            return self._phrases.text(name)
        schema = schemas.resolve(schema, self._root)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._option(schema)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._either(schema[key], name, depth)
        kind = _kind(schema)
        if isinstance(kind, list):
            return self._either([{**schema, "type": each} for each in kind], name, depth)
        return self._typed(kind, schema, name, depth)

    def _option(self, schema: Schema) -> Any:
        told = "\n".join(
            (schema.get("description") or "", self._source.instructions, self._source.text)
        )
        found = labels.choose(schema["enum"], without_json(self._source.text), told)
        return labels.default(schema["enum"]) if found is None else found

    def _typed(self, kind: str, schema: Schema, name: str, depth: int) -> Any:
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer" | "number":
                return self._number(kind, schema, name)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(schema, name)

    def _either(self, options: list[Any], name: str, depth: int) -> Any:
        """One of *options*: null only where nothing is said of *name*."""
        nulls = [each for each in options if _is_null(each)]
        others = [each for each in options if not _is_null(each)]
        if not others or (nulls and (depth > _DEEPEST or not self._is_said(others[0], name))):
            return None
        return self.value(others[0], name, depth + 1)

    def _is_said(self, schema: Any, name: str) -> bool:
        """Whether the prompt says something of the optional property *name*."""
        found = schemas.resolve(schema, self._root) if isinstance(schema, dict) else {}
        for option in found.get("anyOf", found.get("oneOf", ())):
            if not _is_null(option) and self._is_said(option, name):
                return True
        if "enum" in found:
            return self._phrases.mentioned(found["enum"]) is not None
        said = self._phrases.said(name)
        if said is None or _kind(found) in ("object", "array"):
            return False
        return bool(re.match(r"-?\d", said)) if _kind(found) in ("integer", "number") else True

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        wanted = [
            name
            for name, each in properties.items()
            if name in required or (depth <= _DEEPEST and self._is_said(each, name))
        ]
        filled = {name: self.value(properties[name], name, depth + 1) for name in wanted}
        for name in required:
            filled.setdefault(name, self._phrases.text(name))
        return filled

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", math.inf)
        wanted = len(self._chosen) if self._takes_choices(schema.get("items")) else 1
        size = min(max(least, 0 if depth > _DEEPEST else wanted), most)
        heads = schema.get("prefixItems", [])
        items = [self.value(each, name, depth + 1) for each in heads]
        while len(items) < size:
            items.append(self.value(schema.get("items", {}), name, depth + 1))
        return items

    def _takes_choices(self, schema: Any) -> bool:
        found = schemas.resolve(schema, self._root) if isinstance(schema, dict) else {}
        named = {each.lower() for each in found.get("properties", {})}
        return bool(self._chosen) and not named.isdisjoint(_CHOICES)

    def _number(self, kind: str, schema: Schema, name: str) -> int | float:
        def fits(value: float) -> bool:
            whole = kind == "number" or float(value).is_integer()
            return whole and _within(schema, value)

        if name.lower() in _CHOICES and self._chosen and fits(self._chosen[0][0]):
            number, self._why = self._chosen.pop(0)
            return number
        found = self._phrases.number(name, fits)
        if found is None:
            return _smallest(kind, schema, fits)
        return int(found) if kind == "integer" else found

    def _string(self, schema: Schema, name: str) -> str:
        for format in (schema.get("format"), name.lower()):
            pattern, example = _FORMATS.get(str(format), ("", ""))
            found = re.search(pattern, self._source.text, re.ASCII) if pattern else None
            if found or (example and format == schema.get("format")):
                return found[0] if found else example
        if "pattern" in schema:
            matching = self._phrases.word(schema["pattern"])
            if matching is not None:
                return matching
        if name.lower() == "reason" and self._why:
            text, self._why = self._why, ""
        elif name.lower() in _ANSWERS and self._source.extract:
            text = self._source.extract
        else:
            text = self._phrases.text(name)
        text += "." * (int(schema.get("minLength", 0)) - len(text))
        return text[: schema.get("maxLength")]


def _kind(schema: Schema) -> Any:
    """The type of *schema*, worked out from its other keywords if it states none."""
    if "type" in schema:
        return schema["type"]
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and (
        schema.get("type") == "null" or schema.get("const", 0) is None
    )


def _within(schema: Schema, value: float) -> bool:
    step = schema.get("multipleOf")
    return (
        schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf)
        < value
        < schema.get("exclusiveMaximum", math.inf)
        and (not step or math.isclose(value / step, round(value / step)))
    )


def _smallest(kind: str, schema: Schema, fits: Any) -> int | float:
    """The default if it fits, else 0, else a number near the bounds that fits."""
    step = schema.get("multipleOf", 1)
    bounds = [schema[key] for key in _BOUNDS if key in schema]
    around = [bound + shift for bound in bounds for shift in (0, step, -step)]
    whole = [math.ceil(bound / step) * step for bound in bounds]
    middle = [sum(bounds) / len(bounds)] if bounds and kind == "number" else []
    candidates = [schema.get("default"), 0, 1, *around, *whole, *middle]
    numbers = [each for each in candidates if isinstance(each, int | float)]
    found: int | float = next((each for each in numbers if fits(each)), 0)
    return int(found) if kind == "integer" else found


_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


def _property_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "properties" and isinstance(value, Mapping):
                yield from value
            yield from _property_names(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _property_names(each)
