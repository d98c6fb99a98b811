"""Where calls go and with which key: refused where the key or the prompt would be at risk."""

from __future__ import annotations

import copy
import pickle

import pytest

from globalapi_core.errors import ConfigError, InsecureURLError, MissingKeyError
from globalapi_core.settings import (
    BASE_URL_VARIABLE,
    GATEWAY_URL,
    KEY_VARIABLE,
    Endpoint,
    resolve,
)

OWN = "http://127.0.0.1:8000/v1"


def test_precedence_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, then environment, then file, then the gateway."""
    assert resolve(api_key="k").base_url == GATEWAY_URL
    assert resolve(file_url=OWN).base_url == OWN
    monkeypatch.setenv(BASE_URL_VARIABLE, "http://127.0.0.1:1/env")
    assert resolve(file_url=OWN).base_url == "http://127.0.0.1:1/env"
    assert resolve("http://127.0.0.1:1/arg", file_url=OWN).base_url == "http://127.0.0.1:1/arg"


def test_precedence_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's key goes before that of the environment."""
    monkeypatch.setenv(KEY_VARIABLE, "from-env")

    assert resolve().api_key == "from-env"
    assert resolve(api_key="from-arg").api_key == "from-arg"


def test_gateway_needs_a_key() -> None:
    """Without a key the gateway cannot be used, and the error says what can be done."""
    with pytest.raises(MissingKeyError, match=rf"{KEY_VARIABLE}.*globalapi sandbox"):
        resolve()


def test_own_server_needs_none() -> None:
    """A server of the user's own may do without a key."""
    assert resolve(OWN).api_key is None


def test_no_foreign_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key for another vendor is never taken for this gateway's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-foreign")

    with pytest.raises(MissingKeyError):
        resolve()


@pytest.mark.parametrize("key", ["", "   ", "\n"])
def test_empty_key_is_none(key: str) -> None:
    """An empty key is no key."""
    with pytest.raises(MissingKeyError):
        resolve(api_key=key)


@pytest.mark.parametrize("key", [" ga_1\n", "ga_1\r\n", "\tga_1 "])
def test_blanks_around_a_key(key: str) -> None:
    """Blanks around a key, as copying leaves them, are dropped."""
    assert resolve(api_key=key).api_key == "ga_1"


@pytest.mark.parametrize("key", ["ga 1", "ga\n1", "ga\r\nX-Evil: 1", "gä1", "“ga1”", "g\u200ba"])
def test_key_that_is_none(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that no header can carry is refused by its variable's name, and not shown."""
    monkeypatch.setenv(KEY_VARIABLE, key)

    with pytest.raises(ConfigError, match=KEY_VARIABLE) as caught:
        resolve()

    assert key not in str(caught.value)
    with pytest.raises(ConfigError, match="api_key"):
        resolve(api_key=key)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/v1",
        "http://localhost.example.org/v1",
        "http://127.0.0.1.example.org/v1",
        "http://192.168.0.1/v1",
        "http://0.0.0.0/v1",
        "http://[2001:db8::1]/v1",
        "http://2130706433/v1",
        "HTTP://Example.org/v1",
    ],
)
def test_plain_http_to_another_machine(url: str) -> None:
    """Plain http is refused off this machine: it would show key and prompts to all between."""
    with pytest.raises(InsecureURLError, match="https"):
        resolve(url, "k")


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "http://LOCALHOST/v1",
        "http://127.0.0.1/v1",
        "http://127.8.9.10/v1",
        "http://[::1]:8000/v1",
        "https://example.org/v1",
    ],
)
def test_url_that_may_be_used(url: str) -> None:
    """This machine by any of its names, and any other over https."""
    assert resolve(url, "k").base_url == url


@pytest.mark.parametrize(
    "url", ["https://example.org/v1/", "https://example.org/v1//", "  https://example.org/v1\n"]
)
def test_slashes_at_the_end(url: str) -> None:
    """A slash at the end and blanks around a URL do not matter."""
    assert resolve(url, "k").base_url == "https://example.org/v1"


@pytest.mark.parametrize(
    "url",
    [
        "example.org/v1",
        "ftp://example.org",
        "https://",
        "https:///v1",
        "file:///etc/passwd",
        "https://[::1",
        "https://example.org:port/v1",
        "https://example.org:99999/v1",
        "https://exa mple.org/v1",
        "https://example.org/\nv1",
        "https://example.org/\x00",
        "javascript:alert(1)",
    ],
)
def test_url_that_is_none(url: str) -> None:
    """What is no base URL is a typed error that shows one that is."""
    with pytest.raises(ConfigError, match=GATEWAY_URL):
        resolve(url, "k")


def test_where_a_wrong_url_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads of a wrong URL reads where it is: argument, variable or file."""
    with pytest.raises(ConfigError, match=r"gateway\.base_url of the config file: 'a b'"):
        resolve(file_url="a b")
    monkeypatch.setenv(BASE_URL_VARIABLE, "localhost:8000/v1")
    with pytest.raises(ConfigError, match=BASE_URL_VARIABLE):
        resolve(file_url=GATEWAY_URL)
    with pytest.raises(ConfigError, match="in base_url: 'ftp://x'"):
        resolve("ftp://x")


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@example.org/v1",
        "https://secret@example.org/v1",
        "ftp://me:secret@example.org/v1",
        "https://example.org/v1?key=secret",
        "https://example.org/v1#secret",
        "http://me:secret@[::1",
    ],
)
def test_url_with_a_secret(url: str) -> None:
    """A URL that carries a password or a query is refused, and not shown."""
    with pytest.raises(ConfigError, match="api_key") as caught:
        resolve(url, "k")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "gateway"),
    [
        (GATEWAY_URL, True),
        ("https://GLOBAL-APIS.com/v1", True),
        ("https://global-apis.com.example.org/v1", False),
        ("https://example.org/global-apis.com", False),
        (OWN, False),
    ],
)
def test_which_server_is_the_gateway(url: str, gateway: bool) -> None:
    """Only the gateway's own host is the gateway."""
    assert Endpoint(url).is_gateway is gateway


def test_key_in_no_repr() -> None:
    """An endpoint does not show its key."""
    endpoint = Endpoint(GATEWAY_URL, "ga_canary")

    assert "ga_canary" not in f"{endpoint!r} {endpoint}"


def test_key_in_no_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickled endpoint holds no key: who unpickles it reads its own environment."""
    pickled = pickle.dumps(Endpoint(GATEWAY_URL, "ga_canary"))
    monkeypatch.setenv(KEY_VARIABLE, "ga_other")

    assert b"ga_canary" not in pickled
    assert pickle.loads(pickled) == Endpoint(GATEWAY_URL, "ga_other")  # noqa: S301


def test_copies_keep_the_key() -> None:
    """A copy in the same process keeps the key."""
    endpoint = Endpoint(GATEWAY_URL, "ga_canary")

    assert copy.deepcopy([endpoint])[0].api_key == "ga_canary"
    assert copy.copy(endpoint).api_key == "ga_canary"
