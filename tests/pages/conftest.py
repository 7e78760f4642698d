"""Fixtures of the tests of the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ferapp.sessions.store import Store
from ferapp.ui.live.page import _seats
from tests.support.stores import app_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with app_store(tmp_path, monkeypatch) as sessions:
        yield sessions


@pytest.fixture(autouse=True)
def _free_seats() -> None:
    """Visitors of other tests in this process would still have theirs."""
    _seats.clear()


@pytest.fixture
def without_webrtc_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """streamlit-webrtc asks the server for its session; these tests have no server."""
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)
