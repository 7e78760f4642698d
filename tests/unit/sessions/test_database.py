"""Databases that are new, shared, damaged, locked or out of reach."""

import os
import re
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy.exc
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Engine, make_url

from ferapp.errors import StoreError
from ferapp.sessions import database, schema
from ferapp.sessions.database import database_url, open_database
from ferapp.sessions.databases import sqlite
from ferapp.sessions.store import Store
from tests.support.databases import ME, begin_session, sqlite_url
from tests.support.sessions import some_readings


def test_the_newest_tables_are_those_of_the_last_migration(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []


def test_sessions_of_an_older_version_are_kept(tmp_path: Path) -> None:
    """What the first version made: its tables, one session, and no column of a later one."""
    url = sqlite_url(tmp_path)
    with Store(open_database(url)) as store:
        id, readings = begin_session(store)
    with closing(sqlite3.connect(str(url.database), isolation_level=None)) as connection:
        connection.execute("DROP TABLE face_edits")
        connection.execute("ALTER TABLE markers DROP COLUMN end_s")
        connection.execute("DROP INDEX ix_sessions_deleted_utc")
        connection.execute("ALTER TABLE sessions DROP COLUMN deleted_utc")
        connection.execute("ALTER TABLE sessions DROP COLUMN duration_s")
        connection.execute("ALTER TABLE readings DROP COLUMN duration_s")
        connection.execute("UPDATE sessions SET is_finished = 1")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with Store(open_database(url)) as store:
        [session] = store.overviews(ME)
        assert session.recording.id == id
        found = store.readings(id, ME)
        assert len(found) == len(readings)
        np.testing.assert_allclose(found.duration_s, readings.duration_s)
        assert session.duration_s == pytest.approx(readings.at_s[-1] + readings.duration_s[-1])
        assert store.discards.add([id], ME) == 1


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


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    open_database(sqlite_url(tmp_path)).dispose()
    with Store(open_database(sqlite_url(tmp_path))) as store:
        begin_session(store)
        for path in (tmp_path / "sub", *(tmp_path / "sub").iterdir()):
            assert path.stat().st_mode & 0o077 == 0, path.name


def damaged(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to look like one" * 40)


def torn(path: Path) -> None:
    with Store(open_database(URL.create("sqlite", database=str(path)))) as store:
        begin_session(store, 2000)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * 8192 + data[12288:])


def unreadable_schema(path: Path) -> None:
    """What SQLite says of the damage quotes it, and is itself no text."""
    open_database(URL.create("sqlite", database=str(path))).dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        name = "cast(x'ff' AS text)"
        connection.execute(f"UPDATE sqlite_schema SET name = {name} WHERE tbl_name = 'markers'")
        connection.execute("UPDATE sqlite_schema SET sql = 'x' WHERE tbl_name = 'markers'")


def newer(path: Path) -> None:
    open_database(URL.create("sqlite", database=str(path))).dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        pytest.param(damaged, "damaged", id="no database"),
        pytest.param(torn, "damaged", id="torn pages"),
        pytest.param(unreadable_schema, "damaged", id="schema"),
        pytest.param(newer, "newer version of ferapp", id="newer"),
    ],
)
def test_a_bad_database_gives_a_message_and_nothing_is_deleted(
    tmp_path: Path, breaks: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "sessions.db"
    breaks(path)
    before = path.read_bytes()
    url = URL.create("sqlite", database=str(path))
    with pytest.raises(StoreError, match=reason), Store(open_database(url)) as store:
        for session in store.overviews(ME):
            store.readings(session.recording.id, ME)
    assert path.read_bytes() == before


def test_a_locked_database_is_awaited_and_then_gives_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_MS", 50)
    url = sqlite_url(tmp_path)
    with Store(open_database(url)) as store:
        id, readings = begin_session(store)
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
def test_a_lost_connection_may_come_back(cut: Exception) -> None:
    with pytest.raises(StoreError) as caught, database.translate_errors():
        raise cut
    assert caught.value.may_pass and "sqlalche.me" not in str(caught.value)


def test_a_full_disk_gives_a_message_and_loses_nothing(sqlite_store: Store) -> None:
    store = sqlite_store
    id, readings = begin_session(store)
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="disk is full") as caught:
        for _ in range(100):
            store.add(id, some_readings(100))
    assert not caught.value.may_pass
    assert len(store.readings(id, ME)) >= len(readings)


def test_a_folder_that_cannot_be_created_gives_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    url = URL.create("sqlite", database=str(tmp_path / "file" / "sessions.db"))
    with pytest.raises(StoreError, match="can't be used") as caught:
        open_database(url)
    assert f"{tmp_path}/file/sessions.db" in caught.value.remedy, "else nobody finds what to mend"


@pytest.mark.skipif(os.name != "posix", reason="the folder is that of POSIX systems")
def test_a_read_only_data_folder_gives_a_message_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FERAPP_DATABASE_URL")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    # Root may write everywhere, but not below a file.
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"can't be used: Not a directory\.$") as caught:
        open_database()
    remedy = r"It is ~/\S+/ferapp/sessions\.db\. Set FERAPP_DATA_DIR to"
    assert re.match(remedy, caught.value.remedy)
    monkeypatch.setenv("FERAPP_DATA_DIR", str(tmp_path / "other"))
    open_database().dispose()
    assert (tmp_path / "other" / "sessions.db").exists()


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("nonsense", "not a database URL"),
        ("cobol://x/y", "no driver for cobol"),
        ("mysql://x/y", "no driver for mysql .* expected postgresql or sqlite"),
        ("postgresql://ferapp:p@127.0.0.1:abc/none", "not a database URL"),
        ("postgresql://ferapp@127.0.0.1:9/none", "its server can't be reached"),
    ],
)
def test_a_wrong_url_gives_a_message(
    named: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", named)
    with pytest.raises(StoreError, match=reason):
        open_database()


def test_postgresql_is_read_through_the_driver_with_a_permissive_licence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", "postgresql://ferapp:secret@host/name")
    assert database_url().drivername == "postgresql+pg8000"
    monkeypatch.setenv("FERAPP_DATABASE_URL", "postgresql+psycopg://ferapp@host/name")
    assert database_url() == make_url("postgresql+psycopg://ferapp@host/name")


def test_the_location_is_shown_without_the_password(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATABASE_URL", postgres_url.replace("ferapp@", "ferapp:geheim@"))
    opened = Store.open()
    assert "geheim" not in opened.place and "ferapp" in opened.place
    opened.close()
