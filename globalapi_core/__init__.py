"""The framework-neutral core of globalapi-llm.

Names are loaded when first used: importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from globalapi_core.budget import Budget
    from globalapi_core.catalog import Catalog, ModelInfo
    from globalapi_core.checks import escalations
    from globalapi_core.client import Answer, Client
    from globalapi_core.comparison import compare, shadows_to
    from globalapi_core.config import Config, load_config, parse_config
    from globalapi_core.errors import GatewayError, GlobalAPIError
    from globalapi_core.hooks import Shadowed, on_alert, on_call, on_shadow, recorded_calls
    from globalapi_core.pricing import Cost, Price, Usage
    from globalapi_core.records import CallRecord, Decision
    from globalapi_core.router import Router
    from globalapi_core.sandbox import Sandbox
    from globalapi_core.signals import Signals

_HOMES = {
    "Answer": "client",
    "Budget": "budget",
    "CallRecord": "records",
    "Catalog": "catalog",
    "Client": "client",
    "Config": "config",
    "Cost": "pricing",
    "Decision": "records",
    "GatewayError": "errors",
    "GlobalAPIError": "errors",
    "ModelInfo": "catalog",
    "Price": "pricing",
    "Router": "router",
    "Sandbox": "sandbox",
    "Shadowed": "hooks",
    "Signals": "signals",
    "Usage": "pricing",
    "compare": "comparison",
    "escalations": "checks",
    "load_config": "config",
    "on_alert": "hooks",
    "on_call": "hooks",
    "on_shadow": "hooks",
    "parse_config": "config",
    "recorded_calls": "hooks",
    "shadows_to": "comparison",
}

__all__ = [
    "Answer",
    "Budget",
    "CallRecord",
    "Catalog",
    "Client",
    "Config",
    "Cost",
    "Decision",
    "GatewayError",
    "GlobalAPIError",
    "ModelInfo",
    "Price",
    "Router",
    "Sandbox",
    "Shadowed",
    "Signals",
    "Usage",
    "compare",
    "escalations",
    "load_config",
    "on_alert",
    "on_call",
    "on_shadow",
    "parse_config",
    "recorded_calls",
    "shadows_to",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("globalapi-llm")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
