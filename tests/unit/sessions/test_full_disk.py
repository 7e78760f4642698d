"""A disk without room: deleting works, and nothing else is said than what is so."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import URL

from ferapp.errors import StoreError
from ferapp.sessions import database, erasure
from ferapp.sessions.database import open_database
from ferapp.sessions.databases.reserve import Reserve
from ferapp.sessions.erasure import BytesLeft
from ferapp.sessions.store import Store
from tests.support.databases import ME, begin_session
from tests.support.sessions import some_readings


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    if not hasattr(os, "getuid") or os.getuid() or not shutil.which("mount"):
        pytest.skip("needs root, to make a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", tmp_path]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("may not make a file system here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def fill(store: Store, folder: Path) -> list[str]:
    """Record until there is no room, and take the last bytes."""
    ids = []
    with pytest.raises(StoreError, match="the disk is full"):
        for _ in range(100):
            id, _ = begin_session(store, 10)
            ids.append(id)
            for _ in range(5):
                store.add(id, some_readings(200))
    with suppress(OSError), open(folder / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    return ids


@pytest.mark.parametrize("how", ["one", "all", "with undo", "after a restart"])
def test_on_a_full_disk_sessions_can_be_deleted(
    small_disk: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = URL.create("sqlite", database=str(small_disk / "sessions.db"))
    store = Store(open_database(url))
    ids = fill(store, small_disk)
    if how == "after a restart":
        store.close()
        store = Store(open_database(url))
    if how == "all":
        store.delete_all(ME)
        ids = []
    else:
        if how == "with undo":
            assert store.discards.add([ids[0]], ME) == 1
            monkeypatch.setattr(store.discards, "_clock", lambda: 1e9)
            monkeypatch.setattr("ferapp.sessions.discards.UNDO_S", -1.0)
            assert store.purge() == 1
        else:
            store.delete(ids[0], ME)
        ids = ids[1:]
    left = {s.recording.id for s in store.overviews(ME)}
    assert left >= set(ids[:-1]) and len(left) <= len(ids) + 1
    begin_session(store, 100)
    store.close()


def test_what_is_full_is_not_called_busy(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_session(sqlite_store)

    class Full(OSError):
        sqlite_errorcode = 13

    def fail(_: object) -> bool:
        raise Full

    monkeypatch.setattr(erasure, "_empty_log", fail)
    with pytest.raises(BytesLeft, match="Deleted, but the disk is full"):
        sqlite_store.delete_all(ME)
    monkeypatch.setattr(erasure, "_empty_log", lambda _: False)
    with pytest.raises(BytesLeft, match="Deleted, but another program is reading"):
        sqlite_store._eraser.clear_bytes()


def test_a_deletion_gives_up_the_reserve_and_fills_it_again(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the seam: SQLite has room for no more pages until the reserve is gone."""
    store = sqlite_store
    id, _ = begin_session(store, 300)
    other, _ = begin_session(store, 30)
    file = Path(str(store._engine.url.database))
    reserve = file.with_name("sessions.db-reserve")
    assert reserve.stat().st_size >= 128 * 1024 and reserve.stat().st_mode & 0o077 == 0
    real, tries = erasure.writing, []

    def full_at_first(engine: object) -> object:
        tries.append(reserve.exists())
        if reserve.exists():
            raise StoreError("the disk is full", is_full=True)
        return real(engine)

    monkeypatch.setattr(erasure, "writing", full_at_first)
    store.delete(id, ME)
    assert tries[:2] == [True, False] and reserve.exists()
    assert [s.recording.id for s in store.overviews(ME)] == [other]
    assert len(store.readings(other, ME)) == 30


def test_without_a_reserve_a_full_disk_gives_a_message(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, _ = begin_session(sqlite_store)
    assert database.give_up_reserve(sqlite_store._engine)

    def full(_: object) -> object:
        raise StoreError("the disk is full", is_full=True)

    monkeypatch.setattr("ferapp.sessions.discards.writing", full)
    with pytest.raises(StoreError, match="the disk is full"):
        sqlite_store.discards.add([id], ME)


def test_a_nearly_full_disk_is_not_filled_by_the_reserve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=400_000))
    reserve = Reserve(tmp_path / "sessions.db")
    reserve.fill()
    assert not list(tmp_path.iterdir()) and not reserve.give_up()
