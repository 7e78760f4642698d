"""Whole clips with fake models and the real decoder."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import ModelError, SettingError, VideoError
from ferapp.inference.manifest import manifest
from ferapp.media.video import VideoInfo
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.copy import AnnotatedCopy
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import ClipAnalysis, recording_of_clip
from ferapp.pipeline.record import Track, VideoRecord, tracks_of
from ferapp.sessions.session import Readings
from ferapp.settings import (
    AnalysisSettings,
    ClipSettings,
    DetectionSettings,
    Look,
    StreamSettings,
    VideoPart,
)
from ferapp.types import Faces
from tests.support.fakes import FakeClassifier, FakeDetector, faces
from tests.support.sessions import face_readings
from tests.support.videos import FAST_START, noisy_frames, times_of, truncate, write_video
from tests.support.waiting import is_running

WH = (320, 240)
ALL = StreamSettings(reads_followed=True)
WHOLE = VideoPart()


class MovingDetector(FakeDetector):
    """Finds the given faces in each frame that it sees, and repeats the last."""

    def __init__(self, *found: Faces) -> None:
        super().__init__(found[0])
        self.found = found

    def detect(self, image_rgb: np.ndarray, settings: DetectionSettings) -> Faces:
        self.faces = self.found[min(len(self.settings), len(self.found) - 1)]
        return super().detect(image_rgb, settings)


class BrokenClassifier(FakeClassifier):
    """Gives NaN from the third face on."""

    def classify(self, crops_rgb: list[np.ndarray], *, look: Look = "both") -> np.ndarray:
        if len(self.crops) > 2:
            raise ModelError("The model gave numbers that are none.")
        return super().classify(crops_rgb, look=look)


class Setup:
    """A clip and an analyzer with fake models."""

    def __init__(self, folder: Path, *found: Faces, broken: bool = False) -> None:
        self.folder = folder
        self.detector = MovingDetector(*found)
        self.classifier = (BrokenClassifier if broken else FakeClassifier)(EXPRESSIONS)
        self.analyzer = Analyzer(self.detector, self.classifier)

    def clip(self, frames: int = 12, rate: int = 10, **traits: object) -> Path:
        return write_video(self.folder / "a.mp4", noisy_frames(frames, WH), rate=rate, **traits)

    def analysis(
        self,
        source: Path | None = None,
        *,
        per_second: float | None = None,
        max_side_px: int = 1280,
        part: VideoPart = WHOLE,
        **stream: object,
    ) -> ClipAnalysis:
        settings = ClipSettings(replace(ALL, **stream), per_second, max_side_px, part)
        return ClipAnalysis(source or self.clip(), self.analyzer, settings)


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(2)  # it is about to end
        assert not thread.is_alive(), thread.name


def done(analysis: ClipAnalysis) -> list[float]:
    with analysis:
        return [frame.at_s for _, frame in analysis]


def test_every_face_is_read_at_the_times_of_the_frames(tmp_path: Path) -> None:
    at_s = [0.0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.45, 0.5]
    setup = Setup(tmp_path, faces(40, 180))
    analysis = setup.analysis(setup.clip(8, at_s=at_s))
    assert done(analysis) == pytest.approx(at_s)
    clip = analysis.result()
    assert clip.is_whole and clip.damage == "" and clip.frames == 8
    assert clip.read_part == clip.part
    assert clip.info.size_wh == WH and clip.labels == EXPRESSIONS
    assert clip.duration_s >= 0.5
    for face in (1, 2):
        its = clip.readings.of(face)
        assert its.at_s == pytest.approx(at_s), "from its first frame on, once it counts"
        assert (its.size_wh == WH).all() and not np.isnan(its.probabilities).any()
    np.testing.assert_array_equal(clip.readings.of(1).xyxy[0], [40, 60, 120, 140])


def test_each_frame_comes_with_its_picture_and_faces(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    with setup.analysis(max_side_px=160) as analysis:
        for image, frame in analysis:
            assert image.shape == (120, 160, 3) and frame.size_wh == (160, 120)


def test_boxes_are_in_pixels_of_the_video_when_its_frames_are_scaled_down(tmp_path: Path) -> None:
    setup = Setup(tmp_path, Faces.empty(), faces(40))
    with setup.analysis(max_side_px=160, per_second=5) as analysis:
        frames = [frame for _, frame in analysis]
    clip = analysis.result()
    assert frames[-1].size_wh == (160, 120) and len(clip.readings)
    assert (clip.readings.size_wh == WH).all()
    for box in clip.readings.xyxy:
        np.testing.assert_allclose(box, 2 * frames[-1].faces[0].xyxy, atol=1e-3)


def test_boxes_of_a_region_are_in_pixels_of_the_whole_picture(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(20))
    with setup.analysis(part=VideoPart(region=(100, 60, 200, 180))) as analysis:
        for image, frame in analysis:
            assert image.shape == (180, 200, 3) and frame.size_wh == (200, 180)
    readings = analysis.result().readings
    assert (readings.size_wh == WH).all()
    np.testing.assert_allclose(readings.xyxy[0], [120, 120, 200, 200])


def test_boxes_that_never_counted_are_shares_of_the_whole_picture(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(20), Faces.empty())
    with setup.analysis(max_side_px=100, part=VideoPart(region=(100, 60, 200, 160))) as analysis:
        list(analysis)
    clip = analysis.result()
    assert len(clip.unconfirmed) == 1
    np.testing.assert_allclose(
        clip.unconfirmed[0] * np.tile(WH, 2), [140, 180, 300, 340], atol=0.01
    )


def test_a_part_keeps_the_times_of_the_video_and_has_a_length_of_its_own(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    part = VideoPart(from_s=0.4, to_s=0.9)
    analysis = setup.analysis(part=part)
    assert analysis.wanted_frames == 5
    assert done(analysis) == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8])
    clip = analysis.result()
    assert clip.duration_s == pytest.approx(0.5) and clip.part == part and clip.is_whole
    assert clip.frame_times_s == pytest.approx([0.4, 0.5, 0.6, 0.7, 0.8])


def test_a_video_that_starts_late_has_its_length(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    path = write_video(tmp_path / "late.mkv", noisy_frames(20, WH), start_s=30)
    analysis = setup.analysis(path)
    assert analysis.wanted_frames == 20
    done(analysis)
    assert analysis.result().duration_s == pytest.approx(2)


def test_no_frame_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ferapp.pipeline.clip._JOINED_AFTER", 4)
    analysis = Setup(tmp_path, faces(40)).analysis()
    done(analysis)
    assert analysis.result().readings.at_s == pytest.approx(np.arange(12) / 10)


@pytest.mark.parametrize(("every", "looks"), [(None, 12), (1, 12), (3, 5), (5, 4)], ids=str)
def test_faces_are_detected_in_some_frames_and_read_in_all(
    tmp_path: Path, every: int | None, looks: int
) -> None:
    setup = Setup(tmp_path, faces(40))
    with setup.analysis(detect_every=every) as analysis:
        frames = [frame for _, frame in analysis]
    assert len(setup.detector.settings) == looks
    due = [n % (every or 1) == 0 or n == 11 for n in range(12)]
    assert [frame.is_detected for frame in frames] == due, "in the last frame too"
    assert len(analysis.result().readings) == 12
    assert {face.id for frame in frames for face in frame.faces} == {1}


@pytest.mark.parametrize(("rate", "looks"), [(30, 7), (60, 4)], ids=str)
def test_faces_are_detected_fifteen_times_a_second(tmp_path: Path, rate: int, looks: int) -> None:
    setup = Setup(tmp_path, faces(40))
    done(setup.analysis(setup.clip(rate=rate)))
    assert len(setup.detector.settings) == looks


@pytest.mark.parametrize(
    ("rate", "frames", "per_second", "times"),
    [
        pytest.param(10, 60, 1.0, 6, id="one a second"),
        pytest.param(1, 26, 0.2, 6, id="one in five seconds"),
        pytest.param(1, 6, None, 6, id="a video of one frame a second"),
    ],
)
def test_at_low_rates_faces_count_at_once_and_keep_their_ids(
    tmp_path: Path, rate: int, frames: int, per_second: float | None, times: int
) -> None:
    away = faces(180)  # a frame in which the detector misses the first face
    found = [faces(40, 180)] * times
    setup = Setup(tmp_path, *found[:3], away, *found[4:])
    analysis = setup.analysis(setup.clip(frames, rate), per_second=per_second)
    assert len(done(analysis)) == times
    readings = analysis.result().readings
    assert len(readings.of(1)) == times - 1 and len(readings.of(2)) == times
    assert readings.faces == [1, 2] and len(analysis.result().unconfirmed) == 0


def test_unconfirmed_boxes_are_kept_as_shares_of_the_frame(tmp_path: Path) -> None:
    setup = Setup(tmp_path, *[faces(40)] * 5, faces(40, 160), faces(40))
    analysis = setup.analysis()
    done(analysis)
    clip = analysis.result()
    assert clip.readings.faces == [1]
    assert clip.unconfirmed_s == pytest.approx([0.5]), "those of the other came to count"
    assert clip.unconfirmed[-1] == pytest.approx([160 / 320, 60 / 240, 240 / 320, 140 / 240])


def test_a_clip_without_faces_is_whole_and_empty(tmp_path: Path) -> None:
    analysis = Setup(tmp_path, Faces.empty()).analysis()
    assert len(done(analysis)) == 12
    clip = analysis.result()
    assert clip.is_whole and clip.frames == 12 and clip.duration_s == pytest.approx(1.2)
    assert len(clip.readings) == 0 and clip.readings.probabilities.shape == (0, len(EXPRESSIONS))
    assert clip.unconfirmed.shape == (0, 4) and clip.unconfirmed_s.shape == (0,)
    assert tracks_of(clip.readings) == []


def test_only_chosen_classes_are_columns(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    analysis = setup.analysis(analysis=AnalysisSettings(classes=("sadness", "anger")))
    assert analysis.result().readings.probabilities.shape == (0, 2), "even before the first frame"
    done(analysis)
    clip = analysis.result()
    assert clip.labels == tuple(n for n in EXPRESSIONS if n in ("sadness", "anger"))
    assert clip.readings.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_an_unknown_class_is_an_error(tmp_path: Path) -> None:
    analysis = Setup(tmp_path, faces(40)).analysis(analysis=AnalysisSettings(classes=("a", "b")))
    with pytest.raises(SettingError, match="does not know"):
        done(analysis)


def test_stopping_in_the_middle_keeps_what_was_read(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    with setup.analysis(setup.clip(30)) as analysis:
        pid = analysis._video._child.pid
        for _, frame in analysis:
            if frame.at_s >= 0.5:
                break
    assert not is_running(pid) and not [t for t in threading.enumerate() if "clip" in t.name]
    clip = analysis.result()
    assert not clip.is_whole and clip.damage == "" and clip.frames == 6
    assert clip.readings.at_s == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert clip.duration_s == pytest.approx(0.6), "the rest was not read"
    assert clip.part == VideoPart() and clip.read_part.to_s == pytest.approx(0.6)


def test_a_copy_ends_where_the_decoder_crashed(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    source, out = setup.clip(300), tmp_path / "copy.mp4"
    with setup.analysis(source) as analysis:
        for count, _ in enumerate(analysis, 1):
            if count == 6:
                os.kill(analysis._video._child.pid, signal.SIGKILL)
    clip = analysis.result()
    assert "crashed" in clip.damage and 0.5 < clip.duration_s < 25
    overlay = Overlay.of_clip(clip, None, hides_others=True)
    with AnnotatedCopy(source, overlay, out, part=clip.read_part) as copy:
        list(copy)
    assert len(times_of(out)) == clip.frames, "faces in other frames would not be hidden"


@pytest.mark.parametrize("after", [0, 6], ids=["before the first frame", "in the middle"])
def test_closing_from_another_thread_ends_the_analysis_incomplete(
    tmp_path: Path, after: int
) -> None:
    setup = Setup(tmp_path, faces(40))
    analysis = setup.analysis(setup.clip(60))
    closing = threading.Thread(target=analysis.close)
    if not after:
        closing.start()
        closing.join()
    for count, _ in enumerate(analysis, 1):
        if count == after:
            closing.start()
            closing.join()
    clip = analysis.result()
    assert after <= clip.frames < 60 and not clip.is_whole
    assert clip.damage == "", "stopping is no damage"
    assert clip.duration_s < 6


def test_the_result_is_available_at_any_time_and_repeatedly(tmp_path: Path) -> None:
    lengths = []
    with Setup(tmp_path, faces(40)).analysis() as analysis:
        for _ in analysis:
            clip = analysis.result()
            assert not clip.is_whole
            lengths.append((clip.frames, len(clip.readings)))
    assert lengths == [(n, n if n > 2 else 0) for n in range(1, 13)]
    for _ in range(2):
        assert analysis.result().is_whole and len(analysis.result().readings) == 12


def test_an_error_of_the_classifier_reaches_the_caller(tmp_path: Path) -> None:
    analysis = Setup(tmp_path, faces(40), broken=True).analysis()
    pid = analysis._video._child.pid
    with pytest.raises(ModelError, match="numbers that are none"):
        done(analysis)
    assert not is_running(pid)
    assert not analysis.result().is_whole and len(analysis.result().readings) == 3


def test_an_error_of_the_detector_reaches_the_caller(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))

    def broken(*_: object) -> Faces:
        raise ModelError("The detector is broken.")

    setup.detector.detect = broken
    with pytest.raises(ModelError, match="detector is broken"):
        done(setup.analysis())


def test_the_readable_part_of_a_damaged_video_is_kept_and_noted(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    analysis = setup.analysis(truncate(setup.clip(30, options=FAST_START), 0.5))
    count = len(done(analysis))
    clip = analysis.result()
    assert 8 < count < 20 and clip.frames == count
    assert clip.is_whole and "damaged" in clip.damage, "everything readable was read"
    assert clip.duration_s < 2, "the missing part does not count"


def test_an_unreadable_video_is_an_error_at_once(tmp_path: Path) -> None:
    setup = Setup(tmp_path, faces(40))
    (tmp_path / "b.mp4").write_bytes(b"hello")
    with pytest.raises(VideoError, match="not a video"):
        setup.analysis(tmp_path / "b.mp4")


@pytest.mark.parametrize(
    ("per_second", "wanted"), [(None, 30), (2.0, 6), (100.0, 30), (0.1, 1)], ids=str
)
def test_the_expected_number_of_frames(
    tmp_path: Path, per_second: float | None, wanted: int
) -> None:
    setup = Setup(tmp_path, faces(40))
    with setup.analysis(setup.clip(30), per_second=per_second) as analysis:
        assert analysis.wanted_frames == wanted


def test_a_clip_is_recorded_with_its_settings_and_models(tmp_path: Path) -> None:
    names = {kind: manifest().model(None, kind).name for kind in ("detector", "classifier")}
    analyzer = Analyzer(
        FakeDetector(faces(40)),
        FakeClassifier(EXPRESSIONS),
        detector_name=names["detector"],
        classifier_name=names["classifier"],
    )
    settings = ClipSettings(per_second=5.0)
    path = Setup(tmp_path, faces(40)).clip()
    with ClipAnalysis(path, analyzer, settings) as analysis:
        list(analysis)
    made = recording_of_clip("A talk", analysis.result(), analyzer, settings, consent="Yes.")
    assert (made.source, made.title, made.consent) == ("video", "A talk", "Yes.")
    assert made.labels == EXPRESSIONS and made.unsure_below == 0.5
    assert {kind: model["name"] for kind, model in made.models.items()} == names
    kept = json.loads(json.dumps(made.settings))
    assert kept["per_second"] == 5.0 and kept["stream"]["reads_followed"] is True
    assert made.settings == asdict(settings)


def test_tracks_are_stored_under_these_keys_and_come_back() -> None:
    first = face_readings((0, "happiness"), (1, "happiness"), (2, None), (3, "happiness"), face=1)
    second = face_readings((1.23456, "sadness"), (2.23456, "anger"), face=2)
    tracks = tracks_of(Readings.join([first, second]))
    assert [Track.from_json(track.to_json()) for track in tracks] == tracks
    assert [track.to_json() for track in tracks] == [
        {
            "face": 1,
            "first_s": 0.0,
            "last_s": 3.0,
            "readings": 4,
            "seconds": {"happiness": 3.0, "unsure": 1.0},
            "unreadable_s": 0.0,
        },
        {
            "face": 2,
            "first_s": 1.235,
            "last_s": 2.235,
            "readings": 2,
            "seconds": {"anger": 1.0, "sadness": 1.0},
            "unreadable_s": 0.0,
        },
    ]


def test_tracks_of_an_earlier_version_can_be_read() -> None:
    old = {"face": 1, "first_s": 0.0, "last_s": 3.0, "readings": 4, "seconds": {"anger": 3.0}}
    assert Track.from_json(old).unreadable_s == 0


SHOWN = {
    "one frame": ([0.0], 1, None, [0.1]),
    "two frames, ten seconds apart": ([0.0, 10.0], 1, None, [10.0, 10.0]),
    "a time-lapse": ([0.0, 2.0, 4.0], 1, None, [2.0, 2.0, 2.0]),
    "uneven frames": ([0.0, 0.1, 3.0, 3.1], 10, None, [0.1, 2.9, 0.1, 0.1]),
    "one frame a second of many": ([n / 10 for n in range(25)], 10, 1.0, [1.0, 1.0, 0.5]),
}


@pytest.mark.parametrize(("at_s", "rate", "per_second", "shown_s"), SHOWN.values(), ids=SHOWN)
def test_a_reading_lasts_as_long_as_its_frame(
    tmp_path: Path, at_s: list[float], rate: int, per_second: float | None, shown_s: list[float]
) -> None:
    setup = Setup(tmp_path, faces(40))
    path = setup.clip(len(at_s), rate, at_s=at_s)
    analysis = setup.analysis(path, per_second=per_second)
    done(analysis)
    clip = analysis.result()
    # How long the last frame is shown is up to the file.
    assert clip.readings.duration_s[:-1] == pytest.approx(shown_s[:-1])
    assert clip.readings.duration_s[-1] > 0
    assert clip.readings.at_s[-1] + clip.readings.duration_s[-1] == pytest.approx(clip.duration_s)
    total_s = sum(sum(track.seconds.values()) for track in tracks_of(clip.readings))
    assert clip.duration_s - 0.01 < total_s <= clip.duration_s + 1e-9


def test_a_face_that_leaves_is_not_counted_until_it_is_back(tmp_path: Path) -> None:
    setup = Setup(tmp_path, *[faces(40)] * 10, *[faces()] * 20, *[faces(40)] * 10)
    analysis = setup.analysis(setup.clip(40))
    done(analysis)
    clip = analysis.result()
    counted_s = sum(sum(t.seconds.values()) + t.unreadable_s for t in tracks_of(clip.readings))
    assert clip.duration_s == pytest.approx(4.0) and counted_s == pytest.approx(2.0, abs=0.05)


def test_a_video_record_is_stored_under_these_keys_and_comes_back() -> None:
    info = VideoInfo("mp4", "h264", (96, 64), None, 2.0, has_sound=True)
    track = Track(face=1, first_s=0.0, last_s=1.5, readings=15, seconds={"unsure": 1.5})
    track = replace(track, unreadable_s=0.25)
    record = VideoRecord(15, 2.0, False, "Its end is missing.", info, (track,))
    text = json.dumps(record.to_json())
    assert text == (
        '{"frames": 15, "duration_s": 2.0, "is_whole": false, "damage": "Its end is missing.", '
        '"video": {"container": "mp4", "codec": "h264", "size_wh": [96, 64], '
        '"frames_per_second": null, "duration_s": 2.0, "has_sound": true, '
        '"track": 1, "tracks": [], "recorded": null}, '
        '"tracks": [{"face": 1, "first_s": 0.0, "last_s": 1.5, "readings": 15, '
        '"seconds": {"unsure": 1.5}, "unreadable_s": 0.25}], "notes": []}'
    )
    assert VideoRecord.from_json(json.loads(text)) == record
