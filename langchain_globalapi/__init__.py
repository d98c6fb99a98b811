"""LangChain chat models on the gateway: one model, or the right one for each call."""

try:
    import langchain_core  # noqa: F401 - asked first, to say what is missing
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "LangChain is not installed: pip install 'globalapi-llm[langchain]'", name=error.name
    ) from None

from langchain_globalapi._bridge import record_of
from langchain_globalapi.callbacks import CostCallbackHandler, get_cost_callback
from langchain_globalapi.chat_models import ChatGlobalAPI
from langchain_globalapi.router import ChatGlobalAPIRouter, RouterRunnable

__all__ = [
    "ChatGlobalAPI",
    "ChatGlobalAPIRouter",
    "CostCallbackHandler",
    "RouterRunnable",
    "get_cost_callback",
    "record_of",
]
