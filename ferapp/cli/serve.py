"""``ferapp serve``: run the app until Ctrl-C."""

import errno
import runpy
import signal
import sys
from pathlib import Path
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
        typer.Option("--address", help="Address to listen on; 127.0.0.1 for this machine only."),
    ] = None,
    opens_browser: Annotated[
        bool, typer.Option("--open", help="Open the app in the browser.")
    ] = False,
) -> None:
    """Start the app; Ctrl-C stops it."""
    try:
        default = configured_address()
    except ValueError as exc:
        raise SettingError(str(exc)) from exc
    address, port = address or default[0], port or default[1]
    check_port(address, port)
    flags = {"server.address": address, "server.port": port}
    if opens_browser:
        flags["server.headless"] = "false"
    sys.argv = ["streamlit", "run", str(_APP), *(f"--{k}={v}" for k, v in flags.items())]
    # Streamlit would end with "Aborted!" and status 1, which `make` reports as an error.
    signal.signal(signal.SIGINT, _end)
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def check_port(address: str, port: int) -> None:
    """Check that a server could listen there.

    Raises:
        SettingError: It could not; the message says why, and what to do.
    """
    try:
        try_to_listen(address, port)
    except OSError as exc:
        raise SettingError(_port_problem(address, port, exc)) from exc


def _port_problem(address: str, port: int, error: OSError) -> str:
    another = f"make run PORT={{0}}, or {Path(sys.executable).name} -m ferapp serve --port {{0}}."
    match error.errno:
        case errno.EADDRINUSE:
            another = another.format(port + 1 if port < 65_535 else 8501)
            return (
                f"Port {port} is in use. Stop the other program, or choose another port: {another}"
            )
        case errno.EACCES:
            another = another.format(8501)
            return f"Port {port} is reserved for the administrator. Choose another port: {another}"
        case _:
            reason = error.strerror or type(error).__name__
            return (
                f"ferapp can't listen on {address}: {reason}. Expected an address of this machine, "
                "such as 127.0.0.1, or 0.0.0.0 for all of them."
            )


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)
