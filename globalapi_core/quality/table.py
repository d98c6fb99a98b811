"""How often each model is right in each domain: published, or measured by the user.

`data/quality.json` holds published benchmark scores with their source and date, and the
catalog those of its models. What a user measures on their own prompts goes before both.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from statistics import fmean

from globalapi_core.catalog import Catalog, fold
from globalapi_core.quality.predict import Guess

SHRINK = 8.0
"""Answers by which a domain's share is drawn to the model's mean: on 8 answers, by half."""
SHRINK_BENCHMARKS = 1.0
"""The same for published tables: of one benchmark that speaks for a domain, half is believed."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one model: shares of right answers, 0 to 1."""

    mean: float
    """Over everything it was measured on."""
    domains: Mapping[str, float] = field(default_factory=dict)
    """In each domain, shrunk toward the mean; a domain nobody measured is not there."""
    source: str = ""

    def expected(self, guess: Guess | None) -> float:
        """The expected share for a text of which *guess* was made; `None`: the mean."""
        if guess is None:
            return self.mean
        apart = sum(
            probability * (self.domains[name] - self.mean)
            for name, probability in guess.domains.items()
            if name in self.domains
        )
        return self.mean + guess.trust * apart


@dataclass(frozen=True, slots=True)
class Result:
    """How models did on one prompt of the user's: what was guessed of it, and their scores."""

    guess: Guess
    scores: Mapping[str, float]
    """By model, 0 (wrong) to 1 (right)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Profiles by model. Those of one table compare; see `published` for its limits."""

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """By folded name: see `catalog.fold`."""

    def get(self, model: str) -> Profile | None:
        """The profile of *model*, however it is spelled; `None`: nobody measured it."""
        return self.profiles.get(fold(model))

    def updated(self, other: Table) -> Table:
        """This table, in which *other*'s profiles take the place of these."""
        return Table({**self.profiles, **other.profiles})


def measured(results: Iterable[Result], source: str = "your results") -> Table:
    """The table of the user's own evaluation: each prompt counts for the domains guessed.

    A hundred prompts tell the models apart; the domains need some dozens each, and where
    there are fewer the model's mean counts for more.
    """
    rows: dict[str, list[tuple[Guess, float]]] = {}
    for result in results:
        for model, score in result.scores.items():
            rows.setdefault(fold(model), []).append((result.guess, score))
    return Table({model: _profile(each, source) for model, each in rows.items()})


def _profile(rows: Sequence[tuple[Guess, float]], source: str) -> Profile:
    mean = fmean(score for _, score in rows)
    counts: dict[str, float] = {}
    rights: dict[str, float] = {}
    for guess, score in rows:
        for domain, probability in guess.domains.items():
            counts[domain] = counts.get(domain, 0.0) + probability
            rights[domain] = rights.get(domain, 0.0) + probability * score
    domains = {
        domain: (rights[domain] + SHRINK * mean) / (counts[domain] + SHRINK) for domain in counts
    }
    return Profile(mean, domains, source)


def published(catalog: Catalog | None = None) -> Table:
    """The shipped benchmark table, and the *catalog*'s own scores for models it lacks.

    A score counts as what it is above or below the average model of its benchmark, so that
    models measured on easy and on hard benchmarks compare, as well as such figures can.
    """
    data = _shipped()
    scores: dict[str, Mapping[str, float]] = {
        model.name: model.scores for model in catalog or Catalog.default() if model.scores
    }
    sources = {**dict.fromkeys(scores, "the catalog"), **dict.fromkeys(data.models, data.source)}
    scores |= data.models
    averages = {name: _average(name, scores.values()) for name in data.benchmarks}
    level = fmean(average for average in averages.values() if average is not None)
    profiles = {}
    for model, each in scores.items():
        apart = {
            name: (score - average) / 100
            for name, score in each.items()
            if (average := averages.get(name)) is not None
        }
        if apart:
            profiles[fold(model)] = _centred(apart, data.benchmarks, level / 100, sources[model])
    return Table(profiles)


def _average(benchmark: str, scores: Iterable[Mapping[str, float]]) -> float | None:
    found = [each[benchmark] for each in scores if benchmark in each]
    return fmean(found) if found else None


def _centred(
    apart: Mapping[str, float],
    benchmarks: Mapping[str, Sequence[str]],
    level: float,
    source: str,
) -> Profile:
    """A profile of what a model is *apart* from the average one on each benchmark."""
    mean = fmean(apart.values())
    told: dict[str, list[float]] = {}
    for name, each in apart.items():
        for domain in benchmarks[name]:
            told.setdefault(domain, []).append(each)
    domains = {
        domain: level + (sum(found) + SHRINK_BENCHMARKS * mean) / (len(found) + SHRINK_BENCHMARKS)
        for domain, found in told.items()
    }
    return Profile(level + mean, domains, source)


@dataclass(frozen=True, slots=True)
class _Published:
    source: str
    benchmarks: Mapping[str, Sequence[str]]
    """The domains each speaks for; those of a benchmark that speaks for none are empty."""
    models: Mapping[str, Mapping[str, float]]


@functools.cache
def _shipped() -> _Published:
    text = resources.files("globalapi_core").joinpath("data/quality.json").read_text("utf-8")
    data = json.loads(text)
    return _Published(data["source"], data["benchmarks"], data["models"])
