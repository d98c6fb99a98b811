"""Pictures, recordings and files in a prompt: decoded, so that what arrived can be said."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from globalapi_core.catalog import Modality

_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>.*)", re.DOTALL)
_PNG = b"\x89PNG\r\n\x1a\n"


class MediaError(ValueError):
    """An attachment that no model could read; the message says why."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a part of a message holds beside text."""

    modality: Modality
    media_type: str | None = None
    """`None` where it is only an address."""
    size: int | None = None
    """Bytes; `None` where it is only an address, which the sandbox never opens."""
    pixels: tuple[int, int] | None = None
    """Width and height of a PNG."""

    def __str__(self) -> str:
        if self.size is None:
            return f"{self.modality} at an address (not opened)"
        text = f"{self.media_type}, {self.size:,} bytes"
        if self.pixels is not None:
            text += f", {self.pixels[0]} x {self.pixels[1]} pixels"
        return text


def read(part: Mapping[str, Any]) -> Attachment:
    """Decode a part that is not text.

    Raises:
        MediaError: its shape, its base64 or its first bytes are not what it claims.
    """
    return _READERS[part["type"]](part)


def _image(part: Mapping[str, Any]) -> Attachment:
    return _linked("image", part.get("image_url"), "image_url")


def _video(part: Mapping[str, Any]) -> Attachment:
    return _linked("video", part.get("video_url"), "video_url")


def _audio_link(part: Mapping[str, Any]) -> Attachment:
    return _linked("audio", part.get("audio_url"), "audio_url")


def _audio(part: Mapping[str, Any]) -> Attachment:
    sound = part.get("input_audio")
    if not isinstance(sound, Mapping) or not isinstance(sound.get("data"), str):
        raise MediaError("input_audio must be an object with data (base64) and format")
    kind = sound.get("format")
    if kind not in ("wav", "mp3"):
        raise MediaError(f"input_audio.format is {kind!r}; expected 'wav' or 'mp3'")
    # DashScope wants a data URL where OpenAI wants bare base64; both are in use.
    data = sound["data"].rpartition(";base64,")[2]
    return _decoded("audio", f"audio/{kind}", data)


def _file(part: Mapping[str, Any]) -> Attachment:
    held = part.get("file")
    if not isinstance(held, Mapping) or not isinstance(held.get("file_data"), str):
        raise MediaError("file must be an object with file_data, a base64 data URL; file_id has "
                         "no meaning here, for the sandbox keeps no files")  # fmt: skip
    return _linked("file", {"url": held["file_data"]}, "file.file_data", remote=False)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Attachment]] = {
    "image_url": _image,
    "video_url": _video,
    "audio_url": _audio_link,
    "input_audio": _audio,
    "file": _file,
}
MODALITIES: Mapping[str, Modality] = {
    "image_url": "image",
    "video_url": "video",
    "audio_url": "audio",
    "input_audio": "audio",
    "file": "file",
}
"""The content part types there are beside text, and what a model must take for each."""


def _linked(modality: Modality, link: Any, where: str, *, remote: bool = True) -> Attachment:
    url = link.get("url") if isinstance(link, Mapping) else None
    if not isinstance(url, str):
        raise MediaError(f"{where} must be an object with a url")
    if remote and re.match(r"https?://[^\s/]", url):
        return Attachment(modality)
    found = _DATA_URL.fullmatch(url)
    if found is None:
        expected = "data:<media type>;base64,<data>" + (" or an http(s) address" if remote else "")
        raise MediaError(f"{where} begins {url[:16]!r}; expected {expected}")
    return _decoded(modality, found["type"].lower(), found["data"])


def _decoded(modality: Modality, media_type: str, data: str) -> Attachment:
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MediaError(f"the {media_type} is not valid base64: {error}") from None
    if media_type not in _MAGIC:
        if modality == "image":
            images = ", ".join(each for each in _MAGIC if each.startswith("image/"))
            raise MediaError(f"unsupported picture type {media_type!r}; expected one of {images}")
        return Attachment(modality, media_type, len(content))
    if not _MAGIC[media_type](content):
        raise MediaError(f"the data claims to be {media_type} but does not begin like one")
    return Attachment(modality, media_type, len(content), _pixels(media_type, content))


_MAGIC: Mapping[str, Callable[[bytes], bool]] = {
    "image/png": lambda data: data.startswith(_PNG) and data[12:16] == b"IHDR",
    "image/jpeg": lambda data: data.startswith(b"\xff\xd8\xff"),
    "image/gif": lambda data: data.startswith((b"GIF87a", b"GIF89a")),
    "image/webp": lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP",
    "audio/wav": lambda data: data.startswith(b"RIFF") and data[8:12] == b"WAVE",
    "audio/mp3": lambda data: data.startswith((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "application/pdf": lambda data: data.startswith(b"%PDF-"),
}


def _pixels(media_type: str, content: bytes) -> tuple[int, int] | None:
    if media_type != "image/png" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height
