"""`globalapi init`: templates that work, and no file of the user's written over."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from globalapi_core.cli.init import TEMPLATES
from globalapi_core.config import load_config

from .conftest import Run

FILE = Path("globalapi.yaml")


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_passes_its_own_tests(run: Run, template: str) -> None:
    """Each template comes with thirty tests or more, in both languages, and they are green."""
    written = run("init", "--template", template)
    result = run("test", "--json")

    told = json.loads(result.stdout)
    inputs = [each["input"] for each in told["results"]]
    assert written.exit_code == 0
    assert [each for each in told["results"] if not each["passed"]] == []
    assert told["tests"] >= 30
    assert sum(each.isascii() for each in inputs) >= 10
    assert sum(any("\u4e00" <= char <= "\u9fff" for char in each) for each in inputs) >= 8


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_has_no_error_and_every_route_is_tested(run: Run, template: str) -> None:
    """What we ship passes our own check, and each of its routes is what some test expects."""
    run("init", "--template", template)
    document = json.loads(run("check", "--json").stdout)
    tests = json.loads(run("test", "--json").stdout)["results"]

    told = {each["message"] for each in document["findings"] if "price" not in each["message"]}
    assert (document["ok"], told) == (True, set())
    assert {each["route"] for each in tests} == {route.name for route in load_config().routes}


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_follows_the_schema(run: Run, template: str) -> None:
    """An editor that knows the schema finds nothing in what we ship."""
    run("init", "--template", template)
    schema = json.loads(run("check", "--schema").stdout)

    jsonschema.validate(YAML(typ="safe", pure=True).load(FILE.read_text("utf-8")), schema)


def test_file_there_is_written_over_by_force_alone(run: Run) -> None:
    """A file of the user's is kept unless they say so."""
    FILE.write_text("mine")

    refused = run("init", "--template", "rag")
    kept = FILE.read_text()
    forced = run("init", "--template", "rag", "--force")

    assert (refused.exit_code, kept) == (2, "mine")
    assert "globalapi.yaml is there already; --force writes over it" in refused.stderr
    assert forced.exit_code == 0
    assert load_config().routes


def test_output_names_another_file(run: Run, tmp_path: Path) -> None:
    """`--output` writes where it is told, and says what was written."""
    file = tmp_path / "mine.yaml"

    result = run("init", "--template", "tiers", "--output", str(file))

    assert result.stdout == (
        f"wrote {file}: 7 routes, 34 tests; "
        f"try `globalapi check {file}` and `globalapi test {file}`\n"
    )
    assert not FILE.exists()


def test_json_says_what_was_written(run: Run) -> None:
    """`--json` gives the file and its counts; with `--list`, each template and its purpose."""
    written = json.loads(run("init", "-t", "tiers", "--json").stdout)
    templates = json.loads(run("init", "--list", "--json").stdout)

    assert written == {"file": "globalapi.yaml", "template": "tiers", "routes": 7, "tests": 34}
    assert templates == TEMPLATES


def test_dash_is_stdout(run: Run) -> None:
    """`--output -` writes the file to stdout, nothing else, and to no file of that name."""
    shown = run("init", "-t", "tiers", "-o", "-").stdout
    run("init", "-t", "tiers")

    assert shown == FILE.read_text("utf-8")
    assert not Path("-").exists()


def test_tiers_are_flipped_by_one_setting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bulk goes to the other tier by the environment or by an edit; the tests stay green."""
    run("init", "--template", "tiers")

    def model(prompt: str) -> str:
        return str(json.loads(run("route", prompt, "--json").stdout)["candidates"][0])

    before = model("Thank you!"), model("退款")
    monkeypatch.setenv("GLOBAL_API_TIER", "premium")
    by_environment = model("Thank you!"), model("退款"), run("test").exit_code
    monkeypatch.delenv("GLOBAL_API_TIER")
    FILE.write_text(FILE.read_text("utf-8").replace("\ntier: volume", "\ntier: premium"), "utf-8")

    assert before == ("deepseek-v4-flash", "glm-5")
    assert by_environment == ("gpt-4o", "glm-5", 0)
    assert model("Thank you!") == "gpt-4o"


def test_templates_are_listed(run: Run) -> None:
    """`--list` names each template and what it is for, and writes nothing."""
    result = run("init", "--list")

    assert all(f"{name} " in result.stdout for name in TEMPLATES)
    assert not FILE.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--template", "ragg"), "unknown template 'ragg'; there are cto, tiers, rag"),
        (("--output", "absent/globalapi.yaml"), "cannot write absent/globalapi.yaml: No such"),
        (("--output", "/"), "cannot write /: it is a directory"),
        (("--output", "/", "--force"), "cannot write /: it is a directory"),
        (("--output", ""), "expected the name of a file"),
        (("--output", "-", "--json"), "--json or --output -, not both"),
    ],
)
def test_wrong_input_is_misuse(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """A name that is none and a place that is none end in 2."""
    result = run("init", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())
