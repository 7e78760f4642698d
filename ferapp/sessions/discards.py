"""Deleted sessions that can still be restored: hidden at once, erased a moment later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Engine, update

from ferapp.sessions import schema
from ferapp.sessions.database import translate_errors, utc_now, writing

UNDO_S: Final = 10.0
"""For how long a deletion can be undone, s."""


def is_kept() -> ColumnElement[bool]:
    """Condition: the session was not deleted."""
    return schema.sessions.c.deleted_utc.is_(None)


def is_due(now: datetime) -> ColumnElement[bool]:
    """Condition: the session was deleted so long ago that it is erased now."""
    return schema.sessions.c.deleted_utc <= now - timedelta(seconds=UNDO_S)


class Discards:
    """Deletes sessions so that their owner can undo it for `UNDO_S` seconds.

    The database itself remembers the deletion, so that it happens even if the page is closed or the
    app stops meanwhile: `ferapp.sessions.store.Store.purge` erases what is due. Every method raises
    `StoreError` if the database fails.

    Args:
        engine: Engine of an open database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, sessions: Sequence[str], owner: str) -> int:
        """Delete sessions of the owner: from now on nothing shows them, and nothing is added.

        Returns:
            How many there were.
        """
        return self._change(sessions, owner, is_kept(), utc_now())

    def restore(self, sessions: Sequence[str], owner: str) -> int:
        """Undo the deletion of sessions of the owner that are not due yet.

        Returns:
            How many were restored.
        """
        return self._change(sessions, owner, ~is_kept() & ~is_due(utc_now()), None)

    def _change(
        self,
        sessions: Sequence[str],
        owner: str,
        where: ColumnElement[bool],
        deleted_utc: datetime | None,
    ) -> int:
        table = schema.sessions
        own = update(table).where(table.c.id.in_(sessions), table.c.owner == owner, where)
        with translate_errors(), writing(self._engine) as connection:
            return connection.execute(own.values(deleted_utc=deleted_utc)).rowcount
