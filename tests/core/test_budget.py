"""A budget: shared by all of one file in one process, by period, and never overrun."""

from __future__ import annotations

import copy
import gc
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as BundleOf
from hypothesis.stateful import RuleBasedStateMachine, consumes, initialize, invariant, rule

from globalapi_core import budget as module
from globalapi_core.budget import Budget, Per, Reservation
from globalapi_core.config import Config, load_config, parse_config

ROUTES = "routes: [{name: d, candidates: gpt-4o}]\n"


class Wall:
    """A wall clock that the test sets."""

    def __init__(self, *date: int) -> None:
        self.set(*date or (2026, 11, 22, 12))

    def set(self, *date: int) -> None:
        """Make it this time, UTC."""
        self.now = datetime(*date, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]

    def __call__(self) -> float:
        """The time it is."""
        return self.now


@pytest.fixture
def wall() -> Wall:
    """A noon."""
    return Wall()


def usd(amount: object) -> Decimal:
    """An amount."""
    return Decimal(str(amount))


def reserved(budget: Budget, amount: object) -> Reservation:
    """What is set aside for an attempt that may be made."""
    found = budget.reserve(usd(amount))
    assert found is not None
    return found


def state(budget: Budget) -> tuple[object, object]:
    """What is settled, and what is set aside."""
    return budget.settled, budget.reserved


# --- one budget ---------------------------------------------------------------------------------


def test_money_is_set_aside_and_settled() -> None:
    """What may be spent is gone at once, and comes back but for what was."""
    budget = Budget(usd(1))

    with reserved(budget, "0.75") as reservation:
        before = state(budget)
        refused = budget.reserve(usd("0.26"))
        reservation.settle(usd("0.5"))

    assert before == (0, usd("0.75"))
    assert refused is None
    assert state(budget) == (usd("0.5"), 0)


def test_last_cent_may_be_spent() -> None:
    """A budget may be spent whole, and not a millionth more."""
    budget = Budget(usd(1))

    reserved(budget, 1).settle(usd(1))

    assert budget.reserve(usd("0.000001")) is None
    assert budget.reserve(usd(0)) is not None


def test_attempt_that_ends_without_a_word_gives_back() -> None:
    """An error on the way to an attempt leaves no money set aside."""
    budget = Budget(usd(1))

    with pytest.raises(ValueError, match="bug"), reserved(budget, 1):
        raise ValueError("bug")

    assert state(budget) == (0, 0)


def test_first_settlement_counts() -> None:
    """What was settled is not settled again, nor given back."""
    budget = Budget(usd(1))

    with reserved(budget, 1) as reservation:
        reservation.settle(usd("0.5"))
        reservation.settle(usd("0.75"))

    assert state(budget) == (usd("0.5"), 0)


def test_attempt_dearer_than_was_set_aside() -> None:
    """What came on top is spent too, and is missing for the next."""
    budget = Budget(usd(1))

    reserved(budget, "0.25").settle(usd("0.875"))

    assert budget.reserve(usd("0.25")) is None
    assert budget.spent == usd("0.875")


# --- periods ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("per", "last", "first"),
    [
        ("hour", (2026, 11, 22, 12, 59, 59), (2026, 11, 22, 13)),
        ("day", (2026, 11, 22, 23, 59, 59), (2026, 11, 23)),
        ("month", (2026, 11, 30, 23, 59, 59), (2026, 12, 1)),
        ("month", (2026, 12, 31, 23, 59, 59), (2027, 1, 1)),
    ],
)
def test_period_ends_in_utc(
    per: Per, last: tuple[int, ...], first: tuple[int, ...], wall: Wall
) -> None:
    """A period's money can be spent until its last second, and the next begins with all of it."""
    budget = Budget(usd(1), per, clock=wall)
    wall.set(*last[:-1], 0)
    reserved(budget, 1).settle(usd(1))

    wall.set(*last)
    at_the_end = budget.reserve(usd(1))
    wall.set(*first)

    assert at_the_end is None
    assert budget.reserve(usd(1)) is not None


def test_budget_for_the_life_of_the_process(wall: Wall) -> None:
    """A budget without a period never begins again."""
    budget = Budget(usd(1), clock=wall)
    reserved(budget, 1).settle(usd(1))

    wall.set(2036, 1, 1)

    assert budget.reserve(usd(1)) is None


def test_attempt_over_midnight(wall: Wall) -> None:
    """What was set aside before midnight is settled on the day before, not on the new one."""
    budget = Budget(usd(1), "day", clock=wall)
    reservation = reserved(budget, 1)

    wall.set(2026, 11, 23)
    new_day = reserved(budget, 1)
    reservation.settle(usd("0.75"))
    new = state(budget)
    wall.set(2026, 11, 22, 23)

    assert new == (0, 1)
    assert state(budget) == (usd("0.75"), 0)
    new_day.settle(usd(0))


def test_clock_that_is_set_back(wall: Wall) -> None:
    """A clock that goes back over midnight finds what was spent on that day."""
    budget = Budget(usd(1), "day", clock=wall)
    reserved(budget, 1).settle(usd(1))

    wall.set(2026, 11, 23)
    reserved(budget, 1).settle(usd(1))
    wall.set(2026, 11, 22, 23, 59)

    assert budget.reserve(usd("0.01")) is None


def test_old_periods_are_forgotten(wall: Wall) -> None:
    """A process that runs for years keeps two accounts."""
    budget = Budget(usd(1), "day", clock=wall)
    for _ in range(1_000):
        wall.now += 86_400
        reserved(budget, 1).settle(usd(1))

    assert len(budget._book._accounts) == 2


# --- many at once -------------------------------------------------------------------------------


def test_threads_never_overrun() -> None:
    """Thirty-two threads that all want the last dollars spend them once."""
    budget = Budget(usd(10))
    barrier = Barrier(32)

    def spend(number: int) -> Decimal:
        barrier.wait()
        spent = Decimal(0)
        for turn in range(50):
            reservation = budget.reserve(usd("0.1"))
            assert budget.spent <= 10
            if reservation is not None:
                with reservation:
                    if (number + turn) % 3:
                        reservation.settle(usd("0.1"))
                        spent += usd("0.1")
        return spent

    with ThreadPoolExecutor(32) as pool:
        total = sum(pool.map(spend, range(32)), Decimal(0))

    assert state(budget) == (total, 0)
    assert total == 10


@dataclass(eq=False)
class Going:
    """An attempt under way, with the day it was begun on."""

    reservation: Reservation
    day: int


class Spendthrift(RuleBasedStateMachine):
    """Attempts that begin, end, break off and outlive midnight, in any order."""

    going = BundleOf("going")

    @initialize(cents=st.integers(0, 300))
    def begin(self, cents: int) -> None:
        """Nothing is spent."""
        self.wall = Wall()
        self.limit = Decimal(cents) / 100
        self.budget = Budget(self.limit, "day", clock=self.wall)
        self.days: dict[int, list[Decimal]] = {}
        self.under_way: list[Going] = []

    @property
    def day(self) -> int:
        """The day it is."""
        return int(self.wall.now // 86_400)

    def taken(self, day: int) -> Decimal:
        """What is gone of a day's money, by our own count."""
        held = (each.reservation.usd for each in self.under_way if each.day == day)
        return sum([*self.days.get(day, ()), *held], Decimal(0))

    @rule(target=going, cents=st.integers(0, 120))
    def reserve(self, cents: int) -> Going | None:
        """An attempt begins if, and only if, the most it may cost is left."""
        amount = Decimal(cents) / 100
        found = self.budget.reserve(amount)
        fits = self.taken(self.day) + amount <= self.limit
        assert (found is not None) == fits
        if found is None:
            return None
        self.under_way.append(Going(found, self.day))
        return self.under_way[-1]

    @rule(each=consumes(going), share=st.fractions(0, 1, max_denominator=100))
    def settle(self, each: Going | None, share: object) -> None:
        """An attempt ends, having cost what was set aside or less."""
        if each is None:
            return
        amount = (each.reservation.usd * Decimal(str(float(share)))).quantize(Decimal("0.0001"))  # type: ignore[arg-type]
        each.reservation.settle(amount)
        self.under_way.remove(each)
        self.days.setdefault(each.day, []).append(amount)

    @rule(each=consumes(going))
    def leave(self, each: Going | None) -> None:
        """An attempt ends without a word."""
        if each is None:
            return
        each.reservation.__exit__(None, None, None)
        self.under_way.remove(each)

    @rule(hours=st.sampled_from([1, 11, 24]))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.wall.now += hours * 3600

    @invariant()
    def never_overrun(self) -> None:
        """What is settled and set aside is never more than there is, on any day."""
        assert self.budget.settled + self.budget.reserved <= self.limit
        assert self.budget.spent == self.taken(self.day)
        for day in {each.day for each in self.under_way} | set(self.days):
            assert self.taken(day) <= self.limit


TestSpendthrift = Spendthrift.TestCase
TestSpendthrift.settings = settings(max_examples=150, stateful_step_count=40)


# --- whose it is --------------------------------------------------------------------------------


def written(path: Path, amount: str = "5.00, per: day") -> Path:
    """A config file with a budget."""
    path.write_text(f"budget: {{usd: {amount}}}\n{ROUTES}", "utf-8")
    return path


def made(text: str = "budget: {usd: 5}\n") -> Config:
    """A config without a file."""
    return parse_config(text + ROUTES)


def of(config: Config) -> Budget:
    """The budget of *config*."""
    budget = Budget.of(config)
    assert budget is not None
    return budget


def test_no_budget() -> None:
    """A config that sets none has none."""
    assert Budget.of(made("")) is None


def test_file_is_read(tmp_path: Path) -> None:
    """The amount is exact, the period as the file says."""
    budget = of(load_config(written(tmp_path / "c.yaml", "0.1, per: month")))

    assert (budget.usd, budget.per) == (Decimal("0.1"), "month")


def test_one_file_has_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the same file, by whatever path, draws on the same money."""
    file = written(tmp_path / "c.yaml")
    monkeypatch.chdir(tmp_path)
    first, second = of(load_config(file)), of(load_config("c.yaml"))

    reserved(first, 5).settle(usd(5))

    assert second.reserve(usd("0.01")) is None


def test_edited_file_keeps_what_was_spent(tmp_path: Path) -> None:
    """A new limit in the same file is a new limit, not new money."""
    file = written(tmp_path / "c.yaml")
    reserved(of(load_config(file)), 5).settle(usd(5))

    more = of(load_config(written(file, "7.00, per: day")))

    assert more.reserve(usd("2.01")) is None
    assert more.reserve(usd(2)) is not None


def test_two_files_have_two_budgets(tmp_path: Path) -> None:
    """What one file's calls spend is not missing for another's."""
    first, second = (of(load_config(written(tmp_path / name))) for name in ("a.yaml", "b.yaml"))

    reserved(first, 5).settle(usd(5))

    assert second.reserve(usd(5)) is not None


def test_config_without_a_file_has_a_budget_of_its_own() -> None:
    """All that is made from one `Config` shares; an equal one is another."""
    config, equal = made(), made()

    reserved(of(config), 5).settle(usd(5))

    assert of(config).reserve(usd("0.01")) is None
    assert of(equal).reserve(usd(5)) is not None


def test_config_that_is_gone_leaves_nothing() -> None:
    """The book of a config without a file goes with it."""
    gc.collect()  # what other tests left
    before = len(module._books)
    config = made()
    of(config)
    of(config)
    assert len(module._books) == before + 1

    del config
    gc.collect()

    assert len(module._books) == before


def test_config_is_left_as_it_was() -> None:
    """Having a budget changes nothing about its config, which pickles as before."""
    config = made()
    before = pickle.dumps(config)

    of(config)

    assert pickle.dumps(config) == before


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_are_the_same_budget(copied: Callable[[Budget], Budget]) -> None:
    """A copy is no new money."""
    budget = Budget(usd(1))

    assert copied(budget) is budget


def test_pickle_finds_the_budget_of_its_file(tmp_path: Path) -> None:
    """Unpickled in the same process, the budget of a file is that of the file."""
    budget = of(load_config(written(tmp_path / "c.yaml")))
    reserved(budget, 5).settle(usd(5))

    again = pickle.loads(pickle.dumps(budget))  # noqa: S301

    assert (again.usd, again.per, again.settled) == (5, "day", 5)


def test_pickle_of_a_budget_without_a_file() -> None:
    """Where no file tells whose it is, it begins anew."""
    budget = Budget(usd(1))
    reserved(budget, 1).settle(usd(1))

    again = pickle.loads(pickle.dumps(budget))  # noqa: S301

    assert (again.usd, again.per, again.settled) == (1, None, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork() -> None:
    """A forked process knows what was spent, and holds neither lock nor money of its parent."""
    budget = Budget(usd(10))
    reserved(budget, 1).settle(usd(1))
    parents = reserved(budget, 2)
    with budget._book.held():
        child = os.fork()
        if child == 0:
            begun = state(budget) == (1, 0)
            parents.settle(usd(2))
            os._exit(0 if begun and state(budget) == (1, 0) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert state(budget) == (1, 2)


# --- shadows ------------------------------------------------------------------------------------

SHADOWED = """
budget: {usd: 1}
routes:
  - {name: a, when: {tags: a}, candidates: gpt-4o, shadow: {model: glm-5, budget: {usd: 2}}}
  - {name: b, when: {tags: b}, candidates: gpt-4o, shadow: {model: glm-5, budget: {usd: 2}}}
  - {name: c, candidates: gpt-4o}
"""


def test_shadow_has_a_pot_of_its_own(tmp_path: Path) -> None:
    """What one route's shadow spends is missing neither to the calls nor to another's."""
    path = tmp_path / "routes.yaml"
    path.write_text(SHADOWED, "utf-8")
    config = load_config(path)
    pots = [Budget.of(config), *(Budget.of_shadow(config, name) for name in "ab")]
    assert all(pots)
    for budget, amount in zip(pots, (1, 2, "0.5"), strict=True):
        assert budget is not None
        reserved(budget, amount).settle(usd(amount))

    again = load_config(path)
    found = [Budget.of(again), *(Budget.of_shadow(again, name) for name in "ab")]
    assert [each and each.settled for each in found] == [1, 2, usd("0.5")]
    assert Budget.of_shadow(config, "c") is None
    assert Budget.of_shadow(config, "no such route") is None


def test_pickle_finds_the_pot_of_its_shadow(tmp_path: Path) -> None:
    """A pickled pot is that of its route again, and not that of the calls."""
    path = tmp_path / "routes.yaml"
    path.write_text(SHADOWED, "utf-8")
    pot = Budget.of_shadow(load_config(path), "a")
    assert pot is not None
    reserved(pot, 1).settle(usd(1))

    again = pickle.loads(pickle.dumps(pot))  # noqa: S301

    assert (again.usd, again.settled) == (2, 1)
    assert Budget.of(load_config(path)).settled == 0  # type: ignore[union-attr]
