"""The JSON Schema of the config file, for editors and other programs."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from globalapi_core.config import Config


def config_schema() -> dict[str, Any]:
    """The schema; what it accepts, `globalapi check` may still find a problem in."""
    schema = Config.model_json_schema(schema_generator=_Schema)
    del schema["properties"]["file"]
    # Where there are tiers, a route without candidates has those of one.
    schema["$defs"]["Route"]["required"].remove("candidates")
    listed = {"properties": {"routes": {"items": {"required": ["candidates"]}}}}
    schema["anyOf"] = [{"required": ["tiers"]}, listed]
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        **schema,
        "title": "globalapi-llm config",
        "description": "Models, routes and how often to try: the file that globalapi.yaml is.",
    }


class _Schema(GenerateJsonSchema):
    """Says of a list that its one item may stand for it, as the file's reader has it."""

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:
        """The schema of a field whose value is put into a list first."""
        found = super().function_before_schema(schema)
        choices = found.get("anyOf", [found])
        items = [each["items"] for each in choices if each.get("type") == "array"]
        return {"anyOf": [*choices, *items]} if items else found
