"""What importing costs, as whole processes, beside `import openai`.

Runs of each command alternate, so that a machine that slows down slows all of them; the
medians of user and system time are compared. Prints a table.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

PEER = ("import openai", [sys.executable, "-c", "import openai"])
COMMANDS = (
    ("python, nothing imported", [sys.executable, "-c", "pass"]),
    PEER,
    ("import globalapi_core", [sys.executable, "-c", "import globalapi_core"]),
    ("globalapi --help", [sys.executable, "-m", "globalapi_core", "--help"]),
    ("import langchain_globalapi", [sys.executable, "-c", "import langchain_globalapi"]),
    (
        "import langchain_core.language_models.chat_models",
        [sys.executable, "-c", "import langchain_core.language_models.chat_models"],
    ),
    ("import langchain_openai", [sys.executable, "-c", "import langchain_openai"]),
    ("import llamaindex_globalapi", [sys.executable, "-c", "import llamaindex_globalapi"]),
    ("import llama_index.core", [sys.executable, "-c", "import llama_index.core"]),
)
ROUNDS = 9


def cpu_seconds(command: list[str]) -> float | None:
    """User and system time of one run; `None` if it failed."""
    before = os.times()
    done = subprocess.run(command, capture_output=True, check=False)
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    return spent if done.returncode == 0 else None


def main() -> None:
    """Measure and print."""
    runs: dict[str, list[float]] = {name: [] for name, _ in COMMANDS}
    for number in range(1 + ROUNDS):
        for name, command in COMMANDS:
            spent = cpu_seconds(command)
            if spent is not None and number:  # the first round warms the disk
                runs[name].append(spent)
    peer = statistics.median(runs[PEER[0]]) if runs[PEER[0]] else float("nan")
    print(f"{'':52} CPU seconds (median of {ROUNDS})   of `import openai`")
    for name, spent in runs.items():
        if spent:
            median = statistics.median(spent)
            print(f"{name:52} {median:10.3f} {median / peer:33.2f}")
        else:
            print(f"{name:52} not installed")


if __name__ == "__main__":
    main()
