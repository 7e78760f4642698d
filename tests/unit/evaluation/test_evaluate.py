"""What `evaluate` counts, on fakes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.evaluation.evaluators import WIDER_SETTINGS, evaluate_expressions, evaluate_faces
from ferapp.evaluation.labelled_faces import LabelledFaces, Omission
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
    assert result["is_partial"] and result["left_out"] == [
        {"what": "bored", "count": 1, "reason": "the classifier has no such class"}
    ]
    with pytest.raises(DataError, match="None of the labels"):
        evaluate_expressions(faces(("bored", "tired"), ("bored", 1)), CLASSIFIER)


def test_a_classifier_with_other_names_is_judged_by_what_they_mean() -> None:
    seen = faces(("happiness", "sadness"), ("happiness", 250), ("sadness", 10), ("sadness", 250))
    result = evaluate_expressions(seen, CLASSIFIER)
    assert result["n"] == 3 and not result["is_partial"] and result["n_left_out"] == 0
    assert result["labels"] == ["sad", "neutral", "happy"]
    assert result["confusion"] == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]
    assert result["notes"] == ["No picture is labelled neutral: nothing is known about these."]


def test_a_class_that_the_classifier_lacks_is_left_out_by_name() -> None:
    """Seven names of FER2013 against our eight folders."""
    classifier = FakeClassifier(
        ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    )
    rows = [(name, 10) for name in EXPRESSIONS for _ in range(2)]
    result = evaluate_expressions(faces(EXPRESSIONS, *rows), classifier)
    assert (result["n"], result["n_left_out"]) == (14, 2)
    assert [row["what"] for row in result["left_out"]] == ["contempt"]
    assert result["recall"] == [1.0, *[0.0] * 6], "the fake takes dark faces for its first label"


def test_two_classes_of_a_classifier_that_mean_the_same_are_added() -> None:
    """Dark faces are happy, bright ones joy: both are right where happiness is."""
    classifier = FakeClassifier(("happy", "sad", "joy"))
    seen = faces(("happiness", "sadness"), ("happiness", 10), ("happiness", 250), ("sadness", 10))
    result = evaluate_expressions(seen, classifier)
    assert result["labels"] == ["happy", "sad"] and np.shape(result["confusion"]) == (2, 2)
    assert result["recall"] == [1.0, 0.0]
    [note] = result["notes"]
    assert "happy and joy are one class, happiness" in note


def test_what_the_data_set_left_out_counts_too() -> None:
    seen = faces(("happy", "sad"), ("happy", 250), ("sad", 10))
    damaged = Omission("happy/1.png", 3, "The picture is damaged.")
    seen = replace(seen, left_out=(damaged,), read_as={"joy": "happy"}, notes=("A note.",))
    result = evaluate_expressions(seen, CLASSIFIER)
    assert (result["n"], result["n_left_out"], result["is_partial"]) == (2, 3, True)
    assert result["left_out"] == [damaged.to_json()]
    assert result["read_as"] == {"joy": "happy"} and result["notes"][0] == "A note."


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
