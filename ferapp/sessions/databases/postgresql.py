"""PostgreSQL: a server that is silent, slow or foreign costs a sentence and holds nobody up.

A call waits `CONNECT_S` for a connection, or to learn whether one from the pool still works, and
`STATEMENT_S` for each statement. What may take long, such as a migration or a deletion, runs in
`patient`.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, ExceptionContext, event, inspect, text
from sqlalchemy.exc import InvalidatePoolError

from ferapp.sessions.databases.recognition import refuse_foreign

CONNECT_S: Final = 5.0
"""How long a connection may take, s."""

STATEMENT_S: Final = 20.0
"""How long the server may work on a statement, s."""

_LONG_S: Final = 600.0
_LOCK_S: Final = 5.0
_IDLE_S: Final = 60.0
# The server is to notice first.
_MARGIN_S: Final = 3.0

# Until a connection whose other end is gone without a word counts as lost: about a minute.
_KEEPALIVES: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

# Everything in the schema where tables would be made, except for what extensions have made.
_RELATIONS: Final = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (
        SELECT 1 FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
"""


def connect_options(url: URL, connect_s: float | None = None) -> dict[str, Any]:
    """The driver's options; what the URL sets itself stays."""
    wait_s = CONNECT_S if connect_s is None else connect_s
    options: dict[str, Any]
    if url.get_driver_name() == "psycopg":
        options = {
            "connect_timeout": max(2, round(wait_s)),  # less counts as 2
            "keepalives": 1,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": round((STATEMENT_S + _MARGIN_S) * 1000),
        }
    else:
        options = {"timeout": wait_s}
    return {name: value for name, value in options.items() if name not in url.query}


def watch(engine: Engine) -> None:
    """Limit how long its connections wait, from the first one on."""
    event.listen(engine, "connect", _prepare)

    def check(connection: Any, *_: object) -> None:
        """Replace a connection that was lost or is silent, instead of the pool's own test."""
        _wait(connection, CONNECT_S)
        try:
            engine.dialect.do_ping(connection)
        except (OSError, engine.dialect.loaded_dbapi.Error) as exc:
            raise InvalidatePoolError from exc
        _wait_for_statements(connection)

    event.listen(engine, "checkout", check)
    event.listen(engine, "handle_error", _note_silence)


def refuse_foreign_schema(connection: Connection) -> None:
    """Refuse a schema with tables of another program.

    Raises:
        StoreError: It has some.
    """
    names = set(connection.scalars(text(_RELATIONS)))
    columns = inspect(connection).get_columns("sessions") if "sessions" in names else []
    refuse_foreign(names, {column["name"] for column in columns})


@contextmanager
def patient(connection: Connection, *, waits_for_locks: bool = False) -> Iterator[None]:
    """Let statements of a transaction take long; nothing changes with another database.

    Args:
        connection: Its connection.
        waits_for_locks: Whether it also waits long for others, such as one that migrates.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    driver = connection.connection.dbapi_connection
    _wait(driver, _LONG_S + _MARGIN_S)
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_ms(_LONG_S)}")
    if waits_for_locks:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_ms(_LONG_S)}")
    try:
        yield
    finally:
        _wait_for_statements(driver)


def vacuum(raw: Any) -> None:
    """Let the server remove dead rows from the tables; takes a connection of the pool."""
    cursor, driver = raw.cursor(), raw.driver_connection
    # VACUUM can't run in a transaction; the pool began one to test the connection.
    raw.rollback()
    driver.autocommit = True
    _wait(driver, _LONG_S + _MARGIN_S)
    try:
        cursor.execute(f"SET statement_timeout = {_ms(_LONG_S)}")
        cursor.execute("VACUUM sessions, readings, markers, face_edits")
        cursor.execute(f"SET statement_timeout = {_ms(STATEMENT_S)}")
    finally:
        driver.autocommit = False
        _wait_for_statements(driver)


def _prepare(connection: Any, _: object) -> None:
    sock = _socket_of(connection)
    for name, value in _KEEPALIVES.items():
        # Not every system has them, and a Unix socket has none.
        if sock is not None and sock.family != getattr(socket, "AF_UNIX", None):
            if option := getattr(socket, name, None):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
    cursor = connection.cursor()
    for setting, seconds in (
        ("statement_timeout", STATEMENT_S),
        ("lock_timeout", _LOCK_S),
        # A replica that stands still must not lock out the others.
        ("idle_in_transaction_session_timeout", _IDLE_S),
    ):
        # Not an option of the connection: poolers such as PgBouncer ignore or refuse these.
        cursor.execute(f"SET {setting} = {_ms(seconds)}")
    cursor.close()
    connection.commit()


def _note_silence(context: ExceptionContext) -> None:
    """Give up a connection that did not answer: its answer may come to the next statement.

    pg8000 passes on the system's error where the first byte does not come, and SQLAlchemy takes
    only errors of the driver for a lost connection.
    """
    if isinstance(context.original_exception, OSError):
        context.is_disconnect = True


def _wait_for_statements(connection: Any) -> None:
    _wait(connection, STATEMENT_S + _MARGIN_S)


def _wait(connection: Any, seconds: float) -> None:
    """Limit how long a connection waits for bytes.

    Only pg8000 has such a limit, and it applies that of connecting to all that follows, where it is
    too short. psycopg waits on until TCP itself gives up.
    """
    if (sock := _socket_of(connection)) is not None:
        sock.settimeout(seconds)


def _socket_of(connection: Any) -> socket.socket | None:
    # pg8000 has no public name for it (github.com/tlocke/pg8000). Without it, `CONNECT_S` applies
    # to statements as well.
    sock = getattr(connection, "_usock", None)
    return sock if isinstance(sock, socket.socket) else None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
