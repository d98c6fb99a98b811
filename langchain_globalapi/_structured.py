"""Structured output: asking for a schema, and parsing what comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from langchain_core.exceptions import OutputParserException
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import Generation
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from langchain_globalapi._checking import Check

if TYPE_CHECKING:
    # mypy's pydantic plugin looks for the names of an inherited field's type here.
    from langchain_core.utils.pydantic import TBaseModel  # noqa: F401

    from langchain_globalapi._base import GatewayChatModel


def structured(
    model: GatewayChatModel,
    schema: Any,
    *,
    method: str,
    include_raw: bool,
    strict: bool | None,
    **kwargs: Any,
) -> Runnable[Any, Any]:
    """*model*, asked for *schema* by *method*, with a parser behind it."""
    described: dict[str, Any] = {
        "ls_structured_output_format": {
            "kwargs": {"method": method, "strict": strict},
            "schema": convert_to_openai_tool(schema),
        }
    }
    parser: BaseOutputParser[Any]
    if method == "function_calling":
        name = convert_to_openai_tool(schema)["function"]["name"]
        parser = _tool_parser(schema, name)
        how = model.bind_tools([schema], tool_choice=name, strict=strict).kwargs
    elif method in ("json_mode", "json_schema"):
        ending = {"may_call": bool(kwargs.get("tools")), "keeps_raw": include_raw}
        parser = _json_parser(schema, ending)
        how = {"response_format": _response_format(schema, method, strict)}
    else:
        expected = "'json_schema', 'json_mode' or 'function_calling'"
        raise ValueError(f"unknown method {method!r}; expected {expected}")
    check = model._checking(_check(schema, parser, include_raw))
    asked = model.bind(**{**kwargs, **how, **described, **check})
    return _with_raw(asked, parser) if include_raw else asked | parser


def _response_format(schema: Any, method: str, strict: bool | None) -> dict[str, Any]:
    """The wire's `response_format`."""
    if method == "json_mode":
        return {"type": "json_object"}
    wanted = convert_to_json_schema(schema, strict=strict)
    json_schema: dict[str, Any] = {"name": _name(wanted), "schema": wanted}
    if strict is not None:
        json_schema["strict"] = strict
    return {"type": "json_schema", "json_schema": json_schema}


def _check(schema: Any, parser: BaseOutputParser[Any], include_raw: bool) -> Check:
    """What a router holds an answer to; a parser that makes dicts takes any of them."""
    wanted = convert_to_json_schema(schema)
    required = tuple(map(str, wanted.get("required") or ()))
    return Check(parser, _name(wanted), required, keeps_raw=include_raw)


def _name(schema: Mapping[str, Any]) -> str:
    """A name that servers accept, which a title need not be."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", str(schema.get("title") or "answer"))[:64]


def _refuse_cut(result: list[Generation]) -> None:
    """The base parsers close the brackets of an answer that was cut and call it whole."""
    message = getattr(result[0], "message", None)
    if message is not None and message.response_metadata.get("finish_reason") == "length":
        text = "the answer hit its length limit before the JSON was whole: raise max_tokens"
        raise OutputParserException(text, llm_output=str(message.text))


def _is_call(result: list[Generation]) -> bool:
    """Whether a tool was called in place of an answer."""
    message = getattr(result[0], "message", None)
    return bool(message is not None and message.tool_calls and not message.text)


class _Ending(BaseModel):
    """What both parsers know of the end of an answer."""

    may_call: bool = False
    """Whether a call of a tool is an answer too, of which no object is made."""
    keeps_raw: bool = False
    """Whether the answer is handed over too: LangChain cannot add an error to what it showed."""

    def _ends(self, result: list[Generation]) -> bool:
        """Whether the end has come: what is no object then is an error, in streams too."""
        message = getattr(result[0], "message", None)
        whole = message is not None and message.response_metadata.get("finish_reason")
        return bool(whole) and not self.keeps_raw


class _JsonParser(_Ending, JsonOutputParser):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        if self.may_call and _is_call(result):
            return None
        _refuse_cut(result)
        return super().parse_result(result, partial=partial and not self._ends(result))


class _PydanticParser(_Ending, PydanticOutputParser[BaseModel]):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        if self.may_call and _is_call(result):
            return None
        _refuse_cut(result)
        return super().parse_result(result, partial=partial and not self._ends(result))


def _json_parser(schema: Any, ending: Mapping[str, bool]) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return _PydanticParser(pydantic_object=schema, **ending)
    return _JsonParser(**ending)


def _tool_parser(schema: Any, name: str) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def _with_raw(asked: Runnable[Any, Any], parser: BaseOutputParser[Any]) -> Runnable[Any, Any]:
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | parsed.with_fallbacks([failed], exception_key="parsing_error")
