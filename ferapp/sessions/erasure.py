"""Deletes sessions permanently: their rows, then their bytes in the files of the database."""

import logging
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import translate_errors, writing

_logger = logging.getLogger(__name__)


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
        with translate_errors():
            with writing(self._engine) as connection:
                # The foreign keys delete readings, markers and changes of faces too.
                count = connection.execute(delete(schema.sessions).where(*where)).rowcount
            if count or self._owes_bytes:
                self._clear_bytes()
        return count

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
        self._owes_bytes = True
        raw = self._engine.raw_connection()
        try:
            if self._engine.dialect.name == "sqlite":
                self._owes_bytes = not _empty_log(raw)
            else:
                _vacuum(raw)
                self._owes_bytes = False
        except Exception as exc:  # errors of the driver itself: SQLAlchemy does not map them here
            _logger.warning("what was deleted could not be cleared: %s", type(exc).__name__)
        finally:
            raw.close()
        if self._owes_bytes:
            raise BytesLeft(
                "Deleted, but another program is reading the database. Until it has finished, the "
                "deleted bytes stay in the log file. Open the dashboard again then."
            )


def _empty_log(raw: Any) -> bool:
    """Empty SQLite's log, which still contains what was overwritten in the database.

    Returns:
        False if another connection was using it.
    """
    cursor = raw.cursor()
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    is_busy: int = cursor.fetchall()[0][0]
    return is_busy != 1


def _vacuum(raw: Any) -> None:
    """Let PostgreSQL remove dead rows from its tables."""
    cursor, driver = raw.cursor(), raw.driver_connection
    # VACUUM can't run in a transaction; the pool began one to test the connection.
    raw.rollback()
    driver.autocommit = True
    try:
        cursor.execute("VACUUM sessions, readings, markers, face_edits")
    finally:
        driver.autocommit = False
