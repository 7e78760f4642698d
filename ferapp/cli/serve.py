"""``ferapp serve``: the app, from here until Ctrl-C."""

import runpy
import signal
import sys
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer

from ferapp.errors import SettingError
from ferapp.system.folders import project_path
from ferapp.system.listening import configured_address, try_to_listen

_APP: Final = project_path("app.py")


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
    usual = configured_address()
    listens = address or usual[0], port or usual[1]
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
    try:
        try_to_listen(address, port)
    except OSError as exc:
        raise SettingError(
            f"Port {port} of {address} can't be used: {exc.strerror}. If another program has it, "
            f"stop that one or choose another port: make run PORT={port + 1}, or "
            f"python -m ferapp serve --port {port + 1}."
        ) from exc


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
