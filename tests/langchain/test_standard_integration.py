"""LangChain's standard integration tests, for both classes, over the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests

from globalapi_core.sandbox import Sandbox
from langchain_globalapi import ChatGlobalAPI, RouterRunnable


class _OverSandbox(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _endpoint(self, sandbox: Sandbox) -> None:
        self.base_url = sandbox.base_url

    @property
    def has_tool_choice(self) -> bool:
        """A tool can be demanded."""
        return True

    @property
    def supports_json_mode(self) -> bool:
        """`method="json_mode"` works."""
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        """Messages and tools as Anthropic has them are understood."""
        return True

    @property
    def model_override_value(self) -> str:
        """A model to ask in one call instead."""
        return "gpt-4o-mini"


class TestChatGlobalAPI(_OverSandbox):
    """One model does all a chat model does."""

    @property
    def chat_model_class(self) -> type[ChatGlobalAPI]:
        """The class under test."""
        return ChatGlobalAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """What it is made with."""
        return {"model": "deepseek-v4-flash", "base_url": self.base_url}


class TestRouterRunnable(_OverSandbox):
    """A router does all a chat model does."""

    @property
    def chat_model_class(self) -> type[RouterRunnable]:
        """The class under test."""
        return RouterRunnable

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """What it is made with."""
        return {"base_url": self.base_url}
