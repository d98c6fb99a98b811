"""`llamaindex_globalapi` under the name that LlamaIndex's integrations go by.

`llama_index` and `llama_index.llms` belong to many distributions: neither of them may have
an `__init__.py` here.
"""

from llamaindex_globalapi import CallEndEvent, GlobalAPI, GlobalAPIRouter, record_of

__all__ = ["CallEndEvent", "GlobalAPI", "GlobalAPIRouter", "record_of"]
