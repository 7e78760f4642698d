"""Why no face was read for a while."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.pipeline.absence import AFTER_S, AbsenceWatch
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.people import FaceReading
from ferapp.pipeline.stream import StreamFrame
from ferapp.settings import AnalysisSettings
from ferapp.types import Faces
from ferapp.ui.live.absence import ADVICE, absence_text
from tests.support.fakes import FakeClassifier, FakeDetector

LIGHT, DARK = np.full((48, 64, 3), 120, np.uint8), np.full((48, 64, 3), 12, np.uint8)
NOTHING = Faces(np.empty((0, 4), np.float32), np.empty(0, np.float32))


def box(side: float) -> Faces:
    return Faces(np.array([[10, 10, 10 + side, 10 + side]], np.float32), np.ones(1, np.float32))


def face(flaw: str | None, side: float = 40) -> FaceReading:
    return FaceReading(
        id=1,
        xyxy=np.array([0, 0, side, side], np.float32),
        score=1.0,
        probabilities=None,
        smoothed=None,
        expression=None,
        flaw=flaw,
        is_corrected=False,
        baseline_progress=None,
    )


class Watched:
    """A stream whose frames the test makes, one a second."""

    def __init__(self, doubtful: Faces = NOTHING) -> None:
        self.detector = FakeDetector(doubtful)
        self.analyzer = Analyzer(self.detector, FakeClassifier(EXPRESSIONS))
        self.watch = AbsenceWatch()
        self.at_s = 100.0

    def play(self, seconds: int, *faces: FaceReading, image: np.ndarray = LIGHT) -> object:
        told = None
        for _ in range(seconds):
            self.at_s += 1
            none = np.empty((0, 4), np.float32)
            frame = StreamFrame(self.at_s, (64, 48), EXPRESSIONS, faces, True, True, none)
            told = self.watch.update(image, frame, self.analyzer, AnalysisSettings())
        return told


@pytest.mark.parametrize(
    ("image", "doubtful", "faces", "reason"),
    [
        pytest.param(LIGHT, NOTHING, (), "nobody", id="nobody"),
        pytest.param(DARK, NOTHING, (), "dark picture", id="no light"),
        pytest.param(LIGHT, box(20), (), "small face", id="far away"),
        pytest.param(LIGHT, box(40), (), "doubtful face", id="turned away"),
        pytest.param(LIGHT, NOTHING, (face("too dark"),), "too dark", id="against the light"),
        pytest.param(
            LIGHT, NOTHING, (face("blurred", 20), face("too small", 40)), "too small", id="largest"
        ),
    ],
)
def test_the_reason(
    image: np.ndarray, doubtful: Faces, faces: tuple[FaceReading, ...], reason: str
) -> None:
    stream = Watched(doubtful)
    assert stream.play(5, *faces, image=image) is None, "not yet"
    told = stream.play(2, *faces, image=image)
    assert told.reason == reason and told.for_s == AFTER_S + 1
    assert absence_text(told) == f"No face was read for 6 seconds: {ADVICE[reason]}"
    assert stream.play(1, face(None)) is None, "a face is back"
    assert stream.play(5) is None, "and the five seconds begin again"


def test_the_second_look_is_rare_and_sees_lower_scores() -> None:
    stream = Watched()
    stream.play(15)
    assert len(stream.detector.settings) == 10
    assert {settings.confidence for settings in stream.detector.settings} == {0.15}


def test_a_source_that_begins_again_does_no_harm() -> None:
    stream = Watched()
    stream.play(8)
    stream.at_s = 0.0
    assert stream.play(3) is None
