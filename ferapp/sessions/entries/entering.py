"""Writes sessions: those that are recorded batch by batch, and finished ones in parts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Engine, case, delete, insert, select, update

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import translate_errors, utc_now, writing
from ferapp.sessions.discards import HIDDEN_FOR, is_kept
from ferapp.sessions.entries.quota import Quota, usage
from ferapp.sessions.erasure import Eraser
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.face_log import insert_edits
from ferapp.sessions.rows import rows_of
from ferapp.sessions.session import MOST_TITLE, Marker, Readings, SessionInfo

PART: Final = 10_000
"""Readings that are stored at once: others who want to write wait some tenths of a second."""


class Entries:
    """Stores finished sessions part by part, so that others can write in between.

    Until the last part is there, the session counts as deleted, with a time that lies ahead:
    nothing shows it, and if the process is killed, `ferapp.sessions.store.Store.purge` erases it a
    minute later.

    Args:
        engine: Engine of an open database.
        eraser: Erases what was left unfinished.
        quota: How much an owner may keep.
    """

    def __init__(self, engine: Engine, eraser: Eraser, quota: Quota) -> None:
        self._engine = engine
        self._eraser = eraser
        self._quota = quota

    def usage_text(self, owner: str) -> str:
        """How much of the quota the owner uses, as a sentence; empty if there is none.

        Raises:
            StoreError: The database fails.
        """
        with translate_errors(), self._engine.connect() as connection:
            return self._quota.text(usage(connection, owner))

    def enter(
        self,
        recording: SessionInfo,
        parts: Iterable[Readings],
        owner: str,
        count: int,
        *,
        keep_days: int | None,
        edits: FaceEdits | None = None,
        import_key: str | None = None,
        on_progress: Callable[[int, int], None] = lambda _, __: None,
    ) -> None:
        """Store a finished session, all of it or nothing.

        Args:
            recording: Its description; the id must be new.
            parts: Its readings in the order of time. What going through them raises is passed on.
            owner: Its owner.
            count: Number of readings in all parts.
            keep_days: Days after which it is deleted; None for never.
            edits: Changes of its faces; by default, the names in the description.
            import_key: Of the file that it comes from.
            on_progress: Called with the number of readings that are stored, and with `count`. If it
                raises, nothing stays.

        Raises:
            StoreError: The database fails, or the owner has no room for so many.
        """
        id, edits = recording.id, edits or FaceEdits.named(recording.names)
        with translate_errors(), writing(self._engine) as connection:
            begin_session(
                connection,
                self._quota,
                recording,
                owner,
                keep_days,
                import_key=import_key,
                hidden_count=count,
            )
        try:
            done = 0
            on_progress(done, count)
            for part in parts:
                with translate_errors(), writing(self._engine) as connection:
                    add_readings(connection, self._quota, id, part, is_hidden=True)
                done += len(part)
                on_progress(done, count)
            with translate_errors(), writing(self._engine) as connection:
                # Refuses a session that was erased because it took too long.
                nothing = Readings.empty(len(recording.labels))
                add_readings(connection, self._quota, id, nothing, is_hidden=True)
                insert_edits(connection, id, edits)
                table = schema.sessions
                connection.execute(
                    update(table).where(table.c.id == id).values(is_finished=True, deleted_utc=None)
                )
        except BaseException:
            # Also where a page is left, or a program is told to stop.
            with suppress(StoreError):
                self._eraser.erase(schema.sessions.c.id == id)
            raise


def parts_of(readings: Readings) -> Iterator[Readings]:
    """The readings in parts that are stored in a moment; without any, there is no part."""
    for first in range(0, len(readings), PART):
        yield readings.at(np.arange(first, min(first + PART, len(readings))))


def begin_session(
    connection: Connection,
    quota: Quota,
    recording: SessionInfo,
    owner: str,
    keep_days: int | None,
    *,
    import_key: str | None = None,
    hidden_count: int | None = None,
) -> None:
    """Store a session without readings.

    Args:
        connection: To the database.
        quota: How much the owner may keep.
        recording: Its description.
        owner: Its owner.
        keep_days: Days after which it is deleted; None for never.
        import_key: Of the file that it comes from.
        hidden_count: If the session is hidden until it is whole, how many readings will come.

    Raises:
        StoreError: The owner has no room.
    """
    expected = 1 if hidden_count is None else hidden_count
    quota.check(connection, owner, expected, len(recording.labels))
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
        "expires_utc": expiry(now, keep_days),
        "deleted_utc": None if hidden_count is None else now + HIDDEN_FOR,
        "touched_utc": now,
        "is_finished": False,
        "readings": 0,
        "last_s": 0.0,
        "duration_s": recording.duration_s,
    }
    connection.execute(insert(schema.sessions), row)
    set_markers(connection, recording.id, recording.markers)


def add_readings(
    connection: Connection,
    quota: Quota,
    session: str,
    readings: Readings,
    duration_s: float = 0.0,
    *,
    is_hidden: bool = False,
) -> None:
    """Add readings to a session that was not deleted.

    Raises:
        StoreError: It was, or its owner has no room for them.
    """
    table, now = schema.sessions, utc_now()
    last_s = float(readings.at_s.max(initial=duration_s))
    own = connection.scalar(select(table.c.owner).where(table.c.id == session))
    if own is not None:
        quota.check(connection, own, len(readings), readings.probabilities.shape[1])
    hidden = {"deleted_utc": now + HIDDEN_FOR} if is_hidden else {}
    changed = connection.execute(
        update(table)
        .where(table.c.id == session, table.c.deleted_utc > now if is_hidden else is_kept())
        .values(
            readings=table.c.readings + len(readings),
            last_s=case((table.c.last_s < last_s, last_s), else_=table.c.last_s),
            touched_utc=now,
            **hidden,
        )
    )
    if not changed.rowcount:
        raise StoreError(
            "This session took too long to store; try again."
            if is_hidden
            else "This session has been deleted; its recording stops."
        )
    if len(readings):
        connection.execute(insert(schema.readings), rows_of(session, readings))


def finish_session(connection: Connection, session: str, duration_s: float | None) -> None:
    """Mark a session as finished, and store its duration, s, if it is known."""
    known = {} if duration_s is None else {"duration_s": duration_s}
    table = schema.sessions
    connection.execute(update(table).where(table.c.id == session).values(is_finished=True, **known))


def expiry(now: datetime, keep_days: int | None) -> datetime | None:
    """When a session is deleted that is kept for some days from now; None for never."""
    return None if keep_days is None else now + timedelta(days=keep_days)


def set_markers(connection: Connection, session: str, markers: Sequence[Marker]) -> None:
    """Replace the markers of a session."""
    connection.execute(delete(schema.markers).where(schema.markers.c.session == session))
    if markers:
        connection.execute(insert(schema.markers), marker_rows(session, markers))


def marker_rows(session: str, markers: Sequence[Marker]) -> list[dict[str, Any]]:
    """Rows of the table."""
    return [
        {"session": session, "at_s": m.at_s, "name": m.name[:MOST_TITLE], "end_s": m.end_s}
        for m in markers
    ]
