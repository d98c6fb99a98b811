"""`globalapi calibrate`: a threshold from a sample of prompts, and where it is put."""

from __future__ import annotations

import json
import math
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from globalapi_core.cli import _calibration, _placing
from globalapi_core.config import load_config, parse_config
from globalapi_core.config.file import examine, examine_file
from globalapi_core.errors import InvalidInputError
from globalapi_core.quality import choose, predict
from globalapi_core.router import Router

from .conftest import Run

DEAR = "claude-3-5-sonnet"
ROUTES = f"""# ours
version: 1
routes:
  - name: code  # diffs
    when: {{code: true}}
    candidates: [qwen3-coder-30b, {DEAR}]
    target_share: {{{DEAR}: 0.1}}  # a tenth
    # the hardest
    params: {{max_tokens: 4000}}
  - {{name: rest, candidates: [deepseek-v4-flash, {DEAR}], target_share: {{{DEAR}: 0.2}}}} # all
"""
SIMPLE = f"""
routes:
  - name: all
    candidates: [deepseek-v4-flash, {DEAR}]
    target_share: {{{DEAR}: 0.2}}
"""
_SUBJECTS = """
a jury
a right triangle
an enzyme
the French revolution
a bond
a neuron
photosynthesis
a prime number
the liver
a contract
inflation
a magnetic field
an acid
a comet
a syllogism
the heart
a derivative
a polymer
a treaty
a virus
a matrix
the senate
gravity
a stock option
""".strip().splitlines()
_QUESTIONS = """
What is
Why does it matter what is
How would you explain
Which of these describes
Prove the theorem about
Compute the value of
Who first described
Summarize the theory of
Choose the option that defines
Estimate the size of
What follows from the law of
""".strip().splitlines()
_ENDS = """
in one sentence?
under these conditions?
for a student?
at room temperature?
in court?
given the following options A, B, C and D?
when the rate is 5 percent?
step by step?
in the nineteenth century?
if x equals 3 and y equals 7?
according to the passage?
""".strip().splitlines()


def prompts(amount: int, seed: int) -> list[str]:
    """Questions made up at random."""
    drawn = random.Random(seed)
    return [
        " ".join(
            (drawn.choice(_QUESTIONS), drawn.choice(_SUBJECTS), "and", drawn.choice(_SUBJECTS),
             drawn.choice(_ENDS), str(drawn.randrange(100)))
        )
        for _ in range(amount)
    ]  # fmt: skip


def jsonl(entries: list[Any]) -> str:
    """Writes a file of *entries*, one a line."""
    file = Path("prompts.jsonl")
    file.write_text("".join(f"{json.dumps(each)}\n" for each in entries), "utf-8")
    return str(file)


def told(run: Run, *arguments: str) -> dict[str, Any]:
    """The one route's calibration, as JSON."""
    result = run("calibrate", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    (found,) = json.loads(result.stdout)["routes"]
    return dict(found)


def test_share_of_unseen_prompts_is_within_two_points() -> None:
    """Thresholds of two thousand prompts send a fifth of all, within 2 points."""
    router = Router(parse_config(SIMPLE))
    cheap, dear = router.config.routes[0].candidates
    needs = [
        choose.need(predict.guess(each), router.table, dear=dear, cheap=cheap)
        for each in prompts(20_000, seed=1)
    ]

    route, within = router.config.routes[0], 0
    for start in range(0, len(needs), 2_000):
        seen, unseen = needs[start : start + 2_000], needs[:start] + needs[start + 2_000 :]
        found = _calibration.calibrated(route, _calibration.Sample(tuple(seen), 0, 0, 0))
        share = sum(need > found.need_above for need in unseen) / len(unseen)
        within += abs(share - 0.2) <= 0.02

    assert within >= 8


def test_calls_go_as_the_sample_was_told(run: Run, config: Callable[[str], str]) -> None:
    """With the threshold in the file, so many of the sample go to the dear model as was said."""
    file = config(SIMPLE)
    sample = prompts(300, seed=1)
    share = told(run, jsonl(sample), "-c", file, "--write")["share"]
    router = Router(file)

    decisions = [
        router.decide(router.signals([{"role": "user", "content": each}])) for each in sample
    ]

    assert sum(each.primary.name == DEAR for each in decisions) / len(sample) == share


def test_what_is_told_is_what_the_sample_says(run: Run, config: Callable[[str], str]) -> None:
    """Threshold, share, cross-validation and its interval, and the lines for the file."""
    file = config(SIMPLE)
    sample = jsonl(prompts(300, seed=1))

    found = told(run, sample, "-c", file)
    shown = run("calibrate", sample, "-c", file).stdout

    assert found["share"] == pytest.approx(0.2, abs=0.01)
    assert found["validated"] == pytest.approx(0.2, abs=0.03)
    assert found["interval"][0] < 0.2 < found["interval"][1]
    assert (found["prompts"], found["enough"]) == (300, False)
    assert "warning: a small sample; with 2,000 prompts" in shown
    assert (
        f"\n    target_share: {{{DEAR}: 0.2}}\n    need_above: {found['need_above']!r}\n" in shown
    )
    assert load_config(file).routes[0].need_above is None


def test_interval_covers_the_share_of_unseen_prompts() -> None:
    """Of a hundred samples, at least ninety have the true share within their interval."""
    drawn = random.Random(7)
    route = examine(SIMPLE).config.routes[0]

    covered = 0
    for _ in range(100):
        needs = tuple(drawn.gauss(0, 1) for _ in range(400))
        found = _calibration.calibrated(route, _calibration.Sample(needs, 0, 0, 0))
        # The true share above a threshold of a normal distribution.
        true = 0.5 - 0.5 * math.erf(found.need_above / math.sqrt(2))
        covered += found.interval[0] <= true <= found.interval[1]

    assert covered >= 90


def test_prompts_of_other_routes_do_not_count(run: Run, config: Callable[[str], str]) -> None:
    """Each prompt counts for the route it takes; a route that is named gets them all."""
    file = config(ROUTES)
    entries: list[Any] = [{"prompt": f"Write a Python function {n}."} for n in range(40)]
    sample = jsonl(entries + [{"input": each} for each in prompts(100, seed=3)])

    by_route = json.loads(run("calibrate", sample, "-c", file, "--json").stdout)["routes"]
    named = told(run, sample, "-c", file, "--route", "rest")

    assert [(each["route"], each["prompts"]) for each in by_route] == [("code", 40), ("rest", 100)]
    assert [each["elsewhere"] for each in by_route] == [100, 40]
    assert (named["prompts"], named["elsewhere"]) == (140, 0)


def test_prompts_without_known_words_are_counted(run: Run, config: Callable[[str], str]) -> None:
    """What nobody knows anything of is said, and that no threshold can part it."""
    file = config(SIMPLE)
    Path("prompts.txt").write_text("\n".join(f"zzqx{n} vvkj{n}" for n in range(50)), "utf-8")

    found = told(run, "prompts.txt", "-c", file)
    shown = run("calibrate", "prompts.txt", "-c", file).stdout

    assert found["unknown"] == 50
    assert "50 prompts without a known word" in shown


def test_equal_needs_are_warned_of(run: Run, config: Callable[[str], str]) -> None:
    """A sample of one prompt many times over has no threshold for a share."""
    file = config(SIMPLE)

    shown = run("calibrate", jsonl(["What is an enzyme?"] * 60), "-c", file).stdout

    assert "warning: no threshold gives 20%, for too many prompts have the same need" in shown


def test_write_changes_nothing_but_the_threshold(run: Run, config: Callable[[str], str]) -> None:
    """Comments, order and layout stay; a second time, the value alone is another."""
    file = config(ROUTES)
    entries = [f"Write a Python function about {each}" for each in prompts(60, seed=4)]
    sample = jsonl(entries + prompts(100, seed=5))

    once = run("calibrate", sample, "-c", file, "--write", "--json")
    first = Path(file).read_text("utf-8")
    run("calibrate", jsonl(prompts(100, seed=6)), "-c", file, "--write", "--route", "rest")
    second = Path(file).read_text("utf-8")

    code, rest = (each["need_above"] for each in json.loads(once.stdout)["routes"])
    added = ROUTES.replace("# a tenth\n", f"# a tenth\n    need_above: {code!r}\n")
    assert first == added.replace("0.2}}", f"0.2}}, need_above: {rest!r}}}")
    changed = load_config(file).routes[1].need_above
    assert second == first.replace(repr(rest), repr(changed))
    assert changed != rest


@pytest.mark.parametrize(
    "text",
    [
        SIMPLE.replace("\n", "\r\n"),
        SIMPLE.strip(),
        f"routes:\n- target_share:\n    {DEAR}: 0.2 # x\n\n  # y\n"
        f"  candidates: [deepseek-v4-flash, {DEAR}]\n  name: 中文\n",
        f'{{"routes": [{{"name": "a", "target_share": {{"{DEAR}": 0.2}}, '
        f'"candidates": ["deepseek-v4-flash", "{DEAR}"]}}]}}',
        SIMPLE + "    need_above: -0.5 # old\n",
    ],
    ids=["crlf", "no-end-of-line", "block", "json", "there"],
)
def test_value_is_placed_in_every_style(text: str) -> None:
    """Whatever the file's style, it says the same with the value as without, and no more."""
    written = _placing.placed(examine(text), {0: 0.25})

    assert examine(written).config.routes[0].need_above == 0.25
    assert written.count("\r\n") == text.count("\r\n") + ("\r\n" in text)
    assert len(written.splitlines()) <= len(text.splitlines()) + 1


def test_route_shared_by_an_anchor_is_left_alone(run: Run, config: Callable[[str], str]) -> None:
    """Where there is no one place for the value, the file stays and the error says so."""
    text = f"""
routes:
  - &a
    name: a
    when: {{code: true}}
    candidates: [deepseek-v4-flash, {DEAR}]
    target_share: {{{DEAR}: 0.5}}
  - <<: *a
    name: b
    when: {{tools: true}}
  - {{name: rest, candidates: gpt-4o}}
"""
    file = config(text)

    result = run("calibrate", jsonl(prompts(40, seed=1)), "-c", file, "--route", "b", "--write")

    assert result.exit_code == 2
    assert "write it beside target_share yourself" in result.stderr
    assert Path(file).read_text("utf-8") == text


def test_file_edited_meanwhile_is_kept(config: Callable[[str], str]) -> None:
    """An edit of the user's between reading and writing is not lost."""
    file = config(SIMPLE)
    reading = examine_file(file)
    Path(file).write_text(SIMPLE + "# mine\n", "utf-8")

    with pytest.raises(InvalidInputError, match="was edited meanwhile"):
        _placing.write(file, _placing.placed(reading, {0: 0.1}), before=reading.text)

    assert Path(file).read_text("utf-8") == SIMPLE + "# mine\n"


def test_writing_keeps_the_link_and_the_mode(config: Callable[[str], str], tmp_path: Path) -> None:
    """A link still leads to the file, which may be read by those who might before."""
    file = Path(config(SIMPLE))
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    reading = examine_file(link)

    _placing.write(str(link), _placing.placed(reading, {0: 0.1}), before=reading.text)

    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert load_config(file).routes[0].need_above == 0.1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.yaml", "link.yaml"]


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (SIMPLE, ("absent.jsonl",), "cannot read absent.jsonl: No such file"),
        (SIMPLE, ("bad.jsonl",), 'bad.jsonl:2: no prompt: expected {"prompt": "..."}'),
        (SIMPLE, ("empty.txt",), "there are no prompts in empty.txt"),
        (SIMPLE, ("binary.txt",), "cannot read binary.txt: it is not UTF-8"),
        (SIMPLE, ("two.txt",), "which 2 prompts cannot tell: give more of them"),
        (SIMPLE, ("two.txt", "--route", "al"), "unknown route 'al'"),
        ("routes: [{name: a, candidates: gpt-4o}]", ("two.txt",), "no route has a target_share"),
        (ROUTES, ("two.txt", "--write"), "2 take other routes; with --route code all count"),
    ],
)
def test_wrong_input_is_misuse(
    run: Run, config: Callable[[str], str], text: str, arguments: tuple[str, ...], said: str
) -> None:
    """Each mistake ends in 2 with what is wrong, without a traceback or a prompt."""
    file = config(text)
    Path("bad.jsonl").write_text('{"prompt": "hello"}\n{"secret plan": "hello"}\n')
    Path("empty.txt").write_text("\n \n")
    Path("binary.txt").write_bytes(b"\xff\xfe\x00")
    Path("two.txt").write_text("my secret plan\nanother one\n")

    result = run("calibrate", *arguments, "-c", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())
    assert "secret plan" not in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_prompts_are_never_shown(run: Run, config: Callable[[str], str]) -> None:
    """Neither the tables nor the document quote one."""
    file = config(SIMPLE)
    sample = jsonl([{"messages": [{"role": "user", "content": f"canary {each}"}]}
                    for each in prompts(50, seed=1)])  # fmt: skip

    outputs = [run("calibrate", sample, "-c", file, *more).output for more in ((), ("--json",))]

    assert all("canary" not in each and "enzyme" not in each for each in outputs)


def test_prompts_come_from_stdin_and_blank_lines_do_not_count(
    run: Run, config: Callable[[str], str]
) -> None:
    """`-` reads the sample, JSONL by its first line, with line separators within a prompt."""
    file = config(SIMPLE)
    lines = [json.dumps(f"{each}\u2028", ensure_ascii=False) for each in prompts(50, seed=1)]

    result = run("calibrate", "-", "-c", file, "--json", stdin="\n\n".join(["", *lines, '""']))

    assert json.loads(result.stdout)["routes"][0]["prompts"] == 50
