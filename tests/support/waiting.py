"""Waiting for another thread or process."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def wait_until(is_so: Callable[[], object], timeout_s: float = 5) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie has no command line.
    command = Path(f"/proc/{pid}/cmdline")
    return not command.exists() or bool(command.read_bytes())
