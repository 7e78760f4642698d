"""Converts sessions and their readings to rows of tables and back without loss."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from ferapp.sessions import schema
from ferapp.sessions.lengths import last_frame_s
from ferapp.sessions.session import Provenance, Readings, SessionInfo

_CORNERS: Final = ("x1", "y1", "x2", "y2")
# A running recording touches its session every second.
_CUT_OFF_AFTER_S: Final = 10.0
# The last frames of a session, which tell how long the very last was shown.
_FRAMES_AT_END: Final = 8


def is_running(is_finished: bool, touched_utc: datetime, now_utc: datetime) -> bool:
    """Whether a session with these columns is being recorded."""
    silent_s = (now_utc - touched_utc).total_seconds()
    return not is_finished and silent_s < _CUT_OFF_AFTER_S


def rows_of(session: str, readings: Readings) -> list[dict[str, Any]]:
    """Convert readings to rows of the table, with the id of their session."""
    columns = {
        "at_s": readings.at_s.tolist(),
        "face": readings.face.tolist(),
        **dict(zip(("width", "height"), readings.size_wh.T.tolist(), strict=True)),
        **dict(zip(_CORNERS, readings.xyxy.T.tolist(), strict=True)),
        "score": readings.score.tolist(),
        "expression": readings.expression.tolist(),
        "flaw": readings.flaw.tolist(),
        "is_corrected": readings.is_corrected.tolist(),
        "probabilities": _pack(readings.probabilities),
        "smoothed": _pack(readings.smoothed),
        "duration_s": [None if s != s else s for s in readings.duration_s.tolist()],
    }
    names = ("session", *columns)
    return [
        dict(zip(names, (session, *cells), strict=True))
        for cells in zip(*columns.values(), strict=True)
    ]


def _pack(shares: NDArray[np.float32]) -> list[bytes | None]:
    """Convert rows to bytes; None for rows of NaN."""
    rows = np.ascontiguousarray(shares, "<f4")
    missing = np.isnan(rows).any(axis=1).tolist()
    return [None if m else row.tobytes() for row, m in zip(rows, missing, strict=True)]


def _unpack(cells: Sequence[bytes | None], count: int) -> NDArray[np.float32]:
    missing = np.full(count, np.nan, "<f4").tobytes()
    joined = b"".join(missing if cell is None else bytes(cell) for cell in cells)
    return np.frombuffer(joined, "<f4").reshape(-1, count).astype(np.float32)


def readings_of(rows: Sequence[Row[Any]], count: int) -> Readings:
    """Convert rows of the table, without id and session, to readings of ``count`` expressions."""
    if not rows:
        return Readings.empty(count)
    at_s, face, width, height, x1, y1, x2, y2, score, expression, flaw, corrected, *rest = zip(
        *rows, strict=True
    )
    raw, smooth, duration_s = rest
    return Readings(
        at_s=np.array(at_s, np.float64),
        face=np.array(face, np.int64),
        size_wh=np.column_stack((width, height)).astype(np.int64),
        xyxy=np.column_stack((x1, y1, x2, y2)).astype(np.float32),
        score=np.array(score, np.float32),
        probabilities=_unpack(raw, count),
        smoothed=_unpack(smooth, count),
        expression=np.array(expression, object),
        flaw=np.array(flaw, object),
        is_corrected=np.array(corrected, np.bool_),
        duration_s=np.array(duration_s, np.float64),
    )


def recording_of(row: Row[Any]) -> SessionInfo:
    """The description of a session, without markers and names."""
    return SessionInfo(
        id=row.id,
        title=row.title,
        source=row.source,
        started=listed_of(row) if row.is_start_known else None,
        labels=tuple(row.labels),
        unsure_below=row.unsure_below,
        settings=row.settings,
        models=row.models,
        version=row.version,
        consent=row.consent,
        duration_s=row.duration_s,
        provenance=Provenance.from_json(row.provenance) if row.provenance else None,
    )


def listed_of(row: Row[Any]) -> datetime:
    """By what lists are sorted: a session's start or, if that is unknown, when it was added."""
    zone = timezone(timedelta(seconds=row.offset_s))
    started_utc: datetime = row.started_utc
    return started_utc.replace(tzinfo=UTC).astimezone(zone)


def duration_of(connection: Connection, row: Row[Any], now_utc: datetime) -> float:
    """How long a session is, s, also if it doesn't say."""
    if row.duration_s is not None:
        return float(row.duration_s)
    if row.source == "pictures":
        return float(row.last_s) + 1 if row.readings else 0.0
    length_s = float(row.last_s) - recording_of(row).begins_s
    if not is_running(row.is_finished, row.touched_utc, now_utc):
        columns = schema.readings.c
        latest = select(columns.at_s, columns.duration_s).where(columns.session == row.id)
        times = connection.execute(
            latest.distinct().order_by(columns.at_s.desc()).limit(_FRAMES_AT_END)
        ).all()
        if times and times[0].at_s >= row.last_s:
            length_s += times[0].duration_s or last_frame_s([t.at_s for t in times[::-1]])
    return max(length_s, 0.0)
