"""Keys and prompts that must be heard nowhere: every test is searched for them.

A test that needs a key or a prompt of its own gives it one of these words, and is then
watched as well.
"""

from __future__ import annotations

import logging
import re
import traceback

KEY = "sk-canary-of-every-test"
"""What calls of a sandbox are made with, unless a test says otherwise."""
SONG = re.compile(r"sk-canary|ga_canary|canary prompt")


class Watch(logging.Handler):
    """Hears every record of every logger, and keeps those that sing."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Search the message, its arguments, what is attached, and the traceback."""
        text = f"{record.getMessage()} {record.__dict__}"
        if record.exc_info and record.exc_info[1]:
            text += "".join(traceback.format_exception(record.exc_info[1]))
        if SONG.search(text):
            self.heard.append(f"{record.levelname} of {record.name}: {text}")
