"""Detectors and classifiers without weights."""

import numpy as np
import pytest

from ferapp.errors import InvalidValue, ModelError
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.detectors import faces_of
from ferapp.inference.entry_parts import Calibration
from ferapp.inference.onnx_model import OnnxModel
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.vision.preprocess import InputSpec
from tests.support.fakes import FakeSession

GREY = InputSpec(size_wh=(48, 48), colour="grey", mean=127.5, std=64)
LABELS = ("a", "b", "c")


def crops(*values: int) -> list[np.ndarray]:
    return [np.full((9, 7, 3), v, np.uint8) for v in values]


def test_no_crops_give_no_rows() -> None:
    classifier = ExpressionClassifier(FakeSession(3), GREY, LABELS)
    assert classifier.classify([]).shape == (0, 3)


def test_all_crops_are_classified_in_one_batch() -> None:
    session = FakeSession(3)
    ExpressionClassifier(session, GREY, LABELS).classify(crops(0, 100, 200))
    assert session.batches == [1, 3], "one dry run at loading, then one call"


def test_a_graph_with_a_fixed_batch_takes_one_picture_at_a_time() -> None:
    session = FakeSession(3, batch=1)
    shares = ExpressionClassifier(session, GREY, LABELS).classify(crops(0, 100, 200))
    assert session.batches == [1, 1, 1, 1]
    expected = ExpressionClassifier(FakeSession(3), GREY, LABELS).classify(crops(0, 100, 200))
    np.testing.assert_array_equal(shares, expected)


def test_probabilities_are_calibrated_by_temperature_and_bias() -> None:
    calibration = Calibration(
        temperature=2.0, bias=(0.0, 1.0, 0.0), unsure_below=0.6, coverage=0.9, fitted_on="made up"
    )
    classifier = ExpressionClassifier(FakeSession(3), GREY, LABELS, calibration)
    logits = classifier.logits(crops(200))
    shares = classifier.classify(crops(200))
    np.testing.assert_allclose(shares, softmax(logits / 2 + np.float32([[0, 1, 0]])), rtol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)


class Lopsided(FakeSession):
    """Reads only the left column."""

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        return super().run(batch[..., :1])


@pytest.mark.parametrize("batch_size", ["batch", 1])
def test_flip_averaging_is_the_mean_over_a_face_and_its_mirror_image(batch_size: int | str) -> None:
    crop = np.tile(np.linspace(0, 255, 48).astype(np.uint8)[None, :, None], (48, 1, 3))
    session = Lopsided(3, batch=batch_size)
    classifier = ExpressionClassifier(session, GREY, LABELS, flip_averaging=True)
    rows = [crop, crop[:, ::-1]]
    plain, mirrored = (classifier.logits(rows, look=look) for look in ("plain", "mirrored"))
    np.testing.assert_array_equal(plain, mirrored[::-1])
    assert not np.allclose(plain, mirrored)
    np.testing.assert_allclose(classifier.logits(rows), (plain + mirrored) / 2, rtol=1e-6)
    blind = ExpressionClassifier(session, GREY, LABELS)
    np.testing.assert_array_equal(blind.logits(rows), blind.logits(rows, look="plain"))


def test_a_graph_with_other_outputs_than_labels_is_refused() -> None:
    with pytest.raises(ModelError, match=r"expected output \(1, 3\)"):
        ExpressionClassifier(FakeSession(5), GREY, LABELS)


def test_bytes_that_are_not_a_graph_are_refused() -> None:
    with pytest.raises(ModelError, match="can't load"):
        OnnxModel(b"no graph at all", threads=1)


PICTURE = np.zeros((100, 200, 3), np.uint8)


@pytest.mark.parametrize(
    ("corners", "scores", "expected"),
    [
        pytest.param([[0.1, 0.1, 0.2, 0.2]], [0.2], [], id="no face"),
        pytest.param([[0.1, 0.1, 0.2, 0.2]], [0.9], [[20, 10, 40, 20]], id="in pixels"),
        pytest.param([[-0.5, 0.5, 0.5, 1.5]], [0.9], [[0, 50, 100, 100]], id="cut at the border"),
        pytest.param([[1.5, 1.5, 1.8, 1.8]], [0.9], [], id="outside"),
        pytest.param([[np.nan, 0, 1, 1]], [0.9], [], id="NaN box"),
        pytest.param([[0.1, 0.1, 0.2, 0.2]], [np.nan], [], id="NaN score"),
        pytest.param(
            [[0.1, 0.1, 0.2, 0.2], [0.6, 0.6, 0.7, 0.7]],
            [0.6, 0.8],
            [[120, 60, 140, 70], [20, 10, 40, 20]],
            id="best first",
        ),
    ],
)
def test_raw_outputs_become_faces(corners: list, scores: list, expected: list) -> None:
    face = np.array(scores, np.float32)
    faces = faces_of(
        np.array(corners, np.float32),
        np.stack([1 - face, face], axis=1),
        PICTURE,
        DetectionSettings(),
    )
    np.testing.assert_allclose(faces.xyxy, np.reshape(expected, (-1, 4)), rtol=1e-5)


def test_faces_refuse_arrays_whose_lengths_differ() -> None:
    with pytest.raises(InvalidValue, match="expected boxes"):
        Faces(np.zeros((2, 4), np.float32), np.zeros(3, np.float32))
    assert len(Faces.empty()) == 0


@pytest.mark.parametrize("wrong", [{"confidence": 1.2}, {"iou": -0.1}, {"max_faces": 0}])
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(InvalidValue):
        DetectionSettings(**wrong)
