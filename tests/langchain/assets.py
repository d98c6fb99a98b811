"""The picture, the document and the recording that LangChain's suites download."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asset:
    """What a download of the suite's gives; it reads nothing but this."""

    content: bytes


def get(url: str, **_: Any) -> Asset:
    """`httpx.get` for the suite's downloads alone: a small real file of the same kind.

    Raises:
        LookupError: it is none of the kinds that the suites download.
    """
    kind = url.rpartition(".")[2]
    if kind not in _MADE:
        raise LookupError(f"no asset for {url!r}; there are {', '.join(_MADE)}")
    return Asset(_MADE[kind]())


def png() -> bytes:
    """A picture of 8 x 8 pixels, half of it red."""
    row = b"\0" + b"\xff\0\0" * 4 + b"\xff\xff\xff" * 4
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(row * 8)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def pdf() -> bytes:
    """A document of one page that says "Dummy PDF file"."""
    text = b"BT /F1 24 Tf 72 700 Td (Dummy PDF file) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(b"%010d 00000 n \n" % len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(places)
    trailer = b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(body)
    return body + table + trailer


def wav() -> bytes:
    """A tenth of a second of silence."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(1_600))
    return held.getvalue()


_MADE = {"png": png, "pdf": pdf, "wav": wav}
