"""Finding, reading and checking a config file."""

from __future__ import annotations

import functools
import os
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from globalapi_core.config import problems
from globalapi_core.config.schema import Config
from globalapi_core.errors import ConfigError
from globalapi_core.settings import CONFIG_VARIABLE

FILE_NAME = "globalapi.yaml"
MAX_FILE = 1_000_000
"""Bytes of a config file; one of a hundred models has 20,000."""


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
        found = list(problems.of(config))
    except ValidationError as error:
        found = [problems.explained(each) for each in error.errors()]
    if "file" in document:
        found.append(problems.unknown(("file",)))
    if found:
        raise problems.as_error(found, document, file)
    return config


def _load_yaml(text: str, file: str | None) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        problem = problems.shortened(error.problem or error.context or "")
        raise ConfigError(f"not YAML: {problem}", file=file, line=line) from None
    except YAMLError as error:
        raise ConfigError(f"not YAML: {problems.shortened(str(error))}", file=file) from None
    except RecursionError:
        raise ConfigError("not a config file: it is nested too deeply", file=file) from None
