"""Stores sessions in a database: begin, add, read, change, delete."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Engine,
    and_,
    insert,
    or_,
    select,
    update,
)

from ferapp.sessions import schema
from ferapp.sessions.database import (
    describe_place,
    open_database,
    size_bytes,
    translate_errors,
    utc_now,
    writing,
)
from ferapp.sessions.databases.damage import Unreadable as Unreadable  # what `Store.listing` gives
from ferapp.sessions.databases.damage import is_a_time, is_one_of
from ferapp.sessions.discards import Discards, is_due, is_kept
from ferapp.sessions.ended_logins import EndedLogins
from ferapp.sessions.entries.entering import (
    Entries,
    add_readings,
    begin_session,
    expiry,
    finish_session,
    marker_rows,
    parts_of,
    set_markers,
)
from ferapp.sessions.entries.quota import Quota
from ferapp.sessions.erasure import BytesLeft, Eraser
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.face_log import FaceLog, insert_edits
from ferapp.sessions.overviews import Likeness, load_listing
from ferapp.sessions.overviews import Listing as Listing
from ferapp.sessions.overviews import Overview as Overview  # what `Store.overviews` gives
from ferapp.sessions.reading import load_readings
from ferapp.sessions.session import MOST_TITLE, Marker, Readings, SessionInfo
from ferapp.system.clock import CautiousClock

LOCAL_OWNER: Final = "local"
"""Owner of sessions recorded on the machine that runs ferapp."""

KEEP_DAYS: Final = 30
"""How many days a session is kept by default."""

_logger = logging.getLogger(__name__)


class Store:
    """All sessions; may be used from several threads and processes at once.

    Every method raises `StoreError` if the database fails. Owners can see and change only their own
    sessions.

    Args:
        engine: Engine of an open database.
        quota: How much each owner may keep.

    Attributes:
        faces: Names, merges and splits the faces of a session.
        discards: Deletes sessions so that it can be undone for a moment.
        entries: Stores finished sessions, and knows how much each owner keeps.
        logins: The logins that visitors have ended.
    """

    def __init__(self, engine: Engine, quota: Quota | None = None) -> None:
        self._engine = engine
        self._quota = quota or Quota()
        self.discards = Discards(engine)
        self._clock = CautiousClock()
        self.logins = EndedLogins(engine, self._clock)
        self._eraser = Eraser(engine)
        self.faces = FaceLog(engine, self._eraser)
        self.entries = Entries(engine, self._eraser, self._quota)

    @classmethod
    def open(cls) -> Self:
        """Open the database that the environment names, else the user's own.

        Raises:
            StoreError: It can't be used.
        """
        return cls(open_database(), Quota.from_environment())

    def close(self) -> None:
        """Close the connections; may be called twice."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Its location, for people."""
        return describe_place(self._engine.url)

    def size_bytes(self) -> int:
        """Its size on disk, bytes."""
        with translate_errors():
            return size_bytes(self._engine)

    def begin(
        self, recording: SessionInfo, owner: str, *, keep_days: int | None = KEEP_DAYS
    ) -> None:
        """Store a session without readings; it counts as running until `finish`.

        Args:
            recording: Its description; the id must be new.
            owner: Its owner.
            keep_days: Days after which it is deleted; None for never.
        """
        with translate_errors(), writing(self._engine) as connection:
            begin_session(connection, self._quota, recording, owner, keep_days)
            insert_edits(connection, recording.id, FaceEdits.named(recording.names))

    def add(self, session: str, readings: Readings, duration_s: float = 0.0) -> None:
        """Add readings, all or none; a session that was deleted meanwhile stays deleted.

        Args:
            session: Id of the session.
            readings: In the order of time.
            duration_s: Duration of the session so far, with or without a face, s.

        Raises:
            StoreError: The database fails, the session no longer exists, or its owner has no room
                for them.
        """
        with translate_errors(), writing(self._engine) as connection:
            add_readings(connection, self._quota, session, readings, duration_s)

    def enter(
        self,
        recording: SessionInfo,
        readings: Readings,
        owner: str,
        *,
        keep_days: int | None = KEEP_DAYS,
        edits: FaceEdits | None = None,
    ) -> None:
        """Store a finished session with its readings before changes; see `Entries.enter`."""
        self.entries.enter(
            recording, parts_of(readings), owner, len(readings), keep_days=keep_days, edits=edits
        )

    def finish(self, session: str, duration_s: float | None = None) -> None:
        """Mark a session as finished, and store its duration, s, if it is known."""
        with translate_errors(), writing(self._engine) as connection:
            finish_session(connection, session, duration_s)

    def overviews(self, owner: str, *, like: Likeness | None = None) -> list[Overview]:
        """The owner's sessions, newest first; only those that are like what is given.

        Those that can't be read are left out; see `listing`.
        """
        return self.listing(owner, like=like).sessions

    def listing(self, owner: str, *, like: Likeness | None = None) -> Listing:
        """The owner's sessions, and those that can't be read, which can be deleted."""
        with translate_errors(), self._engine.connect() as connection:
            return load_listing(connection, owner, utc_now(), like)

    def readings(self, session: str, owner: str, *, since_s: float = 0.0) -> Readings:
        """The readings from a time on, in the order of time, with the faces as they were changed.

        Each has a length, also where it was stored without one, except for pictures. Readings that
        can't be read are left out; `Overview.readings` counts them as well.

        Raises:
            StoreError: The owner has no such session, or it can't be read.
        """
        with translate_errors(), self._engine.connect() as connection:
            return load_readings(connection, _is_own(session, owner), session, since_s)

    def rename(self, session: str, owner: str, title: str) -> None:
        """Change the title of a session."""
        _change_own(self._engine, session, owner, title=title[:MOST_TITLE])

    def keep(self, session: str, owner: str, keep_days: int | None) -> None:
        """Keep a session for a number of days from now; None for ever."""
        _change_own(self._engine, session, owner, expires_utc=expiry(utc_now(), keep_days))

    def mark(self, session: str, owner: str, markers: Sequence[Marker]) -> None:
        """Replace the markers of a session."""
        with translate_errors(), writing(self._engine) as connection:
            own = select(schema.sessions.c.id).where(*_is_own(session, owner))
            if connection.scalar(own) is not None:
                set_markers(connection, session, markers)

    def add_marker(self, session: str, marker: Marker) -> None:
        """Add a marker to a session that is being recorded."""
        with translate_errors(), writing(self._engine) as connection:
            connection.execute(insert(schema.markers), marker_rows(session, [marker]))

    def delete(self, session: str, owner: str) -> None:
        """Delete a session permanently; with SQLite its bytes are overwritten on return.

        Args:
            session: Its id, or the key of one that can't be read.
            owner: Its owner.
        """
        is_it = is_one_of([session], self._engine.dialect)
        self._eraser.erase(is_it, schema.sessions.c.owner == owner)

    def delete_all(self, owner: str) -> None:
        """Delete all sessions of the owner permanently."""
        self._eraser.erase(schema.sessions.c.owner == owner)

    def purge(self) -> int:
        """Erase sessions that have expired, or whose deletion can't be undone any more.

        A clock that was suddenly set ahead lets nothing expire for a day.

        Returns:
            Their number.
        """
        now = utc_now()
        self.discards.mend_clock(now)
        was_deleted = and_(is_due(now), ~self.discards.may_be_undone())
        try:
            has_expired = _has_expired(self._clock.believed(now), self._engine.dialect)
            return self._eraser.erase(or_(has_expired, was_deleted))
        except BytesLeft:
            # No user is waiting for this; the next deletion tries again.
            _logger.warning("deleted bytes are still in the log of the database")
            return 0


def _change_own(engine: Engine, session: str, owner: str, **values: Any) -> None:
    own = update(schema.sessions).where(*_is_own(session, owner))
    with translate_errors(), writing(engine) as connection:
        connection.execute(own.values(**values))


def _has_expired(now: datetime, dialect: Dialect) -> ColumnElement[bool]:
    """Condition: the session has expired; a date that is damaged deletes nothing."""
    expires = schema.sessions.c.expires_utc
    return and_(is_a_time(expires, dialect), expires < now)


def _is_own(session: str, owner: str) -> tuple[ColumnElement[bool], ...]:
    columns = schema.sessions.c
    return columns.id == session, columns.owner == owner, is_kept()
