"""Frames in and out of the callback, without a browser."""

import fractions
import logging

import av
import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import ModelError
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.stream import Stream
from ferapp.sessions.recorder import Recorder
from ferapp.sessions.session import Readings
from ferapp.types import Faces
from ferapp.ui.live.webcam import LiveSettings, _demo_frame
from tests.support.fakes import Clock, FakeClassifier, FakeDetector, FakeSink
from tests.support.frames import ONE_FACE, frame, viewer


def pixels(out: av.VideoFrame) -> np.ndarray:
    return out.to_ndarray(format="rgb24")


def test_the_frame_comes_back_with_its_own_box_and_time() -> None:
    me = viewer()
    me.settings = LiveSettings(is_mirrored=False)
    out = [me.on_frame(frame(i)) for i in (5, 6, 7)][-1]
    assert (out.pts, out.time_base) == (7 * 6000, fractions.Fraction(1, 90_000))
    changed = (pixels(out) != pixels(frame(7))).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert changed.any() and xs.min() >= 190 and ys.max() <= 210, "around the box and nowhere else"
    assert me.latest.snapshot().frame.faces[0].id == 1


def test_the_picture_is_a_mirror_and_its_words_are_not() -> None:
    out = pixels(viewer().on_frame(frame()))
    assert out[300, 620:].min() > 240 and out[300, :20].max() < 200


def test_a_pause_gives_the_picture_as_it_is() -> None:
    me = viewer()
    me.settings = LiveSettings(is_mirrored=False, is_paused=True)
    assert (pixels(me.on_frame(frame())) == pixels(frame())).all()
    assert me.latest.snapshot().frame is None


def test_a_stream_without_frames_is_noticed_and_a_stopped_one_is_not() -> None:
    me = viewer()
    clock = me._clock
    clock.now_s = 100.0
    assert not me.is_silent(is_playing=False) and not me.is_silent(is_playing=True), "just begun"
    clock.now_s = 106.0
    assert me.is_silent(is_playing=True) and not me.is_silent(is_playing=False)
    me.on_frame(frame())
    assert not me.is_silent(is_playing=True)
    clock.now_s = 112.0
    assert me.is_silent(is_playing=True)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(ModelError("the weights are odd"), "the weights are odd", id="a sentence"),
        pytest.param(ZeroDivisionError("secret"), "could not be analysed", id="anything else"),
    ],
)
def test_what_fails_gives_the_raw_frame_and_a_message(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    me = viewer()
    me.settings = LiveSettings(is_mirrored=False)

    def fail(*_: object) -> None:
        raise error

    real, me.stream.process = me.stream.process, fail
    with caplog.at_level(logging.CRITICAL):
        assert (pixels(me.on_frame(frame())) == pixels(frame())).all()
    assert told in me.latest.snapshot().message and "secret" not in me.latest.snapshot().message
    me.stream.process = real
    me.on_frame(frame(1))
    assert me.latest.snapshot().message is None


def test_time_goes_on_when_a_connection_starts_counting_again() -> None:
    me = viewer()
    clock = me._clock
    times = []
    for start_s in (100.0, 200.0):
        for i in range(3):
            clock.now_s = start_s + i / 15
            me.on_frame(frame(i))
            times.append(me.latest.snapshot().frame.at_s)
    assert times == sorted(times) and times[3] - times[2] == pytest.approx(100 - 2 / 15)


def test_the_size_may_change() -> None:
    me = viewer()
    assert me.on_frame(frame(0)).width == 640
    assert me.on_frame(frame(1, width=480)).width == 480


def test_other_models_begin_anew() -> None:
    me = viewer()
    me.on_frame(frame())
    me.use(Analyzer(FakeDetector(ONE_FACE), FakeClassifier(EXPRESSIONS)))
    assert me.latest.snapshot().frame is None


def test_the_demo_shows_people_one_after_the_other() -> None:
    seconds = [pixels(_demo_frame(s, fractions.Fraction(1))) for s in range(16)]
    assert {p.shape for p in seconds} == {(480, 640, 3)}
    assert seconds[0].std() == 0 and seconds[8].std() == 0, "nobody in between"
    assert (seconds[4] != seconds[12]).mean() > 0.5


def test_each_connection_gets_a_track_of_its_own() -> None:
    me = viewer()
    first = me.unused_track()
    assert me.unused_track() is first, "a page that runs again before the start keeps it"
    first.addTrack(me.unused_track())
    second = me.unused_track()
    assert second is not first
    second.stop()
    assert me.unused_track() is not second, "a connection that failed has stopped it"


def test_pixels_are_those_of_the_camera_after_a_change_of_size() -> None:
    me = viewer()
    me.settings = LiveSettings(is_mirrored=False, is_paused=True)
    for width in (640, 480, 640):
        shown = frame(width=width).reformat(format="yuv420p")
        assert (pixels(me.on_frame(shown)) == pixels(shown)).all()


def test_a_baseline_is_marked_in_the_recording() -> None:
    me, sink = viewer(), FakeSink()
    classifier = me._analyzer._classifier
    classifier.neutral_reference = np.array([0.76, *[0.02] * 7], np.float32)
    shares = np.array([0.9, *[0.1 / 7] * 7], np.float32)
    classifier.classify = lambda crops, look: np.tile(shares, (len(crops), 1))
    me.stream = Stream(me._analyzer, Clock())
    me.record(Recorder(sink, "a"), EXPRESSIONS)
    for i in range(15):
        me.on_frame(frame(i))
    me.stream.take_baseline()
    for i in range(15, 15 + 15 * 15):
        me.on_frame(frame(i))
    me.stream.drop_baselines()
    for i in range(240, 250):
        me.on_frame(frame(i))
    me.recorder.stop()
    taken, removed = sink.markers
    assert taken.name == "Neutral baseline of face 1 from here"
    assert taken.at_s == pytest.approx(1 + 3 + 10, abs=0.5)
    assert removed.name == "Neutral baseline of face 1 removed"
    rows = Readings.join(sink.batches)
    assert rows.at_s[rows.is_corrected].min() == pytest.approx(taken.at_s)


def test_a_mark_is_at_the_time_of_the_picture() -> None:
    me, sink = viewer(), FakeSink()
    assert not me.mark("Mark 1"), "no recording"
    me.record(Recorder(sink, "a"), EXPRESSIONS)
    for i in range(31):
        me.on_frame(frame(i))
    assert me.mark("Mark 1")
    me.recorder.stop()
    assert not me.mark("Mark 2")
    assert [(m.name, m.at_s) for m in sink.markers] == [("Mark 1", pytest.approx(2.0))]


def test_the_frame_rate_is_written_on_the_picture_if_asked_for() -> None:
    me = viewer()
    plain = pixels(me.on_frame(frame(0)))
    me.settings = LiveSettings(with_fps=True)
    noted = pixels(me.on_frame(frame(0)))
    changed = np.argwhere((plain != noted).any(axis=2))
    assert len(changed) and changed.min(axis=0)[0] > 440 and changed.max(axis=0)[1] < 120


def test_the_kept_picture_is_the_shown_one() -> None:
    me = viewer()
    for i in range(7):
        out = me.on_frame(frame(i))
    assert (me.pictures.last.image_rgb == pixels(out)).all()


def test_a_word_comes_when_no_face_was_read_for_long() -> None:
    me = viewer(Faces(np.empty((0, 4), np.float32), np.empty(0, np.float32)))
    for i in range(90):
        me.on_frame(frame(i))
    assert me.absence.reason == "nobody"
    me.settings = LiveSettings(is_paused=True)
    me.on_frame(frame(90))
    assert me.absence is None
