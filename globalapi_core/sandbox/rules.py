"""What the sandbox refuses, as a table of pure functions: `(request, model) -> Refusal | None`.

The first refusal counts, so that a rule may rely on those above it. What one vendor
refuses besides stands in `vendors`, under the catalog's family.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.errors import UnknownModelError
from globalapi_core.sandbox import conversation, fields, media, schemas, tokens
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.refusals import Refusal, Rule
from globalapi_core.sandbox.vendors import FAMILIES
from globalapi_core.signals.question import text_of

MOST_TOOLS = 128
"""Tools in one request; OpenAI's limit, which the vendors share."""
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def find_model(body: Mapping[str, Any], catalog: Catalog) -> ModelInfo | Refusal:
    """The model that *body* names, in the mode it asks for."""
    name = body.get("model")
    if not isinstance(name, str) or not name:
        return Refusal("the request names no model", "model")
    try:
        model = catalog.resolve(name)
    except UnknownModelError as error:
        near = f"; did you mean {' or '.join(map(repr, error.close))}?" if error.close else ""
        said = f"The model {name!r} does not exist or you do not have access to it{near}"
        return Refusal(said, "model", "model_not_found", 404)
    if not ChatRequest(body).thinking:
        return model
    modes = (each for each in catalog.models if each.variant_of == model.name)
    return next((each for each in modes if each.thinking == "always"), model)


def check(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """The first reason to refuse *request* to *model*, or `None`."""
    for rule in (*RULES, *FAMILIES.get(model.family, ())):
        refusal = rule(request, model)
        if refusal is not None:
            return refusal
    return None


def unknown_fields(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Fields that no vendor knows."""
    for name in request.body:
        if name not in fields.KNOWN:
            return Refusal(f"Unrecognized request argument supplied: {name}", name)
    return None


def field_values(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Values outside what the field takes."""
    for name, value in request.body.items():
        field = fields.KNOWN[name]
        if value is not None and not field.fits(value):
            shown = repr(value) if isinstance(value, bool | int | float) else type(value).__name__
            return Refusal(f"{name} is {shown}; expected {field.expected}", name)
    return None


def messages(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Conversations that are not one."""
    if not request.body.get("messages"):
        return Refusal("messages must hold at least one message", "messages")
    for message, where in conversation.problems(request.messages):
        return Refusal(message, where)
    return None


def attachments(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Pictures, recordings and files to a model that takes none."""
    for i, message in enumerate(request.messages):
        for part in tokens.attached(message):
            modality = media.MODALITIES[part["type"]]
            if not model.accepts([modality]):
                taken = ", ".join(sorted(model.modalities or {"text"}))
                said = f"{request.model} takes {taken}, and the message holds {modality}"
                return Refusal(said, f"messages[{i}].content")
    return None


def tools(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Tools to a model without them, none in the list, and tools that are not well formed."""
    offered = request.body.get("tools")
    if offered is None:
        return None
    if model.tools is False:
        return Refusal(f"{request.model} does not call tools", "tools")
    if not 1 <= len(offered) <= MOST_TOOLS:
        return Refusal(f"tools holds {len(offered)}; expected 1 to {MOST_TOOLS}", "tools")
    for i, tool in enumerate(offered):
        problem = _tool_problem(tool)
        if problem is not None:
            return Refusal(f"tools[{i}]{problem}", f"tools[{i}]")
    names = [tool["name"] for tool in request.tools]
    twice = next((name for name in names if names.count(name) > 1), None)
    return Refusal(f"tools holds {twice!r} twice", "tools") if twice else None


def _tool_problem(tool: Any) -> str | None:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type") != "function":
        return " must be an object with type 'function' and function"
    unknown = (tool.keys() - {"type", "function"}) | (
        function.keys() - {"name", "description", "parameters", "strict"}
    )
    if unknown:
        return f" has an unknown field {min(unknown)!r}"
    name, parameters = function.get("name"), function.get("parameters")
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        return f".function.name is {name!r}; expected 1 to 64 of A-Z, a-z, 0-9, _ and -"
    if not isinstance(function.get("description"), str | None):
        return ".function.description must be a string"
    if parameters is not None and not isinstance(parameters, dict):
        return ".function.parameters must be a JSON Schema"
    if parameters and parameters.get("type") != "object":
        return f".function.parameters has type {parameters.get('type')!r}; expected 'object'"
    return None


def tool_schemas(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Parameters that are no JSON Schema."""
    for i, tool in enumerate(request.tools):
        at = f"tools[{i}].function.parameters"
        for problem in schemas.problems(tool.get("parameters") or {}, at):
            return Refusal(f"invalid schema for function {tool['name']!r}: {problem}", at)
    return None


def tool_choice(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """A choice among tools that were not offered, or in a form there is not."""
    choice = request.body.get("tool_choice")
    if not request.tools:
        for name in ("tool_choice", "parallel_tool_calls"):
            if request.body.get(name) is not None:
                return Refusal(f"{name} is only allowed with tools", name)
        return None
    if choice is None or choice in ("none", "auto", "required"):
        return None
    if isinstance(choice, str) or not _names_function(choice):
        said = "'none', 'auto', 'required' or {'type': 'function', 'function': {'name': ...}}"
        return Refusal(f"tool_choice is {choice!r}; expected {said}", "tool_choice")
    names = [tool["name"] for tool in request.tools]
    if choice["function"]["name"] not in names:
        wanted = choice["function"]["name"]
        return Refusal(
            f"tool_choice names {wanted!r}; offered are {', '.join(names)}", "tool_choice"
        )
    return None


def _names_function(choice: Mapping[str, Any]) -> bool:
    function = choice.get("function")
    return (
        choice.get("type") == "function"
        and isinstance(function, dict)
        and isinstance(function.get("name"), str)
    )


def response_format(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """JSON from a model without it, and formats that are not well formed."""
    wanted = request.body.get("response_format")
    if wanted is None:
        return None
    kind = wanted.get("type")
    if kind not in ("text", "json_object", "json_schema"):
        said = "expected 'text', 'json_object' or 'json_schema'"
        return Refusal(f"response_format.type is {kind!r}; {said}", "response_format.type")
    if kind != "text" and model.json_mode is False:
        said = f"{request.model} has no JSON mode; leave response_format out"
        return Refusal(said, "response_format")
    if kind == "json_schema":
        named = wanted.get("json_schema")
        if not isinstance(named, dict) or not isinstance(named.get("schema"), dict):
            said = "json_schema needs an object with name and schema"
            return Refusal(said, "response_format.json_schema")
        if not isinstance(named.get("name"), str):
            said = "json_schema.name must be a string"
            return Refusal(said, "response_format.json_schema.name")
        for problem in schemas.problems(named["schema"], "schema"):
            return Refusal(f"invalid response schema: {problem}", "response_format.json_schema")
    return None


def json_is_asked_for(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """JSON mode without the word in any message: the model would write blanks for ever."""
    if request.format != "json_object":
        return None
    if any("json" in text_of(each).lower() for each in request.messages):
        return None
    said = "'messages' must contain the word 'json' to use response_format json_object"
    return Refusal(said, "messages")


def stream_options(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Stream options without a stream, or with others than there are."""
    options = request.body.get("stream_options")
    if options is None:
        return None
    if not request.stream:
        return Refusal("stream_options is only allowed when stream is true", "stream_options")
    unknown = options.keys() - {"include_usage", "include_obfuscation"}
    if unknown:
        said = f"unknown field {min(unknown)!r} in stream_options"
        return Refusal(said, f"stream_options.{min(unknown)}")
    if not isinstance(options.get("include_usage"), bool | None):
        said = "stream_options.include_usage must be true or false"
        return Refusal(said, "stream_options.include_usage")
    return None


def output_limit(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """More tokens of answer than the model can write."""
    both = [request.body.get(name) for name in ("max_tokens", "max_completion_tokens")]
    if None not in both:
        return Refusal("send max_tokens or max_completion_tokens, not both", "max_tokens")
    wanted = request.max_tokens
    if wanted is not None and model.max_output is not None and wanted > model.max_output:
        param = "max_tokens" if both[0] is not None else "max_completion_tokens"
        said = f"{param} is {wanted}; {request.model} writes at most {model.max_output} tokens"
        return Refusal(said, param)
    return None


def context_window(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """More tokens of prompt and answer than the context window holds."""
    window, answer = model.context_window, request.max_tokens or 0
    prompt = request.input_tokens
    if window is None or prompt + answer <= window:
        return None
    return Refusal(
        f"This model's maximum context length is {window} tokens, but {prompt + answer} were asked "
        f"for ({prompt} in the messages, {answer} for the answer); send fewer, or lower max_tokens",
        "messages",
        "context_length_exceeded",
    )


RULES: Sequence[Rule] = (
    unknown_fields,
    field_values,
    messages,
    attachments,
    tools,
    tool_schemas,
    tool_choice,
    response_format,
    json_is_asked_for,
    stream_options,
    output_limit,
    context_window,
)
"""What every vendor refuses."""
