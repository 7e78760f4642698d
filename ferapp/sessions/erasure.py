"""Sessions deleted for good: their rows, then their bytes in the files of the database."""

import logging
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import translate_errors, writing

_logger = logging.getLogger(__name__)


class BytesLeft(StoreError):
    """The rows are gone, their bytes not yet."""


class Eraser:
    """Deletes sessions of one database; may be used from several threads at once.

    Args:
        engine: Of an open database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._owes_bytes = False

    def erase(self, *where: ColumnElement[bool]) -> int:
        """Delete sessions with all that belongs to them, and clear what earlier calls could not.

        Args:
            where: Conditions on `ferapp.sessions.schema.sessions`; all must hold.

        Returns:
            How many sessions that was.

        Raises:
            BytesLeft: They are deleted, but another program keeps their bytes in the log.
            StoreError: The database fails.
        """
        with translate_errors():
            with writing(self._engine) as connection:
                # Readings and markers go with their session, by the foreign key.
                count = connection.execute(delete(schema.sessions).where(*where)).rowcount
            if count or self._owes_bytes:
                self._clear_bytes()
        return count

    def _clear_bytes(self) -> None:
        """Take out of the files what was deleted."""
        self._owes_bytes = True
        raw = self._engine.raw_connection()
        try:
            if self._engine.dialect.name == "sqlite":
                self._owes_bytes = not _empty_log(raw)
            else:
                _vacuum(raw)
                self._owes_bytes = False
        except Exception as exc:  # of the driver: SQLAlchemy does not see raw connections
            _logger.warning("what was deleted could not be cleared: %s", type(exc).__name__)
        finally:
            raw.close()
        if self._owes_bytes:
            raise BytesLeft(
                "Deleted; but another program reads the database, and its bytes stay in the file's "
                "log until it is done. Open the dashboard again then."
            )


def _empty_log(raw: Any) -> bool:
    """Empty SQLite's log; whether nobody held it open.

    What is overwritten in the database still stands in the log beside it.
    """
    cursor = raw.cursor()
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    is_busy: int = cursor.fetchall()[0][0]
    return is_busy != 1


def _vacuum(raw: Any) -> None:
    """Let PostgreSQL take the dead rows out of its tables."""
    cursor, driver = raw.cursor(), raw.driver_connection
    # Not inside a transaction; the pool has begun one to see whether the server lives.
    raw.rollback()
    driver.autocommit = True
    try:
        cursor.execute("VACUUM sessions, readings, markers")
    finally:
        driver.autocommit = False
