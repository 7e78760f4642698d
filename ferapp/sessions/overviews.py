"""Sessions as lists show them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, Row, case, or_, select

from ferapp.sessions import schema
from ferapp.sessions.databases.damage import (
    VALUE_ERRORS,
    Unreadable,
    describe_rows,
    has_json,
    read_rows,
    row_key,
)
from ferapp.sessions.discards import is_kept
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.face_log import EditLog, load_edits
from ferapp.sessions.rows import (
    duration_of,
    is_number,
    is_running,
    is_text,
    listed_of,
    recording_of,
)
from ferapp.sessions.session import Marker, SessionInfo
from ferapp.wording import clock, counted


@dataclass(frozen=True)
class Overview:
    """A session as shown in a list.

    Attributes:
        recording: Its title, start, labels and so on, with the names of its faces.
        duration_s: How long it is, with or without a face, s, up to now if it is running; for
            pictures, how many there are.
        readings: Number of readings.
        expires: When it will be deleted; None for never.
        is_running: Whether it is being recorded now.
        edits: What its owner changed about its faces.
        listed: By what lists are sorted: its start or, where that is unknown, when it was added.
        import_key: Of the file that it was imported from; see `ferapp.pipeline.session_import`.
        left_out: How many of its markers and changes of faces can't be read.
    """

    recording: SessionInfo
    duration_s: float
    readings: int
    expires: datetime | None
    is_running: bool
    edits: FaceEdits = field(default_factory=FaceEdits)
    listed: datetime = field(default_factory=lambda: datetime.now().astimezone())
    import_key: str | None = None
    left_out: int = 0

    @property
    def length_text(self) -> str:
        """How long it is: as a clock, or how many pictures."""
        if self.recording.source == "pictures":
            return counted(round(self.duration_s), "picture")
        return clock(self.duration_s)

    @property
    def end_s(self) -> float:
        """The time at which it ends, s; a part of a video has the times of the video."""
        return self.recording.begins_s + self.duration_s


@dataclass(frozen=True)
class Likeness:
    """What a session has to have: one of these.

    Attributes:
        import_key: It was imported from this file.
        sha256: It was read from a file with this hash; None for no such file.
    """

    import_key: str
    sha256: str | None


@dataclass(frozen=True)
class Listing:
    """All sessions of an owner.

    Attributes:
        sessions: Those that can be read, newest first.
        unreadable: The others.
    """

    sessions: list[Overview]
    unreadable: list[Unreadable]


def _is_like(like: Likeness, dialect: Dialect) -> ColumnElement[bool]:
    columns = schema.sessions.c
    is_import = columns.import_key == like.import_key
    if like.sha256 is None:
        return is_import
    source = columns.provenance
    # Only a case keeps SQLite from asking for a part of what is no JSON.
    hash_of = case((has_json(source, dialect), source["sha256"].as_string()), else_=None)
    return or_(is_import, hash_of == like.sha256)


def load_listing(
    connection: Connection, owner: str, now_utc: datetime, like: Likeness | None = None
) -> Listing:
    """The owner's sessions; only those that are like what is given."""
    table, dialect = schema.sessions, connection.dialect
    key = row_key(dialect)
    rows, bad = read_rows(
        connection,
        select(table, key.label("row_key")).where(
            table.c.owner == owner, is_kept(), *([_is_like(like, dialect)] if like else [])
        ),
        key,
    )
    ids = [row.id for row in rows if isinstance(row.id, str)]
    marks = _load_markers(connection, ids)
    edits = load_edits(connection, ids)
    sessions: list[Overview] = []
    for row in rows:
        try:
            sessions.append(_overview(connection, row, marks[row.id], edits[row.id], now_utc))
        except VALUE_ERRORS:
            bad.append(row.row_key)
    sessions.sort(key=lambda session: session.listed, reverse=True)
    return Listing(sessions, describe_rows(connection, bad) if bad else [])


def _load_markers(
    connection: Connection, ids: Sequence[str]
) -> dict[str, tuple[list[Marker], int]]:
    """The markers of each session, and how many of them can't be read."""
    columns = schema.markers.c
    rows, bad = read_rows(
        connection,
        select(schema.markers).where(columns.session.in_(ids)).order_by(columns.at_s, columns.id),
        columns.id,
    )
    found: dict[str, list[Marker]] = {id: [] for id in ids}
    lost = dict.fromkeys(ids, 0)
    if bad:
        for id in connection.scalars(select(columns.session).where(columns.id.in_(bad))):
            lost[id] += 1
    for row in rows:
        if is_number(row.at_s) and is_text(row.name) and _is_end(row.end_s, row.at_s):
            found[row.session].append(Marker(row.at_s, row.name, row.end_s))
        else:
            lost[row.session] += 1
    return {id: (sorted(found[id], key=lambda marker: marker.at_s), lost[id]) for id in ids}


def _is_end(end_s: object, at_s: float) -> bool:
    return end_s is None or (is_number(end_s) and end_s > at_s)


def _overview(
    connection: Connection,
    row: Row[Any],
    marks: tuple[list[Marker], int],
    log: EditLog,
    now_utc: datetime,
) -> Overview:
    markers, lost = marks
    read = recording_of(row)
    duration_s = duration_of(connection, row, now_utc)
    is_now_running = is_running(row.is_finished, row.touched_utc, now_utc)
    recording = replace(
        read,
        markers=tuple(markers),
        names=log.edits.names,
        duration_s=None if is_now_running else duration_s,
    )
    return Overview(
        recording,
        duration_s,
        row.readings,
        row.expires_utc.replace(tzinfo=UTC) if row.expires_utc else None,
        is_now_running,
        log.edits,
        listed_of(row),
        row.import_key,
        lost + log.unreadable,
    )
