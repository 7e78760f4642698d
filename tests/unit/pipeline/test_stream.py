"""The stream engine with fake models and a fake clock."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import ModelError
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.record import readings_of_frame
from ferapp.pipeline.stream import Stream, StreamFrame
from ferapp.settings import AnalysisSettings, Look, StreamSettings
from ferapp.types import Faces
from ferapp.vision.boxes import squares
from ferapp.vision.crops import region
from tests.support.fakes import Clock, FakeClassifier, FakeDetector, faces
from tests.support.textures import textured

FPS = 15


def scene(grey: int = 100, width: int = 320) -> np.ndarray:
    """A frame with enough detail to count as sharp."""
    detail = textured(240, width, 0, 80).astype(int) - 40
    return np.clip(detail + grey, 0, 255).astype(np.uint8)


def moved(by_px: int) -> np.ndarray:
    """The scene moved to the right: a face and what is around it."""
    return np.roll(scene(), by_px, axis=1)


class Setup:
    """A stream with a fake detector and classifier."""

    def __init__(self, found: Faces, *, reference: np.ndarray | None = None) -> None:
        self.detector, self.classifier = FakeDetector(found), FakeClassifier(EXPRESSIONS)
        self.classifier.neutral_reference = reference
        self.clock = Clock()
        self.stream = Stream(Analyzer(self.detector, self.classifier), self.clock)
        self.frames = 0

    def play(
        self, count: int, image: np.ndarray | None = None, **settings: object
    ) -> list[StreamFrame]:
        out = []
        for _ in range(count):
            picture = scene() if image is None else image
            chosen = StreamSettings(**{"detect_every": 1, **settings})
            out.append(self.stream.process(picture, self.frames / FPS, chosen))
            self.frames += 1
        return out


def test_no_face_flows_through() -> None:
    last = Setup(Faces.empty()).play(3)[-1]
    assert last.faces == () and last.size_wh == (320, 240) and last.labels == EXPRESSIONS


@pytest.mark.parametrize("time_constant_s", [0.0, 0.5])
def test_a_face_is_read_as_in_a_picture_whatever_the_smoothing(time_constant_s: float) -> None:
    setup = Setup(faces(40))
    setup.play(6, time_constant_s=time_constant_s)
    assert set(setup.classifier.looks) == {"both"}


def test_a_face_keeps_its_id_and_gets_a_label() -> None:
    setup = Setup(faces(40))
    ids = set()
    for i in range(20):
        setup.detector.faces = faces(40 + 4 * i)
        ids |= {face.id for face in setup.play(1, moved(4 * i))[0].faces}
    assert ids == {1}, "none in the first two frames, then the same"
    face = setup.play(1, moved(4 * 19))[0].faces[0]
    assert face.expression == "sadness" and face.flaw is None, "the label of the fake for this grey"
    assert face.smoothed is not None and face.smoothed.sum() == pytest.approx(1, abs=1e-5)


def test_one_odd_frame_never_flips_the_label() -> None:
    setup = Setup(faces(40))
    setup.play(15)
    odd = setup.play(1, scene(190))[0].faces[0]
    assert odd.probabilities is not None and odd.probabilities.argmax() != 3
    assert odd.expression == "sadness"
    assert {f.faces[0].expression for f in setup.play(10)} == {"sadness"}


def test_a_label_changes_after_the_hold_time() -> None:
    setup = Setup(faces(40))
    setup.play(15)
    assert setup.play(30, scene(190))[-1].faces[0].expression == EXPRESSIONS[5]


def test_a_face_followed_out_of_the_picture_ends() -> None:
    setup = Setup(faces(40))
    for i in range(4):
        setup.detector.faces = faces(150 + 30 * i)
        setup.play(1, moved(30 * i))
    followed = setup.play(4, moved(90), detect_every=5)
    assert followed[0].faces and not followed[-1].faces
    for face in (face for frame in followed for face in frame.faces):
        assert (face.xyxy[2:] > face.xyxy[:2]).all(), "every box has an area"


def test_faces_are_read_only_where_they_are_detected() -> None:
    setup = Setup(faces(40))
    setup.play(4)
    crops = len(setup.classifier.crops)
    followed = setup.play(1, detect_every=5)[0]
    assert not followed.is_read and followed.faces[0].probabilities is None
    assert len(setup.classifier.crops) == crops and len(readings_of_frame(followed)) == 0


@pytest.mark.parametrize("detect_every", [1, 2, 5])
def test_nothing_is_followed_once_a_detection_found_nobody(detect_every: int) -> None:
    setup = Setup(faces(40))
    setup.play(15, detect_every=detect_every)
    setup.detector.faces = Faces.empty()
    frames = setup.play(2 * detect_every, detect_every=detect_every)
    first = next(n for n, frame in enumerate(frames) if frame.is_detected)
    assert not any(frame.faces for frame in frames[first:])


def test_a_cut_to_somebody_else_at_the_same_place_is_another_face() -> None:
    setup = Setup(faces(40))
    setup.play(10)
    other = np.ascontiguousarray(255 - scene()[::-1])
    frames = setup.play(5, other)
    assert not frames[0].faces and {f.id for frame in frames for f in frame.faces} == {2}


def test_unconfirmed_boxes_are_reported_until_they_count() -> None:
    setup = Setup(faces(40))
    setup.play(4)
    setup.detector.faces = faces(40, 180)
    first, second, third = setup.play(3)
    for frame in (first, second):
        np.testing.assert_array_equal(frame.unconfirmed, [[180, 60, 260, 140]])
        assert [face.id for face in frame.faces] == [1]
    assert third.unconfirmed.shape == (0, 4) and len(third.faces) == 2
    assert setup.play(1, detect_every=5)[0].unconfirmed.shape == (0, 4)
    setup.detector.faces = Faces.empty()
    assert setup.play(1)[0].unconfirmed.shape == (0, 4)


@pytest.mark.parametrize(
    ("padding", "size_wh", "cut_again"),
    [
        pytest.param(0.0, (48, 48), 0, id="as the check cuts them"),
        pytest.param(0.2, (48, 48), 1, id="with padding"),
        pytest.param(0.0, (64, 64), 1, id="another size"),
    ],
)
def test_a_face_is_cropped_again_only_if_the_classifier_needs_another_crop(
    padding: float, size_wh: tuple[int, int], cut_again: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = []

    def counted(image: np.ndarray, square: np.ndarray, wanted_wh: tuple[int, int]) -> np.ndarray:
        cuts.append(wanted_wh)
        return region(image, square, wanted_wh)

    monkeypatch.setattr("ferapp.pipeline.analyzer.region", counted)
    setup = Setup(faces(40))
    setup.classifier.size_wh = size_wh
    setup.play(3, analysis=AnalysisSettings(padding=padding))
    assert cuts == [size_wh] * cut_again
    square = squares(faces(40).xyxy, padding=padding)[0]
    assert np.array_equal(setup.classifier.crops[-1], region(scene(), square, size_wh))


@pytest.mark.parametrize(
    ("found", "grey", "flaw"),
    [
        pytest.param(faces(40, side=15), 100, "too small", id="small"),
        pytest.param(faces(-60), 100, "cut by the border", id="border"),
        pytest.param(faces(40), 0, "too dark", id="dark"),
        pytest.param(faces(40), 255, "too bright", id="bright"),
    ],
)
def test_a_face_that_can_t_be_read_has_a_flaw_and_no_label(
    found: Faces, grey: int, flaw: str
) -> None:
    setup = Setup(found)
    image = np.full((240, 320, 3), grey, np.uint8) if grey in (0, 255) else scene(grey)
    setup.detector.faces = Faces(np.clip(found.xyxy, 0, None), found.score)
    face = setup.play(3, image)[-1].faces[0]
    assert (face.flaw, face.expression, face.probabilities) == (flaw, None, None)
    assert setup.classifier.crops == [], "the classifier is not called"


def test_between_detections_faces_are_followed() -> None:
    setup = Setup(faces(40))
    for i in range(12):
        setup.detector.faces = faces(40 + 6 * i)
        setup.play(1, moved(6 * i), detect_every=3)
    assert len(setup.detector.settings) == 4
    looked = len(setup.detector.settings)
    setup.detector.faces = Faces.empty()
    followed = setup.play(1, moved(66), detect_every=5)[0]
    assert not followed.is_detected and len(setup.detector.settings) == looked
    assert followed.faces[0].id == 1 and followed.faces[0].expression == "sadness"
    assert followed.faces[0].xyxy[0] > 40 + 6 * 9, "it kept its direction"


@pytest.mark.parametrize(("cost_s", "every"), [(0.001, 1), (0.06, 2), (0.12, 4), (1.0, 5)], ids=str)
def test_detection_skips_frames_when_it_is_slow(cost_s: float, every: int) -> None:
    setup = Setup(faces(40))
    real = setup.detector.detect

    def slow(*args: object) -> Faces:
        setup.clock.now_s += cost_s
        return real(*args)

    setup.detector.detect = slow
    setup.play(60, detect_every=None)
    looked = [frame.is_detected for frame in setup.play(60, detect_every=None)]
    assert sum(looked) == pytest.approx(60 / every, abs=2)


def test_a_person_who_left_is_forgotten() -> None:
    setup = Setup(faces(40))
    setup.play(5)
    setup.detector.faces = Faces.empty()
    setup.play(2 * FPS)
    assert not setup.stream._people
    setup.detector.faces = faces(40)
    assert setup.play(3)[-1].faces[0].id == 2


def test_other_classes_reset_the_faces() -> None:
    setup = Setup(faces(40))
    setup.play(5)
    settings = AnalysisSettings(classes=("sadness", "anger"))
    frame = setup.play(2, analysis=settings)[-1]
    assert frame.labels == ("sadness", "anger")
    assert frame.faces[0].smoothed is not None and len(frame.faces[0].smoothed) == 2


def test_the_size_may_change_from_frame_to_frame() -> None:
    setup = Setup(faces(40))
    assert setup.play(1, scene(width=320))[0].size_wh == (320, 240)
    assert setup.play(1, scene(width=480))[0].size_wh == (480, 240)


REFERENCE = np.array([0.76, *[0.02] * 7], np.float32)


def baseline_setup(found: Faces, *, sadness: float = 0.65) -> Setup:
    """A stream whose faces all read as sad, more or less, and otherwise as neutral."""
    setup = Setup(found, reference=REFERENCE)
    shares = np.full(8, 0.05 / 6, np.float32)
    shares[[EXPRESSIONS.index("neutral"), EXPRESSIONS.index("sadness")]] = 0.95 - sadness, sadness
    setup.classifier.classify = lambda crops, look: np.tile(shares, (len(crops), 1))
    return setup


def test_a_baseline_is_taken_applied_and_dropped() -> None:
    setup = baseline_setup(faces(40))
    assert setup.play(5)[-1].baseline is None
    setup.stream.take_baseline()
    assert setup.play(2 * FPS)[-1].baseline.phase == "countdown"
    frame = setup.play(6 * FPS)[-1]
    during = frame.faces[0]
    assert frame.baseline.phase == "holding" and frame.baseline.face == during.id
    assert during.baseline_progress == pytest.approx(0.5, abs=0.03) and not during.is_corrected
    frame = setup.play(7 * FPS)[-1]
    after = frame.faces[0]
    assert after.is_corrected and after.baseline_progress is None
    assert frame.baseline.phase == "taken"
    assert after.expression == "neutral", "the resting face read as sad"
    setup.stream.drop_baselines()
    frame = setup.play(1)[0]
    assert not frame.faces[0].is_corrected and frame.baseline is None


def test_a_refused_baseline_leaves_the_one_before() -> None:
    setup = baseline_setup(faces(40))
    setup.play(5)
    setup.stream.take_baseline()
    setup.play(14 * FPS)
    setup.detector.faces = faces(40, 200)
    setup.play(5)
    setup.stream.take_baseline()
    frame = setup.play(3 * FPS)[-1]
    assert frame.baseline.refusal == "several" and len(frame.faces) == 2
    assert [face.is_corrected for face in frame.faces] == [True, False]


def test_other_expressions_end_the_taking_of_a_baseline() -> None:
    setup = baseline_setup(faces(40))
    setup.play(5)
    setup.stream.take_baseline()
    setup.play(5 * FPS)
    del setup.classifier.classify
    frame = setup.play(2, analysis=AnalysisSettings(classes=("neutral", "fear")))[-1]
    assert frame.baseline.refusal == "labels" and not frame.faces[0].is_corrected


def test_without_a_reference_there_is_no_baseline() -> None:
    setup = Setup(faces(40))
    assert not setup.stream.knows_neutral
    setup.stream.take_baseline()
    frame = setup.play(3)[-1]
    assert frame.baseline is None and frame.faces[0].baseline_progress is None


def test_nan_probabilities_are_an_error_and_the_stream_continues() -> None:
    setup = Setup(faces(40))
    real = setup.classifier.classify

    def broken(crops: list[np.ndarray], *, look: Look) -> np.ndarray:
        if crops:
            raise ModelError("not finite")
        return real(crops, look=look)

    setup.classifier.classify = broken
    setup.play(2)
    with pytest.raises(ModelError):
        setup.play(1)
    setup.classifier.classify = real
    setup.frames += 1
    assert setup.play(1)[0].faces[0].expression == "sadness"
