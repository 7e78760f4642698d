"""The database of sessions: SQLite in the user's data folder, or the database that a URL names.

```text
FERAPP_DATABASE_URL   postgresql://user:password@host/name, or sqlite:////absolute/path.db
FERAPP_DATA_DIR       another folder for the SQLite file
```
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ferapp.errors import MissingExtra, StoreError
from ferapp.sessions.databases import postgresql, sqlite
from ferapp.sessions.databases.failures import FAILURES, log_text, meaning_of
from ferapp.sessions.databases.reserve import Reserve
from ferapp.system.folders import DATA_VARIABLE, data_folder

T = TypeVar("T")

_VARIABLE: Final = "FERAPP_DATABASE_URL"
# How long a check waits for a lock or a server.
_CHECK_S: Final = 3
# How long a call waits for another one to give its connection back, s.
_POOL_S: Final = 5.0
# A number that no other program is likely to use for a lock.
_MIGRATION_LOCK: Final = 0x6665726170700001


def database_url() -> URL:
    """The URL from the environment, else that of ``sessions.db`` in the user's data folder.

    Raises:
        StoreError: The environment variable is not a URL.
    """
    variable = os.environ.get(_VARIABLE)
    if not variable:
        return URL.create("sqlite", database=str(data_folder() / "sessions.db"))
    try:
        url = make_url(variable)
    except (ArgumentError, ValueError) as exc:  # ValueError: the port is not a number
        raise StoreError(
            f"{_VARIABLE} is not a database URL; expected postgresql://user:password@host/name or "
            "sqlite:////absolute/path.db."
        ) from exc
    # pg8000 is the PostgreSQL driver with a permissive licence.
    return url.set(drivername="postgresql+pg8000") if url.drivername == "postgresql" else url


def open_database(url: URL | None = None) -> Engine:
    """Open a database, create it if it does not exist, and migrate its tables.

    Args:
        url: Its URL; by default `database_url`.

    Raises:
        StoreError: It can't be opened, is damaged, or was made by a newer version; nothing in it
            was changed.
        MissingExtra: The driver is not installed.
    """
    url = url or database_url()
    file = sqlite.file_of(url)
    with translate_errors(url):
        if file is not None:
            sqlite.refuse_foreign_file(file)
            sqlite.make_private(file, data_folder())
            Reserve(file).fill()
        options: dict[str, Any] = {}
        if not _is_in_memory(url):
            options["pool_timeout"] = _POOL_S
        if url.get_backend_name() == "postgresql":
            options["connect_args"] = postgresql.connect_options(url)
        engine = _engine(url, **options)
        if engine.dialect.name == "sqlite":
            sqlite.watch(engine)
        else:
            # Many rows in one statement; by default this driver sends them one by one.
            engine.dialect.use_insertmanyvalues_wo_returning = True
        if engine.dialect.name == "postgresql":
            postgresql.watch(engine)
        try:
            _begin_use(engine, file)
        except BaseException:
            engine.dispose()
            raise
    return engine


def check_database(url: URL) -> None:
    """Check that an existing database can be written to; nothing in it is changed.

    Args:
        url: Its URL; see `database_url`.

    Raises:
        StoreError: It can't be used.
        MissingExtra: The driver is not installed.
    """
    options: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        options = postgresql.connect_options(url, _CHECK_S)
    with translate_errors():
        if url.drivername.startswith("sqlite"):
            options["timeout"] = _CHECK_S
            # A plain path would create a database that does not exist.
            file = Path(url.database or "").absolute()
            sqlite.refuse_foreign_file(file)
            url = url.set(database=file.as_uri(), query={"mode": "rw", "uri": "true"})
        engine = _engine(url, connect_args=options, poolclass=NullPool)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", sqlite.begin)
        # The transaction ends without a commit.
        with engine.connect().execution_options(is_writing=True) as connection:
            _revisions(connection)


def _is_in_memory(url: URL) -> bool:
    """Whether it is a database of SQLite that lives in this process; its pool has no limit."""
    return url.drivername.startswith("sqlite") and url.database in (None, "", ":memory:")


def _begin_use(engine: Engine, file: Path | None) -> None:
    """Migrate a database of ferapp's; a full disk gives up its reserve for that."""
    try:
        with writing(engine) as connection:
            _migrate(connection)
    except DBAPIError as exc:
        if file is None or not meaning_of(exc).is_full or not Reserve(file).give_up():
            raise
        with writing(engine) as connection:
            _migrate(connection)


def _engine(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, **options)
    except NoSuchModuleError as exc:
        raise StoreError(_no_driver(url)) from exc
    except ModuleNotFoundError as exc:
        if url.get_backend_name() != "postgresql":
            raise StoreError(_no_driver(url)) from exc
        raise MissingExtra(exc.name or url.drivername, "postgresql") from exc


def _no_driver(url: URL) -> str:
    return f"There is no driver for {url.drivername} databases; expected postgresql or sqlite."


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; SQLite takes its lock at the start, when it can wait for it."""
    with engine.connect().execution_options(is_writing=True) as connection, connection.begin():
        yield connection


def with_room(engine: Engine, delete: Callable[[], T]) -> T:
    """Do what deletes something; on a full disk, once more in the room that is kept for it.

    Raises:
        StoreError: It did, again.
    """
    try:
        return delete()
    except StoreError as exc:
        if not exc.is_full or not give_up_reserve(engine):
            raise
    return delete()


def give_up_reserve(engine: Engine) -> bool:
    """Make room on a full disk for a deletion; whether there was some to give up."""
    file = sqlite.file_of(engine.url)
    if file is None or not Reserve(file).give_up():
        return False
    # Its log may have grown until there was no more room.
    with suppress(SQLAlchemyError), engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return True


def fill_reserve(engine: Engine) -> None:
    """Keep room for the next deletion, if there is some again."""
    if (file := sqlite.file_of(engine.url)) is not None:
        Reserve(file).fill()


@contextmanager
def translate_errors(opening: URL | None = None) -> Iterator[None]:
    """Turn errors of the database into a sentence; their text goes to the log.

    Args:
        opening: The database, if it is being opened: the error then has the way out as its remedy.

    Raises:
        StoreError: The block raised an error of the database or the system.
    """
    try:
        yield
    except FAILURES as exc:
        log_text(exc, opening)
        meaning = meaning_of(exc)
        raise StoreError(
            f"The database of sessions can't be used: {meaning.reason}.",
            may_pass=meaning.may_pass,
            is_full=meaning.is_full,
            remedy="" if opening is None else _remedy(opening),
        ) from exc


def describe_place(url: URL) -> str:
    """The location of a database for people: without password, the home folder as ``~``."""
    if not url.drivername.startswith("sqlite"):
        return url.render_as_string(hide_password=True)
    file = Path(url.database or "")
    with suppress(RuntimeError, ValueError):  # there is no home, or the file is elsewhere
        file = Path("~") / file.relative_to(Path.home())
    return str(file)


def exists(url: URL) -> bool:
    """Whether the database has been made; a server's always counts as made."""
    return not url.drivername.startswith("sqlite") or Path(url.database or "").is_file()


def size_bytes(engine: Engine) -> int:
    """Size of an open database on disk, bytes."""
    if engine.dialect.name == "sqlite":
        files = [Path(f"{engine.url.database}{suffix}") for suffix in ("", "-wal", "-shm")]
        return sum(file.stat().st_size for file in files if file.exists())
    size = text("SELECT pg_total_relation_size(:table)")
    with engine.connect() as connection:
        tables = ("sessions", "readings", "markers", "face_edits")
        return sum(connection.scalar(size, {"table": table}) or 0 for table in tables)


def _remedy(url: URL) -> str:
    """Where the database is, for whoever runs ferapp; a server's address is in the log alone."""
    place = f"It is {describe_place(url)}. " if url.drivername.startswith("sqlite") else ""
    if os.environ.get(_VARIABLE):
        return f"{place}It is set by {_VARIABLE}."
    return f"{place}Set {DATA_VARIABLE} to a folder that ferapp can write to."


def _migrate(connection: Connection) -> None:
    """Migrate the tables to the newest revision; only one process at a time does so."""
    with postgresql.patient(connection, waits_for_locks=True):
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            postgresql.refuse_foreign_schema(connection)
        current, newest = _revisions(connection)
        if current != newest:
            command.upgrade(_config(connection), "head")
    if connection.dialect.name == "sqlite":
        sqlite.sign(connection)


def _revisions(connection: Connection) -> tuple[str | None, str | None]:
    """The revision of the tables, and the newest one.

    Raises:
        StoreError: A newer version of ferapp made them.
    """
    scripts = ScriptDirectory.from_config(_config(connection))
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {r.revision for r in scripts.walk_revisions()}:
        raise StoreError(
            "The database of sessions was made by a newer version of ferapp; update ferapp to read "
            "it. Nothing was changed."
        )
    return current, scripts.get_current_head()


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def utc_now() -> datetime:
    """The time as the database stores it: UTC, without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)
