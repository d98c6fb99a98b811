"""LangChain's standard integration tests, for a model of each family and for the router.

They run over the sandbox; with `GLOBAL_API_KEY` set, on the gateway. What a class claims
to support is what the catalog says of its model: the suite skips the rest. VCR is off: it
records the async calls, which use aiohttp, and the one test that wants it makes a sync one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.integration_tests import ChatModelIntegrationTests

from globalapi_core.catalog import Catalog, Modality, ModelInfo
from globalapi_core.config import load_config
from globalapi_core.router import Router
from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, RouterRunnable
from tests.langchain import assets

# Read before the tests' own environment, which has no key, takes its place.
KEY = os.environ.get("GLOBAL_API_KEY")
BASE_URL = os.environ.get("GLOBAL_API_BASE_URL")
LONG = "The quick brown fox jumps over the lazy dog. " * 300
"""Past the 1,024 tokens from which prompts are cached."""

if KEY:
    pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def endpoint() -> Iterator[dict[str, Any]]:
    """Address and key: of the gateway if there is a key, else of a sandbox that caches."""
    if KEY:
        yield {"api_key": KEY, "base_url": BASE_URL}
    else:
        with Sandbox(cache=True) as sandbox:
            yield {"base_url": sandbox.base_url}


class _Suite(ChatModelIntegrationTests):
    """The standard tests, with what may be claimed read from the catalog."""

    thinks: ClassVar[bool]
    """Whether it can be asked to think, and says how much it did."""

    @pytest.fixture(autouse=True)
    def _prepared(self, endpoint: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.endpoint = endpoint
        monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "globalapi-llm tests")
        if not KEY:
            # What the suite downloads is not ours to test; the model never downloads.
            monkeypatch.setattr(httpx, "get", assets.get)

    @property
    def models(self) -> list[ModelInfo]:
        """The models that may answer."""
        raise NotImplementedError

    def takes(self, modality: Modality) -> bool:
        """Whether the user's part of a prompt may hold it."""
        return any(model.accepts([modality]) for model in self.models)

    @property
    def has_tool_choice(self) -> bool:
        """A tool can be demanded."""
        return True

    @property
    def supports_json_mode(self) -> bool:
        """`method="json_mode"` works."""
        return any(model.json_mode is True for model in self.models)

    @property
    def supports_image_inputs(self) -> bool:
        """Pictures, as the wire, LangChain and Anthropic write them."""
        return self.takes("image")

    @property
    def supports_image_urls(self) -> bool:
        """Pictures by their address."""
        return self.takes("image")

    @property
    def supports_image_tool_message(self) -> bool:
        """Pictures that a tool returns."""
        return self.takes("image")

    @property
    def supports_pdf_inputs(self) -> bool:
        """Documents."""
        return self.takes("file")

    @property
    def supports_pdf_tool_message(self) -> bool:
        """Documents that a tool returns."""
        return self.takes("file")

    @property
    def supports_audio_inputs(self) -> bool:
        """Recordings."""
        return self.takes("audio")

    @property
    def supports_anthropic_inputs(self) -> bool:
        """Messages and tools as Anthropic has them are understood."""
        return True

    @property
    def model_override_value(self) -> str:
        """A model to ask in one call instead."""
        return "gpt-4o-mini"

    @property
    def supported_usage_metadata_details(self) -> dict[Any, list[Any]]:
        """Which tokens are counted apart; of a prompt's cache only what was read is told."""
        details = ["cache_read_input", *(["reasoning_output"] if self.thinks else [])]
        return {"invoke": details, "stream": details}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        """The second of two calls with one long beginning."""
        _asked(self._made(), LONG, stream)
        return _asked(self._made(), LONG, stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        """A call that asks for thinking."""
        return _asked(self._made(), "Is 91 a prime?", stream, thinking=True)

    def _made(self) -> BaseChatModel:
        return self.chat_model_class(**self.chat_model_params)


def _asked(model: BaseChatModel, prompt: str, stream: bool, **given: Any) -> AIMessage:
    if not stream:
        return model.invoke(prompt, **given)
    first, *rest = model.stream(prompt, **given)
    whole: AIMessageChunk = sum(rest, first)
    return whole


class TestChatGlobalAPI(_Suite):
    """One model does all a chat model does: DeepSeek."""

    asked = "deepseek-v4-flash"
    thinks = True

    @property
    def chat_model_class(self) -> type[ChatGlobalAPI]:
        """The class under test."""
        return ChatGlobalAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """What it is made with."""
        return {"model": self.asked, **self.endpoint}

    @property
    def models(self) -> list[ModelInfo]:
        """The one model."""
        return [Catalog.default().get(self.asked)]


class TestQwen(TestChatGlobalAPI):
    """Qwen, which hears and sees."""

    asked = "qwen3-omni-30b"
    thinks = False


class TestKimi(TestChatGlobalAPI):
    """Kimi, which takes only its own sampling, and cannot be made to call some tool."""

    asked = "kimi-k2.5"
    thinks = True
    has_tool_choice = False


class TestGLM(TestChatGlobalAPI):
    """GLM, which sees, and knows no tool choice but auto."""

    asked = "glm-4.5v"
    thinks = True
    has_tool_choice = False


class TestClaude(TestChatGlobalAPI):
    """Claude, which has no JSON mode."""

    asked = "claude-3.5-sonnet"
    thinks = False


class TestGPT(TestChatGlobalAPI):
    """GPT-4o, which reads documents."""

    asked = "gpt-4o"
    thinks = False


class TestRouterRunnable(_Suite):
    """A router does all that some model of its routes does."""

    thinks = True

    @property
    def chat_model_class(self) -> type[RouterRunnable]:
        """The class under test."""
        return RouterRunnable

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """What it is made with: the shipped routes."""
        return dict(self.endpoint)

    @property
    def models(self) -> list[ModelInfo]:
        """Every model of every route."""
        return list(Router(load_config()).models)
