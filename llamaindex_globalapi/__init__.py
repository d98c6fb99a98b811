"""LlamaIndex LLMs on the gateway: one model, or the right one for each call."""

try:
    import llama_index.core  # noqa: F401 - asked first, to say what is missing
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "LlamaIndex is not installed: pip install 'globalapi-llm[llamaindex]'", name=error.name
    ) from None

from llamaindex_globalapi._responses import record_of
from llamaindex_globalapi.llms import GlobalAPI
from llamaindex_globalapi.router import CallEndEvent, GlobalAPIRouter

__all__ = ["CallEndEvent", "GlobalAPI", "GlobalAPIRouter", "record_of"]
