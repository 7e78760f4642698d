"""Databases of other programs, which are left alone, and who may read the files of ours."""

import os
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, text

from ferapp.errors import StoreError
from ferapp.sessions.database import check_database, open_database
from ferapp.sessions.databases import sqlite
from ferapp.sessions.store import Store
from tests.support.databases import ME, begin_session

FOREIGN = {
    "a table": "CREATE TABLE bank (account TEXT)",
    "a view": "CREATE VIEW one AS SELECT 1",
    "an alembic_version": "CREATE TABLE alembic_version (version_num TEXT);"
    "INSERT INTO alembic_version VALUES ('0001')",
    "our revision and a table": "CREATE TABLE alembic_version (version_num TEXT);"
    "INSERT INTO alembic_version VALUES ('0005'); CREATE TABLE users (name TEXT)",
    "tables called like ours": "CREATE TABLE alembic_version (version_num TEXT);"
    "CREATE TABLE sessions (id TEXT, token TEXT); CREATE TABLE readings (id);"
    "CREATE TABLE markers (id)",
    "a number of its own": "PRAGMA application_id = 7",
    "a log": "PRAGMA journal_mode = WAL; CREATE TABLE bank (account TEXT)",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def url_of(path: Path) -> URL:
    return URL.create("sqlite", database=str(path))


@pytest.mark.parametrize("statements", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("use", [open_database, check_database])
def test_a_file_of_another_program_stays_as_it_is(
    tmp_path: Path, statements: str, use: object
) -> None:
    path = tmp_path / "sessions.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    path.chmod(0o644)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="belongs to another program"):
        use(url_of(path))
    assert contents(tmp_path) == before and stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_whose_tables_are_in_its_log_alone_is_read(tmp_path: Path) -> None:
    """As a program leaves it that was killed."""
    for name, statement in (("theirs", "CREATE TABLE bank (account TEXT)"), ("ours", None)):
        path = tmp_path / name / "sessions.db"
        path.parent.mkdir()
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as writer:
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("PRAGMA wal_autocheckpoint = 0")
            if statement:
                writer.execute(statement)
                writer.commit()
            for suffix in ("", "-wal"):
                source = tmp_path / f"{name}.db{suffix}"
                if source.exists():
                    path.with_name(f"sessions.db{suffix}").write_bytes(source.read_bytes())
    before = contents(tmp_path / "theirs")
    with pytest.raises(StoreError, match="another program"):
        open_database(url_of(tmp_path / "theirs" / "sessions.db"))
    assert contents(tmp_path / "theirs") == before
    open_database(url_of(tmp_path / "ours" / "sessions.db")).dispose()


def test_our_file_is_signed_and_one_without_a_signature_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    for _ in range(2):
        open_database(url_of(path)).dispose()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA application_id").fetchone() == (
                sqlite.APPLICATION_ID,
            )
            connection.execute("PRAGMA application_id = 0")


@pytest.fixture
def schema(postgresql_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database server with a schema of another program; new connections use it."""
    engine = postgresql_engine
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA theirs"))
        connection.execute(text("ALTER ROLE ferapp SET search_path = theirs"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("ALTER ROLE ferapp RESET search_path"))
        connection.execute(text("DROP SCHEMA theirs CASCADE"))


@pytest.mark.parametrize(
    "name", ["a table", "a view", "an alembic_version", "tables called like ours"]
)
def test_a_schema_of_another_program_stays_as_it_is(schema: Engine, name: str) -> None:
    with schema.begin() as connection:
        connection.execute(text("SET LOCAL search_path = theirs"))
        for statement in FOREIGN[name].replace("(id)", "(id TEXT)").split(";"):
            connection.execute(text(statement))
        names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'theirs'"
        before = set(connection.scalars(text(names)))
    with pytest.raises(StoreError, match="belongs to another program"):
        open_database()
    with schema.connect() as connection:
        assert set(connection.scalars(text(names))) == before


def test_an_empty_schema_is_used(schema: Engine) -> None:
    with Store(open_database()) as store:
        id, readings = begin_session(store)
        assert len(store.readings(id, ME)) == len(readings)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX systems")
def test_no_other_user_may_read_a_file_whatever_the_umask(
    tmp_path: Path, open_umask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERAPP_DATA_DIR", str(tmp_path / "a" / "b"))
    monkeypatch.delenv("FERAPP_DATABASE_URL", raising=False)
    with Store.open() as store:
        begin_session(store)
        paths = [tmp_path / "a", *(tmp_path / "a").rglob("*")]
        assert {"sessions.db", "sessions.db-wal", "sessions.db-shm"} <= {p.name for p in paths}
        for path in paths:
            assert path.stat().st_mode & 0o077 == 0, path.name


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX systems")
def test_what_was_open_to_others_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data"
    monkeypatch.setenv("FERAPP_DATA_DIR", str(folder))
    monkeypatch.delenv("FERAPP_DATABASE_URL", raising=False)
    with Store.open() as store:
        begin_session(store)
        (folder / "sessions.db.backup").write_bytes(b"of last year")
        (folder / "notes.txt").write_bytes(b"not ours")
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
        Store.open().close()
        left = {p.name for p in (folder, *folder.iterdir()) if p.stat().st_mode & 0o077}
        assert left == {"notes.txt"}


@pytest.mark.skipif(sys.platform == "win32", reason="modes are those of POSIX systems")
def test_a_file_that_stays_open_to_others_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk without modes, or with a file of another user."""
    path = tmp_path / "sessions.db"
    open_database(url_of(path)).dispose()
    path.chmod(0o644)

    def do_nothing(*_: object) -> None: ...

    def refuse(*_: object) -> None:
        raise PermissionError

    for chmod in (do_nothing, refuse):
        monkeypatch.setattr(Path, "chmod", chmod)
        with pytest.raises(StoreError, match=r"other users .* can read sessions\.db"):
            open_database(url_of(path))


def test_a_folder_that_others_use_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    open_database(url_of(tmp_path / "sessions.db")).dispose()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
