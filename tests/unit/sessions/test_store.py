"""Sessions in a real database, SQLite and PostgreSQL alike."""

import os
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy.exc
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Engine, make_url, text

from ferapp.errors import StoreError
from ferapp.sessions import database, schema
from ferapp.sessions import store as store_module
from ferapp.sessions.database import database_url, open_database
from ferapp.sessions.session import Marker, Readings, SessionInfo
from ferapp.sessions.store import Store
from tests.support import postgres
from tests.support.sessions import some_readings, some_recording

ME, OTHER = "local", "someone else"


def sqlite_url(folder: Path) -> URL:
    return URL.create("sqlite", database=str(folder / "sub" / "sessions.db"))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    if postgres.binaries() is None:
        pytest.skip("needs a PostgreSQL server's programs (Debian: postgresql)")
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = open_database(sqlite_url(tmp_path))
    else:
        monkeypatch.setenv("FERAPP_DATABASE_URL", request.getfixturevalue("postgres_url"))
        made = open_database()
        with database.writing(made) as connection:
            connection.execute(text("DELETE FROM sessions"))
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    return Store(engine)


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    with Store(open_database(sqlite_url(tmp_path))) as store:
        yield store


def assert_same(ours: Readings, theirs: Readings) -> None:
    for name, values in vars(ours).items():
        np.testing.assert_array_equal(values, getattr(theirs, name), err_msg=name)


def new(**changes: object) -> SessionInfo:
    return some_recording(id=uuid.uuid4().hex, **changes)


def begun(store: Store, count: int = 20, **changes: object) -> tuple[str, Readings]:
    recording, readings = new(**changes), some_readings(count)
    store.begin(recording, ME)
    store.add(recording.id, readings)
    return recording.id, readings


def test_nobody_has_recorded_anything(store: Store) -> None:
    assert store.overviews(ME) == []
    assert store.purge() == 0
    store.delete_all(ME)
    assert store.size_bytes() > 0


def test_a_session_without_readings(store: Store) -> None:
    recording = new()
    store.begin(recording, ME)
    store.add(recording.id, Readings.empty(len(recording.labels)))
    assert_same(store.readings(recording.id, ME), Readings.empty(len(recording.labels)))
    assert store.overviews(ME)[0].readings == 0


def test_what_was_recorded_comes_back_to_the_bit(store: Store) -> None:
    recording = new(markers=(Marker(0.5, "çay ☕"), Marker(1.0, "=1+1")))
    readings = some_readings(40, faces=2)
    readings.probabilities[3] = np.nan
    readings.smoothed[3:5] = np.nan
    readings.flaw[3] = "too small"
    store.begin(recording, ME)
    half = len(readings) // 2
    store.add(recording.id, readings.at(np.arange(half)))
    store.add(recording.id, readings.at(np.arange(half, len(readings))))
    store.finish(recording.id, 9.5)
    assert_same(store.readings(recording.id, ME), readings)
    seen = store.overviews(ME)[0]
    assert seen.recording == recording and seen.recording.started.utcoffset() is not None
    assert seen.readings == len(readings) and seen.duration_s == 9.5 and not seen.is_running


def test_only_the_last_minute_can_be_read(store: Store) -> None:
    id, readings = begun(store, 60)
    late = store.readings(id, ME, since_s=2.0)
    assert_same(late, readings.at(readings.at_s >= 2.0))


def test_the_start_keeps_its_time_zone(store: Store) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    started = datetime(2026, 3, 29, 1, 59, 59, 123456, zone)
    begun(store, started=started)
    seen = store.overviews(ME)[0].recording.started
    assert seen == started and seen.utcoffset() == started.utcoffset()


def test_owners_see_and_change_their_own_sessions_only(store: Store) -> None:
    id, readings = begun(store, title="mine")
    assert store.overviews(OTHER) == []
    with pytest.raises(StoreError, match="no such session"):
        store.readings(id, OTHER)
    store.rename(id, OTHER, "yours")
    store.mark(id, OTHER, [Marker(1, "yours")])
    store.keep(id, OTHER, None)
    store.delete(id, OTHER)
    store.delete_all(OTHER)
    kept = store.overviews(ME)[0]
    assert kept.recording.title == "mine" and not kept.recording.markers and kept.expires
    assert len(store.readings(id, ME)) == len(readings)


def test_titles_markers_and_keeping_can_be_changed(store: Store) -> None:
    id, _ = begun(store)
    store.rename(id, ME, "x" * 300)
    store.mark(id, ME, [Marker(1.5, "first")])
    store.mark(id, ME, [Marker(2.5, "second")])
    store.keep(id, ME, None)
    seen = store.overviews(ME)[0]
    assert seen.recording.title == "x" * 200 and seen.expires is None
    assert seen.recording.markers == (Marker(2.5, "second"),)


def test_the_newest_session_comes_first(store: Store) -> None:
    now = datetime.now().astimezone()
    for days in (2, 0, 1):
        begun(store, started=now - timedelta(days=days), title=str(days))
    assert [s.recording.title for s in store.overviews(ME)] == ["0", "1", "2"]


def test_what_has_expired_is_purged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(store, title="thirty days")
    kept = new(title="for good")
    store.begin(kept, ME, keep_days=None)
    late = database.utc_now() + timedelta(days=31)
    monkeypatch.setattr("ferapp.sessions.store.utc_now", lambda: late)
    assert store.purge() == 1
    assert [s.recording.title for s in store.overviews(ME)] == ["for good"]


def test_a_session_that_was_cut_off_is_not_running(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(store)
    assert store.overviews(ME)[0].is_running
    late = database.utc_now() + timedelta(seconds=11)
    monkeypatch.setattr("ferapp.sessions.store.utc_now", lambda: late)
    assert not store.overviews(ME)[0].is_running


def test_a_deleted_session_takes_no_more_readings(store: Store) -> None:
    id, readings = begun(store)
    store.delete(id, ME)
    with pytest.raises(StoreError, match="deleted"):
        store.add(id, readings)
    assert store.overviews(ME) == []


def test_a_batch_is_added_whole_or_not_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, readings = begun(store)
    real = store_module.rows_of

    def without_the_last_time(session: str, readings: Readings) -> list[dict[str, object]]:
        rows = real(session, readings)
        rows[-1]["at_s"] = None
        return rows

    monkeypatch.setattr(store_module, "rows_of", without_the_last_time)
    with pytest.raises(StoreError, match=r"(?i)not.null"):
        store.add(id, readings)
    assert len(store.readings(id, ME)) == len(readings)
    assert store.overviews(ME)[0].readings == len(readings)


def test_many_record_at_once(store: Store) -> None:
    ids = [begun(store, 5)[0] for _ in range(6)]
    failures: list[Exception] = []

    def record(id: str) -> None:
        try:
            for i in range(10):
                later = some_readings(5)
                store.add(id, replace(later, at_s=later.at_s + i))
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=record, args=(id,)) for id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert [len(store.readings(id, ME)) for id in ids] == [55] * 6


def test_the_newest_tables_are_those_of_the_last_migration(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_two_programs_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def opening() -> None:
        try:
            open_database(sqlite_url(tmp_path)).dispose()
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=opening) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    open_database(sqlite_url(tmp_path)).dispose()
    with Store(open_database(sqlite_url(tmp_path))) as store:
        begun(store)
        for path in (tmp_path / "sub", *(tmp_path / "sub").iterdir()):
            assert path.stat().st_mode & 0o077 == 0, path.name


def in_files(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("how", ["delete", "delete_all", "purge"])
def test_deleted_bytes_are_gone_from_every_file(
    sqlite_store: Store, tmp_path: Path, how: str
) -> None:
    store = sqlite_store
    kept, _ = begun(store, 50, title="a title that stays")
    recording = new(title="a title to be forgotten", markers=(Marker(1, "a mark"),))
    readings = some_readings(400)
    store.begin(recording, OTHER, keep_days=-1)
    store.add(recording.id, readings)
    needles = [b"a title to be forgotten", b"a mark", readings.probabilities[7].tobytes()]
    assert all(in_files(tmp_path, needle) for needle in needles), "or the test proves nothing"
    size = store.size_bytes()
    if how == "delete":
        store.delete(recording.id, OTHER)
    elif how == "delete_all":
        store.delete_all(OTHER)
    else:
        assert store.purge() == 1
    assert not any(in_files(tmp_path, needle) for needle in needles)
    assert in_files(tmp_path, b"a title that stays") and len(store.readings(kept, ME)) == 50
    assert store.size_bytes() < size


def damaged(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to look like one" * 40)


def torn(path: Path) -> None:
    with Store(open_database(URL.create("sqlite", database=str(path)))) as store:
        begun(store, 2000)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * 8192 + data[12288:])


def newer(path: Path) -> None:
    open_database(URL.create("sqlite", database=str(path))).dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        pytest.param(damaged, "damaged", id="no database"),
        pytest.param(torn, "damaged", id="torn pages"),
        pytest.param(newer, "newer version of ferapp", id="newer"),
    ],
)
def test_a_bad_database_is_a_sentence_and_nothing_is_deleted(
    tmp_path: Path, breaks: Callable[[Path], None], told: str
) -> None:
    path = tmp_path / "sessions.db"
    breaks(path)
    before = path.read_bytes()
    url = URL.create("sqlite", database=str(path))
    with pytest.raises(StoreError, match=told), Store(open_database(url)) as store:
        for session in store.overviews(ME):
            store.readings(session.recording.id, ME)
    assert path.read_bytes() == before


def test_a_locked_database_is_waited_for_and_then_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 50)
    url = sqlite_url(tmp_path)
    with Store(open_database(url)) as store:
        id, readings = begun(store)
        with closing(sqlite3.connect(str(url.database), isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another program") as caught:
                store.add(id, readings)
            assert caught.value.may_pass
        store.add(id, readings)
        assert store.overviews(ME)[0].readings == 2 * len(readings)


@pytest.mark.parametrize(
    "cut", [ConnectionResetError("reset by peer"), sqlalchemy.exc.TimeoutError("QueuePool limit")]
)
def test_a_connection_that_was_cut_may_come_back(cut: Exception) -> None:
    with pytest.raises(StoreError) as caught, database.translate_errors():
        raise cut
    assert caught.value.may_pass and "sqlalche.me" not in str(caught.value)


def test_a_full_disk_is_a_sentence_and_keeps_what_there_was(sqlite_store: Store) -> None:
    store = sqlite_store
    id, readings = begun(store)
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="disk is full") as caught:
        for _ in range(100):
            store.add(id, some_readings(100))
    assert not caught.value.may_pass
    assert len(store.readings(id, ME)) >= len(readings)


def test_a_folder_that_can_t_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    url = URL.create("sqlite", database=str(tmp_path / "file" / "sessions.db"))
    with pytest.raises(StoreError, match="can't be used") as caught:
        open_database(url)
    assert f"{tmp_path}/file/sessions.db" in str(caught.value), "else nobody finds what to mend"


@pytest.mark.skipif(os.name != "posix", reason="the folder is that of POSIX systems")
def test_a_data_folder_that_can_t_be_written_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FERAPP_DATABASE_URL")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    # Root may write everywhere, but not below a file.
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    message = r"~/\S+/ferapp/sessions\.db, can't be used: Not a directory\. Set FERAPP_DATA_DIR to"
    with pytest.raises(StoreError, match=message):
        open_database()
    monkeypatch.setenv("FERAPP_DATA_DIR", str(tmp_path / "other"))
    open_database().dispose()
    assert (tmp_path / "other" / "sessions.db").exists()


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("nonsense", "not a database URL"),
        ("cobol://x/y", "no driver for cobol"),
        ("mysql://x/y", "no driver for mysql .* expected postgresql or sqlite"),
        ("postgresql://ferapp:p@127.0.0.1:abc/none", "not a database URL"),
        ("postgresql://ferapp@127.0.0.1:9/none", r"can't be used: [^().]*127\.0\.0\.1[^().]*\."),
    ],
)
def test_a_url_that_leads_nowhere_is_a_sentence(
    named: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", named)
    with pytest.raises(StoreError, match=told):
        open_database()


def test_postgresql_is_read_through_the_driver_with_a_permissive_licence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", "postgresql://ferapp:secret@host/name")
    assert database_url().drivername == "postgresql+pg8000"
    monkeypatch.setenv("FERAPP_DATABASE_URL", "postgresql+psycopg://ferapp@host/name")
    assert database_url() == make_url("postgresql+psycopg://ferapp@host/name")


def test_the_place_is_told_without_the_password(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", postgres_url.replace("ferapp@", "ferapp:geheim@"))
    opened = Store.open()
    assert "geheim" not in opened.place and "ferapp" in opened.place
    opened.close()
