"""Reads the readings of a session from the database."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlalchemy import ColumnElement, Connection, select

from ferapp.errors import StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import utc_now
from ferapp.sessions.databases.damage import DAMAGED, VALUE_ERRORS, read_rows, row_key
from ferapp.sessions.face_log import load_edits
from ferapp.sessions.lengths import of_session
from ferapp.sessions.rows import duration_of, readings_of, recording_of
from ferapp.sessions.session import Readings, SessionInfo


def load_readings(
    connection: Connection, is_it: Sequence[ColumnElement[bool]], session: str, since_s: float
) -> Readings:
    """The readings of a session from a time on; see `ferapp.sessions.store.Store.readings`.

    Args:
        connection: The connection.
        is_it: Conditions that only the session meets.
        session: Its id.
        since_s: The time, s; at 0 all of them, whatever their times.

    Raises:
        StoreError: There is no such session, or it can't be read.
    """
    recording = _load_recording(connection, is_it)
    columns = schema.readings.c
    wanted = [column for column in columns if column.name not in ("id", "session")]
    statement = select(*wanted, columns.id).where(columns.session == session)
    if since_s > 0:
        statement = statement.where(columns.at_s >= since_s)
    rows, bad = read_rows(connection, statement.order_by(columns.at_s, columns.id), columns.id)
    edits = load_edits(connection, [session])[session].edits
    readings = readings_of([tuple(row)[:-1] for row in rows], len(recording.labels))
    if bad:
        # The others come out of order.
        readings = readings.at(np.argsort(readings.at_s, kind="stable"))
    return edits.apply(of_session(recording, readings))


def _load_recording(connection: Connection, is_it: Sequence[ColumnElement[bool]]) -> SessionInfo:
    key = row_key(connection.dialect)
    found, bad = read_rows(connection, select(schema.sessions).where(*is_it), key)
    if not found and not bad:
        raise StoreError("There is no such session; it may have been deleted.")
    try:
        if bad:
            raise ValueError("a value in it can't be fetched")
        return replace(
            recording_of(found[0]), duration_s=duration_of(connection, found[0], utc_now())
        )
    except VALUE_ERRORS as exc:
        raise StoreError(DAMAGED) from exc
