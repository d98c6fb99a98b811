"""Shadows kept in a file, and what it says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from globalapi_core import Shadowed, compare, shadows_to
from globalapi_core.errors import InvalidInputError, ServerError
from globalapi_core.hooks import tell_shadow
from globalapi_core.pricing import Usage
from globalapi_core.records import Candidate, Outcome

from .helpers import decision, model, record

MINE, OTHER = model("mine", price=1), model("other", price=3)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Where the texts go."""
    path = tmp_path / "shadows.jsonl"
    stop = shadows_to(path, texts=True)
    yield path
    stop()


def shadowed(
    answer: str = "Five days.", other: str | None = "Five days.", *, seconds: float = 1.0
) -> Shadowed:
    """A call and its shadow, of a thousand tokens each; without *other* it failed."""
    usage, made = Usage(500, 500), replace(decision(MINE), shadow=Candidate(OTHER))
    call = replace(record([("mine", Outcome(usage=usage))], made), seconds=seconds)
    if other is None:
        error = ServerError("the server had an error")
        return Shadowed(call, record([("other", Outcome(error=error))]), error, answer, None)
    own = record([("other", Outcome(usage=usage))], decision(OTHER))
    return Shadowed(call, replace(own, seconds=2 * seconds), None, answer, other)


def test_lines_have_both_records_and_texts(file: Path) -> None:
    """A line has what hooks are told: both records, both texts, and why there is none."""
    tell_shadow(shadowed("五天。", " 五天。\n"))
    tell_shadow(shadowed("Five.", None))

    first, second = map(json.loads, file.read_text("utf-8").splitlines())
    assert (first["answer"], first["shadow_answer"]) == ("五天。", " 五天。\n")
    assert (first["equal"], first["error"]) == (True, None)
    assert (first["call"]["model"], first["shadow"]["model"]) == ("mine", "other")
    assert (second["equal"], second["shadow_answer"]) == (None, None)
    assert (second["error"], second["why"]) == ("ServerError", "the server had an error")


def test_texts_are_kept_only_if_asked_for(tmp_path: Path) -> None:
    """Without a word about texts, none is written."""
    path = tmp_path / "shadows.jsonl"
    stop = shadows_to(path)
    tell_shadow(shadowed("Five days.", "Six days."))
    stop()
    tell_shadow(shadowed())

    assert "days" not in path.read_text("utf-8")
    (pair,) = compare(path).pairs
    assert (pair.asked, pair.equal) == (1, 0)


def test_others_errors_are_not_quoted(file: Path) -> None:
    """What an error of somebody else's says may be the prompt: its kind is written alone."""
    tell_shadow(Shadowed(shadowed().call, None, ValueError("a secret"), "Five.", None))

    assert "a secret" not in file.read_text("utf-8")
    assert json.loads(file.read_text("utf-8"))["error"] == "ValueError"


def test_half_a_character_is_written(file: Path) -> None:
    """A text that is no Unicode is JSON all the same, and comes back as it was."""
    tell_shadow(shadowed("cut \ud83d", "cut \ud83d"))

    assert json.loads(file.read_text("utf-8"))["answer"] == "cut \ud83d"
    assert compare(file).pairs[0].equal == 1


def test_threads_write_whole_lines(file: Path) -> None:
    """Lines of several threads do not mix."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: tell_shadow(shadowed("x" * 50_000)), range(40)))

    assert compare(file).pairs[0].asked == 40


def test_comparison(file: Path) -> None:
    """Shares, costs and seconds are those of the calls that both answered."""
    tell_shadow(shadowed(seconds=1))
    tell_shadow(shadowed("Five days.", "Six days.", seconds=2))
    tell_shadow(shadowed("Five days.", "\nFive days. ", seconds=6))
    tell_shadow(shadowed("Five days.", None, seconds=60))

    (pair,) = compare(file).pairs
    assert (pair.route, pair.model, pair.shadow) == ("r", "mine", "other")
    assert (pair.asked, pair.answered, pair.equal) == (4, 3, 2)
    assert pair.share_equal == 2 / 3
    assert (pair.cost.usd, pair.shadow_cost.usd) == (Decimal("0.003"), Decimal("0.009"))
    assert (pair.seconds, pair.shadow_seconds) == (2, 4)


def test_comparison_in_print(file: Path) -> None:
    """Printed, it is a table with a line for each pair of models."""
    tell_shadow(shadowed())
    tell_shadow(shadowed("Five days.", None))

    assert str(compare(file)).splitlines() == [
        "route  model  shadow  asked  answered  equal   cost       shadow's   seconds  shadow's",
        "r      mine   other   2      1         100.0%  $0.001000  $0.003000  1.00     2.00",
    ]


def test_unknown_cost_stays_unknown(file: Path) -> None:
    """A shadow of unknown price has no known cost, and nothing that never answered a share."""
    free = record([("other", Outcome(usage=Usage(500, 500)))], decision("other"))
    tell_shadow(replace(shadowed(), shadow=free))
    failed = replace(shadowed("Five days.", None), call=record([("mine", Outcome())]))
    made = replace(failed.call.decision, shadow=Candidate(OTHER))
    tell_shadow(replace(failed, call=replace(failed.call, decision=replace(made, route="s"))))

    known, nothing = compare(file).pairs
    assert known.shadow_cost.usd is None
    assert known.shadow_cost.unknown == ("input price", "output price")
    assert (nothing.share_equal, nothing.seconds) == (None, None)


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"call": {"route": "r", "model": "m"}}'])
def test_other_files_are_refused(tmp_path: Path, line: str) -> None:
    """A line of something else is named."""
    path = tmp_path / "other.jsonl"
    path.write_text(f"{line}\n", "utf-8")

    with pytest.raises(InvalidInputError, match=r"other\.jsonl:1 is no line"):
        compare(path)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    """A file that cannot be written is told at once, and not by every shadow."""
    with pytest.raises(OSError, match="no-such-folder"):
        shadows_to(tmp_path / "no-such-folder" / "shadows.jsonl")
