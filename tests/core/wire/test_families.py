"""What each model family wants otherwise, seen on the bytes that are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from globalapi_core.catalog import Catalog, ModelInfo
from globalapi_core.settings import GATEWAY_URL, Endpoint
from globalapi_core.wire.request import ChatRequest, build

HI = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object", "title": "Answer"}},
}
JSON = {"type": "json_object"}


def sent(model: str | ModelInfo, request: ChatRequest) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the gateway is sent, and what was changed in it."""
    info = Catalog.default().get(model) if isinstance(model, str) else model
    payload = build(request, info, Endpoint(GATEWAY_URL, "k"), stream=False)
    return json.loads(payload.body), payload.adaptations


# A Qwen that can think must be told not to: it thinks only in streams.
PLAIN = [
    each.name
    for each in Catalog.default()
    if not each.variant_of and (each.family, each.thinking) != ("qwen", "optional")
]


@pytest.mark.parametrize("name", PLAIN)
def test_plain_request_is_not_changed(name: str) -> None:
    """A plain question is sent to every model as it is."""
    body, adaptations = sent(name, ChatRequest(HI, params={"max_tokens": 9}))

    assert body == {"model": body["model"], "messages": HI, "max_tokens": 9}
    assert not adaptations


def test_thinking_variant() -> None:
    """A thinking mode that is priced apart is the same id with thinking switched on."""
    body, adaptations = sent("kimi-k2.5-thinking", ChatRequest(HI))

    assert body["model"] == "kimi-k2.5"
    assert body["thinking"] == {"type": "enabled"}
    assert adaptations == ("thinking switched on",)


def test_kimi_takes_its_own_sampling() -> None:
    """Kimi is not sent a temperature that it refuses, and the answer says so."""
    params = {"temperature": 0.2, "top_p": 0.5, "max_tokens": 9}

    body, adaptations = sent("kimi-k2.5", ChatRequest(HI, params=params))

    assert "temperature" not in body
    assert "top_p" not in body
    assert body["max_tokens"] == 9
    assert "temperature, top_p" in adaptations[0]


def test_temperature_of_others() -> None:
    """Other families get the temperature that was asked for."""
    body, adaptations = sent("deepseek-v4-flash", ChatRequest(HI, params={"temperature": 0.2}))

    assert body["temperature"] == 0.2
    assert not adaptations


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
def test_glm_knows_auto_only(choice: Any) -> None:
    """GLM is sent the only tool choice it knows."""
    body, adaptations = sent("glm-5", ChatRequest(HI, tools=TOOLS, tool_choice=choice))

    assert body["tool_choice"] == "auto"
    assert body["tools"] == TOOLS
    assert adaptations


def test_glm_without_tools() -> None:
    """For GLM no tool choice but no tools means: no tools."""
    body, adaptations = sent("glm-5", ChatRequest(HI, tools=TOOLS, tool_choice="none"))

    assert "tools" not in body
    assert "tool_choice" not in body
    assert adaptations


def test_glm_choice_none_without_tools() -> None:
    """A tool choice that came without any tools does not break the request."""
    body, _ = sent("glm-5", ChatRequest(HI, params={"tool_choice": "none"}))

    assert "tool_choice" not in body


@pytest.mark.parametrize("model", ["deepseek-v4-flash", "qwen3-coder-30b", "gpt-4o"])
def test_json_mode_gets_its_word(model: str) -> None:
    """JSON mode comes with the word in the prompt, which some refuse to do without."""
    body, adaptations = sent(model, ChatRequest(HI, response_format=JSON))

    assert body["messages"][0]["role"] == "system"
    assert "JSON" in body["messages"][0]["content"]
    assert body["messages"][1:] == HI
    assert adaptations == ("asked for JSON in the prompt",)


def test_json_mode_with_its_word() -> None:
    """A prompt that has the word, in any case, is left alone."""
    asked = [{"role": "user", "content": "Answer in Json."}]

    body, adaptations = sent("deepseek-v4-flash", ChatRequest(asked, response_format=JSON))

    assert body["messages"] == asked
    assert not adaptations


def test_word_joins_the_system_message() -> None:
    """The word is added to the system message there is; the caller's own is not changed."""
    asked = [{"role": "system", "content": "Be brief."}, *HI]

    body, _ = sent("deepseek-v4-flash", ChatRequest(asked, response_format=JSON))

    assert body["messages"][0]["content"].startswith("Be brief.\n\n")
    assert len(body["messages"]) == 2
    assert asked[0] == {"role": "system", "content": "Be brief."}


def test_schema_goes_into_the_prompt() -> None:
    """Without a schema mode the schema is in the prompt and JSON mode does the rest."""
    body, adaptations = sent("deepseek-v4-flash", ChatRequest(HI, response_format=SCHEMA))

    assert body["response_format"] == JSON
    assert '"title":"Answer"' in body["messages"][0]["content"]
    assert adaptations == ("JSON schema put into the prompt",)


def test_schema_mode() -> None:
    """A model that obeys schemas is sent the schema."""
    body, adaptations = sent("gpt-4o", ChatRequest(HI, response_format=SCHEMA))

    assert body["response_format"] == SCHEMA
    assert not adaptations


@pytest.mark.parametrize("response_format", [JSON, SCHEMA])
def test_no_json_mode(response_format: dict[str, Any]) -> None:
    """A model without any JSON mode is asked in the prompt alone."""
    model = ModelInfo(name="m", id="m", json_mode=False, json_schema=False)

    body, adaptations = sent(model, ChatRequest(HI, response_format=response_format))

    assert "response_format" not in body
    assert "JSON" in body["messages"][0]["content"]
    assert "has no JSON mode" in adaptations[-1]


def test_no_messages() -> None:
    """A rule that adds to the prompt does not need one to be there."""
    body, _ = sent("deepseek-v4-flash", ChatRequest([], response_format=JSON))

    assert len(body["messages"]) == 1
