"""The config file: models, routes and how often to try.

One YAML file (1.2, so `no` is a word) says everything a router does; changing models is
changing that file. `load_config` finds it and checks it; errors name file, line and key.
"""

from __future__ import annotations

import difflib
import functools
import os
import reprlib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from globalapi_core.catalog import Catalog, Modality, Source, Thinking
from globalapi_core.errors import ConfigError, UnknownModelError
from globalapi_core.settings import CONFIG_VARIABLE

FILE_NAME = "globalapi.yaml"
MAX_FILE = 1_000_000
"""Bytes of a config file; one of a hundred models has 20,000."""
_MAX_PROBLEMS = 20
_EACH_CALL = frozenset(
    {"messages", "model", "response_format", "stream", "stream_options", "tools"}
)
"""What a call says itself, so that no route may."""

Choose = Literal["priority", "cheapest", "fastest", "balanced"]
Language = Literal["en", "zh", "ja", "ko", "mixed", "other"]


def _listed(value: object) -> object:
    """Let a single value stand for a list of one."""
    return value if isinstance(value, list | type(None)) else [value]


def _money(value: object) -> object:
    # A YAML number is binary: through its text, 0.1 stays 0.1.
    return str(value) if isinstance(value, int | float) else value


_Money = Annotated[Decimal, Field(ge=0, le=10_000, allow_inf_nan=False), BeforeValidator(_money)]
_Words = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed)]
_Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gateway(_Section):
    """Where calls go."""

    base_url: str | None = Field(
        None, description="OpenAI-compatible server; GLOBAL_API_BASE_URL goes before it."
    )


class Attempts(_Section):
    """How often and how long to try."""

    max_retries: int = Field(1, ge=0, le=10, description="Further tries of the same model.")
    max_attempts: int = Field(4, ge=1, le=50, description="Tries in all, over all candidates.")
    timeout: _Seconds = Field(600.0, description="Seconds for the whole call.")
    cooldown: _Seconds = Field(30.0, description="Seconds a failed model is left out.")


class Model(_Section):
    """A correction of the catalog, or a model it does not have."""

    id: str | None = Field(None, min_length=1, description="What the server is sent.")
    title: str | None = None
    family: str | None = Field(None, description="Whose wire rules it follows.")
    origin: Literal["cn", "us"] | None = None
    input_mtok: _Money | None = Field(None, description="USD per million input tokens.")
    output_mtok: _Money | None = Field(None, description="USD per million output tokens.")
    cache_read_mtok: _Money | None = None
    context_window: int | None = Field(None, ge=256, description="Tokens.")
    max_output: int | None = Field(None, ge=1, description="Tokens.")
    modalities: Annotated[list[Modality] | None, BeforeValidator(_listed)] = None
    tools: bool | None = None
    json_mode: bool | None = None
    json_schema: bool | None = None
    thinking: Thinking | None = None
    adapt: bool | None = Field(
        None, description="Whether requests are changed to suit the family; default: true."
    )
    tokens_per_second: float | None = Field(None, gt=0, allow_inf_nan=False)
    ttft_ms: float | None = Field(None, ge=0, allow_inf_nan=False)


class When(_Section):
    """What must hold for a route to fire: every key given, any value of a list."""

    modality: Annotated[list[Modality] | None, BeforeValidator(_listed)] = None
    tools: bool | None = Field(None, description="Whether tools are bound.")
    json_output: bool | None = Field(None, description="Whether the answer must be JSON.")
    language: Annotated[list[Language] | None, BeforeValidator(_listed)] = None
    code: bool | None = None
    reasoning: bool | None = None
    min_tokens: int | None = Field(None, ge=1, description="Estimated input tokens, at least.")
    max_tokens: int | None = Field(None, ge=1, description="Estimated input tokens, at most.")
    keywords: _Words | None = None
    tags: _Words | None = None
    metadata: dict[str, _Words] | None = None

    @functools.cached_property
    def conditions(self) -> dict[str, Any]:
        """The keys given, with their values."""
        return {key: value for key, value in self if value is not None}


class Route(_Section):
    """When these signals, consider these candidates in this order."""

    name: str = Field(min_length=1)
    when: When | None = Field(None, description="Absent: always.")
    candidates: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    choose: Choose = "priority"
    params: dict[str, Any] = Field(
        default_factory=dict, description="Set for calls of this route: temperature, max_tokens..."
    )


class Config(_Section):
    """A whole file."""

    version: Literal[1] = 1
    gateway: Gateway = Gateway()
    attempts: Attempts = Attempts()
    models: dict[str, Model] = Field(default_factory=dict)
    aliases: dict[str, str] = Field(
        default_factory=dict, description="Your own spellings of model names."
    )
    routes: list[Route] = Field(min_length=1)
    file: str | None = Field(None, exclude=True, description="Where it was read.")

    @functools.cached_property
    def keywords(self) -> frozenset[str]:
        """Every keyword that some route asks for."""
        return frozenset(
            word for route in self.routes if route.when for word in route.when.keywords or ()
        )

    @functools.cached_property
    def catalog(self) -> Catalog:
        """The shipped catalog with this file's corrections."""
        overrides = {
            name: model.model_dump(exclude_none=True) for name, model in self.models.items()
        }
        if not (overrides or self.aliases):
            return Catalog.default()
        source = Source(title=self.file or "config", date="")
        return Catalog.default().merged(overrides, self.aliases, source)


def load_config(path: str | os.PathLike[str] | None = None) -> Config:
    """Read and check a config file.

    Args:
        path: the file; else `GLOBAL_API_CONFIG` names it, else it is `globalapi.yaml` in
            the working directory, else the one shipped with this version.

    Raises:
        ConfigError: there is no such file, or something in it is wrong. The message
            has a line for each problem, with file, line and key.
    """
    path = path or os.environ.get(CONFIG_VARIABLE) or None
    if path is None and Path(FILE_NAME).is_file():
        path = FILE_NAME
    if path is None:
        return default_config()
    file = os.fspath(path)
    try:
        with Path(path).open("rb") as opened:
            content = opened.read(MAX_FILE + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("cannot read the config file: save it as UTF-8", file=file) from None
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"cannot read the config file: {reason}", file=file) from None
    if len(content) > MAX_FILE:
        raise ConfigError(f"larger than {MAX_FILE:,} bytes: is this a config file?", file=file)
    return parse_config(text, file=file)


@functools.cache
def default_config() -> Config:
    """The config shipped with this version: `data/default.yaml`."""
    file = resources.files("globalapi_core").joinpath("data/default.yaml")
    return parse_config(file.read_text("utf-8"), file="the shipped default")


def parse_config(text: str, *, file: str | None = None) -> Config:
    """Check the *text* of a config file; *file* is its name for messages.

    Raises:
        ConfigError: something in it is wrong.
    """
    document = _load_yaml(text, file)
    if not isinstance(document, dict):
        raise ConfigError("expected keys such as 'routes' at the top of the file", file=file)
    try:
        config = Config.model_validate({**document, "file": file})
        problems = list(_problems(config))
    except ValidationError as error:
        problems = [_explained(each) for each in error.errors()]
    if "file" in document:
        problems.append(_unknown(("file",)))
    if problems:
        raise _error(problems, document, file)
    return config


def _load_yaml(text: str, file: str | None) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        problem = _shortened(error.problem or error.context or "")
        raise ConfigError(f"not YAML: {problem}", file=file, line=line) from None
    except YAMLError as error:
        raise ConfigError(f"not YAML: {_shortened(str(error))}", file=file) from None
    except RecursionError:
        raise ConfigError("not a config file: it is nested too deeply", file=file) from None


_Location = tuple[str | int, ...]
_Problem = tuple[_Location, str]


def _problems(config: Config) -> Iterator[_Problem]:
    """What the schema cannot say."""
    names = [route.name for route in config.routes]
    for number, route in enumerate(config.routes):
        if route.name in names[:number]:
            yield ("routes", number, "name"), f"another route is named {route.name!r} too"
        last = number == len(config.routes) - 1
        if not last and not (route.when and route.when.conditions):
            yield ("routes", number), f"route {route.name!r} always fires: no later route can"
        if last and route.when and route.when.conditions:
            text = "the last route takes what is left and must have no 'when'; add such a route"
            yield ("routes", number, "when"), text
    try:
        catalog = config.catalog
    except UnknownModelError as error:
        spelling = next(key for key, name in config.aliases.items() if name == error.name)
        yield ("aliases", spelling), str(error)
        return
    for number, route in enumerate(config.routes):
        for where, text in _of_route(route, catalog):
            yield ("routes", number, *where), text


def _of_route(route: Route, catalog: Catalog) -> Iterator[_Problem]:
    listed: set[str] = set()
    for place, name in enumerate(route.candidates):
        if name not in catalog:
            hint = f"{UnknownModelError(name, close=catalog.near(name))}"
            text = f"{hint} A model the catalog does not have goes under 'models' first"
            yield ("candidates", place), text
        elif (model := catalog.resolve(name).name) in listed:
            yield ("candidates", place), f"{model!r} is listed already"
        else:
            listed.add(model)
    for name in _EACH_CALL.intersection(route.params):
        yield ("params", name), f"each call sets its own {name}; a route cannot"


def _explained(error: Mapping[str, Any]) -> _Problem:
    location: _Location = error["loc"]
    if error["type"] == "extra_forbidden":
        return _unknown(location)
    text = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    if error["type"] == "missing":
        return location, text
    return location, f"{text}, not {_brief(error['input'])}"


def _unknown(location: _Location) -> _Problem:
    key = str(location[-1])
    if key in ("api_key", "key"):
        return location, "keep keys out of the file: set GLOBAL_API_KEY in the environment"
    allowed = _keys(location[:-1])
    near = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return location, f"unknown key; {hint}allowed: {', '.join(allowed)}"


def _keys(location: _Location) -> list[str]:
    """The keys allowed at *location*."""
    sections: dict[str, type[_Section]] = {
        "gateway": Gateway, "attempts": Attempts, "models": Model, "routes": Route, "when": When,
    }  # fmt: skip
    section = next((sections[each] for each in reversed(location) if each in sections), Config)
    return sorted(name for name in section.model_fields if name != "file")


def _error(problems: list[_Problem], document: Any, file: str | None) -> ConfigError:
    lines = [
        ConfigError(text, file=file, line=_line(document, where), key=_path(where))
        for where, text in problems
    ]
    first = lines[0]
    more = len(lines) - _MAX_PROBLEMS
    message = problems[0][1] + "".join(f"\n{each}" for each in lines[1:_MAX_PROBLEMS])
    message += f"\nand {more} more" if more > 0 else ""
    return ConfigError(message, file=first.file, line=first.line, key=first.key)


def _shortened(text: str) -> str:
    """The first line of what a library says, which may quote the whole file."""
    return (text.splitlines() or [""])[0][:200]


def _brief(value: object) -> str:
    # What is inside is not shown: with anchors, a small file may hold a huge list.
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return reprlib.repr(value)


def _path(location: _Location) -> str:
    """`routes[0].when.language`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _line(document: Any, location: _Location) -> int | None:
    """The line of the deepest part of *location* that is in the file, counted from 1."""
    line = None
    for part in location:
        marks: Any = getattr(document, "lc", None)
        try:
            line = (marks.item if isinstance(part, int) else marks.key)(part)[0] + 1
            document = document[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
