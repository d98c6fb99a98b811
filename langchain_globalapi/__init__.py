"""LangChain chat models on the gateway: one model, or the right one for each call."""

from langchain_globalapi.chat_models import ChatGlobalAPI
from langchain_globalapi.router import ChatGlobalAPIRouter, RouterRunnable

__all__ = ["ChatGlobalAPI", "ChatGlobalAPIRouter", "RouterRunnable"]
