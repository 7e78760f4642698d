"""Stores what was changed about the faces of sessions: names, merges and splits, with undo."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Integer, cast, delete, insert, select

from ferapp.errors import FaceEditError, StoreError
from ferapp.sessions import schema
from ferapp.sessions.database import translate_errors, utc_now, writing
from ferapp.sessions.databases.damage import DAMAGED, VALUE_ERRORS, read_rows, row_key
from ferapp.sessions.discards import is_kept
from ferapp.sessions.erasure import BytesLeft, Eraser
from ferapp.sessions.face_edits import (
    FaceEdit,
    FaceEdits,
    NameFace,
    describe_edit,
    edit_from_json,
    edit_to_json,
)
from ferapp.sessions.rows import is_number, is_running
from ferapp.sessions.session import Source

_MOST_STEPS: Final = 2**31 - 1  # as the column has it

_logger = logging.getLogger(__name__)


class FaceLog:
    """Names, merges and splits the faces of stored sessions; may be used from several threads.

    Every method raises `StoreError` if the database fails or the owner has no such session.

    Args:
        engine: Engine of an open database.
        eraser: Removes the bytes of names that are taken back.
    """

    def __init__(self, engine: Engine, eraser: Eraser) -> None:
        self._engine = engine
        self._eraser = eraser

    def edit(self, session: str, owner: str, edit: FaceEdit) -> str:
        """Make a change.

        Returns:
            What was changed, in a few words; empty if nothing was.

        Raises:
            FaceEditError: It is not possible; see `FaceEdits.add`.
        """
        with translate_errors(), writing(self._engine) as connection:
            source = _lock(connection, session, owner)
            log = load_edits(connection, [session])[session]
            before = log.edits
            after = before.add(edit, *_sightings(connection, session), source=source)
            if after is before:
                return ""
            row = {
                "session": session,
                "step": log.last_step + 1,
                "edit": edit_to_json(after.steps[-1]),
            }
            connection.execute(insert(schema.face_edits), row)
        return describe_edit(after.steps[-1], before.names)

    def undo(self, session: str, owner: str) -> str:
        """Take the last change back.

        Returns:
            The change, in a few words.

        Raises:
            FaceEditError: There is none.
        """
        columns = schema.face_edits.c
        with translate_errors(), writing(self._engine) as connection:
            _lock(connection, session, owner)
            log = load_edits(connection, [session])[session]
            before = log.edits
            after = before.undo() if log.is_last_readable else before
            is_last = columns.step == log.last_step
            connection.execute(delete(schema.face_edits).where(columns.session == session, is_last))
        if after is before:
            self._clear_bytes()
            return "A change that could not be read"
        if isinstance(before.steps[-1], NameFace):
            self._clear_bytes()
        return describe_edit(before.steps[-1], after.names)

    def forget_names(self, session: str, owner: str) -> None:
        """Delete every name of a session permanently, also those that an undo would bring back."""
        with translate_errors(), writing(self._engine) as connection:
            _lock(connection, session, owner)
            edits = load_edits(connection, [session])[session].edits.without_names()
            connection.execute(
                delete(schema.face_edits).where(schema.face_edits.c.session == session)
            )
            insert_edits(connection, session, edits)
        self._clear_bytes()

    def _clear_bytes(self) -> None:
        try:
            self._eraser.clear_bytes()
        except BytesLeft:
            # The name is gone from the tables; the next deletion tries again.
            _logger.warning("deleted bytes are still in the log of the database")


@dataclass(frozen=True)
class EditLog:
    """The changes of a session's faces as they are stored.

    Attributes:
        edits: Those that can be read.
        last_step: Number of the last one, also if it can't be read; 0 if there is none.
        is_last_readable: Whether that one is among them, or there is none.
        unreadable: How many can't be read.
    """

    edits: FaceEdits
    last_step: int
    is_last_readable: bool
    unreadable: int


def load_edits(connection: Connection, sessions: Sequence[str]) -> dict[str, EditLog]:
    """What was changed about the faces of each of these sessions."""
    columns = schema.face_edits.c
    rows, bad = read_rows(
        connection,
        select(columns.session, columns.step, columns.edit, columns.id)
        .where(columns.session.in_(sessions))
        .order_by(columns.step, columns.id),
        columns.id,
    )
    lost = dict.fromkeys(sessions, 0)
    last = dict.fromkeys(sessions, 0)
    steps: dict[str, list[tuple[int, int, FaceEdit]]] = {session: [] for session in sessions}
    if bad:
        # As a number: it may be the step that is no UTF-8.
        step_of = cast(columns.step, Integer)
        for session, step in connection.execute(
            select(columns.session, step_of).where(columns.id.in_(bad))
        ):
            lost[session] += 1
            last[session] = max(last[session], step if _is_step(step) else 0)
    for row in rows:
        try:
            if not _is_step(row.step):
                raise ValueError("no number of a step")
            last[row.session] = max(last[row.session], row.step)
            steps[row.session].append((row.step, row.id, edit_from_json(row.edit)))
        except VALUE_ERRORS:
            lost[row.session] += 1
    return {id: _log_of(steps[id], last[id], lost[id]) for id in sessions}


def _is_step(step: object) -> bool:
    """Whether it is the number of a step after which there can be another one."""
    return type(step) is int and 0 <= step < _MOST_STEPS


def _log_of(numbered: list[tuple[int, int, FaceEdit]], last_step: int, lost: int) -> EditLog:
    steps = sorted(numbered, key=lambda entry: entry[:2])
    edits = FaceEdits(
        tuple(edit for step, _, edit in steps if step),
        tuple(edit for step, _, edit in steps if not step and isinstance(edit, NameFace)),
    )
    return EditLog(edits, last_step, last_step == max([0, *(s for s, _, _ in steps)]), lost)


def insert_edits(connection: Connection, session: str, edits: FaceEdits) -> None:
    """Store all changes of a session that has none yet."""
    numbered = [*((0, edit) for edit in edits.given), *enumerate(edits.steps, 1)]
    if numbered:
        connection.execute(
            insert(schema.face_edits),
            [{"session": session, "step": n, "edit": edit_to_json(e)} for n, e in numbered],
        )


def _lock(connection: Connection, session: str, owner: str) -> Source:
    """Keep others from changing the faces of a session at the same time; give its source."""
    table = schema.sessions
    found, bad = read_rows(
        connection,
        select(table.c.source, table.c.is_finished, table.c.touched_utc)
        .where(table.c.id == session, table.c.owner == owner, is_kept())
        .with_for_update(),
        row_key(connection.dialect),
    )
    if not found and not bad:
        raise StoreError("There is no such session; it may have been deleted.")
    try:
        [row] = found
        is_now_running = is_running(row.is_finished, row.touched_utc, utc_now())
    except VALUE_ERRORS as exc:
        raise StoreError(DAMAGED) from exc
    if is_now_running:
        # A face that comes later could get a number that a split gives away.
        raise FaceEditError("This session is being recorded; change its faces when it has ended.")
    source: Source = row.source
    return source


def _sightings(
    connection: Connection, session: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The times and the recorded numbers of all readings that have them, (n,) and (n,)."""
    columns = schema.readings.c
    rows, _ = read_rows(
        connection,
        select(columns.at_s, columns.face)
        .where(columns.session == session)
        .order_by(columns.at_s, columns.id),
        columns.id,
    )
    sound = [row for row in rows if is_number(row.at_s) and type(row.face) is int]
    return (
        np.array([row.at_s for row in sound], np.float64),
        np.array([row.face for row in sound], np.int64),
    )
