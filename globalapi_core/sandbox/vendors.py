"""What each vendor refuses besides, in its own words where they were seen.

Sources: error messages quoted in the vendors' documentation and in public issues of their
clients (named at each rule), and what independent formatters for a vendor leave out.
Wording of ours, where no vendor's was found, begins with the model's id. What is not
known to be refused is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from globalapi_core.catalog import ModelInfo
from globalapi_core.sandbox import thinking, tokens
from globalapi_core.sandbox.chat import ChatRequest
from globalapi_core.sandbox.refusals import Refusal, Rule
from globalapi_core.signals.question import text_of

_KIMI_FIXED: Mapping[str, float] = {
    "temperature": 1, "top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0,
}  # fmt: skip
"""The one value that Kimi's reasoning models take (platform.kimi.ai; the two first are
quoted in many issues, such as CherryHQ/cherry-studio#12691)."""


def _forced(request: ChatRequest) -> bool:
    return request.body.get("tool_choice") not in (None, "auto", "none")


def _index(request: ChatRequest, wanted: Callable[[Mapping[str, Any]], object]) -> int | None:
    """The place of the first message that is *wanted*."""
    return next((i for i, each in enumerate(request.messages) if wanted(each)), None)


def _in_parts(message: Mapping[str, Any]) -> bool:
    return isinstance(message.get("content"), list)


def _unreasoned(message: Mapping[str, Any]) -> bool:
    """Tool calls without the reasoning that led to them; an empty one counts as there."""
    return bool(message.get("tool_calls")) and not isinstance(message.get("reasoning_content"), str)


def deepseek_roles(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """The role developer (theopenco/llmgateway#3462)."""
    at = _index(request, lambda message: message["role"] == "developer")
    if at is None:
        return None
    return Refusal(
        f"Failed to deserialize the JSON body into the target type: messages[{at}].role: unknown "
        "variant `developer`, expected one of `system`, `user`, `assistant`, `tool`",
        code="invalid_request_error",
    )


def deepseek_parts(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Content in parts, of a tool or of the assistant (BerriAI/litellm#6642)."""
    taken = ("assistant", "tool")
    at = _index(request, lambda each: each["role"] in taken and _in_parts(each))
    if at is None:
        return None
    return Refusal(
        "Failed to deserialize the JSON body into the target type: "
        f"messages[{at}]: invalid type: sequence, expected a string",
        code="invalid_request_error",
    )


def deepseek_choice(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """A forced choice in thinking mode (deepseek-ai/DeepSeek-V3#1376)."""
    if not _forced(request) or not thinking.is_on(request, model):
        return None
    return Refusal("Thinking mode does not support this tool_choice", code="invalid_request_error")


def deepseek_reasoning(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Tool calls sent back without their reasoning (continuedev/continue#11285)."""
    at = _index(request, _unreasoned)
    if at is None or not thinking.is_on(request, model):
        return None
    said = f"Missing `reasoning_content` field in the assistant message at message index {at}"
    return Refusal(said, code="invalid_request_error")


def kimi_sampling(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Sampling other than its own, of a reasoning model."""
    if model.thinking not in ("optional", "always"):
        return None
    for name, only in _KIMI_FIXED.items():
        value = request.body.get(name)
        if value is not None and value != only:
            return Refusal(f"invalid {name}: only {only:g} is allowed for this model")
    return None


def kimi_choice(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """`required` at all, and a named tool while it thinks (LiteLLM; can1357/oh-my-pi#827)."""
    choice = request.body.get("tool_choice")
    if choice == "required":
        return Refusal(f"{request.model} knows no tool_choice 'required'", "tool_choice")
    if not _forced(request) or not thinking.is_on(request, model):
        return None
    return Refusal("tool_choice 'specified' is incompatible with thinking enabled")


def kimi_reasoning(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Tool calls sent back without their reasoning (anomalyco/opencode#10996)."""
    at = _index(request, _unreasoned)
    if at is None or not thinking.is_on(request, model):
        return None
    return Refusal(
        "thinking is enabled but reasoning_content is missing "
        f"in assistant tool call message at index {at}"
    )


def kimi_parts(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Content in parts, to a model that takes text alone (LiteLLM's Moonshot transformation)."""
    if model.modalities != frozenset({"text"}):
        return None
    at = _index(request, _in_parts)
    if at is None:
        return None
    return Refusal(f"{request.model} takes content as a string", f"messages[{at}].content")


def glm_choice(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Any choice but auto (docs.bigmodel.cn; AgentScope's GLM formatter)."""
    choice = request.body.get("tool_choice")
    if choice in (None, "auto"):
        return None
    return Refusal(f"{request.model} knows no tool_choice but 'auto'", "tool_choice", "1210")


def glm_messages(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Names, and a conversation without the user (AgentScope's GLM formatter).

    The text is the one GLM has for messages it does not take (MetaGLM/zhipuai-sdk-python-v4#14).
    """
    named = _index(request, lambda message: message.get("name") is not None)
    asked = _index(request, lambda message: message["role"] == "user")
    if named is None and asked is not None:
        return None
    return Refusal("messages 参数非法。请检查文档。", code="1214")


def no_strict(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Strict tools (AgentScope's formatters for Kimi and GLM; DeepSeek: on its beta address)."""
    if not any(tool.get("strict") for tool in request.tools):
        return None
    return Refusal(f"{request.model} has no strict tools", "tools")


def gpt_results(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Anything but text in a tool's result (the openai SDK's ChatCompletionToolMessageParam)."""
    at = _index(request, lambda each: each["role"] == "tool" and bool(tokens.attached(each)))
    if at is None:
        return None
    message = request.messages[at]
    part = tokens.attached(message)[0]
    said = f"Invalid value: '{part['type']}'. Supported values are: 'text'."
    where = f"messages[{at}].content[{message['content'].index(part)}].type"
    return Refusal(said, where, "invalid_value")


def qwen_whole(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """Thinking outside a stream (alibabacloud.com/help/model-studio/error-code)."""
    if request.stream or not thinking.is_on(request, model):
        return None
    said = "parameter.enable_thinking must be set to false for non-streaming calls"
    return Refusal(said, code="invalid_parameter_error")


def qwen_choice(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """A forced choice in thinking mode (cloudwego/eino#994)."""
    if not _forced(request) or not thinking.is_on(request, model):
        return None
    return Refusal(
        "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support "
        "being set to required or object in thinking mode",
        code="invalid_parameter_error",
    )


def qwen_word(request: ChatRequest, model: ModelInfo) -> Refusal | None:
    """A schema without the word json: it is made a JSON mode of (plastic-labs/honcho#663)."""
    if request.format != "json_schema" or any(_says_json(request)):
        return None
    return Refusal(
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
        "'json_object'.",
        code="invalid_parameter_error",
    )


def _says_json(request: ChatRequest) -> Iterator[bool]:
    return ("json" in text_of(each).lower() for each in request.messages)


FAMILIES: Mapping[str, Sequence[Rule]] = {
    "deepseek": (
        deepseek_roles,
        deepseek_parts,
        no_strict,
        deepseek_choice,
        deepseek_reasoning,
    ),
    "kimi": (kimi_sampling, kimi_parts, no_strict, kimi_choice, kimi_reasoning),
    "glm": (glm_messages, no_strict, glm_choice),
    "gpt": (gpt_results,),
    "qwen": (qwen_word, qwen_whole, qwen_choice),
}
"""By the catalog's family."""
