import numpy as np
import pytest
from sklearn import metrics as oracle

from ferapp.evaluation.metrics import (
    LabelledBoxes,
    accuracy,
    average_precision,
    confusion,
    expected_calibration_error,
    macro_recall,
    recalls,
    unsure_threshold,
)
from ferapp.types import Faces


@pytest.fixture
def judged(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    classes = rng.integers(0, 5, 300)
    shares = rng.dirichlet(np.ones(5), 300).astype(np.float32)
    return classes, shares


def test_agrees_with_scikit_learn(judged: tuple[np.ndarray, np.ndarray]) -> None:
    classes, shares = judged
    given = shares.argmax(axis=1)
    assert accuracy(classes, shares) == pytest.approx(oracle.accuracy_score(classes, given))
    assert macro_recall(classes, shares) == pytest.approx(
        oracle.recall_score(classes, given, average="macro")
    )
    np.testing.assert_array_equal(
        confusion(classes, shares), oracle.confusion_matrix(classes, given)
    )


def test_a_class_without_faces_has_no_recall_and_does_not_count() -> None:
    shares = np.eye(3, dtype=np.float32)[[0, 1]]
    assert np.isnan(recalls(np.array([0, 0]), shares)).tolist() == [False, True, True]
    assert macro_recall(np.array([0, 0]), shares) == 0.5


@pytest.mark.parametrize(
    ("confidence", "right", "expected"),
    [
        pytest.param([1.0, 1.0], [True, True], 0.0, id="sure and right"),
        pytest.param([1.0, 1.0], [False, False], 1.0, id="sure and wrong"),
        pytest.param([0.75] * 4, [True, True, True, False], 0.0, id="as sure as right"),
        pytest.param([0.9] * 2 + [0.6] * 2, [True, True, True, False], 0.1, id="two bins"),
    ],
)
def test_expected_calibration_error(
    confidence: list[float], right: list[bool], expected: float
) -> None:
    shares = np.array([[c, 1 - c] for c in confidence], np.float32)
    classes = np.array([0 if r else 1 for r in right])
    assert expected_calibration_error(classes, shares) == pytest.approx(expected, abs=1e-6)


def faces(*rows: tuple[float, ...]) -> Faces:
    """Rows of x1, y1, x2, y2, score."""
    values = np.array(rows, np.float32).reshape(-1, 5)
    return Faces(values[:, :4], values[:, 4])


def labels(*rows: tuple[float, ...]) -> LabelledBoxes:
    """Rows of x1, y1, x2, y2, counts."""
    values = np.array(rows, np.float32).reshape(-1, 5)
    return LabelledBoxes(values[:, :4], values[:, 4] > 0)


HERE, THERE = (0, 0, 20, 20), (50, 50, 70, 70)


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        pytest.param(faces(), labels((*HERE, 1)), 0.0, id="nothing found"),
        pytest.param(faces((*HERE, 0.9)), labels((*HERE, 1)), 1.0, id="hit"),
        pytest.param(faces((*THERE, 0.9)), labels((*HERE, 1)), 0.0, id="miss"),
        pytest.param(faces((*HERE, 0.9)), labels((*HERE, 1), (*THERE, 1)), 0.5, id="one of two"),
        pytest.param(
            faces((*THERE, 0.9), (*HERE, 0.8)), labels((*HERE, 1)), 0.5, id="false alarm first"
        ),
        pytest.param(
            faces((*HERE, 0.9), (*THERE, 0.8)), labels((*HERE, 1)), 1.0, id="false alarm last"
        ),
        pytest.param(
            faces((*THERE, 0.9), (*HERE, 0.8)),
            labels((*HERE, 1), (*THERE, 0)),
            1.0,
            id="on an ignored box: neither hit nor miss",
        ),
        pytest.param(
            faces((*HERE, 0.9), (*HERE, 0.8), (*THERE, 0.7)),
            labels((*HERE, 1), (*THERE, 1)),
            0.5 + 0.5 * 2 / 3,
            id="a second one on the same face is a false alarm",
        ),
    ],
)
def test_average_precision(found: Faces, wanted: LabelledBoxes, expected: float) -> None:
    assert average_precision([found], [wanted]) == pytest.approx(expected)


def test_average_precision_ranks_over_all_pictures() -> None:
    """A false detection with a higher score than a hit in another picture lowers precision."""
    found = [faces((*THERE, 0.9)), faces((*HERE, 0.5))]
    wanted = [labels(), labels((*HERE, 1))]
    assert average_precision(found, wanted) == pytest.approx(0.5)


def test_average_precision_without_counting_boxes_is_undefined() -> None:
    assert np.isnan(average_precision([faces((*HERE, 1))], [labels((*HERE, 0))]))


@pytest.mark.parametrize(
    ("confidence", "is_right", "expected"),
    [
        pytest.param([0.9, 0.8, 0.7], [True] * 3, (0.0, 1.0), id="all right"),
        pytest.param([0.9, 0.8, 0.6], [True, True, False], (0.61, 2 / 3), id="the last one wrong"),
        pytest.param([0.9, 0.8], [False, False], (0.0, 1.0), id="never right"),
        pytest.param([0.9, 0.8], [False, True], (0.0, 1.0), id="never right enough"),
    ],
)
def test_the_unsure_threshold_is_the_lowest_that_is_accurate_enough(
    confidence: list[float], is_right: list[bool], expected: tuple[float, float]
) -> None:
    shares = np.array([[c, 1 - c] for c in confidence], np.float32)
    classes = np.array([0 if right else 1 for right in is_right])
    assert unsure_threshold(classes, shares, least_accuracy=0.9) == pytest.approx(expected)
