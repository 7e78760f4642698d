"""Reads events from a CSV table, which is not trusted, as any program saves it."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ferapp.errors import DataError
from ferapp.sessions.events.times import EventClock
from ferapp.sessions.formats.csv_sheet import Sheet, open_sheet
from ferapp.sessions.formats.limits import MOST_MARKERS, refuse_more
from ferapp.sessions.formats.other_files import describe_other_file
from ferapp.sessions.formats.reading import title_of
from ferapp.sessions.formats.spreadsheets import decimal_sign
from ferapp.sessions.session import MOST_TITLE, Marker
from ferapp.system.csv_tables import is_missing_word, remove_guard
from ferapp.system.text import one_line

MOST_BYTES: Final = 5 * 2**20
"""Size of a table of events at most."""

# The first of each is what our own tables have; the others are those of BIDS, ELAN, Noldus,
# PsychoPy and of people.
_HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "time": ("time", "time_s", "at_s", "begin_s", "begin", "start", "start_s", "onset", "seconds"),
    "name": ("name", "event", "label", "trial_type", "condition", "stimulus", "marker", "behavior"),
    "end": ("end", "end_s", "until", "until_s", "stop", "stop_s", "offset"),
    "duration": ("duration", "duration_s", "length", "length_s"),
}
_MARK: Final = "\ufeff"
_MOST_SHOWN: Final = 40
_EXPECTED: Final = (
    "Expected a CSV table with the columns time and name, and end for events that last, such as "
    "time,name,end / 12.5,film,40"
)


@dataclass(frozen=True)
class _Columns:
    """The places of the columns; None for those that are not there."""

    time: int
    name: int
    end: int | None
    duration: int | None


def read_events(name: str, data: bytes, clock: EventClock) -> tuple[Marker, ...]:
    """Read the events of a table, in the order of time.

    Args:
        name: Name of the file, for messages.
        data: Its bytes.
        clock: The session's times, in which all of them have to be.

    Raises:
        DataError: It is no such table; the message has the number of the row.
    """
    title = title_of(name)
    if other := describe_other_file(title, data):
        raise DataError(f"{title} can't be opened: {other}")
    try:
        if len(data) > MOST_BYTES:
            raise DataError(f"it has {len(data):,} bytes; the limit is {MOST_BYTES:,}")
        sheet = open_sheet(data, _is_heading)
        columns = _columns_of(sheet.header)
        rows = list(_rows_of(sheet))
        refuse_more("events", len(rows), MOST_MARKERS)
        events = list(_events(sheet, columns, rows, clock))
    except DataError as error:
        raise DataError(f"{title} can't be opened: {error}. {_EXPECTED}.") from error
    except (csv.Error, ValueError) as error:
        raise DataError(f"{title} can't be opened: it is not a table. {_EXPECTED}.") from error
    return tuple(sorted(events, key=lambda event: event.at_s))


def merge_events(kept: Sequence[Marker], added: Sequence[Marker]) -> tuple[Marker, ...]:
    """Both in the order of time; what is there already is not added again.

    Raises:
        DataError: There would be too many.
    """
    whole = dict.fromkeys([*kept, *added])
    refuse_more("events", len(whole), MOST_MARKERS)
    return tuple(sorted(whole, key=lambda event: event.at_s))


def _place(wanted: str, header: Sequence[str]) -> int | None:
    """The place of the column with the first of its headings that is there."""
    spelt = [heading.removeprefix(_MARK).strip().casefold() for heading in header]
    places = (spelt.index(heading) for heading in _HEADINGS[wanted] if heading in spelt)
    return next(places, None)


def _is_heading(header: Sequence[str]) -> bool:
    return _place("time", header) is not None


def _columns_of(header: Sequence[str]) -> _Columns:
    places = {wanted: _place(wanted, header) for wanted in _HEADINGS}
    time, name = places["time"], places["name"]
    if time is None or name is None:
        missing = " and ".join(one for one in ("time", "name") if places[one] is None)
        raise DataError(f"its first line names no column {missing}")
    return _Columns(time, name, places["end"], places["duration"])


def _rows_of(sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """The rows that hold anything, with their number in the file."""
    text = sheet.body.decode()
    table = csv.reader(io.StringIO(text, newline=""), delimiter=sheet.separator)
    rows = list(table)
    for number, row in zip(sheet.rows(len(rows)).tolist(), rows, strict=True):
        if any(cell.strip() for cell in row):
            yield number, row


def _events(
    sheet: Sheet,
    columns: _Columns,
    rows: Sequence[tuple[int, list[str]]],
    clock: EventClock,
) -> Iterator[Marker]:
    places = [columns.time, columns.end, columns.duration]
    sign = decimal_sign(sheet, [place for place in places if place is not None])

    def cell(row: list[str], place: int | None) -> str:
        text = row[place].strip() if place is not None and place < len(row) else ""
        return "" if is_missing_word(text) else text

    for number, row in rows:
        try:
            at_s = clock.seconds(cell(row, columns.time), sign)
            end_s = _end_s(cell(row, columns.end), cell(row, columns.duration), at_s, sign, clock)
        except DataError as error:
            raise DataError(f"in row {number}, {error}") from error
        name = one_line(remove_guard(cell(row, columns.name))[:MOST_TITLE])
        if not name:
            raise DataError(f"in row {number}, the event has no name")
        yield Marker(at_s, name, end_s)


def _end_s(end: str, duration: str, at_s: float, sign: str, clock: EventClock) -> float | None:
    """When an event ends; None for a moment, also where both are the same time."""
    if end:
        end_s = clock.seconds(end, sign)
        if end_s < at_s:
            raise DataError(f"the event ends ({one_line(end[:_MOST_SHOWN])}) before it begins")
    elif duration:
        end_s = clock.within(at_s + clock.length(duration, sign), duration)
    else:
        return None
    return None if end_s == at_s else end_s
