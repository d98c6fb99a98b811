"""What a notebook shows of decisions, calls and routers."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from globalapi_core import CallRecord, Client, Router, Sandbox, reprs
from globalapi_core.config import parse_config
from globalapi_core.errors import AllModelsFailedError
from globalapi_core.settings import Endpoint
from globalapi_core.wire import ChatRequest, Wire

FILE = """\
version: 1
attempts: {max_retries: 1, cooldown: 1}
routes:
  - name: pictures
    when: {modality: image}
    candidates: [gpt-4o]
  - name: <b>tags</b>
    when: {tags: [a, b], metadata: {desk: [one, "<two>"]}, tools: false}
    choose: cheapest
    candidates: [qwen3-coder-30b, qwen3-32b]
  - name: default
    candidates: [qwen3-32b, kimi-k2.5]
"""


class Cells(HTMLParser):
    """The texts of HTML, cell by cell; every element must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note what is opened."""
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note what is closed: the last that was opened."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note what is said."""
        self.texts.append(data)


@pytest.fixture
def router() -> Router:
    """A router whose file has markup in it."""
    return Router(parse_config(FILE))


def called(sandbox: Sandbox, router: Router) -> CallRecord:
    """The record of a call."""
    request = ChatRequest([{"role": "user", "content": "hello"}])
    client = Client(Wire(Endpoint(sandbox.base_url)), router.config.attempts)
    return client.complete(request, router.decide(router.signals(request.messages))).record


def test_decision_tells_who_is_asked_and_who_is_not(router: Router) -> None:
    """Candidates in order with their estimates, the models turned down, the routes passed."""
    signals = router.signals([{"role": "user", "content": "x" * 166_000}])

    shown = Cells(reprs.decision(router.decide(signals)))

    assert shown.texts[0] == "kimi-k2.5"
    at = shown.texts.index("qwen3-32b")
    assert shown.texts[at + 1].startswith("turned down: ")
    assert "modality is text, not image" in shown.texts


def test_decision_with_unknown_price_says_so(router: Router) -> None:
    """An estimate without an input price is a lower bound, and is not shown as a whole one."""
    signals = router.signals(
        [{"role": "user", "content": "hello"}], tags=["a"], metadata={"desk": "one"}
    )

    shown = Cells(reprs.decision(router.decide(signals)))

    estimate = shown.texts[shown.texts.index("qwen3-coder-30b") + 1]
    assert estimate.startswith("≥ $")
    assert estimate.endswith("(input price unknown)")


def test_call_tells_every_attempt(sandbox: Sandbox, router: Router) -> None:
    """Each attempt has its model, its error, its wait and its tokens; the record is the same."""
    sandbox.down("qwen3-32b")
    record = called(sandbox, router)

    html = reprs.call(record)

    texts = Cells(html).texts
    assert html == reprs.call(record.as_dict())
    assert texts[0] == "kimi-k2.5"
    assert sum("ServerError" in each for each in texts) == 2
    assert str(record.usage and record.usage.input_tokens) in texts


def test_failed_call_has_no_tokens(sandbox: Sandbox, router: Router) -> None:
    """Tokens that nobody counted are unknown, and never 0."""
    sandbox.down("*")
    with pytest.raises(AllModelsFailedError) as raised:
        called(sandbox, router)
    record = raised.value.record
    assert record is not None

    texts = Cells(reprs.call(record)).texts

    assert texts[0] == "no answer"
    assert "unknown" in texts
    assert "0" not in texts


def test_router_lists_its_routes(router: Router) -> None:
    """Routes in order, with what must hold; a route without conditions always fires."""
    texts = Cells(reprs.router(router)).texts

    assert texts.index("pictures") < texts.index("<b>tags</b>") < texts.index("default")
    assert "tools: false; tags: a or b; metadata: desk = one or <two>" in texts
    assert "always" in texts


def test_markup_in_a_file_is_text(router: Router) -> None:
    """What a config file says is shown, and never becomes markup."""
    html = reprs.router(router)

    assert "&lt;b&gt;tags" in html
    assert "<two>" not in html
    assert Cells(html).seen == {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
