"""Deleted and expired sessions are erased though nobody has a page open."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from ferapp.errors import StoreError
from ferapp.sessions import discards
from ferapp.sessions.database import utc_now
from ferapp.sessions.store import LOCAL_OWNER, Store
from ferapp.ui.server import session_erasure
from ferapp.ui.server.session_erasure import Timetable
from tests.support.fakes import Clock
from tests.support.sessions import some_readings
from tests.support.stores import add_session, app_store


def test_the_timetable_looks_each_minute_and_often_after_a_deletion() -> None:
    clock = Clock()
    timetable = Timetable(clock)
    assert timetable.is_due() and not timetable.is_due(), "at the start, then after a minute"
    clock.now_s = 59.0
    assert not timetable.is_due()
    clock.now_s = 61.0
    assert timetable.is_due()
    timetable.expect_deletion()
    looks = []
    for clock.now_s in range(62, 90, 2):
        looks.append(timetable.is_due())
    late = [at_s for at_s, looked in zip(range(1, 30, 2), looks, strict=False) if looked]
    assert max(late) > discards.UNDO_S + 2 and looks[-1] is False


def test_a_deletion_before_a_restart_happens_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app_store(tmp_path, monkeypatch) as store:
        id = add_session(store, some_readings(50), title="to be forgotten")
        kept = add_session(store, some_readings(5))
        store.discards.add([id], LOCAL_OWNER)
    monkeypatch.setattr("ferapp.sessions.store.utc_now", lambda: utc_now().replace(year=2100))
    with app_store(tmp_path, monkeypatch):
        pass
    monkeypatch.undo()
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path / 'sessions.db'}")
    with Store.open() as store:
        assert store.discards.restore([id], LOCAL_OWNER) == 0
    assert not any(b"to be forgotten" in file.read_bytes() for file in tmp_path.iterdir()), kept


def test_the_server_erases_without_a_visitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_erasure, "_EVERY_S", 0.01)
    monkeypatch.setattr(session_erasure, "_timetable", SimpleNamespace(is_due=lambda: True))
    monkeypatch.setattr(discards, "UNDO_S", 0.2)
    with app_store(tmp_path, monkeypatch) as store:
        id = add_session(store, some_readings(50), title="to be forgotten")
        store.discards.add([id], LOCAL_OWNER)

        async def run() -> None:
            task = asyncio.create_task(session_erasure.erase_sessions())
            await asyncio.sleep(1.0)
            task.cancel()

        asyncio.run(run())
        assert store.discards.restore([id], LOCAL_OWNER) == 0
        assert not any(b"to be forgotten" in file.read_bytes() for file in tmp_path.iterdir())


def test_no_database_is_made_only_to_erase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path / 'sessions.db'}")
    session_erasure.erase_due()
    assert not list(tmp_path.iterdir())


def test_a_database_that_fails_does_not_end_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def fail(_: Store) -> int:
        calls.append(1)
        raise StoreError("The disk is full.")

    monkeypatch.setattr(Store, "purge", fail)
    monkeypatch.setenv("FERAPP_DATABASE_URL", f"sqlite:///{tmp_path / 'sessions.db'}")
    (tmp_path / "sessions.db").touch()
    for _ in range(2):
        session_erasure.erase_due()
    assert len(calls) == 2
