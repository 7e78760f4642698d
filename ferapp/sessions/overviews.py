"""Sessions as lists show them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from ferapp.sessions import schema
from ferapp.sessions.discards import is_kept
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.face_log import load_edits
from ferapp.sessions.rows import duration_of, is_running, listed_of, recording_of
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
    """

    recording: SessionInfo
    duration_s: float
    readings: int
    expires: datetime | None
    is_running: bool
    edits: FaceEdits = field(default_factory=FaceEdits)
    listed: datetime = field(default_factory=lambda: datetime.now().astimezone())
    import_key: str | None = None

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


def _is_like(like: Likeness) -> ColumnElement[bool]:
    columns = schema.sessions.c
    is_import = columns.import_key == like.import_key
    if like.sha256 is None:
        return is_import
    return or_(is_import, columns.provenance["sha256"].as_string() == like.sha256)


def load_overviews(
    connection: Connection, owner: str, now_utc: datetime, like: Likeness | None = None
) -> list[Overview]:
    """The owner's sessions, newest first; only those that are like what is given."""
    table, markers = schema.sessions, schema.markers
    rows = connection.execute(
        select(table)
        .where(table.c.owner == owner, is_kept(), *([_is_like(like)] if like else []))
        .order_by(table.c.started_utc.desc())
    ).all()
    ids = [row.id for row in rows]
    marks = connection.execute(
        select(markers).where(markers.c.session.in_(ids)).order_by(markers.c.at_s, markers.c.id)
    ).all()
    edits = load_edits(connection, ids)
    return [
        _overview(
            row,
            [m for m in marks if m.session == row.id],
            edits[row.id],
            duration_of(connection, row, now_utc),
            now_utc,
        )
        for row in rows
    ]


def _overview(
    row: Row[Any],
    marks: Sequence[Row[Any]],
    edits: FaceEdits,
    duration_s: float,
    now_utc: datetime,
) -> Overview:
    is_now_running = is_running(row.is_finished, row.touched_utc, now_utc)
    recording = replace(
        recording_of(row),
        markers=tuple(Marker(m.at_s, m.name) for m in marks),
        names=edits.names,
        duration_s=None if is_now_running else duration_s,
    )
    return Overview(
        recording,
        duration_s,
        row.readings,
        row.expires_utc.replace(tzinfo=UTC) if row.expires_utc else None,
        is_now_running,
        edits,
        listed_of(row),
        row.import_key,
    )
