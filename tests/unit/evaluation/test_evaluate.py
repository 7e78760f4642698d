"""What `evaluate` counts, on fakes."""

import json
from pathlib import Path

import numpy as np
import pytest

from ferapp.errors import DataError
from ferapp.evaluation.evaluators import WIDER_SETTINGS, evaluate_expressions, evaluate_faces
from ferapp.evaluation.labelled_faces import LabelledFaces
from ferapp.types import Faces
from tests.support.fakes import FakeClassifier, FakeDetector
from tests.support.labelled import png


def faces(labels: tuple[str, ...], *rows: tuple[str, int]) -> LabelledFaces:
    """Rows of a label and the grey value of its face."""
    images = [np.full((8, 8, 3), value, np.uint8) for _, value in rows]
    classes = [labels.index(name) for name, _ in rows]
    return LabelledFaces(images, np.eye(len(labels), dtype=np.float32)[classes], labels, "")


# The fake takes dark faces for its first label, bright ones for its last.
CLASSIFIER = FakeClassifier(("sad", "neutral", "happy"))


def test_counts_are_in_the_classifiers_order() -> None:
    seen = faces(("happy", "sad"), ("happy", 250), ("happy", 10), ("sad", 10))
    steps: list[tuple[int, int]] = []
    result = evaluate_expressions(
        seen, CLASSIFIER, report=lambda done, total: steps.append((done, total))
    )
    assert result["labels"] == ["sad", "neutral", "happy"]
    assert result["confusion"] == [[1, 0, 0], [0, 0, 0], [1, 0, 1]]
    assert result["recall"] == [1.0, None, 0.5]
    assert result["macro_recall"] == 0.75
    assert result["accuracy"] == pytest.approx(2 / 3)
    assert steps == [(3, 3)]


def test_faces_with_a_label_unknown_to_the_classifier_are_left_out_and_counted() -> None:
    seen = faces(("happy", "bored"), ("happy", 250), ("bored", 10))
    result = evaluate_expressions(seen, CLASSIFIER)
    assert (result["n"], result["n_left_out"], result["accuracy"]) == (1, 1, 1.0)
    with pytest.raises(DataError, match="None of the labels"):
        evaluate_expressions(faces(("bored", "tired"), ("bored", 1)), CLASSIFIER)


@pytest.fixture
def wider(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(png(1))
    row = {
        "image": "a.png",
        "boxes_xyxy": [[0, 0, 20, 20], [20, 20, 44, 44]],
        "easy": [0],
        "medium": [0, 1],
        "hard": [],
    }
    (tmp_path / "annotations.json").write_text(json.dumps([row]))
    return tmp_path


def test_each_difficulty_counts_its_own_boxes(wider: Path) -> None:
    box = Faces(np.array([[0, 0, 20, 20]], np.float32), np.array([0.9], np.float32))
    detector = FakeDetector(box)
    result = evaluate_faces(wider, detector)
    assert (result["ap_easy"], result["n_easy"]) == (1.0, 1)
    assert (result["ap_medium"], result["n_medium"]) == (0.5, 2)
    assert np.isnan(result["ap_hard"]) and result["n_hard"] == 0
    assert detector.settings == [WIDER_SETTINGS]


@pytest.mark.parametrize(
    "text", ["[", "{}", '[{"image": "a.png"}]', '[{"image": "b.png", "boxes_xyxy": [[1, 2]]}]']
)
def test_invalid_annotations_give_a_message(wider: Path, text: str) -> None:
    (wider / "annotations.json").write_text(text)
    with pytest.raises(DataError, match=r"annotations\.json: expected a list"):
        evaluate_faces(wider, FakeDetector(Faces.empty()))


def test_the_name_of_a_missing_picture_is_reported(wider: Path) -> None:
    (wider / "images" / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png: There is no file"):
        evaluate_faces(wider, FakeDetector(Faces.empty()))
