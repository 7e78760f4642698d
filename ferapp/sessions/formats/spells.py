"""Tables beside the readings: spells (when which face showed what) and events."""

from typing import Final

import pandas

from ferapp.sessions.report.summary import spells
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.csv_tables import csv_bytes

SPELL_COLUMNS: Final = ("begin_s", "end_s", "label", "face", "name")
"""Of the table of spells; a contract."""

EVENT_COLUMNS: Final = ("time_s", "name", "end_s")
"""Of the table of events; a contract."""

# Microseconds. One place in time is always rounded in the same way, so that spells that meet still
# meet, and the shortest frame is much longer.
_DIGITS: Final = 6


def spells_table(recording: SessionInfo, readings: Readings) -> pandas.DataFrame:
    """The spells of all faces of a session: one row each, by their beginning.

    Columns: begin_s, end_s (s on the session's clock, end_s is later), label, face, name (None if
    it has none). Times in which a face was unsure or could not be read are in no row. Pictures
    have no spells.

    Args:
        recording: The session.
        readings: All its readings.
    """
    rows = [
        (
            round(spell.start_s, _DIGITS),
            round(spell.end_s, _DIGITS),
            spell.expression,
            face,
            recording.names.get(face),
        )
        for face in (readings.faces if recording.source != "pictures" else [])
        for spell in spells(readings.of(face))
        if spell.expression is not None
    ]
    rows = sorted((row for row in rows if row[0] < row[1]), key=lambda row: row[:2])
    return pandas.DataFrame(rows, columns=list(SPELL_COLUMNS))


def to_spells_csv(recording: SessionInfo, readings: Readings) -> bytes:
    """The table as CSV, safe to open in a spreadsheet; see `spells_table`."""
    return csv_bytes(spells_table(recording, readings), exact=True)


def to_events_csv(recording: SessionInfo, _: Readings) -> bytes:
    """The events of a session as CSV, in the order of time, safe to open in a spreadsheet.

    Columns: time_s, name, end_s (s on the session's clock; empty for a moment).
    `ferapp.sessions.events.reading.read_events` reads it back.

    Args:
        recording: The session.
    """
    rows = [(event.at_s, event.name, event.end_s) for event in recording.markers]
    return csv_bytes(pandas.DataFrame(rows, columns=list(EVENT_COLUMNS)), exact=True)
