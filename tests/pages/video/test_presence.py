"""Jobs on videos end when their visitor leaves."""

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ferapp.ui.server import private_parts
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.ui.video import jobs
from tests.support.fakes import Clock
from tests.support.video_page import (
    LONG_S,
)


@pytest.fixture
def presence(monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[[], bool], Clock, set[str]]:
    """Whether the visitor is present, as a function; its clock; the connected sessions."""
    clock, connected = Clock(), {"me"}
    runtime = SimpleNamespace(is_active_session=connected.__contains__)
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(private_parts, "exists", lambda: True)
    monkeypatch.setattr(private_parts, "get_instance", lambda: runtime)
    monkeypatch.setattr(
        private_parts, "get_script_run_ctx", lambda: SimpleNamespace(session_id="me"), raising=True
    )
    return jobs._presence(), clock, connected


Presence = tuple[Callable[[], bool], Clock, set[str]]


def test_a_short_disconnection_does_not_count_as_leaving(presence: Presence) -> None:
    is_present, clock, connected = presence
    clock.now_s = 100.0
    assert is_present()
    connected.clear()
    clock.now_s += 2
    assert is_present()
    connected.add("me")
    clock.now_s += 2
    assert is_present()
    connected.clear()
    clock.now_s += 2
    assert is_present(), "each disconnection counts by itself"


def test_a_closed_page_counts_as_leaving(presence: Presence) -> None:
    is_present, clock, connected = presence
    assert is_present()
    connected.clear()
    clock.now_s += 3.5
    assert not is_present()


def test_without_a_server_every_visitor_counts_as_present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_parts, "get_script_run_ctx", lambda: None)
    assert jobs._presence()()


def test_ending_a_job_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, may_end = threading.Event(), threading.Event()

    class HangingJob:
        def cancel(self) -> None:
            may_end.wait(LONG_S)
            ended.set()

    state: dict[str, Any] = {"a": HangingJob(), "b": HangingJob()}
    monkeypatch.setattr(jobs.st, "session_state", state)
    start = time.monotonic()
    jobs.cancel(SessionKey("a"))
    jobs.stop(SessionKey("b"))
    jobs.stop(SessionKey("none"))
    jobs.cancel(SessionKey("none"))
    assert time.monotonic() - start < 1 and not ended.is_set() and set(state) == {"a"}
    may_end.set()
    assert ended.wait(LONG_S)
