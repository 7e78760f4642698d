"""Where the app listens, and whether it can."""

import os
import socket
import tomllib

from ferapp.system.folders import project_path


def configured_address() -> tuple[str, int]:
    """Address and port: from the environment, else from ``.streamlit/config.toml``."""
    text = project_path(".streamlit/config.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(text)["server"]
    return (
        os.environ.get("STREAMLIT_SERVER_ADDRESS") or str(settings["address"]),
        int(os.environ.get("STREAMLIT_SERVER_PORT") or settings["port"]),
    )


def try_to_listen(address: str, port: int) -> None:
    """Listen there for a moment.

    Raises:
        OSError: It can't be done.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        if os.name == "posix":
            # As servers do: a port whose last connections are still ending is free. Elsewhere it
            # would share a port that is taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address, port))
