"""A second opinion on what the policies of a configuration allow.

It is formed from the text of the configuration and the catalog's data file alone: nothing of
`globalapi_core` is asked but what the caller's request is like.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any

from globalapi_core.signals import Signals

Document = dict[str, Any]
ASSUMED_WINDOW, ASSUMED_ANSWER, EXPECTED_ANSWER = 32_000, 4_096, 500


# --- what is known of a model -------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What the files say of a model; `None`: nothing."""

    name: str
    sent: str
    asked: str = ""
    mode_of: str = ""
    also: tuple[str, ...] = ()
    known: bool = True
    said: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return self.said.get(name)

    def price(self, kind: str) -> Decimal | None:
        """USD per million tokens."""
        stated = self.said.get(f"{kind}_mtok")
        return None if stated is None else Decimal(str(stated))

    @property
    def window(self) -> int:
        """Tokens of prompt and answer."""
        return int(self.said.get("context_window") or ASSUMED_WINDOW)

    @property
    def longest(self) -> int:
        """Tokens of an answer that nobody limits."""
        return int(self.said.get("max_output") or min(ASSUMED_ANSWER, self.window // 4))


@functools.cache
def plain(spelling: str) -> str:
    """A spelling without its maker, case and punctuation; a tag stays."""
    bare = spelling.strip().casefold().split("/")[-1]
    return "".join(each for each in bare if each.isalnum() or each == ":") or spelling


def _stated(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: each["value"] for key, each in entry.items() if isinstance(each, dict)}


def shipped() -> dict[str, Facts]:
    """The models of the catalog's data file."""
    data = json.loads(
        resources.files("globalapi_core").joinpath("data/catalog.json").read_text("utf-8")
    )
    return {
        entry["name"]: Facts(
            entry["name"],
            entry["id"]["value"],
            mode_of=entry.get("variant_of") or "",
            also=tuple(entry.get("aliases", ())),
            said={**_stated(entry), "family": entry["family"]},
        )
        for entry in data["models"]
    }


_SHIPPED = shipped()


class World:
    """One configuration, and whom its policies allow."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.models = dict(_SHIPPED)
        for name, said in document.get("models", {}).items():
            base = self.models.get(name) or Facts(name, name, said={"family": "other"})
            self.models[name] = replace(
                base, sent=said.get("id", base.sent), said={**base.said, **said}
            )
        self._spelled: dict[str, str] = {}
        for each in self.models.values():
            for spelling in (each.name, each.sent, *each.also):
                self._spelled.setdefault(plain(spelling), each.name)
        self._spelled |= {plain(name): name for name in self.models}
        for spelling, name in document.get("aliases", {}).items():
            self._spelled[plain(spelling)] = self._spelled[plain(name)]

    def model(self, spelling: str) -> Facts:
        """The model of that spelling; one of which nothing is known, if there is none."""
        name = self._spelled.get(plain(spelling))
        if name is None:
            return Facts(spelling, spelling, asked=spelling, known=False)
        return replace(self.models[name], asked=spelling)

    def thinking(self, model: Facts, thinks: bool) -> Facts:
        """The model as it is priced when it thinks."""
        modes = (each for each in self.models.values() if each.mode_of == model.name)
        mode = next(modes, None) if thinks else None
        return replace(mode, asked=model.asked) if mode else model

    # --- whom a policy allows ---

    def in_force(self, call: Signals) -> list[Document]:
        """The policies that hold for *call*."""
        return [
            each
            for each in self.document.get("policies", ())
            if holds(each.get("when"), call)
            and ("unless" not in each or not holds(each["unless"], call))
        ]

    def forbids(self, model: Facts, call: Signals, params: Mapping[str, Any]) -> str | None:
        """The policy that does not allow *model*."""
        for policy in self.in_force(call):
            if not all(self._allowed(policy, model, call, params)):
                return str(policy["name"])
        return None

    def _allowed(
        self, policy: Document, model: Facts, call: Signals, params: Mapping[str, Any]
    ) -> Iterator[bool]:
        if "origins" in policy:
            yield model.origin in listed(policy["origins"])
        names = (model.name, model.sent, model.mode_of, *model.also)
        if "models" in policy:
            yield self._is_any(names, policy["models"])
        if "not_models" in policy:
            untagged = [each.split(":")[0] for each in (*names, model.asked)]
            yield not self._is_any((*names, model.asked, *untagged), policy["not_models"])
        if "max_cost" in policy:
            price = dearest(model, call, params)
            yield price is not None and price <= Decimal(str(policy["max_cost"]))
        if "max_seconds" in policy:
            answer = call.max_tokens or params.get("max_tokens") or EXPECTED_ANSWER
            speed = model.tokens_per_second
            yield (
                bool(speed)
                and (model.ttft_ms or 0) / 1000 + answer / speed <= policy["max_seconds"]
            )

    def _is_any(self, names: Sequence[str], patterns: Any) -> bool:
        wanted = [
            "*".join(map(_bare, each.split("/")[-1].split("*")))
            if "*" in each
            else plain(self.model(each).name)
            for each in listed(patterns)
        ]
        return any(fnmatchcase(plain(name), each) for name in names if name for each in wanted)


@functools.cache
def _bare(text: str) -> str:
    return "".join(each for each in text.casefold() if each.isalnum() or each == ":")


def listed(value: Any) -> list[Any]:
    """A value that may stand for a list of one."""
    return value if isinstance(value, list) else [value]


def dearest(model: Facts, call: Signals, params: Mapping[str, Any]) -> Decimal | None:
    """USD that an attempt may come to."""
    limits = [each for each in (call.max_tokens, params.get("max_tokens")) if each]
    answer = max(limits, default=model.longest)
    if model.family == "qwen" and model.thinking in ("optional", "always"):
        answer += model.longest
    parts = [(call.input_tokens, model.price("input")), (answer, model.price("output"))]
    if any(tokens and price is None for tokens, price in parts):
        return None
    return sum((tokens * (price or Decimal(0)) for tokens, price in parts), Decimal(0)) / 1_000_000


def able(model: Facts, call: Signals, params: Mapping[str, Any]) -> bool:
    """Whether *model* is known to be able to take *call*."""
    answer = call.max_tokens or params.get("max_tokens") or 0
    json_ = bool(model.json_mode or model.json_schema) or not call.response_format
    return (
        call.modalities <= set(listed(model.modalities or ["text"]))
        and (not call.tools or bool(model.tools))
        and (json_ or (call.response_format == "json_schema" and bool(model.tools)))
        and answer <= (model.max_output or answer)
        and call.input_tokens + answer <= model.window
    )


def holds(when: Document | None, call: Signals) -> bool:
    """Whether every condition of *when* does."""
    return all(_one_holds(key, wanted, call) for key, wanted in (when or {}).items())


def _one_holds(key: str, wanted: Any, call: Signals) -> bool:
    if key in ("tags", "keywords", "modality"):
        found = {"modality": call.modalities, "tags": call.tags, "keywords": call.keywords}[key]
        return any(each in found for each in listed(wanted))
    if key == "metadata":
        return all(call.metadata.get(name) in listed(each) for name, each in wanted.items())
    if key == "pii":
        return any(each in call.pii or (each == "any" and call.pii) for each in listed(wanted))
    if key == "language":
        mine = {call.language}
        if call.language == "zh":
            mine |= {f"zh-{call.script}"} if call.script else {"zh-Hans", "zh-Hant"}
        return bool(mine.intersection(listed(wanted)))
    if key == "task":
        return call.task in listed(wanted)
    number = {"min_tokens": call.input_tokens, "max_tokens": -call.input_tokens,
              "min_difficulty": call.difficulty, "max_difficulty": -call.difficulty}  # fmt: skip
    if key in number:
        return bool(number[key] >= (wanted if key.startswith("min") else -wanted))
    flags = {"tools": call.tools, "json_output": call.response_format, "code": call.code,
             "reasoning": call.reasoning}  # fmt: skip
    return bool(flags[key]) is wanted
