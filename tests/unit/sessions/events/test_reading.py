"""Events are read from tables as programs and people write them, and refused with the row."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ferapp.errors import DataError
from ferapp.sessions.events.reading import MOST_BYTES, merge_events, read_events
from ferapp.sessions.events.times import EventClock
from ferapp.sessions.formats.spells import to_events_csv
from ferapp.sessions.session import Marker, Readings
from tests.support.sessions import some_recording

CLOCK = EventClock(0.0, 120.0, datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
WANTED = (Marker(12.5, "film", 40.0), Marker(65.0, "question"))


def read(text: str | bytes, clock: EventClock = CLOCK) -> tuple[Marker, ...]:
    return read_events("e.csv", text.encode() if isinstance(text, str) else text, clock)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param("time,name,end\n12.5,film,40\n65,question,\n", id="plain"),
        pytest.param("time;name;end\n12,5;film;40\n65;question;\n", id="decimal commas"),
        pytest.param("Time\tEvent\tUntil\r\n12.5\tfilm\t0:40\r\n1:05\tquestion\r\n", id="tabs"),
        pytest.param("sep=;\ntime;name;end\n12,5;film;40\n\n65;question;NA\n", id="Excel"),
        pytest.param("onset,duration,trial_type\n12.5,27.5,film\n65,n/a,question\n", id="BIDS"),
        pytest.param("begin_s,end_s,label\n12.5,40,film\n65,65,question\n", id="spells"),
        pytest.param("name,time,end\nquestion,0:01:05,\nfilm,0:12.5,0:40\n", id="unsorted"),
        pytest.param(
            "time,name,end\n2026-03-01 12:30:12.5,film,2026-03-01T13:30:40+01:00\n"
            "2026-03-01 12:31:05,question,\n",
            id="dates",
        ),
    ],
)
def test_tables_of_many_programs_are_the_same_events(table: str) -> None:
    assert read(table) == WANTED
    assert read(table.encode("utf-16")) == WANTED
    assert read(b"\xef\xbb\xbf" + table.encode()) == WANTED


def test_exported_events_come_back_as_they_were() -> None:
    events = (
        Marker(0.1 + 0.2, "=SUM(A1)", 1 / 3),
        Marker(12.5, "NA"),
        Marker(12.5, 'Zoë, "B"; and more'),
        Marker(119.99, "李"),
    )
    data = to_events_csv(some_recording(markers=events), Readings.empty(8))
    assert read(data) == events


def test_a_session_without_events_has_an_empty_table_of_them() -> None:
    assert read(to_events_csv(some_recording(), Readings.empty(8))) == ()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        pytest.param("time,name\n1,a\nsoon,b\n", "in row 3, the time 'soon'", id="no time"),
        pytest.param("time,name\n\n1,a\n121,b\n", "in row 4, the time '121' is not", id="outside"),
        pytest.param("time,name\n-1,a\n", "in row 2", id="before"),
        pytest.param("time,name\n1,\n", "in row 2, the event has no name", id="no name"),
        pytest.param("time,name,end\n9,a,8\n", "in row 2, the event ends (8)", id="ends first"),
        pytest.param("time,name\n1:75,a\n", "in row 2, the time '1:75'", id="no clock"),
        pytest.param("time,name\nnan,a\n", "in row 2", id="not a number"),
        pytest.param("time;name\n1.5;a\n1,5;b\n", "decimal sign is unclear", id="both signs"),
        pytest.param("a,b\n1,2\n", "names no column time and name", id="other table"),
        pytest.param("", "names no column", id="empty"),
        pytest.param(b"time,name\n1,\xff\xc3\xa9\n", "UTF-8", id="damaged text"),
        pytest.param(b"PK\x03\x04xl/", "Excel workbook", id="workbook"),
    ],
)
def test_what_is_wrong_is_refused_with_its_row(table: str | bytes, words: str) -> None:
    with pytest.raises(DataError, match="can't be opened") as refused:
        read(table)
    assert words in str(refused.value)


def test_a_date_needs_a_session_whose_start_is_known() -> None:
    with pytest.raises(DataError, match="when this session started is unknown"):
        read("time,name\n2026-03-01 12:30:12,a\n", replace(CLOCK, started=None))


def test_times_of_a_part_of_a_video_are_those_of_the_video() -> None:
    part = EventClock(100.0, 110.0, None)
    assert read("time,name\n1:45,a\n", part) == (Marker(105.0, "a"),)
    with pytest.raises(DataError, match="from 01:40 to 01:50"):
        read("time,name\n5,a\n", part)


def test_a_hostile_name_is_one_line_and_without_its_guard() -> None:
    [event] = read('time,name\n1,"\'=1+1\n\x1b[31m"\n')
    assert event.name.startswith("=1+1") and "\n" not in event.name and "\x1b" not in event.name
    [long] = read(f"time,name\n1,{'x' * 500}\n")
    assert len(long.name) == 200


def test_too_many_events_are_refused() -> None:
    rows = "".join(f"1,e{n}\n" for n in range(10_001))
    with pytest.raises(DataError, match="10,001 events; the limit is 10,000"):
        read("time,name\n" + rows)
    with pytest.raises(DataError, match="the limit is 5,242,880"):
        read("x" * (MOST_BYTES + 1))


def test_added_events_keep_the_others_and_none_is_there_twice() -> None:
    kept = (Marker(1.0, "a"), Marker(9.0, "b"))
    added = (Marker(1.0, "a"), Marker(1.0, "a", 2.0), Marker(5.0, "c"))
    whole = merge_events(kept, added)
    assert whole == (Marker(1.0, "a"), Marker(1.0, "a", 2.0), Marker(5.0, "c"), Marker(9.0, "b"))
    with pytest.raises(DataError, match="events; the limit"):
        merge_events(kept, [Marker(1.0, str(n)) for n in range(10_000)])
