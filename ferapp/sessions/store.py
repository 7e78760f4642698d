"""Stores sessions in a database: begin, add, read, change, delete."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    case,
    delete,
    insert,
    or_,
    select,
    update,
)

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import (
    describe_place,
    open_database,
    size_bytes,
    translate_errors,
    utc_now,
    writing,
)
from ferapp.sessions.discards import Discards, is_due, is_kept
from ferapp.sessions.ended_logins import EndedLogins
from ferapp.sessions.erasure import BytesLeft, Eraser
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.face_log import FaceLog, insert_edits, load_edits
from ferapp.sessions.lengths import of_session
from ferapp.sessions.overviews import Likeness, load_overviews
from ferapp.sessions.overviews import Overview as Overview  # what `Store.overviews` gives
from ferapp.sessions.rows import duration_of, readings_of, recording_of, rows_of
from ferapp.sessions.session import MOST_TITLE, Marker, Readings, SessionInfo

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

    Attributes:
        faces: Names, merges and splits the faces of a session.
        discards: Deletes sessions so that it can be undone for a moment.
        logins: The logins that visitors have ended.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.discards = Discards(engine)
        self.logins = EndedLogins(engine)
        self._eraser = Eraser(engine)
        self.faces = FaceLog(engine, self._eraser)

    @classmethod
    def open(cls) -> Self:
        """Open the database that the environment names, else the user's own.

        Raises:
            StoreError: It can't be used.
        """
        return cls(open_database())

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
            _begin(connection, recording, owner, keep_days)
            insert_edits(connection, recording.id, FaceEdits.named(recording.names))

    def add(self, session: str, readings: Readings, duration_s: float = 0.0) -> None:
        """Add readings, all or none; a session that was deleted meanwhile stays deleted.

        Args:
            session: Id of the session.
            readings: In the order of time.
            duration_s: Duration of the session so far, with or without a face, s.

        Raises:
            StoreError: The database fails, or the session no longer exists.
        """
        with translate_errors(), writing(self._engine) as connection:
            _add(connection, session, readings, duration_s)

    def enter(
        self,
        recording: SessionInfo,
        readings: Readings,
        owner: str,
        *,
        keep_days: int | None = KEEP_DAYS,
        edits: FaceEdits | None = None,
        import_key: str | None = None,
    ) -> None:
        """Store a finished session, all of it or nothing; see `begin` and `finish`.

        The readings are those before the changes of faces; by default, `recording.names` are the
        only changes. A session that is imported has the key of its file.
        """
        with translate_errors(), writing(self._engine) as connection:
            _begin(connection, recording, owner, keep_days, import_key)
            _add(connection, recording.id, readings, 0.0)
            _finish(connection, recording.id, None)
            insert_edits(connection, recording.id, edits or FaceEdits.named(recording.names))

    def finish(self, session: str, duration_s: float | None = None) -> None:
        """Mark a session as finished, and store its duration, s, if it is known."""
        with translate_errors(), writing(self._engine) as connection:
            _finish(connection, session, duration_s)

    def overviews(self, owner: str, *, like: Likeness | None = None) -> list[Overview]:
        """The owner's sessions, newest first; only those that are like what is given."""
        with translate_errors(), self._engine.connect() as connection:
            return load_overviews(connection, owner, utc_now(), like)

    def readings(self, session: str, owner: str, *, since_s: float = 0.0) -> Readings:
        """The readings from a time on, in the order of time, with the faces as they were changed.

        Each has a length, also where it was stored without one, except for pictures.

        Raises:
            StoreError: The owner has no such session.
        """
        table, columns = schema.sessions, schema.readings.c
        with translate_errors(), self._engine.connect() as connection:
            own = connection.execute(select(table).where(*_is_own(session, owner))).one_or_none()
            if own is None:
                raise StoreError("There is no such session; it may have been deleted.")
            rows = connection.execute(
                select(*[column for column in columns if column.name not in ("id", "session")])
                .where(columns.session == session, columns.at_s >= since_s)
                .order_by(columns.at_s, columns.id)
            ).all()
            edits = load_edits(connection, [session])[session]
            recording = replace(
                recording_of(own), duration_s=duration_of(connection, own, utc_now())
            )
        return edits.apply(of_session(recording, readings_of(rows, len(recording.labels))))

    def rename(self, session: str, owner: str, title: str) -> None:
        """Change the title of a session."""
        self._change_own(session, owner, title=title[:MOST_TITLE])

    def keep(self, session: str, owner: str, keep_days: int | None) -> None:
        """Keep a session for a number of days from now; None for ever."""
        self._change_own(session, owner, expires_utc=_expiry(utc_now(), keep_days))

    def mark(self, session: str, owner: str, markers: Sequence[Marker]) -> None:
        """Replace the markers of a session."""
        with translate_errors(), writing(self._engine) as connection:
            own = select(schema.sessions.c.id).where(*_is_own(session, owner))
            if connection.scalar(own) is not None:
                _set_markers(connection, session, markers)

    def add_marker(self, session: str, marker: Marker) -> None:
        """Add a marker to a session that is being recorded."""
        with translate_errors(), writing(self._engine) as connection:
            connection.execute(insert(schema.markers), _marker_rows(session, [marker]))

    def delete(self, session: str, owner: str) -> None:
        """Delete a session permanently; with SQLite its bytes are overwritten on return."""
        self._eraser.erase(schema.sessions.c.id == session, schema.sessions.c.owner == owner)

    def delete_all(self, owner: str) -> None:
        """Delete all sessions of the owner permanently."""
        self._eraser.erase(schema.sessions.c.owner == owner)

    def purge(self) -> int:
        """Erase sessions that have expired, or whose deletion can't be undone any more.

        Returns:
            Their number.
        """
        now = utc_now()
        try:
            return self._eraser.erase(or_(schema.sessions.c.expires_utc < now, is_due(now)))
        except BytesLeft:
            # No user is waiting for this; the next deletion tries again.
            _logger.warning("deleted bytes are still in the log of the database")
            return 0

    def _change_own(self, session: str, owner: str, **values: Any) -> None:
        own = update(schema.sessions).where(*_is_own(session, owner))
        with translate_errors(), writing(self._engine) as connection:
            connection.execute(own.values(**values))


def _is_own(session: str, owner: str) -> tuple[ColumnElement[bool], ...]:
    columns = schema.sessions.c
    return columns.id == session, columns.owner == owner, is_kept()


def _begin(
    connection: Connection,
    recording: SessionInfo,
    owner: str,
    keep_days: int | None,
    import_key: str | None = None,
) -> None:
    now = utc_now()
    started = recording.started or now.replace(tzinfo=UTC).astimezone()
    offset = started.utcoffset() or timedelta()
    row = {
        "id": recording.id,
        "owner": owner,
        "title": recording.title[:MOST_TITLE],
        "source": recording.source,
        "started_utc": started.astimezone(UTC).replace(tzinfo=None),
        "is_start_known": recording.started is not None,
        "offset_s": int(offset.total_seconds()),
        "labels": list(recording.labels),
        "unsure_below": recording.unsure_below,
        "settings": recording.settings,
        "models": recording.models,
        "version": recording.version,
        "consent": recording.consent,
        "provenance": recording.provenance.to_json() if recording.provenance else None,
        "import_key": import_key,
        "expires_utc": _expiry(now, keep_days),
        "touched_utc": now,
        "is_finished": False,
        "readings": 0,
        "last_s": 0.0,
        "duration_s": recording.duration_s,
    }
    connection.execute(insert(schema.sessions), row)
    _set_markers(connection, recording.id, recording.markers)


def _add(connection: Connection, session: str, readings: Readings, duration_s: float) -> None:
    table = schema.sessions
    last_s = float(readings.at_s.max(initial=duration_s))
    changed = connection.execute(
        update(table)
        .where(table.c.id == session, is_kept())
        .values(
            readings=table.c.readings + len(readings),
            last_s=case((table.c.last_s < last_s, last_s), else_=table.c.last_s),
            touched_utc=utc_now(),
        )
    )
    if not changed.rowcount:
        raise StoreError("This session has been deleted; its recording stops.")
    if len(readings):
        connection.execute(insert(schema.readings), rows_of(session, readings))


def _finish(connection: Connection, session: str, duration_s: float | None) -> None:
    known = {} if duration_s is None else {"duration_s": duration_s}
    table = schema.sessions
    connection.execute(update(table).where(table.c.id == session).values(is_finished=True, **known))


def _expiry(now: datetime, keep_days: int | None) -> datetime | None:
    return None if keep_days is None else now + timedelta(days=keep_days)


def _set_markers(connection: Connection, session: str, markers: Sequence[Marker]) -> None:
    connection.execute(delete(schema.markers).where(schema.markers.c.session == session))
    if markers:
        connection.execute(insert(schema.markers), _marker_rows(session, markers))


def _marker_rows(session: str, markers: Sequence[Marker]) -> list[dict[str, Any]]:
    return [{"session": session, "at_s": m.at_s, "name": m.name[:MOST_TITLE]} for m in markers]
