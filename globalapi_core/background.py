"""Work that nobody waits for: a few threads of the process, and a short queue before them."""

from __future__ import annotations

import _thread
import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable


class Background:
    """Runs jobs beside the calls of a process; what does not fit is dropped, not waited for.

    There is no thread before the first job. One that takes a job sees to it that another
    waits for the next, so that whoever hands one in seldom starts a thread. The threads are
    daemons: a script that ends gives up what has not, and does not hang. A forked process
    begins with nothing: all that was here is its parent's.
    """

    def __init__(self, name: str, *, most_threads: int, longest_queue: int) -> None:
        """Have nothing to do.

        Args:
            name: of the threads.
            most_threads: jobs that run at once.
            longest_queue: jobs that wait; one more is dropped.
        """
        self._name = name
        self._most_threads = most_threads
        self._longest_queue = longest_queue
        self._is_ending = False
        self._renew()

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._wanted = threading.Condition(self._lock)
        self._done = threading.Condition(self._lock)
        self._waiting: deque[Callable[[], object]] = deque()
        self._threads = self._idle = self._busy = 0
        self.dropped = 0
        """Jobs that were not run because too many waited."""

    def put(self, job: Callable[[], object]) -> bool:
        """Have *job* run in a while; whether it will be, unless the script ends before."""
        if self._pid != os.getpid():
            self._renew()
        with self._lock:
            if self._is_ending or len(self._waiting) >= self._longest_queue:
                self.dropped += 1
                return False
            self._waiting.append(job)
            self._wanted.notify()
            is_first = not self._threads
            self._threads += is_first
        if is_first:
            self._start_first()
        return True

    def flush(self, timeout: float) -> bool:
        """Wait until nothing waits or runs, *timeout* seconds at most; whether it is so."""
        if self._pid != os.getpid():
            return True
        ends = time.monotonic() + timeout
        with self._lock:
            while self._waiting or self._busy:
                left = ends - time.monotonic()
                if left <= 0:
                    return False
                self._done.wait(left)
        return True

    def _start_first(self) -> None:
        atexit.register(self._end)
        try:
            # Starting a thread waits until it runs, which on a busy machine takes milliseconds.
            _thread.start_new_thread(self._start, ())
        except RuntimeError:
            self._gone()

    def _start(self) -> None:
        """Start the thread that was counted."""
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError:  # none is to be had, as at the end of the interpreter
            self._gone()

    def _work(self) -> None:
        try:
            while True:
                self._run_next()
        finally:
            self._gone()

    def _run_next(self) -> None:
        with self._lock:
            self._idle += 1
            while not self._waiting:
                self._wanted.wait()
            self._idle -= 1
            self._busy += 1
            job = self._waiting.popleft()
            wants_another = not self._idle and self._threads < self._most_threads
            self._threads += wants_another
        try:
            if wants_another:
                self._start()
            job()
        finally:
            with self._lock:
                self._busy -= 1
                self._done.notify_all()

    def _gone(self) -> None:
        """Note that a thread is no more; without any, nobody would run what waits."""
        with self._lock:
            self._threads -= 1
            if not self._threads:
                self._give_up()

    def _end(self) -> None:
        with self._lock:
            self._is_ending = True
            self._give_up()

    def _give_up(self) -> None:
        self.dropped += len(self._waiting)
        self._waiting.clear()
        self._done.notify_all()
