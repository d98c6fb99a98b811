"""What calls cost our classes and their peers: CPU time of the client, over loopback.

Each client runs in a process of its own and all ask one canned server. Rounds alternate
between the clients, and a ratio is taken within a round, so that a machine that slows down
slows both of its sides. A client that is not installed is left out, one that hangs is
killed, and the table says so. `benchmarks/README.md` has how to install the peers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from _clients import CLIENTS

HERE = Path(__file__).parent
PEER = "ChatOpenAI"
MODELS = 20
ROUNDS = 7
LIMIT = 60.0
"""Seconds one client may take for one task."""
BUDGET = 170.0
"""Seconds after which no further round is begun."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something to measure."""

    name: str
    kind: str
    """What `_worker.measure` is told."""
    count: int
    """How often in one round."""
    path: str = "0/0/keep"
    """What the server answers: see `_server.py`."""
    units: int = 1
    """In one of these."""
    rounds: int = ROUNDS
    goal: float | None = None
    """The part of the peer's cost that ours may have; `None`: no goal is set."""


CHUNKS = 1_000
TASKS = (
    Task("short call", "call", 100, goal=0.40),
    Task("short call, async", "acall", 100, goal=0.40),
    Task("chunk of a stream", "stream", 1, f"{CHUNKS}/0/keep", CHUNKS, goal=0.30),
    Task("chunk of a stream, async", "astream", 1, f"{CHUNKS}/0/keep", CHUNKS, goal=0.30),
    Task("call with 1,000 messages", "history", 1, goal=0.10),
    Task(f"{MODELS} models at {MODELS} URLs: made, called once", "models", MODELS, rounds=3),
    Task("1,000 streams at once", "at once", 1_000, "10/200/close", rounds=1),
)
MANY = Task("5,000 streams at once", "at once", 5_000, "10/200/close", rounds=1)


@dataclass(slots=True)
class Result:
    """What one client made of one task."""

    seconds: list[float | None] = field(default_factory=list)
    """CPU seconds of one unit, by round."""
    trouble: str | None = None
    """Why there are no more."""


class Worker:
    """The process of one client."""

    def __init__(self, name: str, directory: str) -> None:
        """Start it in *directory*, where no config file is."""
        settings = {k: v for k, v in os.environ.items() if not _is_foreign(k)}
        path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "_worker.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=directory,
            env={**settings, "PYTHONPATH": path, "LANGSMITH_TRACING": "false"},
        )

    def ask(self, limit: float, **task: Any) -> dict[str, Any]:
        """Have *task* measured; what the process answers."""
        assert self._process.stdin  # noqa: S101
        try:
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {"failed": f"its process ended with {self._process.wait()}"}
        line = self._line(limit)
        if line:
            return dict(json.loads(line))
        if line is None:
            self.close()
            return {"failed": f"did not finish in {limit:.0f} s"}
        return {"failed": f"its process ended with {self._process.wait()}"}

    def _line(self, limit: float) -> bytes | None:
        """The next line of output, empty at its end; `None` if none comes within *limit* s."""
        assert self._process.stdout  # noqa: S101
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            return self._process.stdout.readline() if selector.select(limit) else None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def _is_foreign(variable: str) -> bool:
    """Whether an environment variable would have a client call elsewhere, or otherwise."""
    name = variable.upper()
    return name.startswith(("OPENAI_", "GLOBAL_API_", "LANGCHAIN_", "LANGSMITH_")) or (
        name.endswith("_PROXY")
    )


class Run:
    """One run of the benchmark: alternating rounds, task after task."""

    def __init__(self, names: Sequence[str], ports: Sequence[int], limit: float) -> None:
        """Compare the clients *names*, which ask the server on *ports*."""
        self._ports = ports
        self._limit = limit
        self._directory = tempfile.TemporaryDirectory()
        self._workers = {name: Worker(name, self._directory.name) for name in names}
        self._ends = time.monotonic() + BUDGET
        self.missing: dict[str, str] = {}
        """Clients that cannot be measured, with the module that is not installed."""

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers.values():
            worker.close()
        self._directory.cleanup()

    def warm_up(self) -> None:
        """Let each client import what it needs and open its connections."""
        tasks = (Task("", "call", 3), Task("", "acall", 3), Task("", "astream", 3, "20/0/keep"))
        for name, worker in list(self._workers.items()):
            answers = [worker.ask(self._limit, **self._asked(task, 0)) for task in tasks]
            missing = next((each["missing"] for each in answers if "missing" in each), None)
            if missing:
                self.missing[name] = missing
                self._workers.pop(name).close()

    def measure(self, task: Task, rounds: int | None) -> dict[str, Result]:
        """Let every client do *task*, in turns."""
        results = {name: Result() for name in self._workers}
        for number in range(task.rounds if rounds is None else min(rounds, task.rounds)):
            if number and time.monotonic() > self._ends:
                break
            # Whoever comes first or after whom is not the same in every round.
            turn = number % len(results)
            names = list(results)
            for name in names[turn:] + names[:turn]:
                self._once(task, number, name, results[name])
        return results

    def _once(self, task: Task, number: int, name: str, result: Result) -> None:
        if result.trouble is not None:
            result.seconds.append(None)
            return
        answer = self._workers[name].ask(self._limit, **self._asked(task, number))
        spent = answer.get("seconds")
        result.seconds.append(None if spent is None else spent / task.count / task.units)
        result.trouble = answer.get("failed")
        if result.trouble is not None:
            # What is left of a client in trouble must not disturb the next task.
            self._workers[name].close()
            self._workers[name] = Worker(name, self._directory.name)

    def _asked(self, task: Task, number: int) -> dict[str, Any]:
        """*task* in words of `_worker.measure`; the URLs of many models are new in each round."""
        first, *others = [f"http://127.0.0.1:{port}" for port in self._ports]
        urls = [f"{other}/0/0/close/{number}/v1" for other in others]
        url = f"{first}/{task.path}/v1"
        return {"kind": task.kind, "count": task.count, "url": url, "urls": urls}


def ratio(ours: Result, peer: Result) -> float | None:
    """What *ours* cost of what *peer* did: the median of the rounds both have finished."""
    pairs = zip(ours.seconds, peer.seconds, strict=False)
    ratios = [one / other for one, other in pairs if one is not None and other is not None]
    return statistics.median(ratios) if ratios else None


def row(name: str, result: Result, peer: Result | None) -> dict[str, Any]:
    """What the table and the JSON say of one client."""
    finished = [each for each in result.seconds if each is not None]
    of_peer = ratio(result, peer) if peer else None
    return {
        "client": name,
        "microseconds": round(statistics.median(finished) * 1e6, 1) if finished else None,
        "of_peer": round(of_peer, 3) if of_peer is not None else None,
        "rounds": len(finished),
        "trouble": result.trouble,
    }


def show(task: Task, rows: Sequence[dict[str, Any]]) -> None:
    """Print one task's table."""
    goal = f"; goal: {task.goal:.2f} of {PEER}" if task.goal else ""
    print(f"\n{task.name}: CPU us each{goal}")
    for each in rows:
        spent = each["microseconds"]
        shown = f"{spent:12,.0f}" if spent is not None else f"{'-':>12}"
        part = f"{each['of_peer']:8.3f}" if each["of_peer"] is not None else f"{'':8}"
        print(f"  {each['client']:20}{shown}{part}  {each['trouble'] or ''}".rstrip(), flush=True)


@contextlib.contextmanager
def server() -> Iterator[list[int]]:
    """A canned server; its ports."""
    process = subprocess.Popen(
        [sys.executable, str(HERE / "_server.py"), str(1 + MODELS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout  # noqa: S101
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--many", action="store_true", help="5,000 streams at once, too")
    parser.add_argument("--json", action="store_true", help="print JSON, not tables")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="at most (default: %(default)s)")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds for one task")
    parser.add_argument("--tasks", nargs="*", help="only tasks whose name contains one of these")
    parser.add_argument("--clients", nargs="*", help="only these, and " + PEER, choices=CLIENTS)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = arguments()
    names = [name for name in CLIENTS if not given.clients or name in (PEER, *given.clients)]
    wanted = [word.lower() for word in given.tasks or [""]]
    tasks = [task for task in TASKS if any(word in task.name for word in wanted)]
    tasks += [MANY] if given.many else []
    report: dict[str, list[dict[str, Any]]] = {}
    with server() as ports, contextlib.closing(Run(names, ports, given.limit)) as run:
        run.warm_up()
        for task in tasks:
            results = run.measure(task, given.rounds)
            rows = [row(name, each, results.get(PEER)) for name, each in results.items()]
            report[task.name] = rows
            if not given.json:
                show(task, rows)
    if given.json:
        print(json.dumps({"tasks": report, "not_installed": run.missing}, indent=2))
    for name, module in run.missing.items():
        print(f"{name}: left out, {module} is not installed", file=sys.stderr)


if __name__ == "__main__":
    main()
