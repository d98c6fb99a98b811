"""What LlamaIndex expects of an LLM, asked of every class the same."""
