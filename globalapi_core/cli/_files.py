"""What is in a file or in stdin, and what to say when it cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

STREAM = Path("-")
"""Stdin where a command reads, stdout where it writes."""
LARGEST = 100_000_000
"""Bytes that are read of one file: ten times what fills the largest context window."""


def named(text: str) -> Path:
    """The file that an argument or an option names.

    Raises:
        BadParameter: the name is empty, which `Path` takes for the working directory.
    """
    if not text.strip():
        raise typer.BadParameter("expected the name of a file, got nothing: is a variable unset?")
    return Path(text)


def content(file: Path, hint: str) -> bytes:
    """What is in *file*, or in stdin for `-`.

    Raises:
        BadParameter: it cannot be read, or is too large; *hint* is what named it.
    """
    try:
        if file == STREAM:
            found = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with file.open("rb") as opened:
                found = opened.read(LARGEST + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        said = f"cannot read {_name(file)}: {reason}"
        raise typer.BadParameter(said, param_hint=hint) from None
    if len(found) > LARGEST:
        said = f"{_name(file)} is larger than {LARGEST:,} bytes"
        raise typer.BadParameter(said, param_hint=hint)
    return found


def text(file: Path, hint: str) -> str:
    """What is in *file*, or in stdin for `-`, as text; a byte order mark is no part of it.

    Raises:
        BadParameter: it cannot be read, or is no UTF-8.
    """
    try:
        return content(file, hint).decode("utf-8-sig")
    except UnicodeDecodeError:
        said = f"cannot read {_name(file)}: it is not UTF-8 text; save it as UTF-8"
        raise typer.BadParameter(said, param_hint=hint) from None


def _name(file: Path) -> str:
    return "stdin" if file == STREAM else str(file)
