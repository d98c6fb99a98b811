"""The catalog: one model for each of its spellings, and honest about the rest."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.catalog import ASSUMED_CONTEXT_WINDOW, Catalog, Source, fold
from globalapi_core.errors import UnknownModelError

from .helpers import model

SOURCE = Source("a file", "")


@pytest.mark.parametrize(
    "spelling",
    ["Qwen/Qwen3-32B", "qwen3_32b", "QWEN3 32B", "  qwen3-32b ", "anything/at/all/qwen3-32b"],
)
def test_spellings_of_one_model(spelling: str) -> None:
    """Case, punctuation and an organisation's prefix do not tell models apart."""
    assert Catalog.default().resolve(spelling).name == "qwen3-32b"


def test_spelling_asked_for_is_kept() -> None:
    """A model knows by which spelling it was asked for."""
    assert Catalog.default().resolve("Qwen/Qwen3-32B").asked == "Qwen/Qwen3-32B"
    assert Catalog.default().get("own/Model").asked == "own/Model"


@pytest.mark.parametrize("name", ["qwen3:8b", "qwen3:32b", "deepseek-r1:7b", "gpt-4o:free"])
def test_tag_is_another_model(name: str) -> None:
    """A tag names a model of another kind of server: `qwen3:8b` is not Qwen3-8B."""
    assert name not in Catalog.default()
    assert not Catalog.default().get(name).known


@pytest.mark.parametrize("name", ["claude-3-5-sonnet-20241022", "gpt-4o-2024-08-06"])
def test_snapshot_is_another_model(name: str) -> None:
    """Whoever pins a dated snapshot gets that one."""
    assert name not in Catalog.default()
    assert Catalog.default().get(name).id == name


def test_unknown_name_suggests() -> None:
    """An unknown name is an error with near ones."""
    with pytest.raises(UnknownModelError, match=r"did you mean 'kimi-k2\.5'"):
        Catalog.default().resolve("moonshot-k25x")


@pytest.mark.parametrize(
    ("name", "near"),
    [("gpt4o", "gpt-4o"), ("deepseek-v4-flsh", "deepseek-v4-flash"), ("qwen3", None)],
)
def test_near_names(name: str, near: str | None) -> None:
    """Near names are real names, at most three, the likeliest first."""
    found = Catalog.default().near(name)

    assert 0 < len(found) <= 3
    assert all(each in Catalog.default() for each in found)
    assert near in (None, found[0])


@pytest.mark.parametrize("name", ["", "   ", "///", "模型", "zzzzzzzz", "🙂", "-", "x" * 100_000])
def test_name_of_nothing(name: str) -> None:
    """What names no model resolves to none, and is not folded into one."""
    assert name not in Catalog.default()
    with pytest.raises(UnknownModelError):
        Catalog.default().resolve(name)


def test_names_in_other_scripts() -> None:
    """Names in Chinese are told apart like any others."""
    catalog = Catalog.default().merged(
        {"通义-Max": {"context_window": 1_000}, "文心-Max": {"context_window": 2_000}}, {}, SOURCE
    )

    assert catalog.resolve("通义 max").window == 1_000
    assert catalog.resolve("文心max").window == 2_000
    assert "豆包" not in catalog


def test_assumed_facts_are_cautious() -> None:
    """Of a model that is not known, little is assumed and no price."""
    unknown = Catalog.default().get("never-heard-of")

    assert not unknown.known
    assert unknown.window == ASSUMED_CONTEXT_WINDOW
    assert unknown.output_limit <= unknown.window // 4
    assert unknown.tools is None
    assert unknown.accepts(["text"])
    assert not unknown.accepts(["image"])
    assert unknown.price.input_mtok is None
    assert unknown.seconds(100) is None


def test_correction_of_a_model() -> None:
    """A correction changes what it names, by any spelling, and cites its source."""
    catalog = Catalog.default().merged(
        {"Qwen/Qwen3-32B": {"input_mtok": Decimal("0.1"), "context_window": 64_000}}, {}, SOURCE
    )
    corrected, before = catalog.resolve("qwen3-32b"), Catalog.default().resolve("qwen3-32b")

    assert corrected.price.input_mtok == Decimal("0.1")
    assert corrected.price.output_mtok == before.price.output_mtok
    assert corrected.window == 64_000
    assert corrected.sources["context_window"] == SOURCE
    assert corrected.sources["tools"] == before.sources["tools"]
    assert len(catalog) == len(Catalog.default())


def test_new_model() -> None:
    """A model the catalog lacks is added under its name, and counts as known."""
    catalog = Catalog.default().merged({"my-model": {"tools": True}}, {}, SOURCE)

    assert catalog.resolve("My_Model").tools is True
    assert catalog.resolve("my-model").known
    assert len(catalog) == len(Catalog.default()) + 1


def test_own_aliases() -> None:
    """A user's own spelling comes before the catalog's."""
    catalog = Catalog.default().merged({}, {"gpt-4o": "qwen3-32b", "cheap": "glm-4-9b"}, SOURCE)

    assert catalog.resolve("GPT-4o").name == "qwen3-32b"
    assert catalog.resolve("cheap").name == "glm-4-9b"


def test_alias_keeps_what_it_stands_for() -> None:
    """An alias of an alias knows the spelling that a server can know."""
    aliases = {"cheap": "zai-org/GLM-5", "cheapest": "cheap"}
    catalog = Catalog.default().merged({}, aliases, SOURCE)

    assert catalog.resolve("Cheap").asked == "Cheap"
    assert catalog.resolve("Cheap").alias_of == "zai-org/GLM-5"
    assert catalog.resolve("cheapest").alias_of == "zai-org/GLM-5"
    assert catalog.resolve("zai-org/GLM-5").alias_of == ""


def test_alias_of_nothing() -> None:
    """An alias for an unknown model is an error."""
    with pytest.raises(UnknownModelError, match="nope"):
        Catalog.default().merged({}, {"a": "nope"}, SOURCE)


def test_variant_shares_the_id() -> None:
    """A thinking mode shares its id with its model; the id means the model."""
    catalog = Catalog.default()

    assert catalog.resolve("kimi-k2.5-thinking").id == catalog.resolve("kimi-k2.5").id
    assert catalog.resolve("kimi-k2.5").variant_of is None


def test_every_name_is_its_own() -> None:
    """No name of the catalog folds into another's."""
    names = [each.name for each in Catalog.default()]

    assert len({fold(each) for each in names}) == len(names)
    assert [Catalog.default().resolve(each).name for each in names] == names


@given(st.text(max_size=30))
def test_any_name_can_be_used(name: str) -> None:
    """Any text may name a model, and folding it twice changes nothing."""
    assert Catalog.default().get(name).asked == name
    assert fold(fold(name)) == fold(name)


def test_expected_time() -> None:
    """The expected time is that of the first token and of the rest."""
    assert model("m", tokens_per_second=50, ttft_ms=200).seconds(100) == pytest.approx(2.2)
    assert model("m", tokens_per_second=50).seconds(100) == pytest.approx(2.0)
    assert model("m", ttft_ms=200).seconds(100) is None


def test_default_catalog_is_read_once() -> None:
    """The shipped catalog is one object for the process."""
    assert Catalog.default() is Catalog.default()


def test_aliases_of_aliases_do_not_depend_on_who_asked_first() -> None:
    """Two spellings of one model are one, where an alias is another's target."""
    made = Catalog(
        Catalog.default().models,
        aliases={"mine": "deepseek-v4-flash", "deepseek-v4-flash": "glm-5"},
    )

    assert made.resolve("deepseek-v4-flash").name == made.resolve("DeepSeek-V4-Flash").name
