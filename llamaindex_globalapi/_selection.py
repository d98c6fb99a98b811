"""The choice of LlamaIndex's selectors, asked for as an object.

Their prompt shows a list that is no JSON, and their parser takes the first brackets it
finds: what else the model writes ends in a `KeyError` or an `AttributeError`.
"""

from __future__ import annotations

import json
from typing import Any, TypeGuard

from llama_index.core.output_parsers.selection import SelectionOutputParser
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate
from pydantic import BaseModel, Field, model_validator


class Choice(BaseModel):
    """One of the choices."""

    choice: int = Field(description="The number of the choice in the list.")
    reason: str = Field(description="Why it is chosen.")


class Choices(BaseModel):
    """The choices that are most relevant, the best one first."""

    choices: list[Choice] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _of_any_form(cls, given: Any) -> Any:
        """Models that are not held to the schema write the list, or the one choice."""
        if isinstance(given, list):
            return {"choices": given}
        if isinstance(given, dict) and "choice" in given:
            return {"choices": [given]}
        return given

    @property
    def text(self) -> str:
        """The form that the selectors' parser reads."""
        return json.dumps([each.model_dump() for each in self.choices], ensure_ascii=False)


def is_asked(prompt: BasePromptTemplate) -> TypeGuard[PromptTemplate]:
    """Whether *prompt* is a selector's."""
    parser = prompt.output_parser if isinstance(prompt, PromptTemplate) else None
    return isinstance(parser, SelectionOutputParser)
