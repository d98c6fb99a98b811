"""A config file without what is wrong in it, so that the rest can be looked at too.

A misspelt key must not hide the model that nobody knows, ten lines below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from globalapi_core.config.schema import Config

Location = tuple[str | int, ...]

_ROUNDS = 4
"""Taking out a value may leave something incomplete, which then goes too."""
_MOST_ERRORS = 100
"""A file with more is no config file with mistakes in it."""
_LISTS = ("routes", "policies", "tests")
"""The lists an entry may be taken out of; elsewhere the whole list goes."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What is left of a file."""

    config: Config
    places: Mapping[str, Sequence[int]]
    """For routes, policies and tests: the places in the file of those that are left."""
    touched: frozenset[tuple[str, int]] = frozenset()
    """Those, by their list and place in the file, that something was taken out of."""

    def place(self, location: Location) -> Location:
        """Where in the file *location* of `config` is."""
        match location:
            case (str(name), int(number), *rest) if name in self.places:
                return (name, self.places[name][number], *rest)
        return location

    @property
    def whole(self) -> bool:
        """Whether every route of the file is there as it was written."""
        return all(name != "routes" for name, _ in self.touched)

    def is_touched(self, name: str, number: int) -> bool:
        """Whether something was taken out of entry *number* of the config's list *name*."""
        return (name, self.places[name][number]) in self.touched


def untouched(config: Config) -> Mended:
    """A file with nothing to take out."""
    places = {name: range(len(getattr(config, name))) for name in _LISTS}
    return Mended(config, places)


def mend(document: Mapping[str, Any], error: ValidationError) -> Mended | None:
    """What is left of *document* without what *error* found; `None` if that is no config."""
    if error.error_count() > _MOST_ERRORS:
        return None
    try:
        draft = _Draft({key: _copied(each, {}) for key, each in document.items()})
        for _ in range(_ROUNDS):
            draft.take_out([each["loc"] for each in error.errors(include_url=False)])
            try:
                return Mended(
                    Config.model_validate(draft.data), draft.places, frozenset(draft.touched)
                )
            except ValidationError as found:
                error = found
    except RecursionError:
        return None
    return None


def _copied(value: Any, copies: dict[int, Any]) -> Any:
    """A copy of plain mappings and lists; what an anchor shares, or holds itself, stays so."""
    if not isinstance(value, dict | list) or id(value) in copies:
        return copies.get(id(value), value)
    if isinstance(value, dict):
        mapping = copies[id(value)] = {}
        mapping.update({key: _copied(each, copies) for key, each in value.items()})
        return mapping
    sequence = copies[id(value)] = []
    sequence.extend(_copied(each, copies) for each in value)
    return sequence


class _Draft:
    """A document that entries are taken out of."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.places = {
            name: list(range(len(data[name]))) if isinstance(data.get(name), list) else []
            for name in _LISTS
        }
        self.touched: set[tuple[str, int]] = set()

    def take_out(self, locations: Sequence[Location]) -> None:
        """Take out what is at *locations*; of a value that is missing, what lacks it."""
        entries: dict[str, set[int]] = {name: set() for name in _LISTS}
        for location in filter(None, locations):
            match location:
                case (str(name), int(number), *_) if name in _LISTS:
                    self.touched.add((name, self.places[name][number]))
            self._take_out(location, entries)
        for name, numbers in entries.items():
            for number in sorted(numbers, reverse=True):
                del self.data[name][number]
                del self.places[name][number]

    def _take_out(self, location: Location, entries: dict[str, set[int]]) -> None:
        holders: list[Any] = [self.data]
        for part in location[:-1]:
            try:
                holders.append(holders[-1][part])
            except (KeyError, IndexError, TypeError):
                break
        for depth in range(len(holders) - 1, -1, -1):
            holder, part = holders[depth], location[depth]
            if isinstance(holder, dict) and part in holder:
                del holder[part]
                return
            if depth == 1 and location[0] in entries and isinstance(part, int):
                entries[str(location[0])].add(part)
                return
