"""A model with arguments bound to it, which are kept when a schema or tools are added.

LangChain's own binding hands `with_structured_output` and `bind_tools` to the bare model:
what was bound before is then gone without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding

from globalapi_core.errors import InvalidInputError

if TYPE_CHECKING:
    # It differs by its types alone, and is LangChain's own.
    from langchain_core.language_models.chat_models import _ChatModelBinding as _Binding
    from pydantic import BaseModel
else:
    _Binding = RunnableBinding[LanguageModelInput, AIMessage]


class Bound(_Binding):  # type: ignore[no-redef]
    """What `bind` and `bind_tools` of this package's models return."""

    @classmethod
    def lc_id(cls) -> list[str]:
        """What LangChain's serialised forms call it."""
        return [*cls.get_lc_namespace(), "RunnableBinding"]

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """As the model's own; what was bound before stays, other tools excepted."""
        return self._kept(self.bound.bind_tools(tools, **kwargs))  # type: ignore[attr-defined]

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        method: str | None = None,
        include_raw: bool = False,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """As the model's own, with what was bound before, tools included.

        With tools the model may call one in place of giving the object. `include_raw=True`
        shows it: the call is then on `raw`, and `parsed` is `None`.

        Raises:
            InvalidInputError: tools are bound whose calls would be lost.
        """
        if self.kwargs.get("tools"):
            _refuse_losing(self.kwargs, method, include_raw)
        made = self.bound.with_structured_output(  # type: ignore[attr-defined]
            schema, method=method, include_raw=include_raw, **{**self.kwargs, **kwargs}
        )
        found: Runnable[LanguageModelInput, Any] = (
            made.with_config(self.config) if self.config else made
        )
        return found

    def _kept(self, made: RunnableBinding[Any, Any]) -> Bound:
        return type(self)(
            bound=made.bound,
            kwargs={**self.kwargs, **made.kwargs},
            config=self.config,
            config_factories=self.config_factories,
        )


def _refuse_losing(bound: Mapping[str, Any], method: str | None, include_raw: bool) -> None:
    names = ", ".join(repr(each.get("function", {}).get("name")) for each in bound["tools"])
    if method == "function_calling":
        raise InvalidInputError(
            f"tools are bound ({names}), and method='function_calling' asks for the object by one "
            "of its own that would take their place: leave method out"
        )
    if not include_raw and bound.get("tool_choice") != "none":
        raise InvalidInputError(
            f"tools are bound ({names}), and the model may call one in place of giving the "
            "object: pass include_raw=True and read raw.tool_calls, bind them with "
            "tool_choice='none', or call with_structured_output on the model without tools"
        )


def chosen(
    choice: str | Mapping[str, Any] | bool, definitions: Sequence[Mapping[str, Any]]
) -> str | dict[str, Any]:
    """A tool choice in the wire's form."""
    names = [each["function"]["name"] for each in definitions if "function" in each]
    if choice is True or choice in ("any", "required"):
        return "required"
    if isinstance(choice, Mapping):
        return dict(choice)
    if choice in ("auto", "none"):
        return str(choice)
    if choice not in names:
        known = ", ".join(map(repr, names)) or "none are"
        raise ValueError(f"tool_choice {choice!r} names no tool that is bound; bound: {known}")
    return {"type": "function", "function": {"name": choice}}
