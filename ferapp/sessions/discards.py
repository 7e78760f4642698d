"""Deleted sessions that can still be restored: hidden at once, erased a moment later."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Engine, literal, or_, select, update

from ferapp.sessions import schema
from ferapp.sessions.database import translate_errors, utc_now, with_room, writing
from ferapp.sessions.databases.damage import describe_rows, is_one_of, row_key

UNDO_S: Final = 10.0
"""For how long a deletion can be undone, s."""

HIDDEN_FOR: Final = timedelta(seconds=60)
"""For so long a session that is being stored is hidden before it counts as left behind."""


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

    The system's clock may be set meanwhile. So the ten seconds of this process's own deletions are
    those of its monotonic clock, and a deletion in the future counts as one of now.

    Args:
        engine: Engine of an open database.
        clock: Returns seconds, and never jumps.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        # Until when each can be restored, by its key.
        self._until_s: dict[str, float] = {}

    def add(self, sessions: Sequence[str], owner: str) -> int:
        """Delete sessions of the owner: from now on nothing shows them, and nothing is added.

        Args:
            sessions: Their ids, or keys of sessions that can't be read.
            owner: Their owner.

        Returns:
            How many there were.
        """
        count = self._change(sessions, owner, is_kept(), utc_now())
        self._note(sessions)
        return count

    def add_all(self, owner: str) -> list[str]:
        """Delete all sessions of the owner, whether or not they can be read.

        Returns:
            Their keys, by which they can be restored.
        """
        table, key = schema.sessions, row_key(self._engine.dialect)
        own = (table.c.owner == owner, is_kept())

        def change() -> list[str]:
            with translate_errors(), writing(self._engine) as connection:
                rows = connection.scalars(select(key).where(*own)).all()
                keys = [row.key for row in describe_rows(connection, rows)]
                connection.execute(update(table).where(*own).values(deleted_utc=utc_now()))
            return keys

        keys = with_room(self._engine, change)
        self._note(keys)
        return keys

    def restore(self, sessions: Sequence[str], owner: str) -> int:
        """Undo the deletion of sessions of the owner that are not due yet.

        Returns:
            How many were restored.
        """
        where = ~is_kept() & or_(~is_due(utc_now()), self.may_be_undone())
        count = self._change(sessions, owner, where, None)
        with self._lock:
            for session in sessions:
                self._until_s.pop(session, None)
        return count

    def may_be_undone(self) -> ColumnElement[bool]:
        """Condition: this process deleted the session less than `UNDO_S` ago."""
        with self._lock:
            now_s = self._clock()
            self._until_s = {k: until for k, until in self._until_s.items() if until > now_s}
            return is_one_of(list(self._until_s), self._engine.dialect)

    def mend_clock(self, now: datetime) -> None:
        """Let what was deleted in the future, as the clock has it now, count as deleted now.

        Else it would stay until then. A value that is no time counts as one of the future. Sessions
        that are being stored are hidden by a time that is a little ahead; these stay as they are.
        """
        columns = schema.sessions.c
        is_complete = columns.is_finished | (columns.deleted_utc > now + HIDDEN_FOR)
        is_ahead = (columns.deleted_utc > now) & is_complete
        mend = update(schema.sessions).where(is_ahead).values(deleted_utc=now)

        def change() -> None:
            with translate_errors(), writing(self._engine) as connection:
                connection.execute(mend)

        with translate_errors(), self._engine.connect() as connection:
            is_so = connection.execute(select(literal(1)).where(is_ahead).limit(1)).first()
        if is_so:
            with_room(self._engine, change)

    def _note(self, sessions: Sequence[str]) -> None:
        with self._lock:
            self._until_s |= dict.fromkeys(sessions, self._clock() + UNDO_S)

    def _change(
        self,
        sessions: Sequence[str],
        owner: str,
        where: ColumnElement[bool],
        deleted_utc: datetime | None,
    ) -> int:
        table = schema.sessions
        is_it = is_one_of(sessions, self._engine.dialect)
        own = update(table).where(is_it, table.c.owner == owner, where)

        def change() -> int:
            with translate_errors(), writing(self._engine) as connection:
                return connection.execute(own.values(deleted_utc=deleted_utc)).rowcount

        return with_room(self._engine, change)
