"""`globalapi models`."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from globalapi_core.catalog import Catalog

from .conftest import Run


def _line(text: str, name: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(f"{name} "))


def test_list_shows_every_model(run: Run) -> None:
    """The table has one line for each model of the catalog."""
    result = run("models", "list")

    names = [line.split()[0] for line in result.stdout.splitlines()[2:]]
    assert result.exit_code == 0
    assert names == [model.name for model in Catalog.default()]


def test_models_without_a_verb_lists(run: Run) -> None:
    """`models` and `models --can` are short for `models list`."""
    assert run("models").stdout == run("models", "list").stdout
    assert run("models", "--can", "image").stdout == run("models", "list", "--can", "image").stdout


def test_unknown_price_is_a_question_mark(run: Run) -> None:
    """A price no source states is shown as unknown, never as 0."""
    line = _line(run("models", "list").stdout, "deepseek-coder")

    assert line[3:5] == ["?", "0.25"]


def test_list_as_json_gives_prices_as_exact_text(run: Run) -> None:
    """JSON prices are the catalog's decimals as text, null where unknown."""
    models = json.loads(run("models", "list", "--json").stdout)

    for model, told in zip(Catalog.default(), models, strict=True):
        price = told["price"]
        assert told["name"] == model.name
        assert price["output_mtok"] is None or isinstance(price["output_mtok"], str)
        assert (price["input_mtok"] and Decimal(price["input_mtok"])) == model.price.input_mtok
        assert (price["output_mtok"] and Decimal(price["output_mtok"])) == model.price.output_mtok


def test_filters_hold_together(run: Run) -> None:
    """Only models that pass every filter are listed."""
    arguments = ("--family", "qwen", "--can", "tools", "--can", "image", "--json")
    models = json.loads(run("models", "list", *arguments).stdout)

    assert {"qwen3-vl-32b"} <= {model["name"] for model in models}
    assert all(model["family"] == "qwen" and model["tools"] for model in models)
    assert all("image" in model["modalities"] for model in models)


def test_unknown_capability_is_misuse(run: Run) -> None:
    """A capability that does not exist ends in 2 and names those that do."""
    result = run("models", "list", "--can", "fly")

    assert result.exit_code == 2
    assert "'tools'" in result.stderr


def test_show_cites_each_fact(run: Run) -> None:
    """Beside each fact stand its date and its source."""
    result = run("models", "show", "gpt-4o")

    source = Catalog.default().resolve("gpt-4o").sources["output_mtok"]
    line = next(each for each in result.stdout.splitlines() if each.startswith("output_mtok"))
    assert "10.00" in line
    assert source.date in line
    assert source.title in line


def test_show_takes_any_spelling(run: Run) -> None:
    """A spelling in circulation shows the model it means."""
    told = json.loads(run("models", "show", "moonshot-k2.5", "--json").stdout)

    assert told["name"] == "kimi-k2.5"
    assert told["sources"]["output_mtok"]["date"]


def test_show_of_an_unknown_name_suggests(run: Run) -> None:
    """An unknown name ends in 2 with near ones, on stderr alone."""
    result = run("models", "show", "kimi-k25x")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: unknown model 'kimi-k25x'; did you mean 'kimi-k2.5'")


def test_config_corrects_a_price(run: Run, config: Callable[[str], str]) -> None:
    """What the config file says of a model is what is shown, with the file as its source."""
    file = config("models: {gpt-4o: {output_mtok: 7.5}}\nroutes: [{name: all, candidates: gpt-4o}]")

    told = json.loads(run("models", "show", "gpt-4o", "-c", file, "--json").stdout)

    assert told["price"]["output_mtok"] == "7.5"
    assert told["sources"]["output_mtok"]["title"] == file
