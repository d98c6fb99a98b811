"""`globalapi sandbox`: a gateway on this machine, until Ctrl-C."""

from __future__ import annotations

import json as json_
import shlex
import time
from typing import Annotated

import typer

from globalapi_core.cli import _options
from globalapi_core.cli._lazy import plain
from globalapi_core.config import load_config
from globalapi_core.errors import ConfigError
from globalapi_core.sandbox import Sandbox
from globalapi_core.settings import BASE_URL_VARIABLE, KEY_VARIABLE, is_loopback, resolve

app = plain()


@app.command(epilog="Example: globalapi sandbox --port 8765 --speed 1")
def sandbox(
    port: Annotated[
        int,
        typer.Option("--port", metavar="N", min=0, max=65535, help="TCP port; 0 takes a free one."),
    ] = 8765,
    host: Annotated[
        str, typer.Option("--host", metavar="IP", help="An address of this machine alone.")
    ] = "127.0.0.1",
    speed: Annotated[
        float,
        typer.Option(
            "--speed",
            metavar="X",
            min=0,
            help="0 answers at once, 1 at the models' own tokens per second.",
        ),
    ] = 0.0,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="The only API key accepted.")
    ] = None,
    config: _options.Config = None,
    json: _options.Json = False,
) -> None:
    """Serve a gateway on this machine: no key, no network.

    It runs until Ctrl-C. Answers are drawn from the prompt; prices, limits and speeds are the
    catalog's.
    """
    if not is_loopback(host):
        text = f"expected 127.0.0.1, ::1 or localhost, not {host!r}: the sandbox shows prompts"
        raise typer.BadParameter(text, param_hint="--host")
    _check(key)
    catalog = load_config(config).catalog
    with Sandbox(catalog, port, host, speed, key=key) as server:
        if json:
            typer.echo(json_.dumps({"base_url": server.base_url, "models": len(catalog)}))
        else:
            typer.echo(f"sandbox with {len(catalog)} models at {server.base_url}; Ctrl-C stops it")
            typer.echo(f"export {BASE_URL_VARIABLE}={server.base_url}")
            if key:
                typer.echo(f"export {KEY_VARIABLE}={shlex.quote(key)}")
        while True:
            time.sleep(3600)


def _check(key: str | None) -> None:
    """Refuse a *key* that no client would send."""
    if not key:
        return
    try:
        resolve("http://127.0.0.1", key)
    except ConfigError:
        text = "expected a key in ASCII, without a space or a line break"
        raise typer.BadParameter(text, param_hint="--key") from None
