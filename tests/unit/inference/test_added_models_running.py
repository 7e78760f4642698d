"""Running added models: a call is stopped in time, and NaN never becomes a result."""

import fractions
import time
from pathlib import Path

import av
import numpy as np
import pytest

from ferapp.errors import ModelError
from ferapp.inference import registry
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.detectors import faces_of
from ferapp.inference.manifest import parse_added_model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.pipeline.analyzer import Analyzer
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.ui.live.webcam import Viewer
from ferapp.vision.crops import mirror
from tests.support.added_models import COLD, place_models, refusal
from tests.support.fakes import Clock, FakeDetector, FakeSession
from tests.support.graphs import (
    GREY,
    looping_model,
    nan_model,
)
from tests.support.models import LABELS, SIDE, entry
from tests.support.textures import textured

# While they run.

PICTURE = np.full((SIDE, SIDE, 3), GREY, np.uint8)


def test_a_loop_that_only_some_pictures_start_is_stopped(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_ADDED_LIMIT_S", 0.5)
    place_models(models_dir, mine=looping_model(only_for_grey=True))
    classifier = registry.load_classifier("mine")
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"was stopped: it took longer than 0\.5 s"):
        classifier.classify([PICTURE])
    assert time.monotonic() - start < 5
    assert classifier.classify([PICTURE // 2]).shape == (1, 3), "the next picture is read"


def test_nan_is_not_a_result_and_the_next_picture_is_read() -> None:
    data = nan_model()
    assert refusal(data) == "", "it is sound for the examiner's pictures"
    classifier = ExpressionClassifier(
        OnnxModel(data, threads=1), parse_added_model(entry(data)).input.spec, LABELS
    )
    analyzer = Analyzer(FakeDetector(Faces(BOX, np.ones(1, np.float32))), classifier)
    with pytest.raises(ModelError, match="not finite"):
        classifier.logits([PICTURE])
    with pytest.raises(ModelError, match="not finite"):
        analyzer.analyze(around(GREY))
    assert len(analyzer.analyze(around(80))) == 1

    viewer = Viewer(analyzer, Clock())
    for index in range(4):
        viewer.on_frame(frame(index, 80))
    read = viewer.latest.snapshot()
    assert read.frame is not None and read.frame.faces[0].probabilities is not None
    out = viewer.on_frame(frame(4, GREY)).to_ndarray(format="rgb24")
    snapshot = viewer.latest.snapshot()
    assert "not finite" in str(snapshot.message)
    assert len(snapshot.series[1].probabilities) == len(read.series[1].probabilities), "no result"
    assert (out == mirror(around(GREY))).all(), "and no label on the picture"
    viewer.on_frame(frame(5, 80))
    snapshot = viewer.latest.snapshot()
    assert snapshot.message is None and len(snapshot.series[1].probabilities) > 1, (
        "the stream lives on"
    )


def test_overflow_in_the_calibration_is_not_a_result() -> None:
    class Huge(FakeSession):
        def run(self, batch: np.ndarray) -> list[np.ndarray]:
            return [np.full((len(batch), self.labels), 3e38, np.float32)]

    spec = parse_added_model(entry(b"", input={**entry(b"")["input"], "colour": "grey"})).input.spec
    calibration = parse_added_model(entry(b"", calibration=COLD)).calibration
    classifier = ExpressionClassifier(Huge(3), spec, LABELS, calibration)
    with pytest.raises(ModelError, match="not finite"):
        classifier.classify([PICTURE])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_boxes_and_scores_that_are_not_finite_are_no_faces(value: float) -> None:
    box, score = np.array([[0.1, 0.1, 0.9, 0.9]] * 2, np.float32), np.ones((2, 2), np.float32)
    box[0, 2] = score[1, 1] = value
    assert len(faces_of(box, score, np.zeros((60, 80, 3), np.uint8), DetectionSettings())) == 0


BOX = np.array([[200, 100, 300, 200]], np.float32)


def around(grey: int) -> np.ndarray:
    """About this grey, sharp enough to be read; the same in every channel."""
    return (grey - 20 + textured(480, 640, 0, 41)).astype(np.uint8)


def frame(index: int, grey: int) -> av.VideoFrame:
    out = av.VideoFrame.from_ndarray(around(grey), format="rgb24")
    out.pts, out.time_base = index * 6000, fractions.Fraction(1, 90_000)
    return out
