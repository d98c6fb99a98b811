"""Routes that never fire, because nothing can satisfy them or an earlier one always does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from globalapi_core.cli._advice import Advice
from globalapi_core.config import Route
from globalapi_core.router import Router
from globalapi_core.signals import difficulty, keywords, language


def find(router: Router) -> Iterator[Advice]:
    """Advice on each route that cannot fire, or only when an earlier one has nobody able."""
    routes = router.config.routes
    for number, route in enumerate(routes):
        for key, text, help_ in _contradictions(_conditions(route)):
            text = f"route {route.name!r} never fires: {text}"
            yield Advice("error", ("routes", number, "when", key), text, help_)
        yield from _other_script(number, route)
        earlier = next((each for each in routes[:number] if _contains(each, route)), None)
        if earlier is not None:
            yield _shadowed(number, route, earlier, router)


def _contradictions(when: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Conditions that exclude each other: the key, why, and what to do."""
    least, most = when.get("min_tokens"), when.get("max_tokens")
    if least and most and least > most:
        text = f"no prompt has {least:,} tokens or more and {most:,} or fewer"
        yield "min_tokens", text, "make min_tokens the smaller of the two"
    low, high = when.get("min_difficulty", 0.0), when.get("max_difficulty", 1.0)
    if low > high:
        text = f"no prompt has a difficulty of {low:g} or more and {high:g} or less"
        yield "min_difficulty", text, "make min_difficulty the smaller of the two"
        return
    tasks = when.get("task", ())
    spans = [difficulty.bounds(task) for task in tasks]
    if tasks and not any(low <= most and least <= high for least, most in spans):
        easiest, hardest = min(least for least, _ in spans), max(most for _, most in spans)
        bounds = f"{easiest:g}" + (f" to {hardest:g}" if hardest > easiest else "")
        key = "min_difficulty" if low > easiest else "max_difficulty"
        text = f"prompts of the task {' or '.join(tasks)} have a difficulty of {bounds}"
        yield key, text, "take it out, or name harder or easier tasks"


def _other_script(number: int, route: Route) -> Iterator[Advice]:
    """Keywords in one Chinese script on a route for the other."""
    when = _conditions(route)
    spoken, words = when.get("language", []), when.get("keywords", [])
    scripts = {each.removeprefix("zh-") for each in spoken if each.startswith("zh-")}
    if len(scripts) != 1 or set(spoken) != {f"zh-{script}" for script in scripts}:
        return
    found = {word: language.told(word).script for word in words}
    if words and all(script is not None and script not in scripts for script in found.values()):
        text = f"route {route.name!r} hardly ever fires: its keywords are in the other script than "
        text += f"{spoken[0]}"
        help_ = "write them in that script, or set language: zh"
        yield Advice("warning", ("routes", number, "when", "keywords"), text, help_)


def _shadowed(number: int, route: Route, earlier: Route, router: Router) -> Advice:
    if not _conditions(earlier):
        text = f"route {route.name!r} never fires: {earlier.name!r} before it takes every prompt"
        help_ = f"a 'modality' of text always holds; give {earlier.name!r} a condition"
        return Advice("error", ("routes", number), text, help_)
    text = f"route {route.name!r} is shadowed: whenever it would fire, {earlier.name!r} before it "
    text += "fires too"
    return Advice("warning", ("routes", number), text, f"put it before {earlier.name!r}")


def _conditions(route: Route) -> dict[str, Any]:
    """What *route* asks for, without what always holds."""
    conditions = dict(route.when.conditions if route.when else {})
    if "text" in conditions.get("modality", ()):
        del conditions["modality"]
    return conditions


def _contains(earlier: Route, later: Route) -> bool:
    """Whether *earlier* fires for everything that *later* fires for."""
    wanted = _conditions(later)
    if not wanted and not (later.when and later.when.conditions):
        return False  # the last route takes what is left
    return all(
        key in wanted and _implied(key, value, wanted[key])
        for key, value in _conditions(earlier).items()
    )


def _implied(key: str, wide: Any, narrow: Any) -> bool:
    """Whether a request for which *narrow* holds is one for which *wide* does."""
    if key == "keywords":
        return all(any(keywords.found(each, wide)) for each in narrow)
    if key in ("min_tokens", "min_difficulty"):
        return bool(wide <= narrow)
    if key in ("max_tokens", "max_difficulty"):
        return bool(wide >= narrow)
    if key == "pii" and "any" in wide:
        return True
    if key == "language" and "zh" in wide:
        narrow = [each for each in narrow if not each.startswith("zh-")]
    if isinstance(wide, dict):
        return all(name in narrow and _implied("", wide[name], narrow[name]) for name in wide)
    if isinstance(wide, list):
        return set(narrow) <= set(wide)
    return bool(wide == narrow)
