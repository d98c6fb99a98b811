"""The config file: every mistake is named with its file, line and key."""

from __future__ import annotations

import pickle
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.config import (
    Config,
    Model,
    When,
    default_config,
    keys,
    load_config,
    parse_config,
)
from globalapi_core.config.file import FILE_NAME, MAX_FILE
from globalapi_core.errors import ConfigError
from globalapi_core.settings import CONFIG_VARIABLE

MINIMAL = "routes:\n  - name: default\n    candidates: [gpt-4o]\n"


def problem(text: str) -> ConfigError:
    """The error of a file with this text."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file="f.yaml")
    return caught.value


def test_minimal_file() -> None:
    """One route is a whole config; the rest has defaults."""
    config = parse_config(MINIMAL)

    assert [route.name for route in config.routes] == ["default"]
    assert config.attempts.max_retries == 1
    assert config.gateway.base_url is None


def test_one_value_stands_for_a_list() -> None:
    """Where a list is expected one value will do."""
    config = parse_config(
        "routes:\n"
        "  - {name: a, when: {modality: image, tags: x, metadata: {k: v}}, candidates: gpt-4o}\n"
        "  - {name: b, candidates: gpt-4o}\n"
    )

    when = config.routes[0].when
    assert when is not None
    assert (when.modality, when.tags, when.metadata) == (["image"], ["x"], {"k": ["v"]})
    assert config.routes[0].candidates == ["gpt-4o"]


def test_tests_are_read() -> None:
    """A test's input is a text or messages; what it does not say has defaults."""
    config = parse_config(
        MINIMAL + "tests:\n  - {input: 退款, json: true, expect: {model: gpt-4o}}\n"
        "  - input: [{role: system, content: be brief}, {role: user, content: hi}]\n"
        "    expect: {route: [default], not_model: glm-5}\n"
    )

    first, second = config.tests
    assert first.input == [{"role": "user", "content": "退款"}]
    assert (first.wants_json, first.expect.model) == (True, ["gpt-4o"])
    assert [each["role"] for each in second.input] == ["system", "user"]
    assert (second.tools, second.expect.not_model) == (False, ["glm-5"])


def test_words_stay_words() -> None:
    """`no` and `off` are words, as in YAML 1.2, not false."""
    config = parse_config(
        "routes:\n  - {name: no, when: {keywords: [no, off, on, y]}, candidates: gpt-4o}\n"
        "  - {name: off, candidates: gpt-4o}\n"
    )

    assert [route.name for route in config.routes] == ["no", "off"]
    assert config.keywords == {"no", "off", "on", "y"}


def test_prices_stay_exact() -> None:
    """A price is the decimal that is written, not the binary number near it."""
    config = parse_config(
        MINIMAL + "models:\n  gpt-4o: {input_mtok: 0.1, output_mtok: '0.30', cache_read_mtok: 0}\n"
    )

    price = config.catalog.resolve("gpt-4o").price
    assert (price.input_mtok, price.output_mtok) == (Decimal("0.1"), Decimal("0.30"))
    assert price.cache_read_mtok == 0


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("rutes: []\n" + MINIMAL, 1, "rutes", "did you mean 'routes'? allowed: alerts,"),
        (MINIMAL + "    chose: cheapest\n", 4, "routes[0].chose", "did you mean 'choose'"),
        (MINIMAL + "attempts:\n  max_retrys: 1\n", 5, "attempts.max_retrys", "'max_retries'"),
        (MINIMAL + "attempts: {max_retries: -1}\n", 4, "attempts.max_retries", "greater than"),
        (MINIMAL + "attempts: {max_retries: 99}\n", 4, "attempts.max_retries", "less than"),
        (MINIMAL + "attempts: {max_attempts: 0}\n", 4, "attempts.max_attempts", "greater than"),
        (MINIMAL + "attempts: {timeout: .nan}\n", 4, "attempts.timeout", "finite"),
        (MINIMAL + "attempts: {timeout: .inf}\n", 4, "attempts.timeout", "finite"),
        (MINIMAL + "attempts: {timeout: 0}\n", 4, "attempts.timeout", "greater than 0"),
        (MINIMAL + "attempts: {timeout: 1e9}\n", 4, "attempts.timeout", "less than"),
        (MINIMAL + "attempts: {timeout: soon}\n", 4, "attempts.timeout", "not 'soon'"),
        (MINIMAL + "attempts: {cooldown: []}\n", 4, "attempts.cooldown", "not a list"),
        (MINIMAL + "attempts: soon\n", 4, "attempts", "expected a mapping, not 'soon'; allowed: c"),
        (MINIMAL + "    shadow: glm-5\n", 4, "routes[0].shadow", "allowed: budget, model, share"),
        (MINIMAL + "tiers: {a: []}\n", 4, "tiers.a", "expected at least 1, not 0"),
        (MINIMAL + "models:\n  gpt-4o: {input_mtok: .nan}\n", 5, "models.gpt-4o.input_mtok", ""),
        (MINIMAL + "models:\n  gpt-4o: {input_mtok: -1}\n", 5, "models.gpt-4o.input_mtok", ""),
        (MINIMAL + "models:\n  gpt-4o: {input_mtok: 1e400}\n", 5, "models.gpt-4o.input_mtok", ""),
        (MINIMAL + "models:\n  gpt-4o: {input_mtok: true}\n", 5, "models.gpt-4o.input_mtok", ""),
        (MINIMAL + "models:\n  gpt-4o: {input_mtok: free}\n", 5, "models.gpt-4o.input_mtok", ""),
        (MINIMAL + "models:\n  gpt-4o: {tools: maybe}\n", 5, "models.gpt-4o.tools", "'maybe'"),
        (MINIMAL + "models: {glm-5: {context_window: 7}}\n", 4, "models.glm-5.context_window", ""),
        (MINIMAL + "models: {glm-5: {modalities: x}}\n", 4, "models.glm-5.modalities[0]", "text"),
        (MINIMAL + "models:\n  gpt-4o: {price: 1}\n", 5, "models.gpt-4o.price", "input_mtok"),
        (MINIMAL + "aliases: {a: gpt-5o}\n", 4, "aliases.a", "'gpt-5o'; did you mean 'gpt-4o'"),
        (MINIMAL + "aliases: {a: 1}\n", 4, "aliases.a", "string"),
        (MINIMAL + "version: 2\n", 4, "version", "not 2"),
        (MINIMAL + "file: x\n", 4, "file", "unknown key"),
        (MINIMAL + "1: x\n", 4, "[1]", "string"),
        (MINIMAL.replace("gpt-4o", "gpt4"), 3, "routes[0].candidates[0]", "'gpt-4o'"),
        (MINIMAL.replace("gpt-4o", "gpt-4o, x-1"), 3, "routes[0].candidates[1]", "under 'models'"),
        (MINIMAL.replace("gpt-4o", ""), 3, "routes[0].candidates", "at least 1"),
        (
            MINIMAL.replace("gpt-4o", "deepseek-chat, deepseek-v4-flash"),
            3, "routes[0].candidates[1]", "'deepseek-v4-flash' is listed already",
        ),
        (MINIMAL.replace("name: default", "name: ''"), 2, "routes[0].name", "at least 1"),
        ("routes: []\n", 1, "routes", "at least 1"),
        ("routes: {name: x, candidates: gpt-4o}\n", 1, "routes", "list, not a mapping"),
        ("routes:\n  - name: x\n", 2, "routes[0].candidates", "give candidates, or a"),
        (MINIMAL + "    params: {model: x}\n", 4, "routes[0].params.model", "each call"),
        (MINIMAL + "    params: {messages: []}\n", 4, "routes[0].params.messages", "each call"),
        (MINIMAL + "    when: {language: no}\n", 4, "routes[0].when.language[0]", "not 'no'"),
        (MINIMAL + "    when: {keywords: ['']}\n", 4, "routes[0].when.keywords[0]", "at least 1"),
        (MINIMAL + "    when: {tools: true}\n", 4, "routes[0].when", "must have no 'when'"),
        (
            "routes:\n  - {name: a, when: {tools: true}, candidates: gpt-4o}\n"
            "  - {name: a, candidates: gpt-4o}\n",
            3, "routes[1].name", "another route is named 'a' too",
        ),
        (
            MINIMAL + MINIMAL[8:].replace("default", "b"), 2, "routes[0]", "no later route can",
        ),
        (MINIMAL + "tests: [{input: hi}]\n", 4, "tests[0].expect", "field required"),
        (MINIMAL + "tests: [{input: [], expect: {}}]\n", 4, "tests[0].input", "expected text"),
        (
            MINIMAL + "tests: [{input: [{role: user, content: 5}], expect: {route: default}}]\n",
            4, "tests[0].input", "expected text, or a list of messages with role and content",
        ),
        (
            MINIMAL + "tests: [{input: [{role: user, content: [5]}], expect: {route: default}}]\n",
            4, "tests[0].input", "expected text",
        ),
        (
            MINIMAL + "tests: [{input: [{role: user, tool_calls: 5}], expect: {route: default}}]\n",
            4, "tests[0].input", "expected text",
        ),
        (MINIMAL + "tests: [{input: hi, expect: {}}]\n", 4, "tests[0].expect", "nothing is exp"),
        (
            MINIMAL + "tests: [{input: hi, jsn: true, expect: {route: default}}]\n",
            4, "tests[0].jsn", "did you mean 'json'?",
        ),
        (
            MINIMAL + "tests: [{input: hi, expect: {model: gpt-4p}}]\n",
            4, "tests[0].expect.model", "unknown model 'gpt-4p'; did you mean 'gpt-4o'",
        ),
        (
            MINIMAL + "tests: [{input: hi, expect: {route: defalt}}]\n",
            4, "tests[0].expect.route", "unknown route 'defalt'; did you mean 'default'?",
        ),
        (
            MINIMAL + "tests: [{input: hi, expect: {rute: default}}]\n",
            4, "tests[0].expect.rute", "did you mean 'route'? allowed: model, not_model, route",
        ),
        (MINIMAL + "attempts: {timeout: 1}\nattempts: {timeout: 2}\n", 5, None, "duplicate key"),
        ("routes:\n\t- a\n", 2, None, "not YAML"),
        ("version: !!int abc\nroutes: []\n", None, None, "not YAML: a value cannot be read"),
        ("a: b: c\n", 1, None, "not YAML"),
        ("routes: [\n", 2, None, "not YAML"),
        ("", None, None, "keys such as 'routes'"),
        ("null\n", None, None, "keys such as 'routes'"),
        ("- a\n- b\n", None, None, "keys such as 'routes'"),
        ("hello\n", None, None, "keys such as 'routes'"),
        ("routes: \x00\n", None, None, "not YAML"),
    ],
)  # fmt: skip
def test_mistake_is_named(text: str, line: int | None, key: str | None, says: str) -> None:
    """A mistake is shown with file, line and key, what was expected and what may be meant."""
    error = problem(text)

    assert (error.file, error.key) == ("f.yaml", key)
    assert error.line == line
    assert says in str(error)
    assert str(error).startswith(f"f.yaml:{line}: " if line else "f.yaml: ")


@pytest.mark.parametrize("key", ["api_key: ga_canary\n", "gateway: {api_key: ga_canary}\n"])
def test_key_in_the_file(key: str) -> None:
    """A key does not belong in the file; the error says where it does, and does not show it."""
    error = problem(MINIMAL + key)

    assert "GLOBAL_API_KEY" in str(error)
    assert "ga_canary" not in str(error)


SECRET = "sk-proj-4f8a1c9e7b2d6053"


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL + f"    params: {{user: {SECRET}}}\n",
        MINIMAL + f"    params: {{{SECRET}: 1}}\n",
        MINIMAL + f"aliases: {{{SECRET}: gpt-4o}}\n",
        MINIMAL + f"gateway: {{base_url: 'https://me:{SECRET}@example.com/v1'}}\n",
        MINIMAL + "gateway: {base_url: 'https://me:hunter2@example.com/v1'}\n",
        MINIMAL + f"attempts: {{timeout: {SECRET}}}\n",
        MINIMAL + f"{SECRET}: 1\n",
        MINIMAL.replace("gpt-4o", SECRET),
        MINIMAL + f"a: {SECRET}: {SECRET}\n",
        MINIMAL + f"{SECRET}: 1\n{SECRET}: 2\n",
    ],
)
def test_secret_in_the_file_is_refused_and_not_shown(text: str) -> None:
    """Wherever a secret stands in the file, the error says so and does not repeat it."""
    error = problem(text)

    assert SECRET not in f"{error} {error!r} {error.key}"
    assert "hunter2" not in f"{error} {error!r}"


@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        "sk-ant-api03-0123456789abcdef",
        "ga_xxxxxxxxxxxx",
        "ghp_0123456789abcdef0123456789abcdef0123",
        "AKIA0123456789ABCDEF",
        "0123456789abcdef0123456789abcdef.AbCdEf0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln",
    ],
)
def test_key_of_any_vendor_is_known_by_its_looks(secret: str) -> None:
    """The keys of models' vendors and of others are known, and masked in a sentence."""
    assert keys.masked(f"key {secret}, please") == "key ***, please"
    assert list(keys.lines(f"a: 1\nb: {secret}\n")) == [2]


@pytest.mark.parametrize(
    "text",
    ["gpt-4o-mini", "ga-standard", "claude-3-5-sonnet-latest", "Pro/deepseek-ai/DeepSeek-V3.2",
     "https://global-apis.com/v1", "ask-the-librarian", "退款怎么办", "task_type: creative"],
)  # fmt: skip
def test_name_is_not_taken_for_a_key(text: str) -> None:
    """Names of models, addresses and words are no secrets."""
    assert keys.masked(text) == text


def test_prompt_of_a_test_may_hold_a_key_made_up() -> None:
    """A test of what happens to a prompt with a key in it can be written."""
    text = MINIMAL + f"tests:\n  - {{input: 'is {SECRET} mine?', expect: {{route: default}}}}\n"

    assert parse_config(text).tests


def test_every_mistake_is_listed() -> None:
    """All mistakes of a file are told at once, each on a line with its place."""
    text = "rutes: 1\nattempts: {timeout: -1}\nroutes:\n  - {name: a, candidates: [x-1, y-2]}\n"

    lines = str(problem(text)).splitlines()

    assert [each.split(": ")[0] for each in lines] == ["f.yaml:1", "f.yaml:2"] + ["f.yaml:4"] * 2


def test_entry_that_cannot_be_read_hides_no_other() -> None:
    """A route and a test that are no such things hide nothing, and shift no line."""
    text = (
        "routes:\n  - 5\n  - {name: a, when: {tolls: true}, candidates: gpt-4p}\n"
        "  - {name: b, candidates: [gpt-4o, gpt-4o]}\n"
        "tests:\n  - {input: 7, expect: {route: b}}\n  - {input: hi, expect: {}}\n"
    )

    found = str(problem(text)).splitlines()

    assert [each.split(": ")[:2] for each in found] == [
        ["f.yaml:2", "routes[0]"],
        ["f.yaml:3", "routes[1].when.tolls"],
        ["f.yaml:3", "routes[1].candidates[0]"],
        ["f.yaml:4", "routes[2].candidates[1]"],
        ["f.yaml:6", "tests[0].input"],
        ["f.yaml:7", "tests[1].expect"],
    ]


def test_misspelt_condition_is_not_taken_for_none() -> None:
    """A `when` that could not be read is not said to fire always as well."""
    text = (
        "routes:\n  - {name: a, when: {tolls: true}, candidates: gpt-4o}\n"
        "  - {name: b, candidates: gpt-4o}\n"
    )

    assert len(str(problem(text)).splitlines()) == 1


def test_many_mistakes_are_cut() -> None:
    """A file of nothing but mistakes does not fill the screen."""
    lines = str(problem("routes:\n" + "  - 1\n" * 5_000)).splitlines()

    assert len(lines) == 21
    assert lines[-1] == "and 4980 more"


def test_anchors_that_multiply() -> None:
    """Anchors that stand for a billion values cost neither time nor a message as long."""
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        text += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    started = time.thread_time()

    error = problem(text + "routes: *a11\n")

    assert time.thread_time() - started < 2
    assert len(str(error)) < 5_000


@pytest.mark.parametrize("text", ["routes: &r\n  - *r\n", "&a routes: *a\n", "routes: *nothing\n"])
def test_anchors_that_go_round(text: str) -> None:
    """An anchor that holds itself, or is missing, is a mistake like any other."""
    assert problem(text)


def test_deep_nesting() -> None:
    """A file nested too deeply is a mistake like any other."""
    assert "nested" in str(problem("routes: " + "[" * 700 + "]" * 700))


def test_python_objects_are_not_made() -> None:
    """A tag that names a Python object makes none."""
    assert problem("routes: !!python/object/apply:os.getcwd []\n")


@given(st.text(alphabet="abr:-[]{}&*!|>'\"#\n \t,?%@`~.0é你", max_size=60))
def test_any_text_is_a_config_or_an_error(text: str) -> None:
    """Whatever a file holds, nothing but a `ConfigError` comes of it."""
    try:
        parse_config(text)
    except ConfigError:
        return

    assert "routes" in text


# --- finding and reading the file -------------------------------------------------------


def test_file_by_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, then environment, then the working directory, then the shipped default."""
    for name in ("arg.yaml", "env.yaml", FILE_NAME):
        (tmp_path / name).write_text(MINIMAL.replace("default", name))
    found = []

    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "env.yaml"))
    found.append(load_config(tmp_path / "arg.yaml").routes[0].name)
    found.append(load_config().routes[0].name)
    monkeypatch.delenv(CONFIG_VARIABLE)
    found.append(load_config().routes[0].name)
    (tmp_path / FILE_NAME).unlink()
    found.append(load_config().routes[0].name)

    assert found == ["arg.yaml", "env.yaml", FILE_NAME, "vision"]


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is a typed error that names it."""
    with pytest.raises(ConfigError, match=r"nothing\.yaml: cannot read.*No such file"):
        load_config(tmp_path / "nothing.yaml")


def test_directory_in_place_of_a_file(tmp_path: Path) -> None:
    """A directory is no file."""
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    """A file with a byte order mark, as some editors write, is read."""
    file = tmp_path / "c.yaml"
    file.write_text(MINIMAL.replace("default", "默认"), encoding)

    assert load_config(file).routes[0].name == "默认"


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "latin-1"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    """A file in another encoding is refused with what to do."""
    file = tmp_path / "c.yaml"
    file.write_text(MINIMAL + "# é é", encoding)

    with pytest.raises(ConfigError, match=r"c\.yaml: .*UTF-8"):
        load_config(file)


def test_huge_file(tmp_path: Path) -> None:
    """A file of ten megabytes is refused at once: it is no config file."""
    file = tmp_path / "c.yaml"
    file.write_bytes(b"# comment\n" * MAX_FILE)
    started = time.thread_time()

    with pytest.raises(ConfigError, match="larger than"):
        load_config(file)

    assert time.thread_time() - started < 1


# --- hot paths --------------------------------------------------------------------------


def test_shipped_default_is_read_once() -> None:
    """The shipped config is one object for the process, and so is its catalog."""
    assert default_config() is default_config() is load_config()
    assert default_config().catalog is default_config().catalog


def test_hot_paths_are_computed_once() -> None:
    """What every call asks of a config is computed once."""
    config = parse_config(
        "routes:\n  - {name: a, when: {keywords: x}, candidates: gpt-4o}\n"
        "  - {name: b, candidates: gpt-4o}\n"
    )
    when = config.routes[0].when

    assert when is not None
    assert config.catalog is config.catalog
    assert config.keywords is config.keywords
    assert when.conditions is when.conditions


def test_config_is_frozen_and_pickles() -> None:
    """A config cannot be changed, and survives pickling."""
    config = parse_config(MINIMAL + "models: {gpt-4o: {input_mtok: 0.1}}\n", file="f.yaml")
    assert config.catalog

    again = pickle.loads(pickle.dumps(config))  # noqa: S301

    assert again == config
    assert again.catalog.resolve("gpt-4o").price.input_mtok == Decimal("0.1")
    with pytest.raises(ValueError, match="frozen"):
        config.version = 1


def test_every_condition_can_be_checked() -> None:
    """Every key of `when` has a rule that decides it."""
    from globalapi_core.conditions import CONDITIONS

    assert set(When.model_fields) == set(CONDITIONS)


def test_every_model_field_reaches_the_catalog() -> None:
    """Every key of a model in the file corrects a field of the catalog's model."""
    from dataclasses import fields

    from globalapi_core.catalog import ModelInfo
    from globalapi_core.pricing import Price

    known = {each.name for each in (*fields(ModelInfo), *fields(Price))}
    assert set(Model.model_fields) <= known


def test_shipped_default_names_known_models() -> None:
    """Every candidate of the shipped default is a model of the catalog with a price for output."""
    config: Config = default_config()

    for route in config.routes:
        for name in route.candidates:
            assert config.catalog.resolve(name).price.output_mtok is not None


def test_file_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is not there is told with the variable that named it."""
    monkeypatch.setenv(CONFIG_VARIABLE, "absent.yaml")

    with pytest.raises(ConfigError, match="that GLOBAL_API_CONFIG names"):
        load_config()
