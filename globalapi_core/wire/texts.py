"""Text in the forms that servers give it."""

from __future__ import annotations

from collections.abc import Mapping


def text(value: object) -> str:
    """*value* if it is text, in characters that can be printed and sent on; else none."""
    if not isinstance(value, str):
        return ""
    # Half of a surrogate pair can be neither.
    return (
        value
        if value.isascii()
        else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def of_content(content: object) -> str:
    """Text, also when it comes as a list of parts."""
    if isinstance(content, list):
        return "".join(text(part.get("text")) for part in content if isinstance(part, Mapping))
    return text(content)


def of_details(details: object) -> str:
    """OpenRouter's list of texts and summaries; what is encrypted in it is not for reading."""
    if not isinstance(details, list):
        return ""
    parts = (part for part in details if isinstance(part, Mapping))
    return "".join(text(part.get("text")) or text(part.get("summary")) for part in parts)
