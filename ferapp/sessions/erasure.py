"""Deletes sessions permanently: their rows, then their bytes in the files of the database."""

import logging
import sqlite3
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, delete, select, update

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import (
    fill_reserve,
    give_up_reserve,
    translate_errors,
    utc_now,
    writing,
)
from ferapp.sessions.databases.failures import meaning_of
from ferapp.sessions.databases.postgresql import patient, vacuum
from ferapp.sessions.discards import is_kept

_logger = logging.getLogger(__name__)

# So many readings are deleted at once where the disk is full: the log takes about a megabyte.
_MOST_AT_ONCE: Final = 2000
_LEAST_AT_ONCE: Final = 30

_READ: Final = (
    "another program is reading the database. Until it has finished, the deleted bytes stay in the "
    "log file. Open the dashboard again then."
)
_FULL: Final = (
    "the disk is full. Until there is room, the deleted bytes stay in the log file. Open the "
    "dashboard again then."
)
_FAILED: Final = (
    "the database could not be cleared of the deleted bytes; the log says why. Open the dashboard "
    "again later."
)


class BytesLeft(StoreError):
    """The rows are deleted, but their bytes are still in a file."""


class Eraser:
    """Deletes sessions of one database; may be used from several threads at once.

    Args:
        engine: Engine of an open database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._owes_bytes = False

    def erase(self, *where: ColumnElement[bool]) -> int:
        """Delete sessions with all their data, and clear what earlier calls could not.

        Args:
            where: Conditions on `ferapp.sessions.schema.sessions`; all must hold.

        Returns:
            The number of deleted sessions.

        Raises:
            BytesLeft: They are deleted, but another program keeps their bytes in the log.
            StoreError: The database fails.
        """
        try:
            count = self._erase_rows(*where)
        except StoreError as exc:
            if not exc.is_full or not give_up_reserve(self._engine):
                raise
            self._erase_in_parts(*where)
            count = self._erase_rows(*where)
        if count or self._owes_bytes:
            self.clear_bytes()
        if count:
            fill_reserve(self._engine)
        return count

    def _erase_rows(self, *where: ColumnElement[bool]) -> int:
        with translate_errors(), writing(self._engine) as connection, patient(connection):
            # The foreign keys delete readings, markers and changes of faces too.
            return connection.execute(delete(schema.sessions).where(*where)).rowcount

    def _erase_in_parts(self, *where: ColumnElement[bool]) -> None:
        """Delete the readings of sessions so that the log stays small: it is cleared between.

        The sessions are hidden first: if there is no room for the rest, they are not shown half.
        """
        table, columns = schema.sessions, schema.readings.c
        ids = select(table.c.id).where(*where)
        with translate_errors(), writing(self._engine) as connection:
            hidden = update(table).where(table.c.id.in_(ids), is_kept())
            connection.execute(hidden.values(deleted_utc=utc_now()))
        count = _MOST_AT_ONCE
        while True:
            some = select(columns.id).where(columns.session.in_(ids)).limit(count)
            try:
                with translate_errors(), writing(self._engine) as connection:
                    gone = connection.execute(
                        delete(schema.readings).where(columns.id.in_(some))
                    ).rowcount
            except StoreError as exc:
                if not exc.is_full or count <= _LEAST_AT_ONCE:
                    raise
                gone, count = 1, count // 4
            with suppress(BytesLeft):
                self.clear_bytes()
            if not gone:
                return

    def clear_bytes(self) -> None:
        """Remove from the files what was deleted otherwise than by `erase`.

        Raises:
            BytesLeft: Another program keeps the bytes in the log.
            StoreError: The database fails.
        """
        with translate_errors():
            self._clear_bytes()

    def _clear_bytes(self) -> None:
        """Remove deleted data from the files."""
        self._owes_bytes, reason = True, _READ
        raw = self._engine.raw_connection()
        try:
            if self._engine.dialect.name == "sqlite":
                self._owes_bytes = not _empty_log(raw)
            else:
                vacuum(raw)
                self._owes_bytes = False
        except Exception as exc:  # errors of the driver itself: SQLAlchemy does not map them here
            _logger.warning("what was deleted could not be cleared: %s", type(exc).__name__)
            reason = _FAILED
            if isinstance(exc, sqlite3.Error | OSError) and meaning_of(exc).is_full:
                reason = _FULL
        finally:
            raw.close()
        if self._owes_bytes:
            raise BytesLeft(f"Deleted, but {reason}")


def _empty_log(raw: Any) -> bool:
    """Empty SQLite's log, which still contains what was overwritten in the database.

    Returns:
        False if another connection was using it.
    """
    cursor = raw.cursor()
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    is_busy: int = cursor.fetchall()[0][0]
    return is_busy != 1
