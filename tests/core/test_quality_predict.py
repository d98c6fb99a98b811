"""What the learned head promises: fast, the same everywhere, and silent where it knows nothing."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from importlib import resources

import pytest

from globalapi_core.quality import features, predict
from globalapi_core.quality.predict import Predictor, guess

ASKED = {
    "arithmetic": "Tom buys 14 boxes of pens. Each box has 12 pens and costs $3. He sells every "
    "pen for 50 cents. How much profit does he make?",
    "mathematics": "Find the eigenvalues of the matrix and decide whether the polynomial "
    "$x^3 - 3x + 1$ is irreducible over the rationals.",
    "law": "The plaintiff sued the defendant for negligence after the tenant was injured. "
    "The court must decide whether the landlord owed a duty under the contract.",
    "code_writing": "Write a python function to find the n largest integers from a given list.",
    "facts": "who sang the song that won the oscar in the film of that year",
    "medicine": "A 45-year-old patient presents with chest pain and hypertension. Which drug "
    "should the physician prescribe to treat the symptoms?",
}


ASKED_IN_CHINESE = {
    "arithmetic": "小明买了 14 盒笔，每盒 12 支，每盒 30 元，一共花了多少元？",
    "mathematics": "求这个矩阵的特征值，并证明多项式在有理数域上不可约。",
    "law": "原告起诉被告违约，法院应当如何判决？合同是否有效？",
    "code_writing": "用 Python 写一个函数，返回列表中最大的整数。",
    "medicine": "患者胸痛、高血压，应服用什么药物治疗？",
    "economics": "央行提高利率對通貨膨脹和失業率有什麼影響？",
    "translation": "请把下面的句子翻译成英文。",
    "conversation": "我的快递还没到，怎么办？",
}


@pytest.mark.parametrize("domain", ASKED_IN_CHINESE)
def test_guess_of_chinese_questions(domain: str) -> None:
    """A question in Chinese, in either script, is told as one in English is."""
    assert guess(ASKED_IN_CHINESE[domain]).domain == domain


@pytest.mark.parametrize("domain", ASKED)
def test_guess_of_plain_questions(domain: str) -> None:
    """A question in nobody's benchmark format is told by its words."""
    assert guess(ASKED[domain]).domain == domain


def test_probabilities_sum_to_one() -> None:
    """The domains of a guess are a distribution, and the heads are probabilities."""
    found = guess(ASKED["law"])

    assert math.isclose(sum(found.domains.values()), 1)
    assert 0 < found.weak < 1
    assert 0 < found.strong < 1


@pytest.mark.parametrize("text", ["", "   ", "1 + 1 = ?", "齉龘", "テスト", "🙂"])
def test_trust_without_known_words(text: str) -> None:
    """A text without a word that training saw is worth no trust, so nothing is chosen by it."""
    assert guess(text).trust == 0


def test_trust_grows_with_known_words() -> None:
    """The more words of a text are known, the more its guess counts."""
    assert guess("integral").trust < guess(ASKED["mathematics"]).trust < 1


def test_guess_holds_no_text() -> None:
    """A guess travels on records, so no word of the prompt is in it."""
    shown = repr(guess("Is zebrafish anaesthesia contraindicated for defendant Wolverhampton?"))

    for word in ("zebrafish", "anaesthesia", "defendant", "Wolverhampton"):
        assert word.casefold() not in shown.casefold()


def test_guess_in_other_processes() -> None:
    """The order in which a process hashes words changes nothing."""
    code = (
        "from globalapi_core.quality.predict import guess\n"
        f"found = guess({ASKED['law']!r}); print(sorted(found.domains.items()), found.weak)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(told) == 1
    assert "law" in told.pop()


def test_length_beyond_both_ends() -> None:
    """What stands between the ends of a long text is not read: its time does not grow."""
    start, end = "a defendant sued. " * 200, " the court decided on the contract." * 100
    short = f"{start}{end}"

    assert guess(f"{start}{'integral of x squared. ' * 5_000}{end}") == guess(short)


def test_every_word_distinct() -> None:
    """No sum of weights runs over into its neighbour's, however many words a text has."""
    words = [word for word in predict.shipped()._rows.words if len(word) == 2 and word.isalpha()]
    many = guess(b" ".join(words).decode())

    assert many.known == len(words)
    assert math.isclose(sum(many.domains.values()), 1)


def test_time_of_a_guess() -> None:
    """A guess of 1 KB takes well under a millisecond, and one of 1 MB hardly more than 10 KB."""
    text = (" ".join(ASKED.values()) * 2)[:1_000]
    guess(text)

    assert _fastest(text) < 0.001
    assert _fastest(text * 1_000) < 10 * _fastest(text * 10)


def test_time_of_a_chinese_guess() -> None:
    """Reading Chinese as English keeps to the same bounds."""
    text = ("".join(ASKED_IN_CHINESE.values()) * 4)[:333]
    guess(text)

    assert _fastest(text) < 0.001
    assert _fastest(text * 1_000) < 10 * _fastest(text * 10)


def _fastest(text: str) -> float:
    spent = []
    for _ in range(20):
        started = time.thread_time()
        guess(text)
        spent.append(time.thread_time() - started)
    return min(spent)


def test_weights_are_small_and_named() -> None:
    """The weights stay under 2 MB, and their sources and licences stand beside them."""
    package = resources.files("globalapi_core")

    assert len(package.joinpath(predict.WEIGHTS).read_bytes()) < 2_000_000
    notice = package.joinpath("data/NOTICE.md").read_text("utf-8")
    assert "RouteLLM" in notice
    assert "Not used: any WMT" in notice


def test_vocabulary_is_words() -> None:
    """The weights name single words and shapes: no piece of a prompt."""
    content = resources.files("globalapi_core").joinpath(predict.WEIGHTS).read_bytes()
    head, tokens, _ = content.split(b"\n", 2)

    assert b"domains" in head
    for token in tokens.decode("ascii").split(" "):
        assert token.startswith("~") or token.isalpha(), token


def test_inference_needs_no_numpy() -> None:
    """The predictor imports neither numpy nor anything that is not in the core already."""
    code = (
        "import sys; from globalapi_core.quality.predict import guess; guess('a court');"
        "print('numpy' in sys.modules, 'pydantic' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert shown.split() == ["False", "False"]


def test_predictor_by_hand() -> None:
    """The arithmetic is that of a linear model over words, each once, by length one."""
    head = b'{"domains": ["a", "b"], "scales": [1, 1, 1, 1], "biases": [0, 0.5, 0, 0], "mass": 1}'
    rows = bytes([130, 128, 129, 128, 130, 127, 130, 128, 128, 131])
    found = Predictor(head + b"\n" + b"one two\n" + rows).guess("One two, ONE!")

    # A byte is a root: of a, 4 and -1; of b, 0 and 4; of weak, 1; of the length, 4 and 9.
    length = math.sqrt(4 + 9)
    odds = math.exp(3 / length - (4 / length + 0.5))
    assert math.isclose(found.domains["a"], odds / (1 + odds))
    assert math.isclose(found.weak, 1 / (1 + math.exp(-1 / length)))
    assert found.strong == 0.5
    assert found.known == 2


def test_features_by_hand() -> None:
    """Words count once, in lower case, without numbers and single letters; shape in steps."""
    words, shape = features.read("A. Is 12 > 7?\nB. is NOT")

    assert words == {b"a", b"is", b"b", b"not"}
    assert {b"~questions1", b"~lines1", b"~numbers2", b"~words3"} <= shape
