"""Golden requests: for each family and situation, the body that arrives at the gateway."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from globalapi_core.catalog import Catalog
from globalapi_core.config import parse_config
from globalapi_core.errors import InvalidInputError
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Reply, Wire
from globalapi_core.wire.families import adapt
from globalapi_core.wire.request import build

GONE = object()
"""In a golden: the field is not sent."""
FLASH, R1, QWEN = "deepseek-v4-flash", "deepseek-r1", "qwen3-32b"
KIMI, KIMI_MODE, KIMI_K2 = "kimi-k2.5", "kimi-k2.5-thinking", "kimi-k2-thinking"
GLM, CLAUDE, GPT, MINIMAX = "glm-5", "claude-3-5-sonnet", "gpt-4o", "minimax-m2.5"
MODELS = (FLASH, R1, QWEN, KIMI, KIMI_MODE, KIMI_K2, GLM, CLAUDE, GPT, MINIMAX)

ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}
UNSAID = {"thinking": GONE}
ALWAYS: Mapping[str, dict[str, Any]] = {KIMI_MODE: ON, CLAUDE: {"max_tokens": 4096}}
"""What is changed in every request to a model."""


def tool(name: str, **more: Any) -> dict[str, Any]:
    """A tool without arguments."""
    parameters = {"type": "object", "properties": {}}
    function = {"name": name, "description": "Counts", "parameters": parameters, **more}
    return {"type": "function", "function": function}


def system(text: str) -> dict[str, Any]:
    """A system message."""
    return {"role": "system", "content": text}


HI: dict[str, Any] = {"role": "user", "content": "Hi"}
ADD, SUBTRACT = tool("add"), tool("subtract")
NAMED = {"type": "function", "function": {"name": "add"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
REASONED = {**CALLING, "reasoning_content": "Add them."}
PADDED = {**CALLING, "reasoning_content": " "}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "3"}
DEVELOPER = {"role": "developer", "content": "Be brief."}
PARTS = [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]
IN_PARTS: dict[str, Any] = {"role": "user", "name": "ann", "content": PARTS}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
IN_PROMPT = {
    "messages": [
        system('Answer with JSON only, following this JSON schema: {"type":"object"}'), HI,
    ],
    "response_format": {"type": "json_object"},
}  # fmt: skip
ANSWER = {
    "type": "function",
    "function": {
        "name": "x",
        "description": "Gives the answer.",
        "parameters": {"type": "object"},
    },
}
"""The tool that a schema becomes."""
BY_TOOL = {
    "tools": [ANSWER],
    "tool_choice": {"type": "function", "function": {"name": "x"}},
    "response_format": GONE,
}
BY_TOOLS = {"tools": [ADD, ANSWER], "tool_choice": "required", "response_format": GONE}
SCHEMA_OF_MODE = {"type": "json_object", "schema": {"type": "object", "description": "A sum."}}
BY_TOOL_OF_MODE = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "answer",
                "description": "A sum.",
                "parameters": SCHEMA_OF_MODE["schema"],
            },
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "answer"}},
    "response_format": GONE,
}
JSON_WORD = {"messages": [system("Answer with a JSON object only."), HI]}
ANY_IN_PROMPT = {"messages": [system("Call one of the tools."), HI], "tool_choice": "auto"}
ADD_IN_PROMPT = {"messages": [system("Call the tool 'add'."), HI], "tool_choice": "auto"}
ADD_AND_SCHEMA_IN_PROMPT = {
    "messages": [
        system(
            "Call the tool 'add'.\n\n"
            'Answer with JSON only, following this JSON schema: {"type":"object"}'
        ), HI,
    ],
    "response_format": {"type": "json_object"},
    "tool_choice": "auto",
}  # fmt: skip
BRIEF = system("Be brief.")
JOINED = {"messages": [BRIEF, {**IN_PARTS, "content": "Hi\nthere"}]}

NO_SAMPLING = dict.fromkeys(("temperature", "top_p", "n", "presence_penalty"), GONE)
NOT_STRICT = {"tools": [ADD]}


def each(models: Sequence[str], changes: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The same *changes* for several models."""
    return dict.fromkeys(models, changes)


Golden = tuple[ChatRequest, bool, Mapping[str, Mapping[str, Any]]]
SITUATIONS: Mapping[str, Golden] = {
    "a question": (ChatRequest([HI]), False, {QWEN: {"enable_thinking": False}}),
    "a question, streamed": (ChatRequest([HI]), True, {}),
    "thinking": (
        ChatRequest([HI], params={"thinking": True}),
        False,
        {
            **each((FLASH, KIMI, KIMI_MODE, GLM), ON),
            **each((R1, KIMI_K2, CLAUDE, GPT, MINIMAX), UNSAID),
            QWEN: {**UNSAID, "enable_thinking": False},
        },
    ),
    "thinking, streamed": (
        ChatRequest([HI], params={"thinking": True}),
        True,
        {
            **each((FLASH, KIMI, KIMI_MODE, GLM), ON),
            **each((R1, KIMI_K2, CLAUDE, GPT, MINIMAX), UNSAID),
            QWEN: {**UNSAID, "enable_thinking": True},
        },
    ),
    "no thinking": (
        ChatRequest([HI], params={"thinking": False}),
        True,
        {
            **each((FLASH, KIMI, GLM), OFF),
            **each((R1, KIMI_K2, CLAUDE, GPT, MINIMAX), UNSAID),
            QWEN: {**UNSAID, "enable_thinking": False},
        },
    ),
    "thinking hard": (
        ChatRequest([HI], params={"thinking": "high"}),
        True,
        {
            **each((KIMI, KIMI_MODE, GLM), ON),
            **each((R1, KIMI_K2, CLAUDE, GPT, MINIMAX), UNSAID),
            FLASH: {**ON, "reasoning_effort": "high"},
            QWEN: {**UNSAID, "enable_thinking": True, "thinking_budget": 4096},
        },
    ),
    "another family's switch": (
        ChatRequest([HI], params={"thinking": {"type": "enabled"}}),
        True,
        {QWEN: {**UNSAID, "enable_thinking": True}, GPT: UNSAID},
    ),
    "some tool, of one": (
        ChatRequest([HI], tools=[ADD], tool_choice="required"),
        True,
        {
            FLASH: OFF,
            QWEN: {"enable_thinking": False},
            KIMI: {**OFF, "tool_choice": NAMED},
            **each((R1, KIMI_MODE, KIMI_K2, GLM), ANY_IN_PROMPT),
        },
    ),
    "some tool, of two": (
        ChatRequest([HI], tools=[ADD, SUBTRACT], tool_choice="required"),
        True,
        {
            FLASH: OFF,
            QWEN: {"enable_thinking": False},
            **each((R1, KIMI, KIMI_MODE, KIMI_K2, GLM), ANY_IN_PROMPT),
        },
    ),
    "a named tool": (
        ChatRequest([HI], tools=[ADD], tool_choice=NAMED),
        True,
        {
            **each((FLASH, KIMI), OFF),
            QWEN: {"enable_thinking": False},
            **each((R1, KIMI_MODE, KIMI_K2, GLM), ADD_IN_PROMPT),
        },
    ),
    "a named tool, and thinking": (
        ChatRequest([HI], tools=[ADD], tool_choice=NAMED, params={"thinking": True}),
        True,
        {
            **each((FLASH, KIMI), OFF),
            QWEN: {**UNSAID, "enable_thinking": False},
            **each((R1, KIMI_K2), {**UNSAID, **ADD_IN_PROMPT}),
            **each((KIMI_MODE, GLM), {**ON, **ADD_IN_PROMPT}),
            **each((CLAUDE, GPT, MINIMAX), UNSAID),
        },
    ),
    "no tool": (
        ChatRequest([HI], tools=[ADD], tool_choice="none"),
        True,
        {GLM: {"tools": GONE, "tool_choice": GONE}},
    ),
    "a strict tool": (
        ChatRequest([HI], tools=[tool("add", strict=True)]),
        True,
        each((FLASH, R1, KIMI, KIMI_MODE, KIMI_K2, GLM), NOT_STRICT),
    ),
    "sampling": (
        ChatRequest(
            [HI], params={"temperature": 0.2, "top_p": 0.9, "n": 1, "presence_penalty": 0.1}
        ),
        True,
        {**each((KIMI, KIMI_MODE, KIMI_K2), NO_SAMPLING), GLM: {"presence_penalty": GONE}},
    ),
    "a limit": (ChatRequest([HI], params={"max_tokens": 50}), True, {CLAUDE: {"max_tokens": 50}}),
    "a limit by its newer name": (
        ChatRequest([HI], params={"max_completion_tokens": 50}),
        True,
        {GLM: {"max_tokens": 50, "max_completion_tokens": GONE}, CLAUDE: {"max_tokens": GONE}},
    ),
    "JSON": (
        ChatRequest([HI], response_format={"type": "json_object"}),
        True,
        {
            **each(MODELS, JSON_WORD),
            **each((CLAUDE, MINIMAX), {**JSON_WORD, "response_format": GONE}),
        },
    ),
    "JSON by a schema": (
        ChatRequest([HI], response_format=SCHEMA),
        True,
        {
            **each(MODELS, IN_PROMPT),
            **each((CLAUDE, MINIMAX), BY_TOOL),
            GPT: {},
        },
    ),
    "JSON by a schema in JSON mode": (
        ChatRequest([HI], response_format=SCHEMA_OF_MODE),
        True,
        {**each(MODELS, JSON_WORD), **each((CLAUDE, MINIMAX), BY_TOOL_OF_MODE)},
    ),
    "JSON by a schema, with tools": (
        ChatRequest([HI], tools=[ADD], response_format=SCHEMA),
        True,
        {**each(MODELS, IN_PROMPT), **each((CLAUDE, MINIMAX), BY_TOOLS), GPT: {}},
    ),
    "JSON by a schema, with tools that may not be called": (
        ChatRequest([HI], tools=[ADD], tool_choice="none", response_format=SCHEMA),
        True,
        {
            **each(MODELS, IN_PROMPT),
            **each((CLAUDE, MINIMAX), {**BY_TOOL, "tools": [ADD, ANSWER]}),
            GLM: {**IN_PROMPT, "tools": GONE, "tool_choice": GONE},
            GPT: {},
        },
    ),
    "JSON by a schema, with a tool that must be called": (
        ChatRequest([HI], tools=[ADD], tool_choice=NAMED, response_format=SCHEMA),
        True,
        {
            **each(MODELS, IN_PROMPT),
            **each((CLAUDE, MINIMAX), {**IN_PROMPT, "response_format": GONE}),
            **each((FLASH, KIMI), {**IN_PROMPT, **OFF}),
            QWEN: {**IN_PROMPT, "enable_thinking": False},
            **each((R1, KIMI_MODE, KIMI_K2, GLM), ADD_AND_SCHEMA_IN_PROMPT),
            KIMI_MODE: {**ADD_AND_SCHEMA_IN_PROMPT, **ON},
            GPT: {},
        },
    ),
    "a developer, a name and text in parts": (
        ChatRequest([DEVELOPER, IN_PARTS]),
        True,
        {
            **each((FLASH, R1, KIMI, KIMI_MODE, KIMI_K2), JOINED),
            **each((QWEN, MINIMAX), {"messages": [BRIEF, IN_PARTS]}),
            GLM: {"messages": [BRIEF, {"role": "user", "content": PARTS}]},
        },
    ),
    "instructions alone": (
        ChatRequest([BRIEF]),
        True,
        {GLM: {"messages": [{"role": "user", "content": "Be brief."}]}},
    ),
    "another model's tool call": (
        ChatRequest([HI, CALLING, RESULT]),
        True,
        {
            **each(
                (FLASH, R1, KIMI, KIMI_MODE, KIMI_K2),
                {"messages": [HI, {**PADDED, "content": ""}, RESULT]},
            ),
            **each((QWEN, MINIMAX), {"messages": [HI, {**CALLING, "content": ""}, RESULT]}),
        },
    ),
    "another model's tool call, without thinking": (
        ChatRequest([HI, CALLING, RESULT], params=OFF),
        True,
        {
            FLASH: {"messages": [HI, {**CALLING, "content": ""}, RESULT]},
            R1: {"messages": [HI, {**PADDED, "content": ""}, RESULT]},
            QWEN: {
                **UNSAID,
                "enable_thinking": False,
                "messages": [HI, {**CALLING, "content": ""}, RESULT],
            },
            KIMI: {"messages": [HI, {**CALLING, "content": ""}, RESULT]},
            KIMI_MODE: {**OFF, "messages": [HI, {**PADDED, "content": ""}, RESULT]},
            KIMI_K2: {"messages": [HI, {**PADDED, "content": ""}, RESULT]},
            MINIMAX: {"messages": [HI, {**CALLING, "content": ""}, RESULT]},
            GPT: UNSAID,
        },
    ),
    "its own tool call": (
        ChatRequest([HI, REASONED, RESULT]),
        True,
        {
            **each(
                (FLASH, R1, KIMI, KIMI_MODE, KIMI_K2),
                {"messages": [HI, {**REASONED, "content": ""}, RESULT]},
            ),
            **each((QWEN, MINIMAX), {"messages": [HI, {**CALLING, "content": ""}, RESULT]}),
            **each((CLAUDE, GPT), {"messages": [HI, CALLING, RESULT]}),
        },
    ),
}
"""The request, whether it is streamed, and by model what is sent otherwise than it was asked."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Sandbox]:
    """A sandbox for the whole table."""
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_golden_request(gateway: Sandbox, situation: str, model: str) -> None:
    """Each family is sent what it takes, no more is changed, and the answer says so."""
    request, stream, goldens = SITUATIONS[situation]
    info = Catalog.default().resolve(model)
    endpoint = Endpoint(gateway.base_url, None)
    plain = build(request, replace(info, adapt=False), endpoint, stream=stream)
    expected = {**json.loads(plain.body), **ALWAYS.get(model, {}), **goldens.get(model, {})}

    reply = _ask(Wire(endpoint), request, model, stream=stream)

    sent = gateway.requests[-1].body
    assert sent == {name: value for name, value in expected.items() if value is not GONE}
    assert plain.adaptations == ()
    if sent != json.loads(plain.body) and "thinking" not in request.params:
        assert reply.adaptations


SAID = [
    (GPT, {"thinking": True}, "left out thinking: gpt-4o cannot think"),
    (GPT, {"thinking": False}, None),
    (KIMI_K2, {"thinking": False}, "thinking stays on: kimi-k2-thinking cannot answer without"),
    (KIMI_MODE, {"thinking": False}, "thinking stays on: kimi-k2.5-thinking cannot answer without"),
    (KIMI, {"thinking": "low"}, "thinking switched on; left out its effort: kimi-k2.5 has none"),
    (KIMI_K2, {"thinking": "low"}, "left out its effort: kimi-k2-thinking has none"),
    (
        KIMI_MODE,
        {"thinking": "high"},
        "thinking switched on; left out its effort: kimi-k2.5-thinking has none",
    ),
    (FLASH, {"thinking": "medium"}, "thinking switched on, reasoning_effort high"),
    (QWEN, {"thinking": "low"}, "thinking left off: Qwen thinks only in streams"),
    (QWEN, {"enable_thinking": True}, None),
    (MINIMAX, {"thinking": "low"}, "left out thinking: no switch of minimax-m2.5 is known"),
]


@pytest.mark.parametrize(("model", "params", "said"), SAID)
def test_thinking_is_said(model: str, params: dict[str, Any], said: str | None) -> None:
    """What became of a wish to think, or not to, is on the answer in a sentence."""
    body = {"model": model, "messages": [HI], **params}

    assert adapt(body, Catalog.default().resolve(model)) == (() if said is None else (said,))


@pytest.mark.parametrize(
    ("wish", "limit", "sent"),
    [
        (True, None, {"type": "enabled", "budget_tokens": 1024}),
        ("medium", None, {"type": "enabled", "budget_tokens": 2048}),
        ("high", None, None),
        ("high", 8000, {"type": "enabled", "budget_tokens": 4096}),
        (False, None, {"type": "disabled"}),
    ],
)
def test_claude_thinks_within_its_limit(wish: Any, limit: int | None, sent: Any) -> None:
    """A Claude that can think gets a budget, if the limit leaves room for an answer."""
    claude = replace(Catalog.default().resolve(CLAUDE), thinking="optional")
    limits = {} if limit is None else {"max_tokens": limit}
    body = {"model": CLAUDE, "messages": [HI], "thinking": wish, **limits}

    adapt(body, claude)

    assert body.get("thinking") == sent


@pytest.mark.parametrize(("wish", "effort"), [(True, "medium"), ("low", "low"), (False, "none")])
def test_gpt_thinks_by_effort(wish: Any, effort: str) -> None:
    """A GPT that can think is told how hard."""
    gpt = replace(Catalog.default().resolve(GPT), thinking="optional")
    body = {"model": GPT, "messages": [HI], "thinking": wish}

    adapt(body, gpt)

    assert body == {"model": GPT, "messages": [HI], "reasoning_effort": effort}


@pytest.mark.parametrize("wish", ["hard", 1, [], ["low"]])
def test_thinking_that_is_none(wish: Any) -> None:
    """What thinking cannot be is an error that says what it can be."""
    body = {"model": FLASH, "messages": [HI], "thinking": wish}

    with pytest.raises(InvalidInputError, match=r"expected True, False, 'low'"):
        adapt(body, Catalog.default().resolve(FLASH))


def test_file_switches_adaptation_off(gateway: Sandbox) -> None:
    """A model whose `adapt` is false in the file is sent the request as it was made."""
    config = parse_config(
        "models: {Qwen/Qwen3-32B: {adapt: false}}\nroutes: [{name: all, candidates: [qwen3-32b]}]"
    )
    info = config.catalog.resolve("Qwen/Qwen3-32B")

    reply = Wire(Endpoint(gateway.base_url, None)).complete(ChatRequest([HI]), info)

    assert gateway.requests[-1].body == {"model": "Qwen/Qwen3-32B", "messages": [HI]}
    assert reply.adaptations == ()


def test_file_gives_another_family(gateway: Sandbox) -> None:
    """A model follows the rules of the family the file gives it."""
    config = parse_config(
        "models: {my-proxy: {family: claude}}\nroutes: [{name: all, candidates: [my-proxy]}]"
    )
    body = {"model": "my-proxy", "messages": [HI]}

    adapt(body, config.catalog.resolve("my-proxy"))

    assert body["max_tokens"] == 4096


# --- what holds for every request ---

_text = st.sampled_from(["Hi", "", "Answer in JSON."])
_content = _text | st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, _text)
    | st.just({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
    max_size=2,
)
_messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user"]), "content": _content},
        optional={"name": st.just("ann")},
    )
    | st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": st.none() | _content},
        optional={
            "tool_calls": st.just([CALL]),
            "reasoning_content": st.sampled_from(["", " ", "So."]),
        },
    )
    | st.fixed_dictionaries({"role": st.just("tool"), "content": _content}),
    max_size=4,
)
_fields = st.fixed_dictionaries(
    {},
    optional={
        "stream": st.just(True),
        "tools": st.lists(
            st.sampled_from([ADD, SUBTRACT, tool("f", strict=True)]), min_size=1, max_size=2
        ),
        "tool_choice": st.sampled_from(["auto", "none", "required", NAMED]),
        "response_format": st.sampled_from([SCHEMA, {"type": "json_object"}, {"type": "text"}]),
        "thinking": st.sampled_from(
            [True, False, "low", "medium", "high", *(each["thinking"] for each in (ON, OFF))]
        ),
        "enable_thinking": st.booleans(),
        "thinking_budget": st.just(9),
        "reasoning_effort": st.just("low"),
        "temperature": st.just(0.5),
        "n": st.just(1),
        "presence_penalty": st.just(1),
        "max_tokens": st.just(9),
        "max_completion_tokens": st.just(9),
    },
)
_models = st.sampled_from(Catalog.default().models).flatmap(
    lambda model: st.builds(
        lambda thinking: replace(model, thinking=thinking),
        st.sampled_from([model.thinking, "never", "optional", "always", None]),
    )
)


# A mode that is priced apart thinks, whatever a config file says of it.
@example(
    model=replace(Catalog.default().resolve(KIMI_MODE), thinking="optional"),
    messages=[],
    fields={"tool_choice": NAMED, "thinking": False},
)
@settings(max_examples=300)
@given(model=_models, messages=_messages, fields=_fields)
def test_adapting_twice_is_adapting_once(model: Any, messages: list[Any], fields: Any) -> None:
    """An adapted body is changed no further, and what the caller holds is never changed."""
    held = {"model": model.id, "messages": messages, **fields}
    before = copy.deepcopy(held)

    once = dict(held)
    adapt(once, model)
    twice = copy.deepcopy(once)
    said_again = adapt(twice, model)

    assert held == before
    assert twice == once
    assert said_again == ()


def _ask(wire: Wire, request: ChatRequest, model: str, *, stream: bool) -> Reply:
    info = Catalog.default().resolve(model)
    if not stream:
        return wire.complete(request, info)
    *_, reply = wire.stream(request, info)
    assert isinstance(reply, Reply)
    return reply
