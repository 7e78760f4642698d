"""How long a reading stands for, and how long a session is, with or without a face."""

from dataclasses import replace

import numpy as np
import pytest

from ferapp.sessions.formats.exchange import csv_parts, read, to_csv, to_json, to_parquet
from ferapp.sessions.lengths import (
    Pace,
    ends_s,
    frame_lengths_s,
    length_s,
    of_session,
    seen_s,
    with_lengths,
)
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.report.summary import Summary, summary
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.store import Store
from tests.support.databases import ME
from tests.support.fakes import Clock, FakeSink
from tests.support.sessions import face_readings, some_readings, some_recording

JOY, SAD = "happiness", "sadness"

FRAMES = {
    "none": ([], None, False, []),
    "one": ([3.0], None, False, [0.04]),
    "one that lasts as long as the file": ([0.0], 10.0, True, [10.0]),
    "one, and nobody for the rest": ([0.0], 10.0, False, [0.04]),
    "a time-lapse": ([0.0, 2.0, 4.0], None, False, [2.0, 2.0, 2.0]),
    "one in ten seconds, to the end": ([0.0, 10.0, 20.0, 30.0], 40.0, True, [10.0] * 4),
    "the end comes first": ([0.0, 1.0, 2.0], 2.2, False, [1.0, 1.0, 0.2]),
    "uneven frames, all known": ([0.0, 0.04, 3.0, 3.5], 4.0, True, [0.04, 2.96, 0.5, 0.5]),
    "uneven frames, some missing": ([0.0, 0.5, 60.0, 60.5], None, False, [0.5] * 4),
    "an end that can't be": ([0.0, 1.0, 2.0], 1.0, False, [1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize(("at_s", "end_s", "is_whole", "expected"), FRAMES.values(), ids=FRAMES)
def test_a_frame_lasts_until_the_next_one(
    at_s: list[float], end_s: float | None, is_whole: bool, expected: list[float]
) -> None:
    found = frame_lengths_s(np.array(at_s), end_s, is_whole=is_whole)
    np.testing.assert_allclose(found, expected)
    assert (found > 0).all()


def test_a_length_that_is_known_stays() -> None:
    readings = replace(face_readings((0, JOY), (1, JOY)), duration_s=np.array([0.2, np.nan]))
    assert with_lengths(readings).duration_s[0] == 0.2


def test_a_reading_ends_when_the_face_is_read_again() -> None:
    readings = replace(face_readings((0, JOY), (1, SAD)), duration_s=np.array([5.0, 1.0]))
    assert ends_s(readings).tolist() == [1.0, 2.0]


def test_times_rounded_by_another_program_leave_no_gap() -> None:
    at_s = np.round(np.arange(300) / 29.97, 3)
    readings = replace(
        face_readings(*((float(t), JOY) for t in at_s)),
        duration_s=np.full(300, round(1 / 29.97, 3)),
    )
    assert len(summary(readings).spells) == 1


def test_two_readings_of_a_file_tell_its_rate_and_two_of_a_camera_do_not() -> None:
    two = face_readings((0, JOY), (10, JOY))
    file = of_session(some_recording(source="video"), two)
    assert summary(file).total_s == 20
    assert summary(of_session(some_recording(source="live"), two)).total_s == pytest.approx(0.08)


def test_pictures_have_no_lengths() -> None:
    readings = of_session(some_recording(source="pictures"), face_readings((0, JOY), (2, JOY)))
    assert np.isnan(readings.duration_s).all()
    assert length_s(some_recording(source="pictures"), readings) == 3
    assert length_s(some_recording(source="pictures", duration_s=5.0), readings) == 5
    assert length_s(some_recording(source="pictures"), face_readings()) == 0


def test_time_with_a_face_is_counted_once() -> None:
    both = Readings.join([face_readings((0, JOY), (1, JOY)), face_readings((1, SAD), face=2)])
    both = both.at(np.argsort(both.at_s, kind="stable"))
    assert seen_s(replace(both, duration_s=np.ones(3))) == 2
    assert seen_s(face_readings()) == 0


def everything_s(found: Summary) -> float:
    return sum(found.seconds.values()) + found.unreadable_s


FLAWED = {0: "dark", 1: "dark", 7: "turned away", 19: "blurred"}


@pytest.mark.parametrize("every_s", [0.001, 1 / 30, 1.0, 10.0])
@pytest.mark.parametrize("end_s", [None, 0.5], ids=["unknown end", "known end"])
def test_parts_are_never_longer_than_the_whole(every_s: float, end_s: float | None) -> None:
    rows = [(n * every_s, None if n % 3 else JOY) for n in range(20)]
    readings = face_readings(*rows, flaws=FLAWED)
    whole_s = 19 * every_s + every_s * (end_s or 1)
    recording = some_recording(source="video", duration_s=whole_s)
    found = summary(of_session(recording, readings))
    assert everything_s(found) == pytest.approx(whole_s)
    assert found.unreadable_s == pytest.approx(every_s * (3 + (end_s or 1)))


def test_the_pace_of_a_camera_survives_a_pause() -> None:
    pace = Pace()
    assert [pace.length_s(s) for s in (0.1, 0.2, 30.0, 0.1)] == [0.1, 0.2, 0.2, 0.1]
    slow = Pace()
    assert [slow.length_s(s) for s in (2.0, 2.0, 2.0)] == [1.5, 2.0, 2.0]


def recorded(*frames: tuple[float, Readings, bool], stop_s: float = 0.0) -> tuple[Readings, float]:
    """What a recorder writes of frames, and the length; it is stopped so long after the last."""
    sink, clock = FakeSink(), Clock()
    recorder = Recorder(sink, "a", clock=clock)
    for at_s, readings, is_read in frames:
        recorder.add(readings, at_s, is_read=is_read)
    clock.now_s += stop_s
    recorder.stop()
    return Readings.join([Readings.empty(8), *sink.batches]), sink.finished[0]


NOBODY = Readings.empty(8)


def face_at(at_s: float, label: str = JOY) -> Readings:
    return face_readings((at_s, label))


def test_a_face_that_left_a_live_stream_is_not_read_any_more() -> None:
    frames = [(n / 10, face_at(n / 10), True) for n in range(10)]
    frames += [(n / 10, NOBODY, True) for n in range(10, 30)]
    readings, duration_s = recorded(*frames)
    assert summary(readings).total_s == pytest.approx(1.0) and duration_s == pytest.approx(3.0)


def test_a_reading_stands_while_later_frames_are_only_followed() -> None:
    frames = [(n / 10, face_at(n / 10) if n % 3 == 0 else NOBODY, n % 3 == 0) for n in range(30)]
    readings, duration_s = recorded(*frames)
    assert len(readings) == 10 and duration_s == pytest.approx(3.0)
    assert summary(readings).total_s == pytest.approx(3.0)
    assert len(summary(readings).spells) == 1


def test_a_live_session_in_which_nobody_is_seen_has_its_length() -> None:
    readings, duration_s = recorded(*[(100 + n / 10, NOBODY, True) for n in range(50)])
    assert not len(readings) and duration_s == pytest.approx(5.0)


@pytest.mark.parametrize(("stop_s", "more_s"), [(0.0, 0.1), (1.0, 1.0), (9.0, 1.5)])
def test_a_live_session_lasts_until_it_is_stopped_and_its_last_reading_does_not(
    stop_s: float, more_s: float
) -> None:
    frames = [(n / 10, face_at(n / 10), True) for n in range(10)]
    readings, duration_s = recorded(*frames, stop_s=stop_s)
    assert summary(readings).total_s == pytest.approx(1.0)
    assert duration_s == pytest.approx(0.9 + more_s)


def test_a_camera_that_stood_still_was_not_read() -> None:
    times = [*(n / 10 for n in range(10)), *(20 + n / 10 for n in range(10))]
    readings, duration_s = recorded(*[(t, face_at(t), True) for t in times])
    assert summary(readings).total_s == pytest.approx(2.0) and duration_s == pytest.approx(21.0)


TWO_S_OF_NOBODY = some_recording(source="video", duration_s=4.0)


@pytest.mark.parametrize("write", [to_parquet, to_json], ids=["parquet", "json"])
@pytest.mark.parametrize("count", [0, 30])
def test_nobody_at_the_end_survives_a_round_trip(write: object, count: int, store: Store) -> None:
    readings = some_readings(count)
    store.enter(*read("a", write(TWO_S_OF_NOBODY, readings)), ME)
    [session] = store.overviews(ME)
    assert session.duration_s == session.recording.duration_s == 4.0
    again, found = read("a", write(session.recording, store.readings(session.recording.id, ME)))
    assert again.duration_s == 4.0
    np.testing.assert_array_equal(found.duration_s, readings.duration_s)


def test_a_csv_of_all_frames_tells_the_length() -> None:
    readings = some_readings(30)
    times_s = np.arange(60) / 15
    data = b"".join(csv_parts(TWO_S_OF_NOBODY, readings, times_s))
    recording, found = read("a.csv", data)
    assert recording.duration_s == pytest.approx(4.0)
    np.testing.assert_array_equal(found.duration_s, readings.duration_s)
    assert read("a.csv", to_csv(TWO_S_OF_NOBODY, readings))[0].duration_s is None


def test_blank_rows_of_a_spreadsheet_say_nothing() -> None:
    data = to_csv(some_recording(), some_readings(30))
    blank = b"," * data.split(b"\r\n")[0].count(b",") + b"\r\n"
    recording, found = read("a.csv", data + blank * 3)
    assert len(found) == 30 and recording.duration_s is None


def test_a_csv_of_an_earlier_version_tells_how_long_a_face_was_gone() -> None:
    """Rows of frames without a face end the reading before them."""
    readings = face_readings((0, JOY), (1, JOY), (4, JOY))
    times_s = np.arange(6.0)
    text = b"".join(csv_parts(some_recording(), readings, times_s)).decode("utf-8-sig")
    rows = [line.split(",") for line in text.splitlines()]
    place = rows[0].index("duration_s")
    old = "\r\n".join(",".join(cell for n, cell in enumerate(row) if n != place) for row in rows)
    recording, found = read("old.csv", old.encode())
    assert found.duration_s.tolist() == [1, 1, 1] and recording.duration_s == 6


def test_a_file_can_not_claim_to_be_shorter_than_its_readings() -> None:
    recording, readings = read("a", to_json(some_recording(duration_s=0.5), some_readings(30)))
    assert recording.duration_s == pytest.approx(2.0)
    assert summary(readings).total_s <= recording.duration_s + 1e-9


def test_a_part_of_a_video_has_the_length_of_the_part() -> None:
    part = {"part": {"from_s": 10.0, "to_s": 20.0}}
    recording = some_recording(source="video", settings=part, duration_s=10.0)
    later = some_readings(30)
    later = replace(later, at_s=later.at_s + 10)
    assert recording.begins_s == 10 and recording.end_s == 20
    assert read("a", to_json(recording, later))[0].duration_s == 10


@pytest.mark.parametrize("from_s", [-1, "x", None, [], True, 1e300, float("nan")])
def test_settings_of_an_imported_file_may_say_anything(from_s: object) -> None:
    info: SessionInfo = some_recording(source="video", settings={"part": {"from_s": from_s}})
    assert info.begins_s in (0.0, 1.0)


def test_sessions_of_an_earlier_version_end_with_their_last_frame(store: Store) -> None:
    readings = replace(some_readings(30, rate=10), duration_s=np.full(30, np.nan))
    recording = some_recording()
    store.enter(recording, readings, ME)
    [session] = store.overviews(ME)
    assert session.duration_s == pytest.approx(3.0)
    found = store.readings(recording.id, ME)
    np.testing.assert_allclose(found.duration_s, 0.1)
