"""What LlamaIndex expects of an LLM, asked of both classes; what `docs/conformance.md` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from globalapi_core.sandbox import Sandbox
from tests.llamaindex.conformance import differences, ours, page
from tests.llamaindex.conformance.bench import Bench, Check
from tests.llamaindex.conformance.page import EVERYONE, OURS, PEERS, Cell
from tests.llamaindex.conformance.suite import CHECKS

pytestmark = [  # LlamaIndex warns of itself
    pytest.mark.filterwarnings("ignore:is_running called:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:asyncio_module:DeprecationWarning"),
]

PAGE = Path(__file__).parent.parent.parent / "docs" / "conformance.md"
MEASURED = page.read()

_LACKS = [(who, check) for who in OURS for check in CHECKS if differences.of(check, who)]
_KEEPS = [(who, check) for who in OURS for check in CHECKS if not differences.of(check, who)]


def _name(value: str | Check) -> str:
    return value if isinstance(value, str) else f"{value.section}: {value.name}"


def _asked(who: str, check: Check, sandbox: Sandbox, directory: Path) -> str:
    return check.run(Bench(ours.makers(directory)[who], sandbox))


@pytest.mark.parametrize(("who", "check"), _KEEPS, ids=_name)
def test_promise_is_kept(who: str, check: Check, sandbox: Sandbox, tmp_path: Path) -> None:
    """The class does what LlamaIndex expects, and what is measured is what the page says."""
    said = _asked(who, check, sandbox, tmp_path)

    assert MEASURED.of(check, who) == Cell("right", said)


@pytest.mark.parametrize(("who", "check"), _LACKS, ids=_name)
def test_promise_that_is_listed_as_not_kept_is_not(
    who: str, check: Check, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A difference that is no more is to be taken off the list."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whatever the page says
        _asked(who, check, sandbox, tmp_path)

    assert type(caught.value).__name__ in MEASURED.of(check, who).said
    assert not MEASURED.of(check, who).right


def test_everyone_was_asked_everything() -> None:
    """What was measured covers each check and class, and nothing that is gone."""
    wanted = {(f"{check.section}: {check.name}", who) for check in CHECKS for who in EVERYONE}

    assert set(MEASURED.cells) == wanted


@pytest.mark.parametrize("who", EVERYONE)
def test_every_failure_has_a_name(who: str) -> None:
    """Each check that a class fails is one difference's, and no difference claims another."""
    failed = {_name(check) for check in CHECKS if not MEASURED.of(check, who).right}
    named = [(_name(check), each) for check in CHECKS for each in differences.of(check, who)]

    assert sorted(name for name, _ in named) == sorted(failed)


@pytest.mark.parametrize("difference", differences.DIFFERENCES, ids=lambda each: each.name)
def test_difference_is_seen(difference: differences.Difference) -> None:
    """Every pattern of a difference is of some check."""
    names = [check.name for check in CHECKS]

    unused = [
        pattern
        for pattern in difference.checks
        if not any(differences.fnmatchcase(name, pattern) for name in names)
    ]

    assert unused == []


def test_sixty_thousand_tokens_are_one_call_here_and_were_22_there() -> None:
    """The figure that README and docs give, side by side."""
    (check,) = (each for each in CHECKS if each.name == "sixty thousand tokens: compact")

    assert [MEASURED.of(check, who) for who in OURS] == [Cell("right", "1 call")] * 2
    assert MEASURED.of(check, PEERS[0]) == Cell("right", "1 call")
    assert MEASURED.of(check, PEERS[1]) == Cell("wrong", "22 calls")


def test_page_is_what_was_measured() -> None:
    """`docs/conformance.md` is made from the figures, by `scripts/build_conformance.py`."""
    assert PAGE.read_text("utf-8") == page.text(MEASURED)
