"""The config file: models, routes and how often to try.

One YAML file (1.2, so `no` is a word) says everything a router does; changing models is
changing that file. `load_config` finds it and checks it; errors name file, line and key.
"""

from globalapi_core.config.fields import Choose, Language
from globalapi_core.config.file import default_config, load_config, parse_config
from globalapi_core.config.schema import (
    Alerts,
    Attempts,
    Case,
    Config,
    Expect,
    Gateway,
    Model,
    Policy,
    Route,
    Shadow,
    Split,
    When,
)

__all__ = [
    "Alerts",
    "Attempts",
    "Case",
    "Choose",
    "Config",
    "Expect",
    "Gateway",
    "Language",
    "Model",
    "Policy",
    "Route",
    "Shadow",
    "Split",
    "When",
    "default_config",
    "load_config",
    "parse_config",
]
