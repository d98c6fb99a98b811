"""LangChain's standard unit tests, for both classes."""

from __future__ import annotations

from typing import Any

from langchain_tests.unit_tests import ChatModelUnitTests

from globalapi_core import settings
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

_ENVIRONMENT = {
    settings.KEY_VARIABLE: "a-key",
    settings.BASE_URL_VARIABLE: "https://example.org/v1",
}
_BASE = {"base_url": "https://example.org/v1"}


class TestChatGlobalAPI(ChatModelUnitTests):
    """One model keeps the standard contract."""

    @property
    def chat_model_class(self) -> type[ChatGlobalAPI]:
        """The class under test."""
        return ChatGlobalAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """What it is made with."""
        return {"model": "deepseek-v4-flash", **_BASE}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        """Environment, arguments, and the settings they come to."""
        return _ENVIRONMENT, {"model": "glm-5"}, {"model_name": "glm-5"}


class TestRouterRunnable(ChatModelUnitTests):
    """A router keeps the same contract."""

    @property
    def chat_model_class(self) -> type[RouterRunnable]:
        """The class under test."""
        return RouterRunnable

    @property
    def chat_model_params(self) -> dict[str, Any]:
        """What it is made with."""
        return _BASE

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        """Environment, arguments, and the settings they come to."""
        return _ENVIRONMENT, {}, {"route": None}
