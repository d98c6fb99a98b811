"""JSON filled from a prompt: tool calls, JSON mode and schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.sandbox import Sandbox, structures
from globalapi_core.sandbox.structures import Source

from .client import Got, chat, tool

WEATHER = tool("get_weather", "Get the weather at a location.", location={"type": "string"})
MULTIPLY = tool("multiply", "Multiply two numbers.", a={"type": "integer"}, b={"type": "number"})


def _calls(got: Got) -> list[tuple[str, Any]]:
    functions = [call["function"] for call in got.message.get("tool_calls", [])]
    return [(each["name"], json.loads(each["arguments"])) for each in functions]


def _filled(schema: Mapping[str, Any], text: str) -> Any:
    return structures.fill(schema, Source(text, text, None))


def _property(schema: Mapping[str, Any], text: str, name: str = "x") -> Any:
    root = {"type": "object", "properties": {name: schema}, "required": [name]}
    return _filled(root, text)[name]


def test_tool_is_called_when_the_message_is_about_it(sandbox: Sandbox) -> None:
    """With `auto` a shared content word decides, and the finish reason says so."""
    got = chat(sandbox.port, "What is the weather in San Francisco, CA?", tools=[MULTIPLY, WEATHER])

    assert _calls(got) == [("get_weather", {"location": "San Francisco, CA"})]
    assert got.json["choices"][0]["finish_reason"] == "tool_calls"
    assert got.message["content"] is None
    assert got.message["tool_calls"][0]["type"] == "function"


def test_tool_is_not_called_when_the_message_is_about_something_else(sandbox: Sandbox) -> None:
    """With `auto` and no shared word the answer is text, and with `none` always."""
    assert chat(sandbox.port, "Tell me a story", tools=[WEATHER]).text
    assert chat(sandbox.port, "What weather!", tools=[WEATHER], tool_choice="none").text


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("required", "get_weather"),
        ({"type": "function", "function": {"name": "multiply"}}, "multiply"),
    ],
)
def test_forced_choice_is_obeyed(sandbox: Sandbox, choice: Any, name: str) -> None:
    """A tool is called though the message has nothing to do with it."""
    got = chat(sandbox.port, "Good morning", tools=[WEATHER, MULTIPLY], tool_choice=choice)

    assert [each[0] for each in _calls(got)] == [name]


def test_tools_named_in_the_message_are_called_together(sandbox: Sandbox) -> None:
    """Several names make several calls, unless parallel calls are switched off."""
    prompt = "Use get_weather for Berlin and multiply 3 by 4.5"
    both = chat(sandbox.port, prompt, tools=[WEATHER, MULTIPLY])
    one = chat(sandbox.port, prompt, tools=[WEATHER, MULTIPLY], parallel_tool_calls=False)

    assert _calls(both) == [
        ("get_weather", {"location": "Berlin"}),
        ("multiply", {"a": 3, "b": 4.5}),
    ]
    ids = [call["id"] for call in both.message["tool_calls"]]
    assert len(set(ids)) == 2
    assert _calls(one) == [("get_weather", {"location": "Berlin"})]


def test_answer_after_a_tool_result_repeats_it(sandbox: Sandbox) -> None:
    """The loop ends: the result is reported in text, shortened, and no tool is called again."""
    asked = {"role": "user", "content": "What is the weather in Oslo?"}
    called = chat(sandbox.port, messages=[asked], tools=[WEATHER]).message
    result = {
        "role": "tool",
        "tool_call_id": called["tool_calls"][0]["id"],
        "content": "It is sunny. " + "x" * 300,
    }
    got = chat(sandbox.port, messages=[asked, called, result], tools=[WEATHER])

    assert got.text == "[sandbox] get_weather answered: It is sunny. " + "x" * 187


def test_tool_call_is_streamed_in_pieces(sandbox: Sandbox) -> None:
    """Id and name come first, the arguments in several pieces of the same index."""
    whole = chat(sandbox.port, "multiply 12 by 3456", tools=[MULTIPLY])
    got = chat(sandbox.port, "multiply 12 by 3456", tools=[MULTIPLY], stream=True)

    deltas = [
        delta for each in got.events for delta in each["choices"][0]["delta"].get("tool_calls", [])
    ]
    head, *rest = deltas
    assert head["id"] == whole.message["tool_calls"][0]["id"]
    assert head["function"] == {"name": "multiply", "arguments": ""}
    assert len(rest) > 1
    assert {each["index"] for each in deltas} == {0}
    assert all(each.keys() == {"index", "function"} for each in rest)
    arguments = "".join(each["function"]["arguments"] for each in rest)
    assert json.loads(arguments) == {"a": 12, "b": 3456}
    assert got.events[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_arguments_keep_their_script(sandbox: Sandbox) -> None:
    """Chinese stays Chinese on the wire, not a row of escapes."""
    got = chat(
        sandbox.port, "Create a customer named '你好啊集团' (a group)", tool_choice="required",
        tools=[tool("create_customer", "", customer_name={"type": "string"})],
    )  # fmt: skip

    assert _calls(got) == [("create_customer", {"customer_name": "你好啊集团"})]
    assert "你好啊集团".encode() in got.raw


def test_chinese_question_calls_a_tool_described_in_chinese(sandbox: Sandbox) -> None:
    """Two shared characters are a shared word, and the first noun is the argument."""
    got = chat(
        sandbox.port, "北京今天天气怎么样？",
        tools=[tool("get_weather", "查询某个城市的天气", city={"type": "string"})],
    )  # fmt: skip

    assert _calls(got) == [("get_weather", {"city": "北京"})]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "take 7.5 or 12", 12),
        ({"type": "number"}, "take 7.5 or 12", 7.5),
        ({"type": "integer"}, "in 1,234 ways", 1234),
        ({"type": "integer"}, "below -3 degrees", -3),
        ({"type": "integer"}, "iPhone15 costs nothing", 0),
        ({"type": "integer", "minimum": 100}, "from 7 to 700", 700),
        ({"type": "integer", "minimum": 100}, "no number", 100),
        ({"type": "integer", "default": 5}, "no number", 5),
        ({"type": "boolean"}, "anything", True),
        ({"enum": ["red", "green"]}, "a green one", "green"),
        ({"enum": ["red", "green"]}, "neither", "red"),
        ({"enum": ["positive", "negative"]}, "positive or negative? so negative", "negative"),
        ({"const": 4}, "anything", 4),
        ({"type": "null"}, "anything", None),
        ({"type": "string"}, 'call it "the thing" please', "the thing"),
        ({"type": "string"}, "it's what John's dog said to Mary Ann", "Mary Ann"),
        ({"type": "string"}, "请打开《红楼梦》", "红楼梦"),
        ({"type": "string"}, "the x is blue, or so", "blue"),
        ({"type": "string"}, "nothing but small words", "nothing but small words"),
        ({"type": "string", "maxLength": 3}, "nothing", "not"),
        ({"type": "string", "minLength": 9}, "abc", "abc......"),
        ({"type": "string", "format": "email"}, "to bob@x.org now", "bob@x.org"),
        ({"type": "string", "format": "date"}, "no day", "2000-01-01"),
        ({"type": "string", "pattern": r"^[A-Z]{2}\d+$"}, "order AB12 today", "AB12"),
        ({"type": "array", "items": {"type": "integer"}}, "3 of 4", [3]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, "3 of 4", [3, 4]),
        ({"type": ["string", "null"]}, "nothing of it", None),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "x: 5", 5),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "take 5", 5),
    ],
)  # fmt: skip
def test_value_is_taken_from_the_prompt(schema: dict[str, Any], text: str, value: Any) -> None:
    """Each kind of value has its place in a text, and a fallback that satisfies the schema."""
    assert _property(schema, text) == value


def test_values_are_taken_in_the_order_they_stand() -> None:
    """Two numbers go to two properties, and so do two names."""
    number, name = {"type": "integer"}, {"type": "string"}
    properties = {"a": number, "b": number, "sender": name, "receiver": name}
    schema = {"type": "object", "properties": properties, "required": list(properties)}

    assert _filled(schema, "move 3 and 4 from Alice to Bob") == {
        "a": 3, "b": 4, "sender": "Alice", "receiver": "Bob",
    }  # fmt: skip


def test_optional_properties_are_filled_only_when_something_is_said_of_them() -> None:
    """What the prompt does not mention is left out."""
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer"},
            "note": {"type": "string"},
        },
        "required": ["city"],
    }

    assert _filled(schema, "Weather in Oslo") == {"city": "Oslo"}
    assert _filled(schema, "Weather in Oslo, celsius, days: 3, note: bring shoes") == {
        "city": "Oslo", "unit": "celsius", "days": 3, "note": "bring shoes",
    }  # fmt: skip


def test_nested_and_referenced_schemas_are_filled() -> None:
    """Definitions, allOf and objects in lists are followed."""
    schema = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}},
        "required": ["items"],
        "$defs": {
            "Named": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
            "Item": {
                "allOf": [{"$ref": "#/$defs/Named"}],
                "properties": {"count": {"type": "integer"}},
                "required": ["count"],
            },
        },
    }

    assert _filled(schema, "buy 3 pieces of 'bread'") == {"items": [{"name": "bread", "count": 3}]}


def test_schema_that_holds_itself_comes_to_an_end() -> None:
    """A tree of nodes is filled some levels deep, then its lists are empty."""
    schema = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "label": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                },
                "required": ["label", "children"],
            }
        },
    }
    filled = _filled(schema, "a tree")

    jsonschema.validate(filled, schema)
    assert len(json.dumps(filled)) < 1_000


_LEAVES = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "boolean", "null"])}),
    st.builds(
        lambda low, size: {"type": "integer", "minimum": low, "maximum": low + size},
        st.integers(-1_000, 1_000),
        st.integers(0, 50),
    ),
    st.builds(
        lambda low, size: {"type": "number", "exclusiveMinimum": low, "maximum": low + size},
        st.integers(-1_000, 1_000),
        st.integers(1, 50),
    ),
    st.builds(lambda low, size: {"type": "string", "minLength": low, "maxLength": low + size},
              st.integers(0, 20), st.integers(0, 20)),
    st.builds(lambda options: {"enum": options}, st.lists(st.text(max_size=5), min_size=1)),
)  # fmt: skip


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.text("abcdef_", min_size=1, max_size=6)
    return st.builds(
        lambda properties, flags: {
            "type": "object",
            "properties": properties,
            "required": [name for name, flag in zip(properties, flags, strict=False) if flag],
            "additionalProperties": False,
        },
        st.dictionaries(names, inner, max_size=4),
        st.lists(st.booleans(), min_size=4, max_size=4),
    )


_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        _objects(inner),
        st.builds(lambda item, n: {"type": "array", "items": item, "minItems": n}, inner,
                  st.integers(0, 3)),
        st.builds(lambda one, two: {"anyOf": [one, two]}, inner, inner),
    ),
    max_leaves=8,
)  # fmt: skip


@given(_objects(_SCHEMAS), st.text(max_size=60) | st.just("a: 3, b is 'four', name: Bob, 5.5"))
def test_filled_value_satisfies_its_schema(schema: dict[str, Any], text: str) -> None:
    """Whatever the schema and the prompt, an independent validator agrees."""
    jsonschema.validate(_filled(schema, text), schema)


SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": ["positive", "negative"]},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["label", "score"],
}


def _asked_for(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema}}


def test_json_schema_is_obeyed(sandbox: Sandbox) -> None:
    """The answer is an object that satisfies the schema, from what the prompt says."""
    got = chat(sandbox.port, "It was negative, 0.9 sure", response_format=_asked_for(SCHEMA))

    assert json.loads(got.text) == {"label": "negative", "score": 0.9}


def test_model_that_does_not_obey_a_schema_writes_other_json(sandbox: Sandbox) -> None:
    """A schema accepted and ignored, as some vendors do, is accepted and ignored."""
    got = chat(sandbox.port, "It was negative", model="eyes", response_format=_asked_for(SCHEMA))

    assert json.loads(got.text).keys() == {"answer"}


JSON_PROMPTS: list[tuple[str, set[str]]] = [
    ("Joke as JSON with keys setup and punchline.", {"setup", "punchline"}),
    ("Joke. Return a JSON with 'setup' and 'punchline' keys.", {"setup", "punchline"}),
    ("As JSON. The fields are: name, age, and city.", {"name", "age", "city"}),
    ('Give the "label" in JSON.', {"label"}),
    ("请输出 JSON，字段为 title 和 author。", {"title", "author"}),
    ('Write json like {"city": "Rome", "year": 1}: Oslo 1048', {"city", "year"}),
    (f"JSON to this schema: {json.dumps(SCHEMA)}", {"label", "score"}),
    ("json please", {"answer"}),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "keys"), JSON_PROMPTS)
def test_json_mode_has_the_keys_the_prompt_asks_for(
    sandbox: Sandbox, prompt: str, keys: set[str]
) -> None:
    """Described in words, by an example or by a pasted schema: the keys are those."""
    got = chat(sandbox.port, prompt, response_format={"type": "json_object"})

    assert json.loads(got.text).keys() == keys


@pytest.mark.parametrize("role", ["system", "developer"])
def test_json_mode_finds_the_schema_in_the_instructions(sandbox: Sandbox, role: str) -> None:
    """What the answer must look like often stands in the system message."""
    messages = [
        {"role": role, "content": f"Answer with JSON only, in this schema: {json.dumps(SCHEMA)}"},
        {"role": "user", "content": "It was negative, 0.9 sure"},
    ]
    got = chat(sandbox.port, messages=messages, response_format={"type": "json_object"})

    assert json.loads(got.text) == {"label": "negative", "score": 0.9}


def test_pasted_schema_is_no_context(sandbox: Sandbox) -> None:
    """The answer is not drawn from the description of its form."""
    schema = {"properties": {"summary": {"type": "string", "description": "Is a zebra wild?"}}}
    messages = [
        {"role": "system", "content": f"JSON schema:\n{json.dumps(schema)}\nA zebra runs."},
        {"role": "user", "content": "What does the zebra do?"},
    ]

    assert chat(sandbox.port, messages=messages).text == "[sandbox] A zebra runs."


def test_example_in_the_prompt_gives_the_types(sandbox: Sandbox) -> None:
    """An object like the one shown, filled from the rest of the prompt."""
    prompt = 'Write json like {"city": "Rome", "year": 1}: Oslo was founded in 1048'
    got = chat(sandbox.port, prompt, response_format={"type": "json_object"})

    assert json.loads(got.text) == {"city": "Oslo", "year": 1048}


def test_json_that_hits_the_limit_is_cut_like_any_text(sandbox: Sandbox) -> None:
    """Half an object, and the finish reason that says so."""
    got = chat(sandbox.port, "json please", response_format={"type": "json_object"}, max_tokens=4)

    assert got.json["choices"][0]["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(got.text)
