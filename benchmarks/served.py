"""The app in a process of its own."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from benchmarks.machine import ROOT

PATIENCE_S = 60


class App:
    """A Streamlit script in a process of its own.

    Args:
        script: The script.
        root: The folder of the version of ferapp that it imports.
        first: A folder that comes before it, for a ``sitecustomize.py``.
        environment: Variables besides those of this process.
    """

    def __init__(
        self,
        script: Path,
        *,
        root: Path = ROOT,
        first: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            "--server.port",
            str(port),
        ]
        start = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if environment else None,
            env={
                **os.environ,
                **(environment or {}),
                "PYTHONPATH": os.pathsep.join(str(p) for p in (first, root) if p),
            },
        )
        while time.perf_counter() - start < PATIENCE_S and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self.url, timeout=1):
                    self.served_after_s = time.perf_counter() - start
                    return
            except OSError:
                time.sleep(0.02)
        self._process.kill()
        raise TimeoutError("the app ended or did not answer within a minute")

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self._process.pid

    def rss_mb(self) -> float:
        """Memory of the app."""
        return self._status("VmRSS") / 1024

    def threads(self) -> int:
        """How many threads the app has."""
        return self._status("Threads")

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        match = re.search(rf"{name}:\s+(\d+)", status)
        return int(match[1]) if match else 0

    def cpu_s(self) -> float:
        """Processor time that the app has taken so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").split(") ")[1]
        ticks = [int(field) for field in fields.split()[11:13]]
        return sum(ticks) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Stop the app."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
