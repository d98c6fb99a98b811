"""Which label a text is given, where a schema asks for one of several."""

from __future__ import annotations

import json
from typing import Any

import pytest

from globalapi_core.sandbox import Sandbox

from .client import chat

LABELS = ["billing", "bug", "feature_request", "other"]
LISTED = "Classify the support ticket into one of: billing, bug, feature_request, other."
DESCRIBED = (
    "Classify the ticket.\n- billing：账单、扣款、退款、发票\n- bug：报错、失败、空白\n"
    "- feature_request：希望增加新功能\n- other: none of these"
)


def labelled(
    sandbox: Sandbox, ticket: str, system: str, options: list[Any] = LABELS, description: str = ""
) -> Any:
    """The label that *ticket* gets."""
    label = {"enum": options, "description": description}
    schema = {"type": "object", "properties": {"label": label}, "required": ["label"]}
    messages = [{"role": "system", "content": system}, {"role": "user", "content": ticket}]
    asked = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    got = chat(sandbox.port, messages=messages, response_format=asked)
    return json.loads(got.text)["label"]


@pytest.mark.parametrize(
    ("ticket", "label"),
    [
        ("发票抬头写错了，能重开一张吗？", "billing"),
        ("导出三十分钟之后失败，报错 504。", "bug"),
        ("希望支持 Okta 单点登录。", "feature_request"),
        ("你们的安全白皮书在哪里可以下载？", "other"),
        ("应该是个 bug，发票是空的。", "bug"),
    ],
)
@pytest.mark.parametrize("place", ["system", "user", "schema"])
def test_label_is_chosen_by_its_description(
    sandbox: Sandbox, ticket: str, label: str, place: str
) -> None:
    """In Chinese by pairs of characters, wherever the labels are described; a name goes first."""
    system = DESCRIBED if place == "system" else LISTED
    asked = f"{DESCRIBED}\n\nTicket: {ticket}" if place == "user" else ticket
    description = DESCRIBED if place == "schema" else ""

    assert labelled(sandbox, asked, system, description=description) == label


@pytest.mark.parametrize(
    "ticket",
    [
        "六月份的信用卡被扣了两次款，请退一次。",
        "Labels: billing, bug, feature_request, other. Ticket: 发票抬头写错了",
    ],
)
def test_label_that_nothing_speaks_for_is_none_of_the_others(sandbox: Sandbox, ticket: str) -> None:
    """That the prompt lists the labels does not speak for the first of them."""
    assert labelled(sandbox, ticket, LISTED) == "other"


def test_label_named_in_the_text_is_it(sandbox: Sandbox) -> None:
    """The text itself goes before all that is said of the labels."""
    assert labelled(sandbox, "The export has a bug: no refund is in it.", DESCRIBED) == "bug"


def test_description_ends_with_its_sentence(sandbox: Sandbox) -> None:
    """What is said behind a label is not taken for a part of what it means."""
    ticket = "Choose billing (charges, invoices), bug (errors) or other. My invoice is wrong."

    assert labelled(sandbox, ticket, "Classify.") == "billing"


@pytest.mark.parametrize(
    ("options", "label"),
    [
        (["red", "green"], "red"),
        (["red", "unknown"], "unknown"),
        (["红", "其他"], "其他"),
        (["red", "other", None], None),
        ([3, 5], 3),
        (["red"], "red"),
    ],
)
def test_label_of_nothing(sandbox: Sandbox, options: list[Any], label: Any) -> None:
    """Null or a label for nothing else, where there is one; else the first."""
    assert labelled(sandbox, "Hello.", "Classify.", options) == label
