"""A router's call as it is traced: a chain run around a model's run for each attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    AsyncCallbackManagerForLLMRun,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForChainRun,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.runnables.config import patch_config

from globalapi_core.records import Attempt, Decision
from langchain_globalapi._errors import in_both_families


@dataclass(slots=True)
class Run:
    """The chain run of one call."""

    config: RunnableConfig
    chain: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun | None = None
    """`None`: nobody listens, and there is no run to tell of."""
    decision: Decision | None = None
    """Told to the tracers of each attempt; `None`: there is none yet."""
    output: Any = None
    chunks: list[AIMessageChunk] = field(default_factory=list)

    def child(self, attempt: Attempt) -> RunnableConfig:
        """The config under which one attempt is traced: its metadata say why it is made."""
        if self.chain is None:
            return self.config
        config = patch_config(
            self.config, callbacks=self.chain.get_child(f"attempt:{attempt.number}")
        )
        config["metadata"] = {
            **(config.get("metadata") or {}),
            **_why(self.decision),
            "globalapi_attempt": attempt.number,
        }
        return config

    def note(self, chunk: AIMessageChunk) -> AIMessageChunk:
        """Keep *chunk* for the trace, if anybody listens."""
        if self.chain is not None:
            self.chunks.append(chunk)
        return chunk

    def result(self) -> Any:
        """What the run came to."""
        if len(self.chunks) > 1:
            return add_ai_message_chunks(*self.chunks)
        return self.chunks[0] if self.chunks else self.output


def seen(
    run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
) -> RunnableConfig:
    """What a run that LangChain made knows of the config of its call."""
    return RunnableConfig(tags=run.tags, metadata=run.metadata) if run else RunnableConfig()


def seen_under(config: RunnableConfig | None) -> RunnableConfig:
    """What a run under *config* would know of it, from whoever called above too."""
    return inherited(ensure_config(config))


def inherited(config: RunnableConfig) -> RunnableConfig:
    """`seen_under`, of a config that LangChain has completed already."""
    above = config.get("callbacks")
    if not isinstance(above, BaseCallbackManager):
        return config
    # What is not inherited is LangChain's own, such as the step of a sequence.
    tags = [*above.inheritable_tags, *(config.get("tags") or ())]
    metadata = {**above.inheritable_metadata, **(config.get("metadata") or {})}
    return RunnableConfig(tags=tags, metadata=metadata)


@contextmanager
def traced(model: BaseChatModel, input: Any, config: RunnableConfig | None) -> Iterator[Run]:
    """Trace a call of *model*; whoever stops reading a stream ends it without an error."""
    config = ensure_config(config)
    naming = _naming(model, config)
    manager = CallbackManager.configure(*_listeners(model, config))
    if not _is_heard(manager):
        with in_both_families():
            yield Run(config)
        return
    chain = manager.on_chain_start(None, {"input": input}, **naming)
    run = Run(config, chain)
    try:
        with in_both_families():
            yield run
    except GeneratorExit:
        chain.on_chain_end(run.result())
        raise
    except BaseException as error:
        chain.on_chain_error(error)
        raise
    chain.on_chain_end(run.result())


@asynccontextmanager
async def atraced(
    model: BaseChatModel, input: Any, config: RunnableConfig | None
) -> AsyncIterator[Run]:
    """`traced`, asynchronously."""
    config = ensure_config(config)
    naming = _naming(model, config)
    manager = AsyncCallbackManager.configure(*_listeners(model, config))
    if not _is_heard(manager):
        with in_both_families():
            yield Run(config)
        return
    chain = await manager.on_chain_start(None, {"input": input}, **naming)
    run = Run(config, chain)
    try:
        with in_both_families():
            yield run
    except GeneratorExit:
        await chain.on_chain_end(run.result())
        raise
    except BaseException as error:
        await chain.on_chain_error(error)
        raise
    await chain.on_chain_end(run.result())


def _why(decision: Decision | None) -> dict[str, Any]:
    """What tracers can filter runs by: metadata of plain values."""
    if decision is None:
        return {}
    said = {"globalapi_route": decision.route, "globalapi_reason": decision.reason}
    return {name: text for name, text in said.items() if text is not None}


def _listeners(model: BaseChatModel, config: RunnableConfig) -> tuple[Any, ...]:
    """Who listens, and the tags and metadata they see: first inherited, then the model's own."""
    tags, metadata = (config.get("tags"), model.tags), (config.get("metadata"), model.metadata)
    return config.get("callbacks"), model.callbacks, model.verbose, *tags, *metadata


def _is_heard(manager: BaseCallbackManager) -> bool:
    """Whether anybody listens to a call, or would to what is called in it."""
    return bool(manager.handlers or manager.inheritable_handlers)


def _naming(model: BaseChatModel, config: RunnableConfig) -> dict[str, Any]:
    """Name and id of the chain run; the id is taken out of *config*, so no attempt has it too."""
    return {
        "name": config.get("run_name") or model.get_name(),
        "run_id": config.pop("run_id", None),
    }
