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
_LITTLE = 0.01
"""Probabilities below it tell nothing, and take most of the time."""
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
    """The table of the user's own evaluation: the domains' shares that fit its scores best.

    Least squares, drawn to each model's mean by `SHRINK` answers a domain. A hundred prompts
    tell the models apart; the domains need some dozens each, and where there are fewer the
    model's mean counts for more. A thousand prompts take some tenths of a second.
    """
    rows = list(results)
    told: dict[str, dict[int, float]] = {}
    for at, result in enumerate(rows):
        for model, score in result.scores.items():
            told.setdefault(fold(model), {})[at] = score
    # Models that were asked the same prompts, as they mostly were, are fitted together.
    together: dict[tuple[int, ...], list[str]] = {}
    for model, scores in told.items():
        together.setdefault(tuple(scores), []).append(model)
    profiles: dict[str, Profile] = {}
    for ats, models in together.items():
        scores_of = [list(told[model].values()) for model in models]
        fitted = _fitted([rows[at].guess for at in ats], scores_of, source)
        profiles.update(zip(models, fitted, strict=True))
    return Table({model: profiles[model] for model in told})


def _fitted(
    guesses: Sequence[Guess], scores: Sequence[Sequence[float]], source: str
) -> list[Profile]:
    """A profile for each of *scores*, those of one model on the prompts of *guesses*."""
    names = sorted({name for guess in guesses for name in guess.domains})
    at = {name: number for number, name in enumerate(names)}
    means = [fmean(each) for each in scores]
    left = [[SHRINK * (row == column) for column in range(len(at))] for row in range(len(at))]
    right = [[0.0] * len(scores) for _ in at]
    for number, guess in enumerate(guesses):
        weights = [(at[n], guess.trust * p) for n, p in guess.domains.items() if p >= _LITTLE]
        apart = [each[number] - mean for each, mean in zip(scores, means, strict=True)]
        for row, weight in weights:
            for column, other in weights:
                left[row][column] += weight * other
            right[row] = [old + weight * new for old, new in zip(right[row], apart, strict=True)]
    solved = _solved(left, right)
    return [
        Profile(
            mean,
            {name: min(1.0, max(0.0, mean + solved[at[name]][model])) for name in names},
            source,
        )
        for model, mean in enumerate(means)
    ]


def _solved(left: list[list[float]], right: list[list[float]]) -> list[list[float]]:
    """What *left*, positive definite, must be multiplied with to give *right*: by elimination."""
    rows = [[*one, *other] for one, other in zip(left, right, strict=True)]
    for at, pivot in enumerate(rows):
        scaled = [each / pivot[at] for each in pivot]
        rows[at] = scaled
        for number, row in enumerate(rows):
            if number != at and (factor := row[at]):
                rows[number] = [a - factor * b for a, b in zip(row, scaled, strict=True)]
    return [row[len(rows) :] for row in rows]


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
