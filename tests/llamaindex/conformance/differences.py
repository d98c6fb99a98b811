"""What is known to differ from the suite's promises, each with a name: nobody fails unlisted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.llamaindex.conformance.bench import Check

LIKE, TOLD = "OpenAILike", "OpenAILike, told"
LIKES = (TOLD, LIKE)


@dataclass(frozen=True, slots=True)
class Difference:
    """Why some class does not keep some promises."""

    name: str
    sentence: str
    who: Sequence[str]
    checks: Sequence[str]
    """Patterns of their names, as shells have them."""

    def is_of(self, check: Check, who: str) -> bool:
        """Whether this is why *who* fails *check*."""
        return who in self.who and any(fnmatchcase(check.name, each) for each in self.checks)


DIFFERENCES = (
    Difference(
        "window",
        "Unless told, a context of 3,900 tokens is assumed: prompts are cut into many calls, "
        "conversations forgotten.",
        (LIKE,),
        ("metadata has the window*", "sixty thousand*", "long con*"),
    ),
    Difference(
        "tools",
        "Unless told, a model is held to know no tools: agents refuse it, structured output "
        "sends a `tool_choice` without tools, selectors fall back to words.",
        (LIKE,),
        (
            "metadata says that tools*",
            *("choice by a tool*", "router query engine: *", "answer filtering"),
            *("function agent*", "workflow*", "predict and call*"),
            *("predict: *", "parts grow*", "system prompt is sent*", "arguments for the model*"),
            *("structured llm*", "query engine with*", "query engine over*", "agent with*"),
            *("program by a tool", "ranking as an object*"),
        ),
    ),
    Difference(
        "streamed usage",
        "A stream is not asked for its token counts; LlamaIndex then counts by a tokenizer of "
        "its own.",
        LIKES,
        ("counts tokens of a stream*", "tokens are counted once: *stream*"),
    ),
    Difference("num_output", "Told as -1, for which engines keep 256 tokens free.", LIKES,
               ("metadata keeps room*",)),
    Difference("history", "`chat_with_tools` appends to the list it is given.", LIKES,
               ("conversation is left*",)),
    Difference("temperature", "0.1 is sent unless another one is given.", LIKES,
               ("temperature is sent*",)),
    Difference("precedence", "`max_tokens` of the constructor goes before that of the call.",
               LIKES, ("argument of a call*: max_tokens",)),
    Difference("retries", "The class and its SDK both retry: three times three, or two times "
               "two.", LIKES, ("one failure is retried*",)),
    Difference("event loops", "A client made in one event loop fails in the next.", LIKES,
               ("one object serves several event*",)),
    Difference("first piece", "The first piece of streamed reasoning is lost, asynchronously.",
               LIKES, ("reasoning is kept: astream*",)),
    Difference("calls of one chunk", "Of several tool calls in one chunk the first is kept.",
               LIKES, ("several calls*: stream",)),
    Difference("calls of one chunk, in agents", "So an agent runs one of them.", (TOLD,),
               ("function agent calls two*",)),
    Difference("cut answers", "A stream without an end is a whole answer, a tool call cut in the "
               "middle is repaired and would run.", LIKES,
               ("cut call*", "answer that stops*", "empty stream*")),
    Difference("no choices", "A 200 without an answer is a TypeError or an IndexError.", LIKES,
               ("answer without choices*",)),
    Difference("reasoning", "Reasoning is left out of the history, which vendors refuse in a tool "
               "loop.", LIKES, ("reasoning goes back*",)),
    Difference("reasoning, in agents", "So agents on a thinking model stop at the second step.",
               (TOLD,), ("function agent on a thinking*",)),
    Difference("forced tools", "A tool is required of models that refuse that while they think.",
               (TOLD,), ("choice by a tool of a thinking*", "ranking as an object: deepseek*",
                         "predict: structured_predict on [dk][ei]*",
                         "predict: astructured_predict on [dk][ei]*")),
    Difference("choices in words", "Selectors ask in words and fail on what is no list.", LIKES,
               ("choice is asked for as json*", "choice that is none: {}")),
    Difference("system prompt", "LlamaIndex's asynchronous program leaves it out.", (TOLD,),
               ("system prompt is sent: astructured*",)),
    Difference("arguments", "LlamaIndex's programs change the `llm_kwargs` they are given.",
               (TOLD,), ("arguments for the model*",)),
    Difference("half objects", "A stream may end with an object whose fields are all None, of a "
               "class that is not the one asked for.", LIKES,
               ("object in a fence: *stream*", "answer that is no object: *stream*")),
    Difference("half objects, in structured LLMs", "So `raw` is of that class.", (TOLD,),
               ("structured llm: *stream*",)),
    Difference("fences", "JSON in a Markdown fence is not found where a tool was asked for.",
               (TOLD,), ("object in a fence: structured*", "object in a fence: astructured*")),
    Difference("spans", "A call is traced once for the class and once for its base.", LIKES,
               ("span of a call*",)),
    Difference("key", "The key is a plain field: it is in every written form.", LIKES,
               ("key is not shown: [!t]*", "key is not shown: to_[!p]*")),
    Difference("foreign key", "Without a key, `OPENAI_API_KEY` is sent to whoever is called.",
               LIKES, ("key of another vendor*",)),
    Difference("deep copies", "Once it has called, it cannot be copied deeply.", LIKES,
               ("copy *: deepcopy",)),
)  # fmt: skip


def of(check: Check, who: str) -> list[Difference]:
    """The differences that explain why *who* fails *check*."""
    return [each for each in DIFFERENCES if each.is_of(check, who)]
