"""A user's own evaluation results, read from the file that the config names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from globalapi_core.catalog import Catalog, fold
from globalapi_core.errors import ConfigError
from globalapi_core.quality import predict
from globalapi_core.quality.table import Profile, Result, Table, measured, published


def table(name: str | None, *, beside: str | None, catalog: Catalog) -> Table:
    """The published table, in which the user's own results go first.

    A mode of a model that nobody measured apart is taken to be as good as the model.

    Args:
        name: the file of results; `None`: there are none.
        beside: the config file that a relative *name* is seen from.
        catalog: whose scores count too, and which knows the spellings of models.

    Raises:
        ConfigError: the file cannot be read, or a line of it is no result.
    """
    known = published(catalog)
    if name is not None:
        file = Path(beside or "").parent / name
        known = known.updated(measured(read(file, catalog), source=file.name))
    return Table(dict(_modes(known, catalog))).updated(known)


def _modes(known: Table, catalog: Catalog) -> Iterator[tuple[str, Profile]]:
    for model in catalog.models:
        profile = known.get(model.variant_of) if model.variant_of else None
        if profile is not None:
            yield fold(model.name), profile


def read(file: Path, catalog: Catalog) -> list[Result]:
    """The results in a JSONL file: lines of `{"prompt": "...", "scores": {"model": 0.5}}`.

    Raises:
        ConfigError: it cannot be read, or a line of it is no result.
    """
    try:
        # Prompts may hold other separators of lines, which JSON leaves as they are.
        lines = file.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise ConfigError("cannot read the results: save them as UTF-8", file=str(file)) from None
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"cannot read the results: {reason}", file=str(file)) from None
    found = list(_results(lines, str(file), catalog))
    if not found:
        raise ConfigError("there are no results in it", file=str(file))
    return found


def _results(lines: list[str], file: str, catalog: Catalog) -> Iterator[Result]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            prompt, scores = _entry(json.loads(line))
        except ValueError as error:
            raise ConfigError(f"no result: {error}", file=file, line=number) from None
        except RecursionError:
            said = "no result: it is nested too deeply"
            raise ConfigError(said, file=file, line=number) from None
        guess = predict.guess(prompt)
        yield Result(guess, {catalog.get(model).name: each for model, each in scores.items()})


def _entry(entry: Any) -> tuple[str, dict[str, float]]:
    """The prompt and the scores of one line.

    Raises:
        ValueError: it is something else; said without what is in it.
    """
    prompt = entry.get("prompt") if isinstance(entry, dict) else None
    scores = entry.get("scores") if isinstance(entry, dict) else None
    if not (isinstance(prompt, str) and isinstance(scores, dict) and scores):
        raise ValueError('expected {"prompt": "...", "scores": {"model": 0 to 1}}')
    for model, score in scores.items():
        if not (isinstance(score, int | float) and 0 <= score <= 1):
            raise ValueError(f"the score of {model!r} is no number from 0 to 1")
    return prompt, scores
