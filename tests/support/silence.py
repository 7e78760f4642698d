"""Servers that accept a connection and then say nothing."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ferapp.sessions.databases import postgresql


def shorten_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that waits give up soon."""
    monkeypatch.setattr(postgresql, "CONNECT_S", 1.0)
    monkeypatch.setattr(postgresql, "STATEMENT_S", 1.0)
    monkeypatch.setattr(postgresql, "_MARGIN_S", 0.2)


@contextmanager
def closed_connections() -> Iterator[None]:
    """Connections that are made meanwhile are closed at the end.

    pg8000 leaves the socket of one that failed to the garbage collector (1.31.6).
    """
    with ExitStack() as made, pytest.MonkeyPatch.context() as patch:
        connect = socket.create_connection
        patch.setattr(
            socket, "create_connection", lambda *a, **k: made.enter_context(connect(*a, **k))
        )
        yield


@contextmanager
def silent_server() -> Iterator[str]:
    """The URL of a database that accepts and says nothing."""
    with closed_connections(), socket.create_server(("127.0.0.1", 0)) as server:
        yield f"postgresql://ferapp:geheim@127.0.0.1:{server.getsockname()[1]}/none"


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process stands still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
