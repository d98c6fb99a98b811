"""Routes that go by how good the models are expected to be, from the file to the decision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globalapi_core import load_config
from globalapi_core.config import parse_config
from globalapi_core.errors import ConfigError
from globalapi_core.records import Decision
from globalapi_core.router import Router

LAW = "Under contract law, when may a court void an agreement for lack of consideration?"
SUM = "What is 37 times 24, and what remains when it is divided by 7?"
MODELS = """
models:
  lawyer: {input_mtok: 1, output_mtok: 1}
  sums: {input_mtok: 1, output_mtok: 1}
"""


def file_of(folder: Path, results: list[object], extra: str = "") -> Path:
    """A config beside results in which one model knows law and the other arithmetic."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in results]
    (folder / "results.jsonl").write_text("\n".join(lines), encoding="utf-8")
    route = f"routes: [{{name: a, candidates: [sums, lawyer], choose: quality{extra}}}]\n"
    (folder / "globalapi.yaml").write_text(f"{MODELS}results: results.jsonl\n{route}", "utf-8")
    return folder / "globalapi.yaml"


RESULTS: list[object] = [
    *({"prompt": LAW, "scores": {"lawyer": 1, "sums": 0}} for _ in range(30)),
    *({"prompt": SUM, "scores": {"lawyer": 0, "sums": 1}} for _ in range(30)),
]


def decide(router: Router, text: str) -> Decision:
    """The decision for one question."""
    return router.decide(router.signals([{"role": "user", "content": text}]))


def test_own_results_route(tmp_path: Path) -> None:
    """The model that did better on the user's own prompts of a kind gets the next one."""
    router = Router(file_of(tmp_path, RESULTS))

    law = decide(router, "May a court void a contract that lacks consideration under the law?")
    arithmetic = decide(router, "What is 12 times 31, and what remains when divided by 5?")

    assert (law.primary.name, arithmetic.primary.name) == ("lawyer", "sums")
    assert law.choose == "quality"
    first, second = law.candidates
    assert first.quality is not None
    assert second.quality is not None
    assert first.quality > second.quality


def test_results_are_seen_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The results stand beside the config, wherever the program was started."""
    file = file_of(tmp_path, RESULTS)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    assert Router(load_config(file)).table.get("lawyer") is not None


def test_other_separators_of_lines_are_part_of_a_prompt(tmp_path: Path) -> None:
    """JSON may hold U+2028 and its like as they are: a line of results ends with a newline."""
    line = json.dumps({"prompt": "one\u2028two\x85", "scores": {"sums": 1}}, ensure_ascii=False)

    assert Router(file_of(tmp_path, [line])).table.get("sums") is not None


def test_mode_is_as_good_as_its_model(tmp_path: Path) -> None:
    """A model that is asked to think is what was measured of it, unless that mode was too."""
    text = json.dumps({"prompt": LAW, "scores": {"kimi-k2.5": 1, "glm-5": 0}})
    (tmp_path / "results.jsonl").write_text(text, "utf-8")
    (tmp_path / "globalapi.yaml").write_text(
        "results: results.jsonl\n"
        "routes: [{name: a, candidates: [glm-5, kimi-k2.5], choose: quality}]\n",
        "utf-8",
    )
    router = Router(tmp_path / "globalapi.yaml")

    asked = [{"role": "user", "content": LAW}]
    decision = router.decide(router.signals(asked, thinking=True))

    assert decision.primary.name == "kimi-k2.5-thinking"
    assert decision.primary.quality == pytest.approx(1)


def test_results_know_other_spellings(tmp_path: Path) -> None:
    """A model in the results may be spelled as in the gateway's lists."""
    rows: list[object] = [{"prompt": LAW, "scores": {"Qwen/Qwen3-32B": 1}}]

    router = Router(file_of(tmp_path, rows))

    profile = router.table.get("qwen3-32b")
    assert profile is not None
    assert profile.source == "results.jsonl"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "no result: "),
        ("[" * 100_000, "nested too deeply"),
        ('{"prompt": "secret words"}', 'expected {"prompt"'),
        ('{"prompt": "a", "scores": {"lawyer": 2}}', "'lawyer' is no number from 0 to 1"),
        ('{"prompt": "a", "scores": {"lawyer": "good"}}', "'lawyer' is no number from 0 to 1"),
        ('["secret words"]', 'expected {"prompt"'),
    ],
)
def test_line_that_is_no_result(tmp_path: Path, line: str, says: str) -> None:
    """A line that is no result is named by its number, and its prompt is not shown."""
    with pytest.raises(ConfigError) as caught:
        Router(file_of(tmp_path, [RESULTS[0], line]))

    assert (Path(str(caught.value.file)).name, caught.value.line) == ("results.jsonl", 2)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


def test_results_that_are_missing(tmp_path: Path) -> None:
    """A file of results that is not there, or is empty, is an error that names it."""
    file = file_of(tmp_path, [])
    with pytest.raises(ConfigError, match="there are no results in it"):
        Router(file)

    (tmp_path / "results.jsonl").unlink()
    with pytest.raises(ConfigError, match="cannot read the results: No such file"):
        Router(file)


def test_cost_weight_moves_the_choice(tmp_path: Path) -> None:
    """The better model is left for the cheaper one once its price is not worth it."""
    text = (
        "models: {good: {input_mtok: 100, output_mtok: 100}, cheap: {input_mtok: 1, "
        "output_mtok: 1}}\nresults: r.jsonl\n"
        "routes: [{name: a, candidates: [cheap, good], choose: quality, cost_weight: %s}]"
    )
    (tmp_path / "r.jsonl").write_text(
        json.dumps({"prompt": LAW, "scores": {"good": 1, "cheap": 0.5}}), "utf-8"
    )

    picks = []
    for weight in (0, 1, 100):
        (tmp_path / "globalapi.yaml").write_text(text % weight, "utf-8")
        picks.append(decide(Router(tmp_path / "globalapi.yaml"), LAW).primary.name)

    assert picks == ["good", "good", "cheap"]


@pytest.mark.parametrize("text", ["", "\U0001f600" * 10, "ٱلْعَرَبِيَّة", "zzqx vvkw"])
def test_text_that_says_nothing_goes_to_the_best_constant(text: str) -> None:
    """Where no word tells anything, the model that is best on the whole gets the call."""
    router = Router(
        parse_config(
            "routes: [{name: a, candidates: [qwen3-32b, claude-3-5-sonnet, gpt-4o], "
            "choose: quality}]"
        )
    )

    decision = decide(router, f"{text} ?")

    best = max(router.table.profiles[name].mean for name in ("qwen332b", "claude35sonnet", "gpt4o"))
    assert decision.primary.quality == pytest.approx(best, abs=0.02)
    assert decision.primary.name == "claude-3-5-sonnet"


def test_target_share_sends_the_neediest() -> None:
    """With a threshold set, what needs the dear model more than that goes to it, alone."""
    text = (
        "routes: [{name: a, candidates: [deepseek-v4-flash, claude-3-5-sonnet], "
        "target_share: {claude-3.5-sonnet: 0.2}, need_above: %s}]"
    )

    low, high = (Router(parse_config(text % need)) for need in (-2, 2))

    assert decide(low, LAW).primary.name == "claude-3-5-sonnet"
    assert decide(high, LAW).primary.name == "deepseek-v4-flash"
    assert "need of claude-3-5-sonnet" in decide(high, LAW).reason


def test_nothing_is_guessed_for_files_that_do_not_ask() -> None:
    """A file without a learned route does not pay for one."""
    router = Router()

    assert router.signals([{"role": "user", "content": LAW}]).guess is None
    assert router.table.profiles == {}
