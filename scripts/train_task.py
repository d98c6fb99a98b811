"""Train the weights by which a prompt's task is guessed: `train_task.py --data DIR`.

DIR holds `task_type_dev.jsonl`: one object a line with `prompt`, `label`, `source`, `lang`.
Its rows from sources that may not be trained on (WMT) are left out; tests/data/task_prompts.txt
is what this project wrote besides, and tests/data/task_concepts.txt says which words of English
and Chinese mean the same: they share a weight. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import re
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # with more, the last bits of sums differ
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from globalapi_core.signals import head

ROOT = Path(__file__).parent.parent
WRITTEN = ROOT / "tests/data/task_prompts.txt"
CONCEPTS = ROOT / "tests/data/task_concepts.txt"
WEIGHTS = ROOT / "globalapi_core/data/task_weights.json"
EXPANSIONS = 14
"""Prompts drawn from each written pattern."""
FEATURES = 9_000
MINIMUM = 2
"""Prompts a feature must occur in."""
_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")


def expansions(pattern: str, random_: random.Random) -> list[str]:
    """Prompts that *pattern* stands for, without repeats."""
    found = []
    for _ in range(EXPANSIONS * 2):
        text = _CHOICE.sub(lambda match: random_.choice(match[1].split("|")), pattern)
        text = text.replace("\\n", "\n")
        if text not in found:
            found.append(text)
    return found[:EXPANSIONS]


def written() -> list[tuple[str, str, str]]:
    """(prompt, task, source) of the written patterns; a pattern is a source to itself."""
    rows, task = [], ""
    random_ = random.Random(0)
    for number, line in enumerate(WRITTEN.read_text("utf-8").splitlines()):
        if line.startswith("== "):
            task = line[3:]
        elif line and not line.startswith("#"):
            rows += [(text, task, f"written {number}") for text in expansions(line, random_)]
    return rows


def public(folder: Path) -> list[tuple[str, str, str]]:
    """(prompt, task, source) of the public rows that may be trained on."""
    lines = (folder / "task_type_dev.jsonl").read_text("utf-8").splitlines()
    rows = (json.loads(line) for line in lines)
    return [
        (row["prompt"], row["label"], row["source"])
        for row in rows
        if not row["source"].startswith("wmt")
    ]


def concepts() -> dict[str, list[str]]:
    """The concepts of each word, by names that no feature has."""
    found: dict[str, list[str]] = collections.defaultdict(list)
    for number, line in enumerate(CONCEPTS.read_text("utf-8").splitlines()):
        words = [] if line.startswith("#") else line.replace("|", ",").split(",")
        for word in filter(None, map(str.strip, words)):
            found[word].append(f"@{number}")
    return dict(found)


def matrix(
    rows: list[list[str]], columns: dict[str, int], shared: dict[str, list[str]]
) -> np.ndarray:
    """A row for each prompt: a share for each of its features and, once more, its concepts."""
    found = np.zeros((len(rows), len(columns)), np.float32)
    for number, features in enumerate(rows):
        known = [each for each in set(features) if each in columns]
        for name in known:
            for each in (name, *shared.get(name, ())):
                found[number, columns[each]] += 1.0 / np.sqrt(len(known))
    return found


def fit(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, decay: float, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression by full-batch Adam: weights and bias."""
    w, b = np.zeros((x.shape[1], y.shape[1]), np.float64), np.zeros(y.shape[1])
    moments = [np.zeros_like(w), np.zeros_like(w), np.zeros_like(b), np.zeros_like(b)]
    weight = weight / weight.sum()
    for step in range(1, steps + 1):
        z = x @ w.astype(np.float32) + b
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        error = (p - y) * weight[:, None]
        for value, slope, at in (
            (w, x.T @ error.astype(np.float32) + decay * w, 0),
            (b, error.sum(0), 2),
        ):
            moments[at] = 0.9 * moments[at] + 0.1 * slope
            moments[at + 1] = 0.999 * moments[at + 1] + 0.001 * slope * slope
            first = moments[at] / (1 - 0.9**step)
            second = moments[at + 1] / (1 - 0.999**step)
            value -= 0.05 * first / (np.sqrt(second) + 1e-8)
    return w, b


def train(
    rows: list[tuple[str, str, str]], *, decay: float = 3e-5, steps: int = 300
) -> dict[str, Any]:
    """The weights file's content for (prompt, task, source) *rows*."""
    tasks = head.TASKS
    shared = concepts()
    features = [head.features(prompt) for prompt, _, _ in rows]
    counts = collections.Counter(each for found in features for each in set(found))
    sources: dict[str, set[str]] = collections.defaultdict(set)
    for found, (_, _, source) in zip(features, rows, strict=True):
        for each in set(found):
            sources[each].add(source)
    # What one source alone says is its format, not its task.
    usable = [each for each in counts if counts[each] >= MINIMUM and len(sources[each]) > 1]
    usable.sort(key=lambda each: (-len(sources[each]), -counts[each], each))
    names = dict.fromkeys((*usable[:FEATURES], *shared))
    meanings = sorted({each for found in shared.values() for each in found})
    columns = {each: number for number, each in enumerate((*names, *meanings))}
    x = matrix(features, columns, shared)
    y = np.eye(len(tasks))[[tasks.index(task) for _, task, _ in rows]]
    # Each source counts with the root of its size, each task the same.
    sizes = collections.Counter((task, source) for _, task, source in rows)
    weight = np.array([sizes[task, source] ** -0.5 for _, task, source in rows])
    for column in range(len(tasks)):
        rows_of = y[:, column] > 0
        weight[rows_of] /= max(weight[rows_of].sum(), 1e-9)
    w, b = fit(x, y, weight, decay, steps)
    w -= w.mean(1, keepdims=True)
    for name, found in shared.items():
        w[columns[name]] += sum(w[columns[each]] for each in found)
    return {
        "tasks": list(tasks),
        "bias": [round(float(each) * head.SCALE) for each in b],
        "weights": {
            name: [round(float(each) * head.SCALE) for each in w[columns[name]]]
            for name in sorted(names)
        },
    }


def main() -> None:
    """Train on everything there is and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    rows = public(arguments.data) + written()
    weights = train(rows)
    arguments.out.write_text(
        json.dumps(weights, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8"
    )
    print(f"{len(rows)} prompts, {len(weights['weights'])} features -> {arguments.out}")


if __name__ == "__main__":
    main()
