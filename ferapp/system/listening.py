"""The address at which the app listens, and whether it can."""

import os
import socket
import tomllib

from ferapp.system.folders import project_path


def configured_address() -> tuple[str, int]:
    """Address and port: from the environment, else from ``.streamlit/config.toml``.

    Raises:
        ValueError: The port is not valid; the message may be shown.
    """
    text = project_path(".streamlit/config.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)["server"]
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS") or str(settings["address"])
    port = os.environ.get("STREAMLIT_SERVER_PORT") or str(settings["port"])
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(f"The port is set to {port!r}; expected a number from 1 to 65535.")
    return address, int(port)


def try_to_listen(address: str, port: int) -> None:
    """Bind to the address for a moment.

    Raises:
        OSError: It is not possible.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name == "posix":
            # As servers do: a port whose last connections are still closing counts as free. On
            # other systems this would share a port that is in use.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
