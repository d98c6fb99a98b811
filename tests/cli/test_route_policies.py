"""What `globalapi route` and `globalapi explain` show of policies."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from .conftest import Run

FILE = """
policies:
  - {name: home, when: {tags: pii}, origins: us}
  - {name: cap, max_cost: 0.02}
  - {name: overseas, when: {tags: other}, origins: cn}
routes:
  - {name: rest, candidates: [glm-5, gpt-4o], params: {max_tokens: 500}}
"""


@pytest.mark.parametrize("command", ["route", "explain"])
def test_policies_are_shown(run: Run, config: Callable[[str], str], command: str) -> None:
    """Those in force are named, and each model turned down with the policy that did."""
    shown = run(command, "--config", config(FILE), "--tag", "pii", "hello").stdout

    assert "home" in shown
    assert "cap" in shown
    assert "overseas" not in shown
    line = next(each for each in shown.splitlines() if "its origin is cn, not us" in each)
    assert "glm-5" in line
    assert "home" in line


def test_ceiling_is_shown(run: Run, config: Callable[[str], str]) -> None:
    """What the call may come to by its policies is told."""
    shown = run("route", "--config", config(FILE), "hello").stdout

    assert "policies in force: cap, $0.02 at most" in shown


def test_policies_are_in_the_json(run: Run, config: Callable[[str], str]) -> None:
    """A program reads the names of the policies and the ceiling."""
    document = json.loads(run("route", "--config", config(FILE), "--json", "hello").stdout)

    assert (document["policies"], document["max_cost"]) == (["cap"], "0.02")


@pytest.mark.parametrize("command", ["route", "explain"])
def test_call_that_is_forbidden(run: Run, config: Callable[[str], str], command: str) -> None:
    """Where nobody is allowed the error says which policy forbids whom."""
    result = run(command, "--config", config(FILE), "--tag", "pii", "--model", "glm-5", "hello")

    assert result.exit_code != 0
    assert "glm-5: its origin is cn, not us (policy 'home')" in " ".join(result.stderr.split())
