"""The sandbox's own count of tokens and money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globalapi_core.catalog import Catalog
from globalapi_core.sandbox import Sandbox, faults, tokens

from .client import chat, tool


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Hi", 1),
        ("internationalization", 5),
        ("Hello, world!", 6),
        ("你好，世界", 5),
        ("in 2026", 3),
        ("a\n\nb", 2),
        ("ends in space ", 5),
    ],
)
def test_tokens_are_counted_by_letters_digits_and_characters(text: str, count: int) -> None:
    """Four letters, three digits, one Han character or one mark make a token."""
    assert tokens.count(text) == count


@given(st.text())
def test_tokens_join_to_the_text_again(text: str) -> None:
    """Nothing is lost, whatever the text, so that a stream says what a whole answer says."""
    assert "".join(tokens.split(text)) == text


@given(st.text(), st.integers(0, 20))
def test_tokens_of_a_beginning_are_the_first_tokens(text: str, most: int) -> None:
    """An answer cut at n tokens counts n tokens."""
    pieces = tokens.split(text)[:most]

    assert tokens.split("".join(pieces)) == pieces


def test_bill_is_what_usage_says_at_the_catalogs_prices(sandbox: Sandbox) -> None:
    """Usage reported and tokens billed are the same, to the last digit."""
    used = [chat(sandbox.port, f"Question {i}").json["usage"] for i in range(3)]

    row = sandbox.bill.rows[0]
    inputs = sum(each["prompt_tokens"] for each in used)
    outputs = sum(each["completion_tokens"] for each in used)
    assert (row.model, row.calls) == ("flash", 3)
    assert (row.input_tokens, row.output_tokens) == (inputs, outputs)
    assert row.cost.usd == (inputs * Decimal("0.18") + outputs * Decimal("0.25")) / 1_000_000
    assert sandbox.bill.total == row.cost


@pytest.mark.parametrize("fields", [
    {"stream": True},
    {"tools": [tool("add", "adds", a={"type": "integer"})], "tool_choice": "required"},
    {"stream": True, "tools": [tool("add", a={"type": "integer"})], "tool_choice": "required"},
    {"model": "thinker", "stream": True},
    {"max_tokens": 5, "stream": True},
])  # fmt: skip
def test_streams_and_tools_are_billed_as_their_usage_says(
    sandbox: Sandbox, fields: dict[str, Any]
) -> None:
    """In every form of answer the parts sent add up to the usage reported."""
    if fields.get("stream"):
        fields = {**fields, "stream_options": {"include_usage": True}}
    got = chat(sandbox.port, "Add 3", **fields)

    used = (got.events[-1] if fields.get("stream") else got.json)["usage"]
    row = sandbox.bill.rows[0]
    assert row.output_tokens == used["completion_tokens"]
    assert row.input_tokens == used["prompt_tokens"]


def test_errors_and_refusals_are_free(sandbox: Sandbox) -> None:
    """What was not answered is not billed."""
    sandbox.script("flash", [faults.rate_limited(), faults.server_error()])
    statuses = [chat(sandbox.port).status, chat(sandbox.port).status]
    statuses.append(chat(sandbox.port, temperature=9).status)

    assert statuses == [429, 500, 400]
    assert sandbox.bill.rows == ()
    assert sandbox.bill.total.usd == 0


def test_cut_stream_is_billed_as_far_as_it_went(sandbox: Sandbox) -> None:
    """Half an answer costs its prompt and the tokens that were sent."""
    sandbox.script("flash", [faults.cut(2)])
    got = chat(sandbox.port, stream=True)

    row = sandbox.bill.rows[0]
    assert row.calls == 1
    assert row.input_tokens > 0
    assert row.output_tokens == tokens.count(got.streamed())


def test_thinking_mode_is_billed_at_its_own_price(sandbox: Sandbox) -> None:
    """A mode priced apart is billed apart, though the same id is sent."""
    chat(sandbox.port, model="switch")
    chat(sandbox.port, model="switch", enable_thinking=True)

    rows = {row.model: row for row in sandbox.bill.rows}
    thought = rows["switch-thinking"]
    assert rows["switch"].calls == thought.calls == 1
    expected = Decimal(thought.input_tokens + 5 * thought.output_tokens) / 1_000_000
    assert thought.cost.usd == expected


def test_unknown_price_makes_the_total_unknown(sandbox: Sandbox) -> None:
    """A model without a price is used at an unknown cost, never at none."""
    chat(sandbox.port)
    known = sandbox.bill.total.usd
    chat(sandbox.port, model="plain")

    total = sandbox.bill.total
    assert total.usd is None
    assert total.at_least == known
    assert total.unknown == ("input price", "output price")


def test_tools_and_schemas_count_as_prompt(sandbox: Sandbox) -> None:
    """What is sent along is paid for."""
    bare = chat(sandbox.port).json["usage"]["prompt_tokens"]
    tools = [tool("add", "Adds two numbers", a={"type": "integer"}, b={"type": "integer"})]
    bound = chat(sandbox.port, tools=tools).json["usage"]["prompt_tokens"]

    assert bound == bare + tokens.count(str(tools).replace("'", '"'))


def test_prompt_cache_reports_the_prefix_seen_before(catalog: Catalog) -> None:
    """With a cache the second call of a long prompt reads most of it, at the cached price."""
    long = "A sentence of the system prompt. " * 200
    with Sandbox(catalog, cache=True) as sandbox:
        used = [
            chat(
                sandbox.port,
                messages=[{"role": "system", "content": long}, {"role": "user", "content": asked}],
            ).json["usage"]
            for asked in ("First?", "Second?")
        ]
        row = sandbox.bill.rows[0]

    cached = [each["prompt_tokens_details"]["cached_tokens"] for each in used]
    fresh = row.input_tokens - cached[1]
    assert cached[0] == 0
    assert 1_024 <= cached[1] < used[1]["prompt_tokens"]
    assert row.cache_read_tokens == cached[1]
    assert (
        row.cost.usd
        == (
            fresh * Decimal("0.18")
            + cached[1] * Decimal("0.02")
            + row.output_tokens * Decimal("0.25")
        )
        / 1_000_000
    )


def test_sandbox_without_a_cache_reports_none(sandbox: Sandbox) -> None:
    """What is not kept is not reported, rather than reported as zero."""
    assert "prompt_tokens_details" not in chat(sandbox.port).json["usage"]


def test_bill_is_json(sandbox: Sandbox) -> None:
    """Amounts are decimal text."""
    chat(sandbox.port)

    bill = sandbox.bill.as_dict()
    assert bill["total"] == {
        "usd": f"{sandbox.bill.total.usd:f}",
        "at_least": f"{sandbox.bill.total.usd:f}",
        "unknown": [],
    }
