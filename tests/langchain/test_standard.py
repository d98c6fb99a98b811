"""LangChain's standard unit tests, for both classes.

`test_serdes` is skipped by the suite: `langchain_core.load` revives only the classes that
`langchain_core` itself lists, so that no package beside those can claim to be serialisable.
"""

from __future__ import annotations

from typing import Any

from langchain_tests.unit_tests import ChatModelUnitTests

from globalapi_core import settings
from globalapi_core.settings import Endpoint
from langchain_globalapi import ChatGlobalAPI, RouterRunnable

_ENVIRONMENT = {
    settings.KEY_VARIABLE: "a-key",
    settings.BASE_URL_VARIABLE: "https://example.org/v1",
}
_ENDPOINT = Endpoint("https://example.org/v1", "a-key")
_BASE = {"base_url": "http://127.0.0.1:9/v1"}


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
        return _ENVIRONMENT, {"model": "glm-5"}, {"_endpoint": _ENDPOINT}


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
        return _ENVIRONMENT, {}, {"_endpoint": _ENDPOINT}
