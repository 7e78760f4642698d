"""One database of sessions: SQLite in the user's data folder, or what a URL names.

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
# How long a check waits for a lock or a server, by what drivers call it.
_CHECK_S: Final = 3
_PATIENCE: Final = {
    "sqlite": "timeout",
    "postgresql+pg8000": "timeout",
    "postgresql+psycopg": "connect_timeout",
}
# Any number that no other program is likely to lock by.
_MIGRATION_LOCK: Final = 0x6665726170700001

_REASONS: Final = {
    "locked": "it is locked by another program; try again in a moment",
    "not a database": "the file is damaged or no database; move it away to begin a new one",
    "malformed": "the file is damaged; move it away to begin a new one",
    "readonly": "it is read-only",
    "unable to open": "it can't be opened, perhaps for want of rights",
    "disk is full": "the disk is full",
    "disk i/o": "the disk reported an error",
    "queuepool": "too many use it at once; try again in a moment",
}
_SETTINGS_OF_DRIVER: Final = re.compile(r" \(timeout is [^)]*\)")
# A connection that was cut or that there is none of yet; the next one may do.
_PASSING: Final = (InterfaceError, TimeoutError, ConnectionError)


def database_url() -> URL:
    """What the environment names, else ``sessions.db`` in the user's data folder.

    Raises:
        StoreError: The environment names no URL.
    """
    variable = os.environ.get(_VARIABLE)
    if not variable:
        return URL.create("sqlite", database=str(data_folder() / "sessions.db"))
    try:
        url = make_url(variable)
    except (ArgumentError, ValueError) as exc:  # the latter of a port that is no number
        raise StoreError(
            f"{_VARIABLE} is no database URL; expected postgresql://user:password@host/name or "
            "sqlite:////absolute/path.db."
        ) from exc
    # pg8000 is the PostgreSQL driver with a permissive licence.
    return url.set(drivername="postgresql+pg8000") if url.drivername == "postgresql" else url


def open_database(url: URL | None = None) -> Engine:
    """Open a database, make it if there is none, and bring its tables to the newest form.

    Args:
        url: Which; see `database_url`.

    Raises:
        StoreError: It can't be opened, is damaged, or was made by a newer version; nothing in it
            was changed.
        MissingExtra: The driver is not installed.
    """
    url = url or database_url()
    with translate_errors(url):
        if url.drivername.startswith("sqlite") and url.database:
            _make_private(Path(url.database))
        # A connection that was cut while it waited is replaced instead of failing its user.
        engine = _engine(url, pool_pre_ping=True)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            # Many rows in one statement; this driver sends them one by one by itself.
            engine.dialect.use_insertmanyvalues_wo_returning = True
        try:
            with writing(engine) as connection:
                _migrate(connection)
        except BaseException:
            engine.dispose()
            raise
    return engine


def check_database(url: URL) -> None:
    """Ask a database that is there whether it could be written to; nothing in it is changed.

    Args:
        url: Which; see `database_url`.

    Raises:
        StoreError: It can't be used.
        MissingExtra: The driver is not installed.
    """
    patience = _PATIENCE.get(url.drivername)
    options = {patience: _CHECK_S} if patience else {}
    if url.drivername.startswith("sqlite"):
        # Opened by a name alone, it would be made where there is none.
        file = Path(url.database or "").absolute().as_uri()
        url = url.set(database=file, query={"mode": "rw", "uri": "true"})
    with translate_errors():
        engine = _engine(url, connect_args=options, poolclass=NullPool)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", _begin_sqlite)
        # It ends without a commit.
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
    """A transaction that writes; SQLite takes its lock at once, so that it can wait for it."""
    with engine.connect().execution_options(is_writing=True) as connection, connection.begin():
        yield connection


@contextmanager
def translate_errors(opening: URL | None = None) -> Iterator[None]:
    """Errors of the database as one of ours, in a sentence.

    Args:
        opening: The database, while it is opened: the sentence names it, and how to choose another.

    Raises:
        StoreError: Anything went wrong.
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
    """Where a database is, to be read by people: without a password, home as ``~``."""
    if not url.drivername.startswith("sqlite"):
        return url.render_as_string(hide_password=True)
    file = Path(url.database or "")
    with suppress(RuntimeError, ValueError):  # no home, or not in it
        file = Path("~") / file.relative_to(Path.home())
    return str(file)


def _remedy(url: URL) -> str:
    if os.environ.get(_VARIABLE):
        return f"It is named by the setting {_VARIABLE}."
    return f"Set {DATA_VARIABLE} to a folder that ferapp can write to."


def _cause(exc: SQLAlchemyError | OSError) -> str:
    error = exc.orig if isinstance(exc, DBAPIError) else exc
    # The PostgreSQL driver passes all fields of the server's message on; M is the text.
    fields = error.args[0] if error is not None and error.args else None
    return str(fields["M"]) if isinstance(fields, dict) and "M" in fields else str(error)


def _make_private(file: Path) -> None:
    """A new file for its owner alone: what is recorded is personal. SQLite's logs follow it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # Transactions begin where `_begin_sqlite` says, not where the driver guesses.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    if connection.execute("PRAGMA auto_vacuum").fetchone() == (0,):
        # Of a new database, before its first table: the file shrinks with what is deleted. Set
        # again, it would write to the file each time that somebody connects.
        connection.execute("PRAGMA auto_vacuum = FULL")
    for pragma in (
        "journal_mode = WAL",
        # A commit is on the disk when it returns, also when the power fails.
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
    """Bring the tables to the newest form; only one process at a time gets here."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
    current, newest = _revisions(connection)
    if current != newest:
        command.upgrade(_config(connection), "head")


def _revisions(connection: Connection) -> tuple[str | None, str | None]:
    """The form that the tables have, and the newest one.

    Raises:
        StoreError: A newer version of ferapp has made them.
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
    """The time as the database keeps it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
