"""Structured output: asking for a schema, and parsing what comes."""

from __future__ import annotations

import re
from typing import Any

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock
from llama_index.core.types import Model
from pydantic import BaseModel, ValidationError

from globalapi_core.errors import ResponseError
from llamaindex_globalapi import _bridge

_FENCE = re.compile(r"\A\s*```[a-z]*\n(.*?)\n?```\s*\Z", re.DOTALL | re.IGNORECASE)


def response_format(output_cls: type[BaseModel]) -> dict[str, Any]:
    """The wire's `response_format` for *output_cls*."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", output_cls.__name__)[:64]
    schema = output_cls.model_json_schema()
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def parsed(output_cls: type[Model], response: ChatResponse) -> Model:
    """The object in *response*: the arguments of its first tool call, else its JSON.

    Raises:
        ResponseError: there is none, or it is not one of *output_cls*.
    """
    message = response.message
    calls = (block for block in message.blocks if isinstance(block, ToolCallBlock))
    call = next(calls, None)
    text = message.content or ""
    try:
        if call is not None:
            return output_cls.model_validate(call.tool_kwargs)
        # A model without a JSON mode likes to put a fence around it.
        fenced = _FENCE.match(text)
        return output_cls.model_validate_json(fenced[1] if fenced else text)
    except ValidationError as error:
        raise ResponseError(
            f"the answer is not a valid {output_cls.__name__}: {_summary(error)}",
            model=message.additional_kwargs.get(_bridge.MODEL),
            partial_text=text,
        ) from error


def _summary(error: ValidationError) -> str:
    """What is wrong, without the values: they are the model's text."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"]))) for each in problems
    )
