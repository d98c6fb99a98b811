"""Messages to the wire's form and back."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from globalapi_core.errors import InvalidInputError
from llamaindex_globalapi import _bridge

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x00" * 24
PDF = b"%PDF-1.4 tiny"


def _sent(*blocks: Any) -> Any:
    (message,) = _bridge.to_wire([ChatMessage(list(blocks))])
    return message["content"]


@pytest.mark.parametrize(
    ("role", "sent"),
    [
        ("system", "system"),
        ("developer", "system"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("chatbot", "assistant"),
        ("model", "assistant"),
    ],
)
def test_role_is_one_that_every_vendor_knows(role: str, sent: str) -> None:
    """LlamaIndex has more names for roles than the wire."""
    assert _bridge.to_wire([ChatMessage("x", role=role)]) == [{"role": sent, "content": "x"}]


def test_every_role_of_llamaindex_is_known() -> None:
    """A role that is added there must not fail here."""
    assert set(_bridge._ROLES) == set(MessageRole)


def test_text_is_sent_as_text() -> None:
    """Where there is only text, the content is a string: some servers take nothing else."""
    assert _sent(TextBlock(text="a"), TextBlock(text="b")) == "a\nb"
    assert _sent(CitableBlock(title="t", source="s", content="quoted")) == "quoted"
    assert _sent() == ""


def test_picture_is_sent_as_a_data_url_whatever_it_was_given_as(tmp_path: Path) -> None:
    """Bytes, a file with and without an ending, a stream and a data URL are one picture."""
    (tmp_path / "picture.png").write_bytes(PNG)
    (tmp_path / "picture").write_bytes(PNG)
    pictures = [
        ImageBlock(image=PNG),
        ImageBlock(path=tmp_path / "picture.png"),
        ImageBlock(path=tmp_path / "picture"),
        ImageBlock(image=io.BytesIO(PNG)),
        ImageBlock(url=PNG_URL),
    ]

    sent = _sent(TextBlock(text="What?"), *pictures)

    assert sent[0] == {"type": "text", "text": "What?"}
    assert sent[1:] == [{"type": "image_url", "image_url": {"url": PNG_URL}}] * len(pictures)


def test_address_is_sent_and_not_opened() -> None:
    """What is on the web is left for the model to fetch."""
    url = "https://example.com/a.png"

    assert _sent(ImageBlock(url=url, detail="low")) == [
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    ]
    assert _sent(AudioBlock(url="https://example.com/a.wav"))[0]["type"] == "audio_url"
    assert _sent(VideoBlock(url="https://example.com/a.mp4"))[0]["type"] == "video_url"


def test_recording_and_file_are_sent_in_their_parts() -> None:
    """Sound goes as base64 with its format, a document as a named file."""
    sound, file = _sent(AudioBlock(audio=WAV), DocumentBlock(data=PDF, title="a.pdf"))

    encoded = base64.b64encode(WAV).decode()
    assert sound == {"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}}
    assert file["file"]["filename"] == "a.pdf"
    assert file["file"]["file_data"].startswith("data:application/pdf;base64,")


def test_picture_that_cannot_be_read_is_the_callers_mistake(tmp_path: Path) -> None:
    """A file that is gone, or of no known kind, is told before anything is sent."""
    gone = tmp_path / "gone.png"
    gone.write_bytes(PNG)
    block = ImageBlock(path=gone)
    gone.unlink()

    with pytest.raises(InvalidInputError, match=r"cannot read the image: .*gone\.png"):
        _sent(block)
    with pytest.raises(InvalidInputError, match="MIME type"):
        _sent(ImageBlock(image=b"not a picture at all"))


def test_block_that_is_no_content_is_left_out() -> None:
    """Reasoning and cache marks are no text of the message."""
    cache = CachePoint(cache_control=CacheControl(type="ephemeral"))

    assert _sent(ThinkingBlock(content="hm"), TextBlock(text="a"), cache) == "a"


def test_tool_calls_and_their_results_keep_their_ids() -> None:
    """A call is told by its block; its result names it."""
    call = ToolCallBlock(tool_call_id="c1", tool_name="add", tool_kwargs={"a": 1, "名": "值"})
    result = ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "c1", "name": "add"})

    sent = _bridge.to_wire([ChatMessage([call], role="assistant"), result])

    function = {"name": "add", "arguments": '{"a": 1, "名": "值"}'}
    assert sent == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
    ]


def test_tool_calls_of_another_integration_are_understood() -> None:
    """A history may come from another LLM class, which kept the wire's dicts."""
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    message = ChatMessage("", role="assistant", additional_kwargs={"tool_calls": [call]})

    assert _bridge.to_wire([message])[0]["tool_calls"] == [call]


@pytest.mark.parametrize(
    ("last", "model"),
    [
        (ChatMessage("7", role="tool", additional_kwargs={"tool_call_id": "c1"}), "glm-5"),
        (ChatMessage("and?"), None),
    ],
)
def test_tool_loop_is_told_by_who_asked_for_the_last_results(
    last: ChatMessage, model: str | None
) -> None:
    """Only results at the very end belong to a loop that is going on."""
    call = ToolCallBlock(tool_call_id="c1", tool_name="add")
    asked = ChatMessage([call], role="assistant", additional_kwargs={"globalapi_model": "glm-5"})

    assert _bridge.answered_by([ChatMessage("add"), asked, last]) == model
    assert _bridge.answered_by([]) is None
