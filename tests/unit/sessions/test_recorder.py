"""The recorder with a sink that fails on demand, and the conversion of frames to rows."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import StoreError
from ferapp.pipeline.people import FaceReading
from ferapp.pipeline.record import new_recording, readings_of_frame, readings_of_pictures
from ferapp.pipeline.stream import StreamFrame
from ferapp.sessions import recorder as module
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Marker, Readings
from ferapp.settings import StreamSettings
from ferapp.types import Faces, FrameAnalysis
from tests.support.fakes import Clock, FakeSink
from tests.support.sessions import some_readings
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_S", 0.01)


@pytest.fixture
def sink() -> FakeSink:
    return FakeSink()


def frame_at(at_s: float) -> Readings:
    one = some_readings(1)
    return Readings(**{**vars(one), "at_s": np.array([at_s])})


def test_nothing_to_record_makes_an_empty_session(sink: FakeSink) -> None:
    recorder = Recorder(sink, "a")
    recorder.stop()
    recorder.stop()
    assert sink.batches == [] and sink.finished == [0.0] and not recorder.is_running


def test_times_count_from_the_first_frame_even_without_a_face(sink: FakeSink) -> None:
    recorder = Recorder(sink, "a")
    recorder.add(Readings.empty(8), 100.0)
    for i in range(1, 6):
        recorder.add(frame_at(100.0 + i), 100.0 + i)
    recorder.add(Readings.empty(8), 106.0)
    recorder.stop()
    written = Readings.join(sink.batches)
    np.testing.assert_allclose(written.at_s, [1, 2, 3, 4, 5])
    assert recorder.duration_s == 7.0 and sink.finished == [7.0] and recorder.failure is None


def test_writing_to_a_busy_database_is_retried_and_nothing_is_lost(sink: FakeSink) -> None:
    sink.failure = StoreError("locked", may_pass=True)
    recorder = Recorder(sink, "a")
    for i in range(3):
        recorder.add(frame_at(float(i)), float(i))
        wait_until(sink.was_asked.is_set)
        sink.was_asked.clear()
    sink.failure = None
    recorder.stop()
    np.testing.assert_allclose(Readings.join(sink.batches).at_s, [0, 1, 2])
    assert recorder.failure is None


def test_a_full_disk_ends_the_recording_with_a_message(sink: FakeSink) -> None:
    sink.failure = StoreError("the disk is full")
    recorder = Recorder(sink, "a")
    recorder.add(frame_at(0.0), 0.0)
    wait_until(lambda: not recorder.is_running)
    assert recorder.failure == "the disk is full"
    recorder.add(frame_at(1.0), 1.0)
    recorder.stop()
    assert sink.batches == []


def test_a_database_that_stays_unavailable_ends_the_recording(
    sink: FakeSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 10)
    sink.failure = StoreError("gone", may_pass=True)
    recorder = Recorder(sink, "a")
    for i in range(11):
        recorder.add(frame_at(float(i)), float(i))
    wait_until(lambda: not recorder.is_running)
    assert recorder.failure == "gone"


def test_a_stream_that_has_ended_ends_the_recording(sink: FakeSink) -> None:
    clock = Clock()
    recorder = Recorder(sink, "a", clock=clock)
    recorder.add(frame_at(0.0), 0.0)
    clock.now_s = 9.0
    wait_until(lambda: sink.batches)
    assert recorder.is_running
    clock.now_s = 11.0
    wait_until(lambda: sink.finished)
    assert not recorder.is_running and "nothing came" in recorder.failure


def test_an_unexpected_error_ends_the_recording_with_a_message(sink: FakeSink) -> None:
    sink.failure = ZeroDivisionError()
    recorder = Recorder(sink, "a")
    recorder.add(frame_at(0.0), 0.0)
    wait_until(lambda: not recorder.is_running)
    recorder.stop()
    assert "an error in the app" in recorder.failure


def test_ending_with_a_reason_writes_what_is_left(sink: FakeSink) -> None:
    recorder = Recorder(sink, "a")
    recorder.add(frame_at(0.0), 0.0)
    recorder.end("other models")
    recorder.stop()
    assert len(Readings.join(sink.batches)) == 1 and recorder.failure == "other models"


def test_a_marker_counts_from_the_first_frame(sink: FakeSink) -> None:
    recorder = Recorder(sink, "a")
    recorder.mark("before the first frame", 99.0)
    recorder.add(frame_at(100.0), 100.0)
    recorder.mark("here", 104.5)
    recorder.stop()
    recorder.mark("too late", 106.0)
    assert sink.markers == [Marker(4.5, "here")]


def test_a_marker_that_meets_a_busy_database_is_written_once(sink: FakeSink) -> None:
    sink.failure = StoreError("locked", may_pass=True)
    recorder = Recorder(sink, "a")
    recorder.add(frame_at(0.0), 0.0)
    recorder.mark("here", 0.0)
    wait_until(sink.was_asked.is_set)
    sink.failure = None
    recorder.stop()
    assert sink.markers == [Marker(0.0, "here")] and len(Readings.join(sink.batches)) == 1


def reading(id: int, *, flaw: str | None = None, expression: str | None = "fear") -> FaceReading:
    shares = np.full(8, 1 / 8, np.float32)
    read = None if flaw else shares
    box = np.array([id, 2, 30, 40], np.float32)
    return FaceReading(
        id=id,
        xyxy=box,
        score=0.9,
        probabilities=read,
        smoothed=shares,
        expression=expression,
        flaw=flaw,
        is_corrected=True,
        baseline_progress=None,
    )


def frame(*faces: FaceReading, is_read: bool = True) -> StreamFrame:
    nowhere = np.empty((0, 4), np.float32)
    return StreamFrame(1.5, (640, 480), EXPRESSIONS, faces, is_read, is_read, nowhere)


@pytest.mark.parametrize(
    "empty",
    [frame(), frame(reading(1), is_read=False)],
    ids=["no face", "only followed"],
)
def test_a_frame_without_readings_makes_no_row(empty: StreamFrame) -> None:
    assert len(readings_of_frame(empty)) == 0


def test_a_frame_makes_one_row_per_face() -> None:
    rows = readings_of_frame(frame(reading(1), reading(4, flaw="blurred"), reading(5)))
    assert rows.face.tolist() == [1, 4, 5] and rows.at_s.tolist() == [1.5] * 3
    assert rows.flaw.tolist() == [None, "blurred", None]
    assert rows.expression.tolist() == ["fear", None, "fear"], "a label is not read from a blur"
    assert np.isnan(rows.probabilities[1]).all() and np.isnan(rows.smoothed[1]).all()
    assert rows.size_wh.tolist() == [[640, 480]] * 3 and rows.is_corrected.all()
    unsure = readings_of_frame(frame(reading(1, expression=None)))
    assert unsure.expression.tolist() == [None] and not np.isnan(unsure.probabilities).any()


def test_pictures_number_their_faces_through() -> None:
    def found(n: int) -> FrameAnalysis:
        shares = np.tile(np.eye(8, dtype=np.float32)[1], (n, 1))
        faces = Faces(np.zeros((n, 4), np.float32), np.ones(n, np.float32))
        return FrameAnalysis((10, 20), faces, EXPRESSIONS, shares, 0.5)

    rows = readings_of_pictures([found(0), found(2), found(1)])
    assert rows.face.tolist() == [1, 2, 3] and rows.at_s.tolist() == [1, 1, 2]
    assert set(rows.expression) == {"happiness"} and np.isnan(rows.smoothed).all()


def test_a_recording_names_its_models_by_their_hashes() -> None:
    made = new_recording(
        "a",
        "live",
        labels=EXPRESSIONS,
        unsure_below=0.5,
        settings=StreamSettings(hold_s=1.25),
        detector="ssd-320",
        classifier="seresnet-48",
        consent="yes",
    )
    assert len(made.models["classifier"]["sha256"]) == 64
    assert made.settings["hold_s"] == 1.25 and made.started.tzinfo and made.version
