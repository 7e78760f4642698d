"""Fixtures of the tests of pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ferapp.sessions.store import Store
from tests.support.stores import sessions_in


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with sessions_in(tmp_path, monkeypatch) as opened:
        yield opened
