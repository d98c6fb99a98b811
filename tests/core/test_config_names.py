"""Names in a file that must be known, and keys that need others."""

from __future__ import annotations

import pytest

from globalapi_core.config import parse_config
from globalapi_core.errors import ConfigError

REST = "routes:\n  - name: rest\n    candidates: [deepseek-v4-flash, gpt-4o]\n"


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (REST + "    split: {shares: {gpt-4o: 1, glm-5: 1}}\n", "routes[0].split.shares.glm-5",
         "'glm-5' is no candidate of this route"),
        (REST + "    split: {shares: {gpt-4o: 1}}\n", "routes[0].split.shares", "at least 2"),
        (REST + "    split: {shares: {gpt-4o: 1, deepseek-v4-flash: 0}}\n",
         "routes[0].split.shares.deepseek-v4-flash", "greater than 0"),
        (REST + "    target_share: {glm-5: 0.2}\n", "routes[0].target_share.glm-5",
         "'glm-5' is no candidate of this route"),
        (REST + "    target_share: {gpt-4o: 20}\n", "routes[0].target_share.gpt-4o",
         "less than or equal to 1"),
        (REST + "    target_share: {gpt-4o: 0.2, deepseek-v4-flash: 0.2}\n",
         "routes[0].target_share", "at most 1"),
        ("routes: [{name: a, candidates: gpt-4o, target_share: {gpt-4o: 0.2}}]\n",
         "routes[0].target_share", "a share is one of several models"),
        (REST + "    need_above: 0.1\n", "routes[0].need_above", "belongs to a target_share"),
        (REST + "    shadow: {model: glm-55, budget: {usd: 1}}\n", "routes[0].shadow.model",
         "did you mean 'glm-5'"),
        (REST + "    shadow: {model: glm-5}\n", "routes[0].shadow.budget", "field required"),
        (REST + "    escalate: [refusals]\n", "routes[0].escalate[0]", "'refusal'"),
        (REST + "    tier: cheap\n", "routes[0].tier", "no tier is named 'cheap'; tiers: none"),
        ("tiers: {cheap: [glm-5], dear: [gpt-4o]}\ntier: cheep\n" + REST, "tier",
         "did you mean 'cheap'"),
        ("tiers: {cheap: [glm-55]}\n" + REST, "tiers.cheap[0]", "did you mean 'glm-5'"),
        ("tiers: {cheap: [glm-5]}\n" + REST + "    tier: cheap\n", "routes[0].tier",
         "candidates or a tier, not both"),
        ("policies: [{name: a}]\n" + REST, "policies[0]", "forbids nothing"),
        ("policies: [{name: a, origins: us}, {name: a, origins: cn}]\n" + REST,
         "policies[1].name", "another policy is named 'a'"),
        ("policies: [{name: a, models: [glm-55]}]\n" + REST, "policies[0].models[0]",
         "did you mean 'glm-5'"),
        ("policies: [{name: a, not_models: ['openai/*']}]\n" + REST, "policies[0].not_models[0]",
         "would be every model"),
        ("policies: [{name: a, origin: us}]\n" + REST, "policies[0].origin",
         "did you mean 'origins'"),
        ("policies: [{name: a, unless: {tag: x}, origins: us}]\n" + REST,
         "policies[0].unless.tag", "did you mean 'tags'"),
        ("policies: [{name: a, unless: {}, origins: us}]\n" + REST, "policies[0].unless",
         "for every call, and so the policy for none"),
        ("policies: [{name: a, when: {tags: []}, origins: us}]\n" + REST,
         "policies[0].when.tags", "nothing is listed"),
        ("policies: [{name: a, not_models: []}]\n" + REST, "policies[0].not_models",
         "nothing is listed"),
        ("routes:\n  - {name: a, when: {metadata: {user: []}}, candidates: glm-5}\n"
         "  - {name: rest, candidates: glm-5}\n", "routes[0].when.metadata.user",
         "nothing is listed"),
        (REST + "    split: {shares: {gpt-4o: 1, deepseek-v4-flash: 1, GPT_4o: 1}}\n",
         "routes[0].split.shares.GPT_4o", "'gpt-4o' has a share already"),
        ("alerts: {shares: {no-such: [0, 1]}}\n" + REST, "alerts.shares.no-such",
         "unknown model 'no-such'. A model the catalog does not have"),
        ("alerts: {shares: {glm-55: [0, 1]}}\n" + REST, "alerts.shares.glm-55",
         "did you mean 'glm-5'"),
        ("alerts: {shares: {glm-5: [0, 8]}}\n" + REST, "alerts.shares.glm-5[1]",
         "less than or equal to 1"),
        ("tokenizers: claude\n" + REST, "tokenizers[0]", "'deepseek'"),
    ],
)  # fmt: skip
def test_mistake_is_named(text: str, key: str, says: str) -> None:
    """A name that is not known, or a key without what it needs, is shown at its place."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file="f.yaml")

    assert caught.value.key == key
    assert says in str(caught.value)
    assert caught.value.line is not None


def test_one_mistake_in_a_policy_is_one_problem() -> None:
    """A limit that cannot be read is no policy without one, and hides no other policy."""
    text = "policies:\n  - {name: a, origins: uk}\n  - {origins: us}\n"
    text += "  - {name: c, models: [glm-55]}\n"

    with pytest.raises(ConfigError) as caught:
        parse_config(text + REST, file="f.yaml")

    first, second, third = str(caught.value).splitlines()
    assert first.startswith("f.yaml:2: policies[0].origins[0]: input should be 'cn' or 'us'")
    assert second == "f.yaml:3: policies[1].name: field required"
    assert third.startswith("f.yaml:4: policies[2].models[0]: unknown model 'glm-55'")


TIERS = """
tiers: {budget: [deepseek-v4-flash, qwen3-32b], premium: [claude-3.5-sonnet, gpt-4o]}
tier: budget
routes:
  - {name: vip, when: {tags: vip}, tier: premium}
  - {name: own, when: {tags: own}, candidates: glm-5}
  - {name: rest}
"""


def candidates(text: str) -> dict[str, list[str]]:
    """The candidates of each route."""
    return {route.name: route.candidates for route in parse_config(text).routes}


def test_one_setting_flips_every_route_without_candidates() -> None:
    """The tier in force is that of every route with neither candidates nor a tier of its own."""
    premium = ["claude-3.5-sonnet", "gpt-4o"]

    assert candidates(TIERS) == {
        "vip": premium, "own": ["glm-5"], "rest": ["deepseek-v4-flash", "qwen3-32b"]
    }  # fmt: skip
    flipped = TIERS.replace("tier: budget", "tier: premium")
    assert candidates(flipped) == {"vip": premium, "own": ["glm-5"], "rest": premium}


def test_environment_flips_the_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    """`GLOBAL_API_TIER` goes before the file."""
    monkeypatch.setenv("GLOBAL_API_TIER", "premium")

    assert candidates(TIERS)["rest"] == ["claude-3.5-sonnet", "gpt-4o"]


def test_environment_names_no_tier_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tier that the file does not have is an error that names those it has."""
    monkeypatch.setenv("GLOBAL_API_TIER", "luxury")

    with pytest.raises(ConfigError, match=r"GLOBAL_API_TIER names 'luxury'.*budget, premium"):
        parse_config(TIERS)


def test_environment_is_not_for_files_without_tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has no tiers does not care for the variable."""
    monkeypatch.setenv("GLOBAL_API_TIER", "premium")

    assert candidates(REST) == {"rest": ["deepseek-v4-flash", "gpt-4o"]}


def test_changed_copy_goes_by_what_it_says() -> None:
    """Nothing that was worked out of a config is left in a copy with other routes."""
    config = parse_config(REST)
    assert (config.keywords, config.conditions, config.is_learned) == (frozenset(), (), False)
    other = parse_config(
        "routes: [{name: a, when: {keywords: refund}, candidates: glm-5, choose: quality},"
        " {name: b, candidates: glm-5}]"
    )

    copied = config.model_copy(update={"routes": other.routes})

    assert (copied.keywords, copied.is_learned) == (frozenset({"refund"}), True)
    assert config.keywords == frozenset()


def test_filled_config_can_be_read_again() -> None:
    """A config with tiers, dumped and read, is the same."""
    config = parse_config(TIERS)

    assert type(config).model_validate(config.model_dump(by_alias=True)) == config
