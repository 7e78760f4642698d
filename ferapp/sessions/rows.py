"""Converts sessions and their readings to rows of tables and back without loss."""

import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from types import NoneType
from typing import Any, Final, TypeGuard, get_args

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, select
from sqlalchemy.exc import DBAPIError

from ferapp.sessions import schema
from ferapp.sessions.databases.damage import VALUE_ERRORS, pass_on
from ferapp.sessions.lengths import last_frame_s
from ferapp.sessions.session import MOST_SECONDS, Provenance, Readings, SessionInfo, Source

_CORNERS: Final = ("x1", "y1", "x2", "y2")
# A running recording touches its session every second.
_CUT_OFF_AFTER_S: Final = 10.0
# The last frames of a session, which tell how long the very last was shown.
_FRAMES_AT_END: Final = 8
_DAY_S: Final = 86_400
# Sums of float32 may pass 1 by a little.
_MOST_SHARE: Final = 1.01
_MOST_FLOAT32: Final = 3e38
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def is_running(is_finished: bool, touched_utc: datetime, now_utc: datetime) -> bool:
    """Whether a session with these columns is being recorded."""
    silent_s = (now_utc - touched_utc).total_seconds()
    # Below zero, the clock was set back: a recording that goes on has the new time in a second.
    return not is_finished and abs(silent_s) < _CUT_OFF_AFTER_S


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


def readings_of(rows: Sequence[Sequence[Any]], count: int) -> Readings:
    """Convert rows of the table to readings of ``count`` expressions.

    Rows that can't be converted are left out.

    Args:
        rows: Without id and session.
        count: How many expressions there are.
    """
    try:
        readings = _columns_of(rows, count)
        if _are_sound(readings):
            return readings
    except VALUE_ERRORS:
        pass
    return _columns_of([row for row in rows if _is_sound_row(row, count)], count)


def _columns_of(rows: Sequence[Sequence[Any]], count: int) -> Readings:
    if not rows:
        return Readings.empty(count)
    at_s, face, width, height, x1, y1, x2, y2, score, expression, flaw, corrected, *rest = zip(
        *rows, strict=True
    )
    raw, smooth, duration_s = rest
    return Readings(
        at_s=np.array(at_s, np.float64),
        face=np.array(face, np.int64),
        # Each on its own: together, one long text among them would make all of them as long.
        size_wh=np.column_stack([np.array(side, np.int64) for side in (width, height)]),
        xyxy=np.column_stack([np.array(side, np.float32) for side in (x1, y1, x2, y2)]),
        score=np.array(score, np.float32),
        probabilities=_unpack(raw, count),
        smoothed=_unpack(smooth, count),
        expression=np.array(expression, object),
        flaw=np.array(flaw, object),
        is_corrected=np.array(corrected, np.bool_),
        duration_s=np.array(duration_s, np.float64),
    )


def _are_sound(readings: Readings) -> bool:
    """Whether pages can show them; see `_is_sound_row`."""
    numbers = (readings.at_s, readings.xyxy, readings.score)
    texts = (readings.expression, readings.flaw)
    lengths = readings.duration_s[~np.isnan(readings.duration_s)]
    times = np.concatenate([readings.at_s, lengths])
    return (
        all(np.isfinite(values).all() for values in numbers)
        and bool(((times >= 0) & (times <= MOST_SECONDS)).all())
        and bool((readings.size_wh > 0).all())
        and all(set(map(type, column)) <= {str, NoneType} for column in texts)
        and _are_shares(readings.probabilities)
        and _are_shares(readings.smoothed)
    )


def _are_shares(shares: NDArray[np.float32]) -> bool:
    """Whether each row holds probabilities, or NaN alone."""
    is_missing = np.isnan(shares)
    is_share = (shares >= 0) & (shares <= _MOST_SHARE)
    return bool((is_missing.all(axis=1) | is_share.all(axis=1)).all())


def _is_sound_row(row: Sequence[Any], count: int) -> bool:
    """Whether the values of a reading have the types and ranges that they should have."""
    at_s, face, width, height, *floats, expression, flaw, _, raw, smooth, duration_s = row
    return (
        _is_time(at_s)
        and all(type(value) is int for value in (face, width, height))
        and abs(face) < 2**63
        and 0 < min(width, height) <= max(width, height) < 2**63
        and all(is_number(value) and abs(value) < _MOST_FLOAT32 for value in floats)
        and all(text is None or is_text(text) for text in (expression, flaw))
        and all(_is_packed(cell, count) for cell in (raw, smooth))
        and (duration_s is None or _is_time(duration_s))
    )


def _is_packed(cell: object, count: int) -> bool:
    if cell is None:
        return True
    if not isinstance(cell, bytes) or len(cell) != 4 * count:
        return False
    return _are_shares(np.frombuffer(cell, "<f4").reshape(1, -1))


def _is_time(value: object) -> bool:
    return is_number(value) and 0 <= value <= MOST_SECONDS


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite number: SQLite has other types in columns of numbers as well."""
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def is_text(value: object) -> TypeGuard[str]:
    """Whether it is text that can be written as UTF-8."""
    return isinstance(value, str) and not _SURROGATE.search(value)


def recording_of(row: Row[Any]) -> SessionInfo:
    """The description of a session, without markers and names.

    Raises:
        One of `VALUE_ERRORS`: A column holds what ferapp does not write.
    """
    _require(
        all(is_text(value) for value in (row.id, row.title, row.version, row.consent)),
        row.source in get_args(Source),
        isinstance(row.labels, list) and 0 < len(row.labels) == len(set(row.labels)),
        all(is_text(label) and label for label in row.labels),
        is_number(row.unsure_below) and 0 <= row.unsure_below <= 1,
        isinstance(row.settings, dict),
        isinstance(row.models, dict) and all(isinstance(m, dict) for m in row.models.values()),
        isinstance(row.started_utc, datetime) and isinstance(row.touched_utc, datetime),
        row.expires_utc is None or isinstance(row.expires_utc, datetime),
        type(row.offset_s) is int and abs(row.offset_s) < _DAY_S,
        row.import_key is None or is_text(row.import_key),
        type(row.readings) is int and row.readings >= 0,
        _is_time(row.last_s),
        row.duration_s is None or _is_time(row.duration_s),
    )
    # What can't be written to a file, such as NaN and halves of characters, is damaged as well.
    plain = [row.settings, row.models, row.provenance]
    json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()
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
        provenance=_provenance_of(row.provenance),
    )


def _provenance_of(value: Any) -> Provenance | None:
    if value is None:
        return None
    provenance = Provenance.from_json(value)
    texts = (provenance.sha256, provenance.name, provenance.version)
    _require(all(map(is_text, texts)), type(provenance.size_bytes) is int)
    return provenance


def _require(*are_so: bool) -> None:
    if not all(are_so):
        raise ValueError("a column of the session holds what ferapp does not write")


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
        times = _readable_times(
            connection, latest.distinct().order_by(columns.at_s.desc()).limit(_FRAMES_AT_END)
        )
        if times and times[0].at_s >= row.last_s:
            length_s += times[0].duration_s or last_frame_s([t.at_s for t in times[::-1]])
    return max(length_s, 0.0)


def _readable_times(connection: Connection, statement: Select[Any]) -> list[Row[Any]]:
    """Rows of a time and a length; none if they can't be fetched."""
    try:
        rows = connection.execute(statement).all()
    except (*VALUE_ERRORS, DBAPIError) as exc:
        pass_on(connection, exc)
        return []
    return [r for r in rows if _is_time(r[0]) and (r[1] is None or _is_time(r[1]))]
