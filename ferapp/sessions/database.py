"""The database of sessions: SQLite in the user's data folder, or the database that a URL names.

```text
FERAPP_DATABASE_URL   postgresql://user:password@host/name, or sqlite:////absolute/path.db
FERAPP_DATA_DIR       another folder for the SQLite file
```
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    SQLAlchemyError,
    TimeoutError,
)
from sqlalchemy.pool import NullPool

from ferapp.errors import MissingExtra, StoreError
from ferapp.system.folders import DATA_VARIABLE, data_folder

_VARIABLE: Final = "FERAPP_DATABASE_URL"
_BUSY_MS: Final = 5000
# How long a check waits for a lock or a server, and the name of this option of each driver.
_CHECK_S: Final = 3
_PATIENCE: Final = {
    "sqlite": "timeout",
    "postgresql+pg8000": "timeout",
    "postgresql+psycopg": "connect_timeout",
}
# A number that no other program is likely to use for a lock.
_MIGRATION_LOCK: Final = 0x6665726170700001

_REASONS: Final = {
    "locked": "it is locked by another program; try again in a moment",
    "not a database": "the file is damaged or not a database; move it away to start a new one",
    "malformed": "the file is damaged; move it away to start a new one",
    "readonly": "it is read-only",
    "unable to open": "it can't be opened; check the permissions",
    "disk is full": "the disk is full",
    "disk i/o": "the disk reported an error",
    "queuepool": "it has too many users at once; try again in a moment",
}
_SETTINGS_OF_DRIVER: Final = re.compile(r" \(timeout is [^)]*\)")
# The connection was lost or not established; the next attempt may succeed.
_PASSING: Final = (InterfaceError, TimeoutError, ConnectionError)


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
    with translate_errors(url):
        if url.drivername.startswith("sqlite") and url.database:
            _make_private(Path(url.database))
        # An idle connection that was lost is replaced instead of causing an error.
        engine = _engine(url, pool_pre_ping=True)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            # Many rows in one statement; by default this driver sends them one by one.
            engine.dialect.use_insertmanyvalues_wo_returning = True
        try:
            with writing(engine) as connection:
                _migrate(connection)
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
    patience = _PATIENCE.get(url.drivername)
    options = {patience: _CHECK_S} if patience else {}
    if url.drivername.startswith("sqlite"):
        # A plain path would create a database that does not exist.
        file = Path(url.database or "").absolute().as_uri()
        url = url.set(database=file, query={"mode": "rw", "uri": "true"})
    with translate_errors():
        engine = _engine(url, connect_args=options, poolclass=NullPool)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", _begin_sqlite)
        # The transaction ends without a commit.
        with engine.connect().execution_options(is_writing=True) as connection:
            _revisions(connection)


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


@contextmanager
def translate_errors(opening: URL | None = None) -> Iterator[None]:
    """Turn errors of the database into a sentence.

    Args:
        opening: The database, if it is being opened: the sentence then names it and says how to
            choose another one.

    Raises:
        StoreError: The block raised an error of the database or the system.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as exc:
        cause = _cause(exc)
        reason = next((text for word, text in _REASONS.items() if word in cause.lower()), None)
        if reason is None:
            reason = getattr(exc, "strerror", None) or cause.splitlines()[0][:200]
            reason = _SETTINGS_OF_DRIVER.sub("", reason).rstrip(" .")
        may_pass = "locked" in cause.lower() or isinstance(exc, _PASSING)
        name = "" if opening is None else f", {describe_place(opening)},"
        remedy = "" if opening is None or may_pass else f" {_remedy(opening)}"
        raise StoreError(
            f"The database of sessions{name} can't be used: {reason}.{remedy}", may_pass=may_pass
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
    if os.environ.get(_VARIABLE):
        return f"It is set by {_VARIABLE}."
    return f"Set {DATA_VARIABLE} to a folder that ferapp can write to."


def _cause(exc: SQLAlchemyError | OSError) -> str:
    error = exc.orig if isinstance(exc, DBAPIError) else exc
    # The PostgreSQL driver passes on all fields of the server's message; M is the text.
    fields = error.args[0] if error is not None and error.args else None
    return str(fields["M"]) if isinstance(fields, dict) and "M" in fields else str(error)


def _make_private(file: Path) -> None:
    """Create the file so that only its owner may read it; SQLite's logs get the same mode."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # `_begin_sqlite` begins transactions, not the driver.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    if connection.execute("PRAGMA auto_vacuum").fetchone() == (0,):
        # Must be set before the first table: the file shrinks when rows are deleted. Setting it
        # again would write to the file at every connection.
        connection.execute("PRAGMA auto_vacuum = FULL")
    for pragma in (
        "journal_mode = WAL",
        # A commit is on disk when it returns, even if the power fails.
        "synchronous = FULL",
        "foreign_keys = ON",
        # Deleted bytes are overwritten.
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get("is_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _migrate(connection: Connection) -> None:
    """Migrate the tables to the newest revision; only one process at a time does so."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
    current, newest = _revisions(connection)
    if current != newest:
        command.upgrade(_config(connection), "head")


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
