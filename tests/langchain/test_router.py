"""A router: which model it asks, what it does when one fails, and what it says of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RouterRunnable as CoreRouterRunnable

from globalapi_core.config import Config, parse_config
from globalapi_core.errors import (
    AllModelsFailedError,
    AuthenticationError,
    GatewayTimeoutError,
    IncompleteResponseError,
    InvalidInputError,
    NoCandidateError,
    UnknownRouteError,
)
from globalapi_core.sandbox import Sandbox, faults
from langchain_globalapi import ChatGlobalAPIRouter, RouterRunnable

Make = Callable[..., RouterRunnable]

QUESTION = "Which port does the server listen on?"
TWO = "routes: [{name: a, candidates: [glm-5, kimi-k2.5]}]"
FORMS = ("invoke", "ainvoke", "stream", "astream")
FIRST, SECOND = "deepseek-v4-flash", "gpt-4o-mini"
PICTURE = HumanMessage(
    [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
)


def model_of(message: AIMessage) -> str:
    """The model that the record says answered."""
    return str(message.response_metadata["globalapi"]["model"])


def attempts_of(message: AIMessage) -> list[tuple[str, str]]:
    """Each attempt's model and outcome."""
    attempts = message.response_metadata["globalapi"]["attempts"]
    return [(each["model"], each["outcome"]) for each in attempts]


def asked(sandbox: Sandbox) -> list[str | None]:
    """The models asked, in order."""
    return [each.model for each in sandbox.requests]


async def answer_to(router: RouterRunnable, prompt: Any, form: str, **given: Any) -> AIMessage:
    """The answer in one of four forms."""
    if form == "invoke":
        return router.invoke(prompt, **given)
    if form == "ainvoke":
        return await router.ainvoke(prompt, **given)
    if form == "stream":
        chunks = list(router.stream(prompt, **given))
    else:
        chunks = [chunk async for chunk in router.astream(prompt, **given)]
    return sum(chunks[1:], chunks[0])


def test_router_has_the_name_that_does_not_clash() -> None:
    """The alias stands beside `langchain_core`'s class of the first name."""
    assert ChatGlobalAPIRouter is RouterRunnable
    assert not issubclass(RouterRunnable, CoreRouterRunnable)


@pytest.mark.parametrize(
    ("prompt", "given", "route", "model"),
    [
        (QUESTION, {}, "rest", FIRST),
        ("服务器监听哪个端口？", {}, "chinese", "glm-5"),
        ([PICTURE], {}, "pictures", "qwen3-vl-32b"),
        (QUESTION, {"config": {"tags": ["vip"]}}, "vip", "claude-3-5-sonnet"),
        (QUESTION, {"config": {"metadata": {"team": "legal"}}}, "legal", "kimi-k2.5"),
        (QUESTION, {"config": {"configurable": {"route": "chinese"}}}, "chinese", "glm-5"),
        (QUESTION, {"config": {"configurable": {"model": "glm-5"}}}, None, "glm-5"),
        (QUESTION, {"route": "vip"}, "vip", "claude-3-5-sonnet"),
        (QUESTION, {"model": "glm-5"}, None, "glm-5"),
        ({"key": "legal", "input": QUESTION}, {}, "legal", "kimi-k2.5"),
    ],
)
async def test_call_goes_where_it_is_decided(
    router: Make, prompt: Any, given: dict[str, Any], route: str | None, model: str
) -> None:
    """What decides is the same in every form, and `decide` foretells it."""
    made = router()

    decision = made.decide(prompt, **given)
    answers = [await answer_to(made, prompt, form, **given) for form in FORMS]

    assert (decision.route, decision.primary.name) == (route, model)
    assert [model_of(each) for each in answers] == [model] * 4
    assert answers[0].response_metadata["globalapi"]["route"] == route
    assert answers[0].response_metadata["globalapi"]["reason"]


def test_route_of_the_constructor_holds_until_a_call_names_another(router: Make) -> None:
    """`route=` is a default: config and call go before it."""
    made = router(route="legal")

    assert made.decide(QUESTION).route == "legal"
    assert made.decide(QUESTION, {"configurable": {"route": "vip"}}).route == "vip"
    assert made.decide(QUESTION, route="rest").route == "rest"
    assert made.decide({"key": "chinese", "input": QUESTION}).route == "chinese"


@pytest.mark.parametrize(
    ("prompt", "given", "model"),
    [
        (QUESTION, {"route": "legal"}, "kimi-k2.5"),
        (QUESTION, {"model": "gpt-4o"}, "gpt-4o"),
        ({"key": "legal", "input": QUESTION}, {}, "kimi-k2.5"),
        (QUESTION, {}, "glm-5"),
    ],
)
def test_nearest_word_decides(
    router: Make, sandbox: Sandbox, prompt: Any, given: dict[str, str], model: str
) -> None:
    """A call's argument beats the input's key, which beats a model that the config names."""
    config: Any = {"configurable": {"model": "glm-5"}}

    answer = router(route="vip").invoke(prompt, config, **given)

    assert model_of(answer) == model
    assert asked(sandbox) == [model]


def test_own_tags_and_metadata_route_too(router: Make) -> None:
    """Tags and metadata of the router's own meet the routes' conditions."""
    assert router(tags=["vip"]).decide(QUESTION).route == "vip"
    assert router(metadata={"team": "legal"}).decide(QUESTION).route == "legal"


async def test_config_decides_where_langchain_hides_it(router: Make, sandbox: Sandbox) -> None:
    """The events of version 3 and `generate` route by config, tags and metadata as well."""
    made = router()
    vip: Any = {"tags": ["vip"]}

    assert made.stream_events(QUESTION, vip, version="v3").output.text
    stream = await made.astream_events(
        QUESTION, {"configurable": {"route": "chinese"}}, version="v3"
    )
    assert (await stream.output).text
    made.generate([[HumanMessage(QUESTION)]], tags=["vip"])
    await made.agenerate([[HumanMessage(QUESTION)]], metadata={"team": "legal"})

    assert asked(sandbox) == ["claude-3.5-sonnet", "glm-5", "claude-3.5-sonnet", "kimi-k2.5"]


def test_batch_routes_each_item(router: Make) -> None:
    """Each item of a batch goes its own way, by its text and its config."""
    configs: list[Any] = [{}, {}, {"tags": ["vip"]}]

    answers = router().batch([QUESTION, "端口是多少？", QUESTION], configs)

    assert [model_of(each) for each in answers] == [FIRST, "glm-5", "claude-3-5-sonnet"]


def test_batch_hands_over_errors_in_their_place(router: Make) -> None:
    """`return_exceptions` gives the answers there are, and each error where it belongs."""
    answer, error = router().batch([QUESTION, ""], return_exceptions=True)

    assert model_of(answer) == FIRST
    assert isinstance(error, InvalidInputError)


def test_router_takes_its_place_in_a_chain(router: Make) -> None:
    """Between a prompt and a parser it works whole and streamed."""
    chain = ChatPromptTemplate.from_template("{text}") | router() | StrOutputParser()

    text = chain.invoke({"text": QUESTION})

    assert text.startswith("[sandbox]")
    assert "".join(chain.stream({"text": QUESTION})) == text


def test_arguments_of_call_route_and_router_are_in_that_order(
    router: Make, sandbox: Sandbox
) -> None:
    """A call's argument beats its route's, which beats the router's."""
    made = router(temperature=0.9, seed=1)

    made.invoke("端口是多少？")
    made.invoke("端口是多少？", temperature=0.1)
    made.invoke(QUESTION)

    assert [each.body["temperature"] for each in sandbox.requests] == [0.3, 0.1, 0.9]
    assert [each.body["seed"] for each in sandbox.requests] == [1, 1, 1]


@pytest.mark.parametrize("change", ["copy", "deep copy", "assignment"])
def test_changed_router_asks_with_what_it_was_changed_to(
    router: Make, sandbox: Sandbox, change: str
) -> None:
    """A copy with other settings, and a setting that is assigned, hold for every model."""
    made = router(temperature=0.1)
    made.invoke(QUESTION)

    if change == "assignment":
        other = made
        other.temperature = 0.7
    else:
        other = made.model_copy(update={"temperature": 0.7}, deep=change == "deep copy")
    other.invoke(QUESTION)

    assert [each.body["temperature"] for each in sandbox.requests] == [0.1, 0.7]


@pytest.mark.parametrize(
    "fault",
    [
        faults.overloaded(),
        faults.rate_limited(30),
        faults.forbidden_rate_limit(),
        faults.server_error(),
        faults.dead(),
        faults.empty(),
        faults.cut(0),
    ],
    ids=["503", "429", "403", "500", "dead", "empty", "cut"],
)
@pytest.mark.parametrize("form", FORMS)
async def test_failure_before_the_first_word_moves_on(
    router: Make, sandbox: Sandbox, fault: Any, form: str
) -> None:
    """The next candidate answers, in every form, and the answer lists both attempts."""
    sandbox.script(FIRST, [fault])

    answer = await answer_to(router(), QUESTION, form)

    (failed, outcome), answered = attempts_of(answer)
    assert (failed, answered) == (FIRST, (SECOND, "ok"))
    assert outcome.endswith("Error")
    assert model_of(answer) == answer.response_metadata["model_name"] == SECOND
    assert answer.response_metadata["globalapi"]["fell_back"] is True


def test_failure_after_the_first_word_stays(router: Make, sandbox: Sandbox) -> None:
    """Once text was shown no other model is asked: two texts are never put together."""
    sandbox.script(FIRST, [faults.cut(2)])
    shown: list[str] = []

    def read() -> None:
        for chunk in router().stream(QUESTION):
            shown.append(str(chunk.text))

    with pytest.raises(IncompleteResponseError) as raised:
        read()

    assert asked(sandbox) == [FIRST]
    assert raised.value.shown is True
    assert "".join(shown) == raised.value.partial_text != ""
    assert raised.value.record is not None


def test_failed_model_is_left_out_for_as_long_as_the_file_says(
    router: Make, sandbox: Sandbox
) -> None:
    """A model that failed is not asked again until its cooldown is over."""
    sandbox.script(FIRST, [faults.overloaded()])
    made = router()

    made.invoke(QUESTION)
    again = made.invoke(QUESTION)

    assert asked(sandbox) == [FIRST, SECOND, SECOND]
    assert f"{FIRST} goes last" in again.response_metadata["globalapi"]["reason"]


def test_failed_model_is_tried_when_the_others_fail_too(router: Make, sandbox: Sandbox) -> None:
    """Cooling down is no reason to fail a call that the model might have answered."""
    sandbox.script(FIRST, [faults.overloaded()])
    made = router()
    made.invoke(QUESTION)
    sandbox.script(SECOND, [faults.overloaded()])

    message = made.invoke(QUESTION)

    assert asked(sandbox) == [FIRST, SECOND, SECOND, FIRST]
    assert message.response_metadata["globalapi"]["model"] == FIRST


def test_cooldown_is_the_config_files(sandbox: Sandbox) -> None:
    """`attempts.cooldown` is what counts, not a figure of the adapter's."""
    text = "attempts: {cooldown: 0.01, max_retries: 0}\n" + TWO
    made = RouterRunnable(config=parse_config(text), base_url=sandbox.base_url)
    sandbox.script("glm-5", [faults.overloaded()])

    made.invoke(QUESTION)
    time.sleep(0.02)
    made.invoke(QUESTION)

    assert asked(sandbox) == ["glm-5", "kimi-k2.5", "glm-5"]


def test_every_failure_is_in_the_error(router: Make, sandbox: Sandbox) -> None:
    """When all fail, the error has each model with its own."""
    sandbox.down(FIRST)
    sandbox.down(SECOND, faults.rate_limited(60))

    with pytest.raises(AllModelsFailedError) as raised:
        router().invoke(QUESTION)

    assert [type(each).__name__ for each in raised.value.exceptions] == [
        "ServerError",
        "RateLimitError",
    ]
    assert FIRST in str(raised.value)
    assert SECOND in str(raised.value)
    assert raised.value.record is not None
    assert len(raised.value.record.attempts) == 2


def test_refused_key_is_not_tried_elsewhere(router: Make, sandbox: Sandbox) -> None:
    """Every model shares the key: a 401 is raised at once."""
    sandbox.script("*", [faults.unauthorized()])

    with pytest.raises(AuthenticationError):
        router().invoke(QUESTION)

    assert asked(sandbox) == [FIRST]


def test_attempts_never_exceed_the_files(sandbox: Sandbox) -> None:
    """`max_attempts` counts every request of a call, and members retry nothing themselves."""
    text = (
        "attempts: {max_retries: 2, max_attempts: 4}\n"
        "routes: [{name: a, candidates: [glm-5, kimi-k2.5, gpt-4o]}]"
    )
    made = RouterRunnable(config=parse_config(text), base_url=sandbox.base_url)
    sandbox.script("*", [faults.status(503, retry_after=0.01)] * 9)

    with pytest.raises(AllModelsFailedError):
        made.invoke(QUESTION)

    assert asked(sandbox) == ["glm-5"] * 3 + ["kimi-k2.5"]


def test_slow_model_is_given_the_calls_own_time(router: Make, sandbox: Sandbox) -> None:
    """The timeout of a call beats the router's."""
    sandbox.script("*", [faults.delay(20)])

    with pytest.raises(GatewayTimeoutError):
        router(timeout=30).invoke(QUESTION, timeout=1.0)


def test_picture_without_eyes_is_refused(sandbox: Sandbox) -> None:
    """An image when no candidate sees names each candidate and why not."""
    text = "routes: [{name: a, candidates: [glm-5, deepseek-v4-flash]}]"
    made = RouterRunnable(config=parse_config(text), base_url=sandbox.base_url)

    with pytest.raises(NoCandidateError, match="takes no image") as raised:
        made.invoke([PICTURE])

    assert {each.name for each in raised.value.rejected} == {"glm-5", "deepseek-v4-flash"}
    assert sandbox.requests == []


def test_prompt_beyond_every_window_is_refused(router: Make, sandbox: Sandbox) -> None:
    """A prompt no candidate has room for is not sent."""
    with pytest.raises(NoCandidateError, match="of context"):
        router().invoke("word " * 200_000)

    assert sandbox.requests == []


@pytest.mark.parametrize(
    "given",
    [
        {"route": "nowhere"},
        {"config": {"configurable": {"route": "nowhere"}}},
        {"input": {"key": "nowhere", "input": QUESTION}},
    ],
)
def test_unknown_route_names_those_there_are(router: Make, given: dict[str, Any]) -> None:
    """A route that is not in the file is an error, however it was named."""
    with pytest.raises(UnknownRouteError, match="legal"):
        router().invoke(**{"input": QUESTION, **given})


def test_other_mapping_is_refused(router: Make) -> None:
    """A mapping that is no key and input is not taken for a prompt."""
    with pytest.raises(InvalidInputError, match="key"):
        router().invoke({"question": QUESTION})


def test_cache_holds_routers_and_models_apart(
    router: Make, routes: Config, sandbox: Sandbox
) -> None:
    """A cached answer serves the same model alone; another router asks its own."""
    cache = InMemoryCache()
    other = parse_config("routes: [{name: a, candidates: [glm-5]}]")

    for _ in range(2):
        for config in (routes, other):
            made = router(config=config, cache=cache)
            made.invoke(QUESTION)
            made.generate([[HumanMessage(QUESTION)]])

    # Once for each router's models, and once for each router as a model of its own.
    assert asked(sandbox) == [FIRST, FIRST, "glm-5", "glm-5"]


def test_cached_answer_costs_nothing(router: Make) -> None:
    """What came from the cache is not billed again on the record."""
    made = router(cache=InMemoryCache())

    costs = [made.invoke(QUESTION).response_metadata["globalapi"]["cost"]["usd"] for _ in "ab"]

    assert float(costs[0]) > 0
    assert float(costs[1]) == 0
