"""What this library promises of its LLMs beyond what LlamaIndex expects, for both classes."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import AsyncGenerator, Generator

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatEndEvent, LLMChatStartEvent
from llama_index.core.prompts import PromptTemplate

from globalapi_core.errors import GatewayError, IncompleteResponseError, InvalidInputError
from globalapi_core.sandbox import Sandbox, faults
from llamaindex_globalapi import GlobalAPI, GlobalAPIRouter

from .conftest import LLM

PROMPT = "What is the capital of France?"
HELLO = [ChatMessage(PROMPT)]
CANARY = "sk-canary-0123456789"


def _check_whole(response: ChatResponse | CompletionResponse) -> None:
    assert str(response).removeprefix("assistant: ").startswith("[sandbox]")
    assert response.raw["finish_reason"] == "stop"
    extras = response.additional_kwargs
    assert extras["total_tokens"] == extras["prompt_tokens"] + extras["completion_tokens"] > 0
    assert extras["globalapi"]["attempts"][0]["outcome"] == "ok"


def test_chat_returns_the_whole_answer(llm: LLM) -> None:
    """A call has text, finish reason, usage and its record."""
    response = llm.chat(HELLO)

    _check_whole(response)
    assert response.message.additional_kwargs["globalapi_model"] in ("gpt-4o", "deepseek-v4-flash")


async def test_achat_returns_the_whole_answer(llm: LLM) -> None:
    """`achat` is `chat`."""
    _check_whole(await llm.achat(HELLO))


def test_complete_returns_the_whole_answer(llm: LLM) -> None:
    """A completion is a chat of one message."""
    _check_whole(llm.complete(PROMPT))


async def test_acomplete_returns_the_whole_answer(llm: LLM) -> None:
    """`acomplete` is `complete`."""
    _check_whole(await llm.acomplete(PROMPT))


def _check_stream(parts: list[ChatResponse] | list[CompletionResponse]) -> None:
    text = "".join(part.delta or "" for part in parts)
    assert len(parts) > 3
    assert text == str(parts[-1]).removeprefix("assistant: ")
    assert ["globalapi" in part.additional_kwargs for part in parts].count(True) == 1
    _check_whole(parts[-1])


def test_stream_chat_yields_the_answer_as_it_comes(llm: LLM) -> None:
    """Deltas add up to the last message, which alone has usage and record."""
    stream = llm.stream_chat(HELLO)

    assert isinstance(stream, Generator)
    _check_stream(list(stream))


async def test_astream_chat_yields_the_answer_as_it_comes(llm: LLM) -> None:
    """`astream_chat` is `stream_chat`."""
    stream = await llm.astream_chat(HELLO)

    assert isinstance(stream, AsyncGenerator)
    _check_stream([part async for part in stream])


def test_stream_complete_yields_the_answer_as_it_comes(llm: LLM) -> None:
    """A streamed completion is a streamed chat."""
    _check_stream(list(llm.stream_complete(PROMPT)))


async def test_astream_complete_yields_the_answer_as_it_comes(llm: LLM) -> None:
    """`astream_complete` is `stream_complete`."""
    _check_stream([part async for part in await llm.astream_complete(PROMPT)])


async def test_predict_puts_the_system_prompt_first(
    sandbox: Sandbox, single: type[GlobalAPI]
) -> None:
    """`system_prompt` reaches the wire from `predict` and `apredict` alike."""
    llm = single(system_prompt="Be brief.")

    llm.predict(PromptTemplate("{city}?"), city="Paris")
    await llm.apredict(PromptTemplate("{city}?"), city="Paris")

    sent = [request.body["messages"] for request in sandbox.requests]
    assert sent[0] == sent[1]
    assert sent[0][0] == {"role": "system", "content": "Be brief."}


def test_conversation_is_left_as_it_was(llm: LLM) -> None:
    """The caller's list and messages are not changed by any call."""
    history = [ChatMessage("You help.", role="system"), ChatMessage("Hello")]
    before = copy.deepcopy(history)

    llm.chat(history)
    list(llm.stream_chat(history))
    llm.chat_with_tools([], "And now?", chat_history=history)

    assert history == before


@pytest.mark.parametrize("prompt", [[], [ChatMessage("")]])
def test_empty_prompt_is_refused_before_anything_is_sent(
    sandbox: Sandbox, llm: LLM, prompt: list[ChatMessage]
) -> None:
    """A prompt without any content is the caller's mistake, on every path."""
    for call in (llm.chat, llm.stream_chat):
        with pytest.raises(InvalidInputError, match="empty"):
            call(prompt)

    assert sandbox.requests == []


def test_answer_cut_short_is_an_error_with_what_came(sandbox: Sandbox, llm: LLM) -> None:
    """Half an answer is never returned as a whole one, and says what was seen of it."""
    sandbox.script("*", [faults.cut(3)])
    seen: list[str | None] = []

    with pytest.raises(IncompleteResponseError) as caught:
        seen.extend(part.delta for part in llm.stream_chat(HELLO))

    assert "".join(filter(None, seen)) == caught.value.partial_text != ""
    assert caught.value.shown
    assert len(sandbox.requests) == 1


async def test_answer_cut_short_asynchronously_is_an_error_with_what_came(
    sandbox: Sandbox, llm: LLM
) -> None:
    """As synchronously, when the connection closes inside the answer."""
    sandbox.script("*", [faults.cut(3, abrupt=True)])
    stream = await llm.astream_chat(HELLO)
    seen = [(await anext(stream)).delta for _ in range(3)]

    with pytest.raises(IncompleteResponseError) as caught:
        await anext(stream)

    assert "".join(filter(None, seen)) == caught.value.partial_text != ""
    assert caught.value.shown
    assert len(sandbox.requests) == 1


class _Events(BaseEventHandler):
    seen: list[object] = []  # noqa: RUF012  # a pydantic field

    def handle(self, event: object, **kwargs: object) -> None:
        self.seen.append(event)


@pytest.fixture
def events() -> Generator[list[object]]:
    """Every event of LlamaIndex's instrumentation."""
    handler = _Events()
    dispatcher = get_dispatcher()
    dispatcher.event_handlers.append(handler)
    yield handler.seen
    dispatcher.event_handlers.remove(handler)


def test_events_tell_of_each_call_once(llm: LLM, events: list[object]) -> None:
    """One start and one end, with the name of the model that was called."""
    llm.chat(HELLO)

    starts = [each for each in events if isinstance(each, LLMChatStartEvent)]
    ends = [each for each in events if isinstance(each, LLMChatEndEvent)]
    assert len(starts) == len(ends) == 1
    assert starts[0].model_dict["model"] == starts[0].model_dict["model_name"]
    assert starts[0].model_dict["model"] in ("gpt-4o", "deepseek-v4-flash")


def test_key_reaches_the_server_and_nothing_else(
    sandbox: Sandbox, config: object, events: list[object]
) -> None:
    """No repr, dump, pickle, event or error holds the key."""
    for cls in (GlobalAPI, GlobalAPIRouter):
        sandbox.script("*", [faults.unauthorized()])
        llm = cls(api_base=sandbox.base_url, api_key=CANARY, config=config)
        with pytest.raises(GatewayError) as caught:
            llm.chat(HELLO)
        llm.chat(HELLO)

        shown = [repr(llm), str(llm), llm.to_json(), repr(llm.to_dict()), llm.model_dump_json()]
        shown += [repr(vars(llm)), repr(llm.to_payload()), repr(caught.value.__dict__)]
        assert CANARY not in "".join(shown)
        assert CANARY.encode() not in pickle.dumps(llm) + pickle.dumps(caught.value)
        assert llm.api_key is None

    assert CANARY not in repr(events)
    assert all(request.authorized for request in sandbox.requests)


def test_dict_form_makes_the_same_llm_again(single: type[GlobalAPI]) -> None:
    """`to_dict` and `from_dict` are inverse, and JSON can hold what is between them."""
    llm = single(model="glm-5", temperature=0.2, additional_kwargs={"top_p": 0.9})

    twin = GlobalAPI.from_dict(json.loads(llm.to_json()))

    assert twin.to_dict() == llm.to_dict()


def test_misspelt_argument_is_an_error(sandbox: Sandbox) -> None:
    """An argument nobody knows would silently do nothing."""
    for cls in (GlobalAPI, GlobalAPIRouter):
        with pytest.raises(ValueError, match="temprature"):
            cls(api_base=sandbox.base_url, temprature=0)
