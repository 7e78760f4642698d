"""The app in a process of its own, with a log and settings of the test."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.places import ROOT


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class App:
    """A running app whose output, with that of its children, goes to a file.

    Args:
        log: The file.
        launcher: A script that starts Streamlit; by default ``-m streamlit``.
        settings: Environment variables.
    """

    def __init__(self, log: Path, *, launcher: Path | None = None, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        start = [str(launcher)] if launcher else ["-m", "streamlit"]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, *start, "run", "app.py", "--server.port", str(self.port)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait as a proxy would, until the app reports that it is ready."""
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=5).close()
                return
            except (OSError, urllib.error.HTTPError):
                assert time.monotonic() < deadline, self.log.read_text()
                assert self._process.poll() is None, self.log.read_text()
                time.sleep(0.2)

    def kill(self) -> None:
        """Stop the app as a power failure would."""
        self._process.kill()
        self._process.wait(15)

    def stop(self) -> None:
        """Stop the app as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
