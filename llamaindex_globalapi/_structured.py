"""Structured output: asking for a schema, and parsing what comes."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, closing, suppress
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.program.utils import process_streaming_objects
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from llama_index.core.types import Model, PydanticProgramMode
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from globalapi_core.errors import NoCandidateError, RejectedAnswerError
from llamaindex_globalapi import _selection
from llamaindex_globalapi._bridge import MODEL
from llamaindex_globalapi._moving import MovedOver

_dispatcher = get_dispatcher(__name__)

_PROGRAM_ARGUMENTS = ("tool_required", "tool_choice", "allow_parallel_tool_calls")

_FENCE = re.compile(r"```[a-z]*\s*\n(.*?)\n?```", re.DOTALL | re.IGNORECASE)
_BRACKETED = re.compile(r"[{\[].*[}\]]", re.DOTALL)


class StructuredOutput(MovedOver):
    """An LLM that is asked for objects by their schema.

    What that comes to for a model, a schema, a JSON mode or a tool, the wire knows.
    LlamaIndex's own programs know tools and text alone, change the `llm_kwargs` they are
    given, drop the system prompt of asynchronous calls and do not require the tool of
    streamed ones. Another `pydantic_program_mode` than the default still chooses them.
    """

    def _predict(
        self, output_cls: type[Model], messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> Model:
        return parsed(output_cls, self.chat(messages, **kwargs))

    async def _apredict(
        self, output_cls: type[Model], messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> Model:
        return parsed(output_cls, await self.achat(messages, **kwargs))

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """Have the answer to *prompt* be an *output_cls*, in the best way the model has.

        Raises:
            ResponseError: the answer is none.
        """
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            own = dict(llm_kwargs or {})
            other: Model = super().structured_predict(output_cls, prompt, own, **prompt_args)
            return other
        _started(output_cls, prompt, prompt_args)
        asked = self._asked_for(output_cls, prompt, llm_kwargs, prompt_args)
        found = self._predict(output_cls, *asked)
        _dispatcher.event(LLMStructuredPredictEndEvent(output=found))
        return found

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Model:
        """`structured_predict`, asynchronously."""
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            own = dict(llm_kwargs or {})
            other: Model = await super().astructured_predict(output_cls, prompt, own, **prompt_args)
            return other
        _started(output_cls, prompt, prompt_args)
        asked = self._asked_for(output_cls, prompt, llm_kwargs, prompt_args)
        found = await self._apredict(output_cls, *asked)
        _dispatcher.event(LLMStructuredPredictEndEvent(output=found))
        return found

    def predict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """The answer to *prompt*; the choice that a selector asks for, as an object.

        Raises:
            ResponseError: a selector asked, and the answer chooses nothing.
        """
        if _selection.is_asked(prompt):
            # No model of a route may be able to: then it is asked for in words.
            with suppress(NoCandidateError):
                return self.structured_predict(_selection.Choices, prompt, **prompt_args).text
        return super().predict(prompt, **prompt_args)

    async def apredict(self, prompt: BasePromptTemplate, **prompt_args: Any) -> str:
        """`predict`, asynchronously."""
        if _selection.is_asked(prompt):
            with suppress(NoCandidateError):
                chosen = await self.astructured_predict(_selection.Choices, prompt, **prompt_args)
                return chosen.text
        return await super().apredict(prompt, **prompt_args)

    def _structured_stream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            own = dict(llm_kwargs or {})
            yield from super()._structured_stream_call(output_cls, prompt, own, **prompt_args)
            return
        messages, kwargs = self._asked_for(output_cls, prompt, llm_kwargs, prompt_args)
        partial = _Partial(self, output_cls)
        with closing(self.stream_chat(messages, **kwargs)) as responses:
            for response in responses:
                yield from partial.grown(response)
        yield partial.whole()

    async def _structured_astream_call(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            own = dict(llm_kwargs or {})
            return await super()._structured_astream_call(output_cls, prompt, own, **prompt_args)
        asked = self._asked_for(output_cls, prompt, llm_kwargs, prompt_args)
        return self._agrowing(output_cls, *asked)

    async def _agrowing(
        self, output_cls: type[Model], messages: Sequence[ChatMessage], kwargs: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        partial = _Partial(self, output_cls)
        async with aclosing(await self.astream_chat(messages, **kwargs)) as responses:
            async for response in responses:
                for grown in partial.grown(response):
                    yield grown
        yield partial.whole()

    def _asked_for(
        self,
        output_cls: type[Model],
        prompt: PromptTemplate,
        llm_kwargs: Mapping[str, Any] | None,
        prompt_args: Mapping[str, Any],
    ) -> tuple[list[ChatMessage], dict[str, Any]]:
        """Messages and arguments of the `chat` that asks for an *output_cls*."""
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        given = llm_kwargs or {}
        own = {name: value for name, value in given.items() if name not in _PROGRAM_ARGUMENTS}
        return messages, {"response_format": response_format(output_cls), **own}


class _Partial:
    """An object that is being streamed."""

    def __init__(self, llm: FunctionCallingLLM, output_cls: type[Any]) -> None:
        self._llm = llm
        self._output_cls = output_cls
        self._objects: list[Any] | None = None
        self._last: ChatResponse | None = None

    def grown(self, response: ChatResponse) -> Generator[Any, None, None]:
        """Yield the object as far as *response* tells it; nothing for the end of the stream."""
        self._last = response
        if response.delta:
            found = process_streaming_objects(
                response, self._output_cls, cur_objects=self._objects, llm=self._llm
            )
            self._objects = found if isinstance(found, list) else [found]
            yield found

    def whole(self) -> Any:
        """The object.

        Raises:
            ResponseError: the answer is none.
        """
        return parsed(self._output_cls, self._last or ChatResponse(message=ChatMessage()))


def _started(output_cls: type[Any], prompt: PromptTemplate, prompt_args: dict[str, Any]) -> None:
    _dispatcher.event(
        LLMStructuredPredictStartEvent(
            output_cls=output_cls, template=prompt, template_args=prompt_args
        )
    )


def response_format(output_cls: type[BaseModel]) -> dict[str, Any]:
    """The wire's `response_format` for *output_cls*."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", output_cls.__name__)[:64]
    schema = output_cls.model_json_schema()
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def parsed(output_cls: type[Model], response: ChatResponse) -> Model:
    """The object in *response*: the arguments of its first tool call, else its JSON.

    Raises:
        RejectedAnswerError: there is none, or it is not one of *output_cls*.
    """
    message = response.message
    calls = (block for block in message.blocks if isinstance(block, ToolCallBlock))
    call = next(calls, None)
    text = message.content or ""
    try:
        if call is not None:
            return output_cls.model_validate(call.tool_kwargs)
        return output_cls.model_validate_json(_json_in(text))
    except ValidationError as error:
        raise RejectedAnswerError(
            f"the answer is not a valid {output_cls.__name__}: {_summary(error)}",
            model=message.additional_kwargs.get(MODEL),
            partial_text=text,
            # What does not fit a schema may fit it the next time.
            retryable=True,
        ) from error


def _json_in(text: str) -> str:
    """The JSON in *text*: a model without a JSON mode puts a fence or a sentence around it."""
    try:
        from_json(text)
    except ValueError:
        fenced = _FENCE.search(text)
        found = _BRACKETED.search(fenced[1] if fenced else text)
        return found[0] if found else text
    return text


def _summary(error: ValidationError) -> str:
    """What is wrong, without the values: they are the model's text."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"]))) for each in problems
    )
