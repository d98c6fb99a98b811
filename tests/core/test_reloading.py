"""A config file that is edited: what a call goes by, and what is said of a broken one."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from globalapi_core.budget import Budget
from globalapi_core.config import default_config, load_config, parse_config
from globalapi_core.errors import ConfigError
from globalapi_core.reloading import INTERVAL, InForce, LiveRouter
from globalapi_core.router import Router
from tests.core.circuit_helpers import Clock

FIRST, SECOND, THIRD = "deepseek-v4-flash", "gpt-4o-mini", "glm-5"
BROKEN = "routes: [{name: all, candidates: [no-such-model]}]\n"
HALF = "routes:\n  - name: all\n    candidates: [deepseek-v4"


def text(model: str, more: str = "") -> str:
    """A config whose only route has *model*."""
    return f"routes: [{{name: all, candidates: [{model}]}}]\n{more}"


class Edited:
    """A config file, the router that follows it, and the clock by which that looks."""

    def __init__(self, path: Path, content: str = text(FIRST)) -> None:
        self.path = path
        self.path.write_text(content, "utf-8")
        self.clock = Clock()
        self.live = self.follow()

    def follow(self) -> LiveRouter:
        """Another router of the same file."""
        return LiveRouter(str(self.path), clock=self.clock)

    def write(self, content: str) -> None:
        """Edit the file."""
        self.path.write_text(content, "utf-8")

    def later(self) -> InForce:
        """What a call goes by when the next look is due."""
        self.clock.now += INTERVAL
        return self.live.now()

    def edit(self, content: str) -> InForce:
        """What a call goes by after an edit."""
        self.write(content)
        return self.later()


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """A config file with a router that follows it."""
    return Edited(tmp_path / "routes.yaml")


@pytest.fixture
def said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[str]]:
    """What has been warned of since the last time."""
    # Some tools set up logging by switching off every logger there is.
    monkeypatch.setattr(logging.getLogger("globalapi_core.reloading"), "disabled", False)
    caplog.set_level(logging.WARNING, "globalapi_core.reloading")

    def heard() -> list[str]:
        messages = [each.getMessage() for each in caplog.records]
        caplog.clear()
        return messages

    return heard


Said = Callable[[], list[str]]


def model(found: InForce) -> str:
    """The only model of a config."""
    (only,) = found.router.models
    return only.name


def budget(found: InForce) -> Budget:
    """The budget of a config that has one."""
    assert found.budget is not None
    return found.budget


def test_edit_takes_effect(edited: Edited, said: Said) -> None:
    """The next call after a look goes by what the file says then."""
    before = edited.live.now()

    after = edited.edit(text(SECOND, "attempts: {cooldown: 7}"))

    assert (model(before), model(after)) == (FIRST, SECOND)
    assert after.config.attempts.cooldown == 7
    assert edited.live.in_force is after
    assert said() == []


def test_file_is_read_once_a_second(edited: Edited) -> None:
    """Between two looks nothing is read, however many calls there are."""
    edited.later()
    edited.write(text(SECOND))
    edited.clock.now += INTERVAL * 0.99

    assert {model(edited.live.now()) for _ in range(100)} == {FIRST}

    edited.clock.now += INTERVAL * 0.02
    assert model(edited.live.now()) == SECOND


@pytest.mark.parametrize("broken", [BROKEN, HALF, "", "routes: {", "\x00", "just a text"])
def test_broken_file_changes_nothing(edited: Edited, said: Said, broken: str) -> None:
    """The last good config stays in force, and one warning names the file."""
    good = edited.live.now()

    assert edited.edit(broken) is good
    assert edited.later() is good

    (warning,) = said()
    assert str(edited.path) in warning


def test_warning_names_line_and_key(edited: Edited, said: Said) -> None:
    """Who reads the warning knows what to mend."""
    edited.edit(f"attempts: {{max_retries: 1}}\n{BROKEN}")

    (warning,) = said()
    assert f"{edited.path}:2" in warning
    assert "candidates" in warning
    assert "no-such-model" in warning


def test_each_content_is_warned_of_once(edited: Edited, said: Said) -> None:
    """A file broken in another way is told of again; the same way, it is not."""
    edited.edit(BROKEN)
    edited.edit(HALF)
    edited.edit(BROKEN)

    assert ["no-such-model" in each for each in said()] == [True, False]


def test_warning_keeps_a_key_to_itself(edited: Edited, said: Said) -> None:
    """A key that somebody wrote into the file is refused there, and not logged."""
    key = "sk-live-5c1f0e7a94b2d8e6f1a3c5b7d9e1f3a5"

    edited.edit(text(SECOND, f"gateway: {{api_key: {key}}}"))
    edited.edit(text(SECOND, f"version: !!int {key}"))

    assert len(heard := said()) == 2
    assert key not in "".join(heard)
    assert model(edited.live.now()) == FIRST


def test_mended_file_is_used_and_said_to_be(edited: Edited, said: Said) -> None:
    """A mended file takes effect, and what was said of it is taken back once."""
    edited.edit(BROKEN)
    said()

    assert model(edited.edit(text(THIRD))) == THIRD
    edited.later()

    (message,) = said()
    assert "can be used again" in message
    assert str(edited.path) in message


def test_broken_again_is_warned_of_again(edited: Edited, said: Said) -> None:
    """A file that was mended in between is told of anew."""
    for content in (BROKEN, text(SECOND), BROKEN):
        edited.edit(content)

    assert ["used again" in each for each in said()] == [False, True, False]


def test_deleted_file_and_back(edited: Edited, said: Said) -> None:
    """A file that is gone is a broken one; as it was before, it goes on as before."""
    good = edited.live.now()

    edited.path.unlink()
    assert edited.later() is good
    assert edited.later() is good
    assert edited.edit(text(FIRST)) is good

    gone, back = said()
    assert "No such file" in gone
    assert "again" in back


def test_file_replaced_by_rename(edited: Edited) -> None:
    """Editors write another file and put it in place of the old one."""
    other = edited.path.with_suffix(".new")
    other.write_text(text(SECOND), "utf-8")
    other.replace(edited.path)

    assert model(edited.later()) == SECOND


def test_old_file_put_in_place(edited: Edited) -> None:
    """Text counts, not times: another of the same size and date is another."""
    was = edited.path.stat()
    edited.write(text(SECOND).ljust(was.st_size))
    os.utime(edited.path, ns=(was.st_atime_ns, was.st_mtime_ns))

    found = edited.later()

    now = edited.path.stat()
    assert (now.st_size, now.st_mtime_ns) == (was.st_size, was.st_mtime_ns)
    assert model(found) == SECOND


def test_same_text_is_no_edit(edited: Edited) -> None:
    """A file that is only touched, or written anew as it was, changes nothing."""
    before = edited.live.now()

    edited.path.unlink()

    assert edited.edit(text(FIRST)) is before


def test_link_that_leads_elsewhere(tmp_path: Path) -> None:
    """A link is followed at each look, and what was spent by it stays spent."""
    for name, limit, chosen in (("a", 5, FIRST), ("b", 7, SECOND)):
        (tmp_path / name).mkdir()
        content = text(chosen, f"budget: {{usd: {limit}}}")
        (tmp_path / name / "routes.yaml").write_text(content, "utf-8")
    (tmp_path / "now").symlink_to("a")
    clock = Clock()
    live = LiveRouter(tmp_path / "now" / "routes.yaml", clock=clock)
    spend(budget(live.now()), "2")

    (tmp_path / "next").symlink_to("b")
    (tmp_path / "next").replace(tmp_path / "now")
    clock.now += INTERVAL
    found = live.now()

    assert model(found) == SECOND
    assert (budget(found).usd, budget(found).settled) == (Decimal(7), Decimal(2))


def spend(of: Budget, usd: str) -> None:
    """Spend some of a budget."""
    reserved = of.reserve(Decimal(usd))
    assert reserved is not None
    reserved.settle(Decimal(usd))


def test_budget_keeps_what_was_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new limit is a new limit and not new money, from wherever the process looks."""
    monkeypatch.chdir(tmp_path)
    edited = Edited(Path("routes.yaml"), text(FIRST, "budget: {usd: 5, per: day}"))
    spend(budget(edited.live.now()), "5")
    edited.write(text(FIRST, "budget: {usd: 7, per: day}"))
    (tmp_path / "elsewhere").mkdir()

    monkeypatch.chdir(tmp_path / "elsewhere")
    after = budget(edited.later())

    assert after.reserve(Decimal("2.01")) is None
    assert after.reserve(Decimal(2)) is not None


def test_working_directory_may_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    """The file that was found is followed, whatever has its name where the process is now."""
    monkeypatch.chdir(tmp_path)
    edited = Edited(Path("globalapi.yaml"))
    edited.live = LiveRouter(clock=edited.clock)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "globalapi.yaml").write_text(text(THIRD), "utf-8")

    edited.write(text(SECOND))
    named_as_given = edited.later().config.file
    edited.write(text(FIRST, "# once more"))
    monkeypatch.chdir(tmp_path / "other")
    found = edited.later()

    assert model(found) == FIRST
    assert (named_as_given, found.config.file) == (
        "globalapi.yaml",
        str(tmp_path / "globalapi.yaml"),
    )
    assert said() == []


def test_file_is_found_once(edited: Edited, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment names later, and a file that turns up later, are for others."""
    shipped = LiveRouter(clock=edited.clock)
    monkeypatch.setenv("GLOBAL_API_CONFIG", str(edited.path))
    named = LiveRouter(clock=edited.clock)
    monkeypatch.delenv("GLOBAL_API_CONFIG")
    Path("globalapi.yaml").write_text(text(THIRD), "utf-8")

    edited.edit(text(SECOND))

    assert shipped.now().config is default_config()
    assert model(named.now()) == SECOND


def test_config_is_never_read_again(edited: Edited) -> None:
    """A `Config` that was handed over is the caller's, though it came from a file."""
    config = load_config(edited.path)
    live = LiveRouter(config, clock=edited.clock)

    edited.edit(text(SECOND))

    assert live.now().config is config


def test_one_config_has_one_router(edited: Edited) -> None:
    """What is made from the config in force shares its router: nothing is read for it."""
    edited.edit(text(SECOND, "budget: {usd: 5}"))
    found = edited.live.now()

    assert LiveRouter(found.config).now() is found
    assert LiveRouter(parse_config(text(SECOND))).now() is not found


def test_broken_file_makes_no_router(edited: Edited) -> None:
    """Where there is no last good config, a broken file is an error."""
    edited.write(BROKEN)

    with pytest.raises(ConfigError, match="no-such-model"):
        edited.follow()


def test_all_that_follow_a_file_warn_once(edited: Edited, said: Said) -> None:
    """Ten routers of one file say once that it is broken, and once that it is not."""
    lives = [edited.follow() for _ in range(10)]
    edited.clock.now += INTERVAL
    edited.write(BROKEN)
    assert {model(live.now()) for live in lives} == {FIRST}
    (broken,) = said()

    edited.write(text(SECOND))
    edited.clock.now += INTERVAL
    assert {model(live.now()) for live in lives} == {SECOND}

    (mended,) = said()
    assert "no-such-model" in broken
    assert "again" in mended


def test_address_is_not_read_again(edited: Edited, said: Said) -> None:
    """Who edits the server's address is told whom it is for."""
    edited.edit(text(SECOND, "gateway: {base_url: 'https://example.org/v1'}"))

    (warning,) = said()
    assert "gateway.base_url" in warning


def test_results_are_read_again(edited: Edited, tmp_path: Path, said: Said) -> None:
    """Evaluation results that the file names are followed with it, broken ones not."""
    results = tmp_path / "results.jsonl"
    edited.edit(
        text(f"{FIRST}, {SECOND}", "results: results.jsonl").replace("]}", "], choose: quality}")
    )
    (missing,) = said()

    results.write_text(result(0.2), "utf-8")
    first = edited.later()
    (mended,) = said()
    results.write_text(result(0.25), "utf-8")
    second = edited.later()
    results.write_text("{", "utf-8")
    third = edited.later()

    assert "results.jsonl" in missing
    assert "again" in mended
    assert first.config.results == "results.jsonl"
    assert first is not second is third
    assert len(said()) == 1


def result(score: float) -> str:
    """One line of results."""
    return json.dumps({"prompt": "What is 2 + 2?", "scores": {FIRST: score}}) + "\n"


def test_tier_of_the_environment_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tier that the environment names goes before the file's, after an edit too."""
    tiers = f"tier: cheap\ntiers: {{cheap: [{FIRST}], dear: [%s]}}\nroutes: [{{name: all}}]\n"
    monkeypatch.setenv("GLOBAL_API_TIER", "dear")
    edited = Edited(tmp_path / "tiers.yaml", tiers % SECOND)

    after = edited.edit(tiers % THIRD)

    assert THIRD in [each.name for each in after.router.models]
    assert after.config.tier == "dear"


def test_many_threads(edited: Edited) -> None:
    """While one thread edits, every call of many gets one whole config, old or new."""
    texts = [
        text(name, f"attempts: {{cooldown: {n}}}") for n, name in enumerate((FIRST, SECOND), 1)
    ]
    edited.edit(texts[0])
    done = threading.Event()

    def calls() -> set[tuple[str, float]]:
        seen = set()
        while not done.is_set():
            edited.clock.now += INTERVAL
            found = edited.live.now()
            seen.add((model(found), found.config.attempts.cooldown))
        return seen

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(calls) for _ in range(4)]
        for number in range(20):
            other = edited.path.with_suffix(".new")
            other.write_text(texts[number % 2], "utf-8")
            other.replace(edited.path)
            edited.later()
        done.set()
        seen = set().union(*(each.result() for each in running))

    assert seen <= {(FIRST, 1), (SECOND, 2)}
    assert model(edited.edit(texts[0])) == FIRST


def test_who_does_not_look_does_not_wait(edited: Edited) -> None:
    """While one call reads the file, another goes on with what there is."""
    edited.write(text(SECOND))
    edited.clock.now += INTERVAL

    with edited.live._looking:
        found = edited.live.now()

    assert model(found) == FIRST


async def test_loop_is_not_held_up(edited: Edited) -> None:
    """An async call reads the file beside the event loop."""
    edited.write(text(SECOND))
    edited.clock.now += INTERVAL

    with blockbuster_ctx():
        found = await edited.live.anow()

    assert model(found) == SECOND


async def test_call_that_is_cancelled_leaves_the_file_followed(edited: Edited) -> None:
    """Whoever leaves in the middle of a look keeps nobody from the next one."""
    edited.write(BROKEN)
    edited.clock.now += INTERVAL
    looking = asyncio.ensure_future(edited.live.anow())
    await asyncio.sleep(0)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking

    edited.write(text(SECOND))
    edited.clock.now += INTERVAL
    while model(await edited.live.anow()) != SECOND:
        edited.clock.now += INTERVAL
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copy_is_the_same(edited: Edited, copied: Callable[[LiveRouter], LiveRouter]) -> None:
    """A copy follows the file by the same looks."""
    assert copied(edited.live) is edited.live


def test_pickle_follows_the_file(edited: Edited, said: Said) -> None:
    """Unpickled, it holds what was in force, and takes up what the file says by then."""
    spend(budget(edited.edit(text(FIRST, "budget: {usd: 5}"))), "2")
    stored = pickle.dumps(edited.live)

    same = pickle.loads(stored)  # noqa: S301
    kept, again = same.in_force, same.now()
    edited.write(text(SECOND, "budget: {usd: 7}"))
    other = pickle.loads(stored).now()  # noqa: S301

    assert again is kept
    assert (model(kept), model(other)) == (FIRST, SECOND)
    assert (budget(other).usd, budget(other).settled) == (Decimal(7), Decimal(2))
    assert said() == []


def test_pickle_where_there_is_no_file(edited: Edited, said: Said) -> None:
    """On a machine without the file the pickled config holds, without a warning."""
    stored = pickle.dumps(edited.live)
    edited.path.unlink()

    found = pickle.loads(stored).now()  # noqa: S301

    assert model(found) == FIRST
    assert said() == []


def test_pickle_of_a_config() -> None:
    """What follows no file pickles as well."""
    again = pickle.loads(pickle.dumps(LiveRouter(parse_config(text(SECOND)))))  # noqa: S301

    assert model(again.now()) == SECOND
    assert isinstance(again.in_force.router, Router)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_fork_follows_the_file(edited: Edited) -> None:
    """A forked process looks for itself, though a thread of its parent looked as it forked."""
    with edited.live._looking:
        child = os.fork()
        if child == 0:
            os._exit(0 if model(edited.edit(text(SECOND))) == SECOND else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
