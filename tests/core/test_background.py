"""Work beside the calls: few threads, a short queue, and nobody waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from globalapi_core.background import Background


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What jobs wait for; it opens when the test has ended."""
    event = threading.Event()
    yield event
    event.set()


def running(name: str) -> int:
    """How many threads have this name."""
    return sum(each.name == name for each in threading.enumerate())


def test_nothing_runs_before_the_first_job() -> None:
    """A process without jobs has no thread for them."""
    made = Background("test-idle", most_threads=4, longest_queue=1)

    assert made.flush(0)
    assert running("test-idle") == 0


def test_jobs_run_once_each() -> None:
    """Every job that was taken is run, and none twice."""
    made, done = Background("test-all", most_threads=3, longest_queue=200), list[int]()

    taken = [made.put(partial(done.append, number)) for number in range(200)]
    ended = made.flush(30)

    assert all(taken)
    assert ended
    assert sorted(done) == list(range(200))
    assert 1 <= running("test-all") <= 3


def test_only_so_many_threads(gate: threading.Event) -> None:
    """However many jobs hang, no more run at once than was said."""
    made, begun = Background("test-many", most_threads=2, longest_queue=10), list[int]()

    def hang(number: int) -> None:
        begun.append(number)
        gate.wait(60)

    for number in range(8):
        made.put(partial(hang, number))
    deadline = time.monotonic() + 30
    while len(begun) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)

    assert len(begun) == 2
    assert running("test-many") == 2
    assert not made.flush(0.01)
    gate.set()
    assert made.flush(30)
    assert len(begun) == 8


def test_what_does_not_fit_is_dropped(gate: threading.Event) -> None:
    """A job for which there is no room is counted and not waited for."""
    made = Background("test-full", most_threads=1, longest_queue=2)
    begun = threading.Event()

    def hang() -> None:
        begun.set()
        gate.wait(60)

    made.put(hang)
    assert begun.wait(30)
    before = time.monotonic()
    taken = [made.put(gate.wait) for _ in range(5)]

    assert time.monotonic() - before < 30
    assert taken == [True, True, False, False, False]
    assert made.dropped == 3


@pytest.mark.filterwarnings(
    "ignore:Exception in thread:pytest.PytestUnhandledThreadExceptionWarning"
)
def test_job_that_ends_its_thread_ends_no_other() -> None:
    """A thread that a job takes with it is replaced."""
    made, done = Background("test-exit", most_threads=1, longest_queue=10), list[int]()

    made.put(sys.exit)
    made.flush(30)
    deadline = time.monotonic() + 30
    while running("test-exit") and time.monotonic() < deadline:
        time.sleep(0.01)
    made.put(partial(done.append, 1))

    assert made.flush(30)
    assert done == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_fork_begins_with_nothing(gate: threading.Event) -> None:
    """A forked process has neither the jobs nor a lock of its parent's, and runs its own."""
    made, done = Background("test-fork", most_threads=1, longest_queue=10), list[int]()
    made.put(partial(gate.wait, 60))
    made.put(partial(done.append, 1))
    with made._lock:
        child = os.fork()
        if child == 0:
            empty = made.flush(0)
            made.put(partial(done.append, 2))
            os._exit(0 if empty and made.flush(30) and done == [2] else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    gate.set()
    assert made.flush(30)
    assert done == [1]


def test_end_of_a_script_gives_up_what_waits() -> None:
    """A script that ends does not wait for a job that hangs, and begins none that waits."""
    code = (
        "import atexit, threading, time\n"
        "from globalapi_core.background import Background\n"
        "given_up = threading.Event()\n"
        "atexit.register(lambda: (given_up.set(), time.sleep(1)))\n"  # runs after ours
        "made = Background('test', most_threads=2, longest_queue=10)\n"
        "begun = threading.Barrier(3)\n"
        "made.put(lambda: (begun.wait(), given_up.wait()))\n"
        "made.put(lambda: (begun.wait(), time.sleep(600)))\n"
        "made.put(lambda: print('begun', flush=True))\n"
        "begun.wait()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
