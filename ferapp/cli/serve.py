"""``ferapp serve``: the app, from here until Ctrl-C."""

import os
import runpy
import signal
import socket
import sys
import tomllib
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import typer

from ferapp.errors import SettingError
from ferapp.system.folders import shipped

_APP: Final = shipped("app.py")


def serve(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65_535, help="Port to listen on.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option("--address", help="Address to listen on; 127.0.0.1 is this machine alone."),
    ] = None,
    opens_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Start the app; Ctrl-C stops it."""
    settings = _settings()
    listens = (
        address or os.environ.get("STREAMLIT_SERVER_ADDRESS") or settings["address"],
        port or int(os.environ.get("STREAMLIT_SERVER_PORT") or settings["port"]),
    )
    check_port(*listens)
    flags = {"server.address": listens[0], "server.port": listens[1]}
    if opens_browser:
        flags["server.headless"] = "false"
    sys.argv = ["streamlit", "run", str(_APP), *(f"--{k}={v}" for k, v in flags.items())]
    # Streamlit would end with "Aborted!" and status 1, which make tells as an error.
    signal.signal(signal.SIGINT, _end)
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def check_port(address: str, port: int) -> None:
    """Look whether a server could listen there.

    Raises:
        SettingError: It could not; the sentence says why, and what to do.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name == "posix":
            # As servers do: a port whose last connections are still ending is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as exc:
            raise SettingError(
                f"Port {port} of {address} can't be used: {exc.strerror}. If another program has "
                f"it, stop that one or choose another port: make run PORT={port + 1}, or "
                f"python -m ferapp serve --port {port + 1}."
            ) from exc


def _settings() -> dict[str, Any]:
    text = shipped(".streamlit/config.toml").read_text(encoding="utf-8")
    settings: dict[str, Any] = tomllib.loads(text)["server"]
    return settings


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
