"""Finding, reading and checking a config file."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from globalapi_core.config import consistency, problems
from globalapi_core.config.mending import Mended, mend, untouched
from globalapi_core.config.problems import Problem
from globalapi_core.config.schema import Config
from globalapi_core.errors import ConfigError
from globalapi_core.settings import CONFIG_VARIABLE, TIER_VARIABLE

FILE_NAME = "globalapi.yaml"
DEFAULT_NAME = "the shipped default"
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
    found = find_config(path)
    return default_config() if found is None else parse_config(read_config(found), file=found)


def find_config(path: str | os.PathLike[str] | None = None) -> str | None:
    """The file `load_config` would read; `None` for the shipped default."""
    path = path or os.environ.get(CONFIG_VARIABLE) or None
    if path is None and Path(FILE_NAME).is_file():
        path = FILE_NAME
    return None if path is None else os.fspath(path)


def read_config(file: str) -> str:
    """The text of a config file.

    Raises:
        ConfigError: it cannot be read, is no UTF-8, or is too large for a config file.
    """
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(MAX_FILE + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("cannot read the config file: save it as UTF-8", file=file) from None
    except OSError as error:
        reason = error.strerror or error
        named = f" that {CONFIG_VARIABLE} names" if file == os.environ.get(CONFIG_VARIABLE) else ""
        raise ConfigError(f"cannot read the config file{named}: {reason}", file=file) from None
    if len(content) > MAX_FILE:
        raise ConfigError(f"larger than {MAX_FILE:,} bytes: is this a config file?", file=file)
    return text


def default_text() -> str:
    """The text of the config shipped with this version."""
    return resources.files("globalapi_core").joinpath("data/default.yaml").read_text("utf-8")


@functools.cache
def default_config() -> Config:
    """The config shipped with this version: `data/default.yaml`."""
    return parse_config(default_text(), file=DEFAULT_NAME)


@dataclass(frozen=True, slots=True)
class Reading:
    """A config file as far as it could be read."""

    text: str
    file: str | None
    document: Any
    """What the YAML says, with its lines."""
    mended: Mended | None
    """The config without what is wrong in it; `None` if nothing of it can be used."""
    problems: tuple[Problem, ...]
    """What is wrong, in the order of the file."""

    @property
    def config(self) -> Config:
        """The config.

        Raises:
            ConfigError: something in the file is wrong.
        """
        if self.problems or self.mended is None:
            raise problems.as_error(list(self.problems), self.document, self.file)
        return self.mended.config


def parse_config(text: str, *, file: str | None = None) -> Config:
    """Check the *text* of a config file; *file* is its name for messages.

    Raises:
        ConfigError: something in it is wrong.
    """
    return examine(text, file=file).config


def examine_file(path: str | os.PathLike[str] | None = None) -> Reading:
    """`examine` the file that `load_config` would read, the shipped default if there is none.

    Raises:
        ConfigError: it cannot be read, is no YAML, or no mapping.
    """
    found = find_config(path)
    if found is None:
        return examine(default_text(), file=DEFAULT_NAME)
    return examine(read_config(found), file=found)


def examine(text: str, *, file: str | None = None) -> Reading:
    """Read the *text* of a config file and find all that is wrong with it in one round.

    Raises:
        ConfigError: it is no YAML, or no mapping.
    """
    document = _load_yaml(text, file)
    if not isinstance(document, dict):
        raise ConfigError("expected keys such as 'routes' at the top of the file", file=file)
    content = {**document, **_tier(document, file), "file": file}
    found = list(problems.secrets(document))
    mended: Mended | None
    try:
        mended = untouched(Config.model_validate(content))
    except ValidationError as error:
        found += [problems.explained(each) for each in error.errors()]
        mended = mend(content, error)
    if mended:
        found += consistency.of(mended)
    if "file" in document:
        found.append(problems.unknown(("file",)))
    found.sort(key=lambda each: problems.line_of(document, each[0]) or 0)
    return Reading(text, file, document, mended, tuple(found))


def _tier(document: Mapping[str, Any], file: str | None) -> dict[str, str]:
    """The tier that the environment names; nothing for a file that has no tiers."""
    tier, tiers = os.environ.get(TIER_VARIABLE), document.get("tiers")
    if not (tier and isinstance(tiers, dict) and tiers):
        return {}
    if tier not in tiers:
        known = ", ".join(map(str, tiers))
        text = f"{TIER_VARIABLE} names {tier!r}, which 'tiers' does not have: {known}"
        raise ConfigError(text, file=file, key="tiers")
    return {"tier": tier}


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
    except ValueError:
        # What it says may quote the file.
        problem = "not YAML: a value cannot be read as what its tag or its form says"
        raise ConfigError(problem, file=file) from None
    except RecursionError:
        raise ConfigError("not a config file: it is nested too deeply", file=file) from None
