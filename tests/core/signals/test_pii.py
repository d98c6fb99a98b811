"""Kinds of personal data are noticed where a checksum or a form shows them."""

from __future__ import annotations

import time

import pytest

from globalapi_core.signals import pii, read


def found(text: str) -> frozenset[str]:
    """The kinds noticed in one message."""
    return pii.of([{"role": "user", "content": text}])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ann.lee+shop@example.co.uk please", "email"),
        ("手机13812345678，微信同号", "phone"),
        ("电话１３８１２３４５６７８", "phone"),
        ("call +86 138 1234 5678", "phone"),
        ("call +44 20 7946 0958 today", "phone"),
        ("(555) 123-4567", "phone"),
        ("card 4111 1111 1111 1111, exp 12/27", "card"),
        ("卡号5555555555554444", "card"),
        ("身份证号 11010519491231002X", "cn_id"),
        ("IBAN DE89 3704 0044 0532 0130 00", "iban"),
        ("GB82WEST12345698765432", "iban"),
        ("DE٨٩ 3704 0044 0532 0130 00", "iban"),
        ("key sk-" + "a1B2" * 8, "key"),
        ("AKIA" + "ABCDEFGH12345678", "key"),
        ("ga_" + "0123456789abcdef", "key"),
        ("sk_live_" + "0123456789abcdef", "key"),
        ("ghp_" + "a1B2" * 9, "key"),
        ("AIza" + "a1B2" * 9, "key"),
        ("xoxb-1234567890-abc", "key"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.s", "key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "key"),
    ],
)
def test_kind(text: str, kind: str) -> None:
    """Each kind is told by its form, and by its checksum where it has one."""
    assert found(text) == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "card 4111 1111 1111 1112",
        "身份证号 110105194912310021",
        "IBAN DE88 3704 0044 0532 0130 00",
        "order 20261122000123",
        "π is 3.14159265358979",
        "on 2026-11-22 06:08",
        "10.000.000.000",
        "0000000000000000",
        "a@b",
        "12345 + 67890 =",
        "sk-learn and ga_x",
        "version 1.2.3-4567890",
        "",
    ],
)
def test_no_kind(text: str) -> None:
    """A number that fails its checksum, a date, a version or an order number is none."""
    assert found(text) == frozenset()


def test_signals_name_kinds_only() -> None:
    """Signals say which kinds there are; the data itself is nowhere in them."""
    signals = read([{"role": "user", "content": "I am ann@example.com, 13812345678"}])

    assert signals.pii == {"email", "phone"}
    assert "ann" not in repr(signals)
    assert "13812345678" not in repr(signals)


def test_whole_conversation_is_looked_at() -> None:
    """What a tool returned or the user said before counts as well."""
    messages = [
        {"role": "user", "content": "who is it?"},
        {"role": "tool", "content": "ann@example.com"},
        {"role": "user", "content": "thanks"},
    ]

    assert pii.of(messages) == {"email"}


@pytest.mark.parametrize(
    "piece", ["1", "1 ", "(1", "a@", "a.", "AB12", "sk-", "+", "-1", "12345678 ", "eyJ"]
)
def test_no_text_is_slow(piece: str) -> None:
    """No text makes a pattern go over it again and again."""
    started = time.thread_time()
    found((piece * 100_000)[:100_000])

    assert time.thread_time() - started < 0.5
