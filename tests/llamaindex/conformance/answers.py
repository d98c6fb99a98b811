"""What servers really answer: reasoning, several calls, nothing, half."""

from __future__ import annotations

from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock

from tests.core.wire.server import DONE, body, event, stream
from tests.llamaindex.conformance.bench import Bench, checks, joined, say, text_of
from tests.llamaindex.conformance.methods import ADD, asked

check = checks("Answers")

THOUGHTS = ("Let ", "me think.")
REASONED = stream(
    *(event({"reasoning_content": each}) for each in THOUGHTS),
    event({"content": "Paris"}),
    event({}, "stop"),
    DONE,
)
TWICE = (("add", '{"a": 1, "b": 2}'), ("add", '{"a": 3, "b": 4}'))


@check("stream_chat", "astream_chat")
def reasoning_is_kept(bench: Bench, way: str) -> None:
    """What a thinking model streams of its reasoning arrives whole, apart from the text."""
    with bench.told(REASONED) as told:
        parts = asked(told.llm, way)
    thoughts = [each for each in parts[-1].message.blocks if isinstance(each, ThinkingBlock)]
    found = "".join(each.content or "" for each in thoughts)
    assert found == "".join(THOUGHTS), f"reasoning {found!r}"
    assert joined(parts) == "Paris", joined(parts)


@check("chat", "stream")
def several_calls_in_one_answer_are_kept(bench: Bench, way: str) -> str:
    """Two calls of one answer are two calls, also where one chunk brings both."""
    with bench.told(say("", TWICE)) as told:
        given = {"user_msg": "Add.", "allow_parallel_tool_calls": True}
        if way == "chat":
            response = told.llm.chat_with_tools([ADD], **given)
        else:
            response = list(told.llm.stream_chat_with_tools([ADD], **given))[-1]
        calls = told.llm.get_tool_calls_from_response(response)
    assert [each.tool_kwargs["a"] for each in calls] == [1, 3], f"{len(calls)} of 2 calls"
    return f"{len(calls)} calls"


@check("nothing said", "not asked in parallel")
def further_calls_are_left_out_unless_allowed(bench: Bench, case: str) -> None:
    """Who allowed one call gets the first of several."""
    given = {} if case == "nothing said" else {"allow_parallel_tool_calls": False}
    with bench.told(say("", TWICE)) as told:
        response = told.llm.chat_with_tools([ADD], "Add.", **given)
        (call,) = told.llm.get_tool_calls_from_response(response)
    assert call.tool_kwargs == {"a": 1, "b": 2}, call.tool_kwargs


@check()
def cut_call_never_runs(bench: Bench) -> None:
    """A tool call whose arguments stop in the middle is not handed out with what came."""
    with bench.told(say("", (("add", '{"a": 1, "b": '),))) as told:
        try:
            response = list(told.llm.stream_chat_with_tools([ADD], "Add."))[-1]
            calls = told.llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        except Exception:
            return
    assert not calls, f"add({calls[0].tool_kwargs}) would run"


@check()
def answer_that_stops_in_the_middle_is_an_error(bench: Bench) -> None:
    """A stream without its end is not taken for a whole answer."""
    with bench.told(stream(event({"content": "The answer is"}))) as told:
        try:
            parts = asked(told.llm, "stream_chat")
        except Exception:
            return
    raise AssertionError(f"{joined(parts)!r} for an answer")


@check("null", "empty")
def answer_without_choices_is_an_error_of_its_own(bench: Bench, case: str) -> None:
    """A 200 without an answer raises an error that says so, no TypeError."""
    choices = None if case == "null" else []
    with bench.told(body({"id": "c1", "choices": choices, "error": {"message": "busy"}})) as told:
        try:
            response = asked(told.llm, "chat")[0]
        except (TypeError, IndexError, AttributeError) as error:
            raise AssertionError(f"raises {type(error).__name__}") from error
        except Exception:
            return
    raise AssertionError(f"{text_of(response)!r} for an answer")


@check()
def empty_stream_is_an_error(bench: Bench) -> None:
    """A stream that says nothing is no answer."""
    with bench.told(stream(DONE)) as told:
        try:
            parts = asked(told.llm, "stream_chat")
        except Exception:
            return
    raise AssertionError(f"{len(parts)} items, no error")


@check()
def reasoning_goes_back_with_the_calls_it_led_to(bench: Bench) -> None:
    """The second step of a tool loop carries the first one's reasoning, or is refused."""
    llm = bench.llm("kimi-k2-thinking", temperature=1)
    history = [ChatMessage("Please add 3 and 4.")]
    response = llm.chat_with_tools([ADD], chat_history=history)
    (call,) = llm.get_tool_calls_from_response(response)
    result = ChatMessage("7", role="tool", additional_kwargs={"tool_call_id": call.tool_id})
    answer = llm.chat_with_tools([ADD], chat_history=[*history, response.message, result])
    assert "7" in text_of(answer), text_of(answer)


@check()
def reasoning_effort_is_sent_to_any_model(bench: Bench) -> None:
    """`additional_kwargs` reach the wire whatever the model is called."""
    bench.llm("glm-5", additional_kwargs={"reasoning_effort": "low"}).chat([ChatMessage("Hi")])
    sent = bench.bodies[-1].get("reasoning_effort")
    assert sent == "low", f"sent {sent}"
