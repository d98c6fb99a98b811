"""Conversations as Hypothesis makes them, told in the words of either framework.

A conversation is plain data here; `in_langchain` and `in_llamaindex` write it as a user of
that framework would.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
MODELS = ("deepseek-v4-flash", "claude-3.5-sonnet", "kimi-k2.5", "glm-5", "qwen3-32b", "gpt-4o")
FAMILIES = ("deepseek", "claude", "kimi", "glm", "qwen", "gpt")
TOOLS: tuple[dict[str, Any], ...] = tuple(
    {
        "type": "function",
        "function": {
            "name": name,
            "description": said,
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["place"],
            },
        },
    }
    for name, said in (("weather", "The weather in a place."), ("天气预报", "查询天气。"))
)
_SCHEMA = {"type": "object", "properties": {"label": {"type": "string"}}, "required": ["label"]}
_FORMATS: tuple[dict[str, Any], ...] = (
    {"type": "json_object"},
    {"type": "json_schema", "json_schema": {"name": "label", "schema": _SCHEMA}},
)


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call in the history, with its result."""

    id: str
    name: str
    arguments: Mapping[str, Any]
    result: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message: of the user, of the system, or of a model with the calls it made."""

    role: str
    text: str
    images: tuple[str | bytes, ...] = ()
    """Addresses, or pictures themselves."""
    calls: tuple[Called, ...] = ()
    by: int | None = None
    """Whose answer it is, of `MODELS`; `None`: another package's."""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages and what is said beside them."""

    messages: tuple[Said, ...]
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the call, by their names on the wire."""

    @property
    def given(self) -> dict[str, Any]:
        """The arguments of the call, in the order in which they are sent."""
        # LangChain hands `stop` on beside the others: it is sent last, wherever it stood.
        given = dict(sorted(self.params.items(), key=lambda each: each[0] == "stop"))
        if self.tools:
            given["tools"] = list(self.tools)
            if self.tool_choice:
                given["tool_choice"] = self.tool_choice
        return given


_TEXTS = st.one_of(
    st.sampled_from(
        (
            "How long does a refund take?",
            "退款需要多长时间？请尽快处理。",
            "My 订单 has not arrived，怎么办 please?",
            "Prove that the square root of two is irrational.",
            "Fix this: `def f(x): return x +` raises a SyntaxError",
            "Bitte übersetzen: Wo ist der Bahnhof?",
            'emergency 紧急 <b>&amp;</b> "quoted" \\ \n\t \u2028 🙂',
        )
    ),
    st.text(
        st.characters(exclude_categories=["Cs"], min_codepoint=1), min_size=1, max_size=40
    ).filter(str.strip),
)
_URL, _DATA = "https://example.org/plan.png", "data:image/png;base64,iVBORw0KGgo="
# Seldom any: a conversation with a picture in it takes the first route.
_IMAGES = st.sampled_from([(), (), (), (), (), (), (PNG,), (_URL,), (PNG, _DATA)])
_CALLS = st.builds(
    Called,
    id=st.uuids().map(lambda each: f"call_{each.hex[:12]}"),
    name=st.sampled_from([tool["function"]["name"] for tool in TOOLS]),
    arguments=st.fixed_dictionaries(
        {"place": _TEXTS}, optional={"days": st.integers(0, 14), "near": st.lists(_TEXTS)}
    ),
    result=_TEXTS,
)
_ASKED = st.builds(Said, st.just("user"), _TEXTS, images=_IMAGES)
_ANSWERED = st.builds(
    Said,
    st.just("assistant"),
    _TEXTS,
    by=st.none() | st.integers(0, len(MODELS) - 1),
    reasoning=st.just("") | _TEXTS,
)
_CALLING = st.builds(
    Said,
    st.just("assistant"),
    st.just("") | _TEXTS,
    calls=st.lists(_CALLS, min_size=1, max_size=2, unique_by=lambda each: each.id).map(tuple),
    by=st.none() | st.integers(0, len(MODELS) - 1),
    reasoning=st.just("") | _TEXTS,
)
_MESSAGES = st.tuples(
    st.lists(st.builds(Said, st.just("system"), _TEXTS), max_size=1),
    st.lists(st.tuples(_ASKED, _ANSWERED | _CALLING), max_size=2),
    st.tuples(_ASKED) | st.tuples(_ASKED, _CALLING),
).map(lambda parts: (*parts[0], *(each for pair in parts[1] for each in pair), *parts[2]))

CONVERSATIONS = st.builds(
    Conversation,
    _MESSAGES,
    tools=st.sampled_from(((), TOOLS[:1], TOOLS)),
    tool_choice=st.sampled_from((None, "auto", "none", "required")),
    tags=st.lists(st.sampled_from(("vip", "batch")), unique=True).map(tuple),
    metadata=st.dictionaries(
        st.sampled_from(("tenant", "team")), st.sampled_from(("acme", "法务", 7, True))
    ),
    params=st.fixed_dictionaries(
        {},
        optional={
            "temperature": st.floats(0, 2, allow_nan=False),
            "max_tokens": st.integers(1, 8_000),
            "stop": st.just(["END"]),
            "seed": st.integers(0, 99),
            "response_format": st.sampled_from(_FORMATS),
            "thinking": st.sampled_from(({"type": "enabled"}, {"type": "disabled"})),
        },
    ),
)


def in_langchain(conversation: Conversation) -> list[BaseMessage]:
    """The messages, as LangChain has them."""
    return [each for said in conversation.messages for each in _langchain(said)]


def _langchain(said: Said) -> list[BaseMessage]:
    if said.role == "system":
        return [SystemMessage(said.text)]
    if said.role == "user":
        images = [_langchain_image(each) for each in said.images]
        return [
            HumanMessage([{"type": "text", "text": said.text}, *images] if images else said.text)
        ]
    metadata: dict[str, Any] = {}
    if said.by is not None:
        metadata = {"globalapi": {"model": MODELS[said.by]}, "family": FAMILIES[said.by]}
    answer = AIMessage(
        said.text,
        additional_kwargs={"reasoning_content": said.reasoning} if said.reasoning else {},
        tool_calls=[
            {"id": each.id, "name": each.name, "args": dict(each.arguments)} for each in said.calls
        ],
        response_metadata=metadata,
    )
    results = [ToolMessage(each.result, tool_call_id=each.id) for each in said.calls]
    return [answer, *results]


def _langchain_image(image: str | bytes) -> dict[str, Any]:
    if isinstance(image, str):
        return {"type": "image_url", "image_url": {"url": image}}
    data = base64.b64encode(image).decode()
    return {"type": "image", "base64": data, "mime_type": "image/png"}


def in_llamaindex(conversation: Conversation) -> list[ChatMessage]:
    """The messages, as LlamaIndex has them."""
    return [each for said in conversation.messages for each in _llamaindex(said)]


def _llamaindex(said: Said) -> list[ChatMessage]:
    if said.role != "assistant":
        images = [_llamaindex_image(each) for each in said.images]
        return [ChatMessage(role=said.role, blocks=[TextBlock(text=said.text), *images])]
    blocks: list[Any] = [TextBlock(text=said.text)] if said.text else []
    if said.reasoning:
        family = {"family": FAMILIES[said.by]} if said.by is not None else {}
        thought = ThinkingBlock(content=said.reasoning, additional_information=family)
        blocks.insert(0, thought)
    blocks += [
        ToolCallBlock(tool_call_id=each.id, tool_name=each.name, tool_kwargs=dict(each.arguments))
        for each in said.calls
    ]
    own = {} if said.by is None else {"globalapi_model": MODELS[said.by]}
    answer = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=own)
    results = [
        ChatMessage(
            role=MessageRole.TOOL, content=each.result, additional_kwargs={"tool_call_id": each.id}
        )
        for each in said.calls
    ]
    return [answer, *results]


def _llamaindex_image(image: str | bytes) -> ImageBlock:
    if isinstance(image, str):
        return ImageBlock(url=image)
    return ImageBlock(image=image, image_mimetype="image/png")
