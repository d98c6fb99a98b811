"""LlamaIndex LLMs on the gateway: one model, or the right one for each call."""

from llamaindex_globalapi.llms import GlobalAPI
from llamaindex_globalapi.router import CallEndEvent, GlobalAPIRouter

__all__ = ["CallEndEvent", "GlobalAPI", "GlobalAPIRouter"]
