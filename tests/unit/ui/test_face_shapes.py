"""What the cards say of landmarks, head pose and measures."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.face_shape import MEASURES, FaceGeometry, FaceShape, HeadPose
from ferapp.pipeline.analyzer import Analyzer
from ferapp.settings import AnalysisSettings
from ferapp.types import Faces
from ferapp.ui.pictures.explorer import _faces
from ferapp.ui.pictures.face_shapes import _ROWS, measure_rows, shape_remarks
from ferapp.ui.pictures.view import CARD_PX, View
from tests.support.fakes import FakeClassifier, FakeDetector, FakeShapeReader

GEOMETRY = FaceGeometry(0.05, 0.6, -7.6, 0.2, None)
POINTS = np.zeros((68, 2), np.float32)


def test_a_card_says_how_the_head_is_turned_and_that_angles_are_estimates() -> None:
    pose = HeadPose(-20.4, 3, 40, 60, 0.02)
    assert shape_remarks(FaceShape(POINTS, pose, GEOMETRY)) == [
        "Head: turned slightly left, tilted right (20° left, 3° up, 40° tilted right; estimates)"
    ]


def test_an_angle_of_nothing_has_no_side() -> None:
    assert (
        "(5° up; estimates)"
        in shape_remarks(FaceShape(POINTS, HeadPose(-0.3, 5, 0.2, 60, 0.02), GEOMETRY))[0]
    )
    straight = FaceShape(POINTS, HeadPose(0, 0, 0, 60, 0.02), GEOMETRY)
    assert shape_remarks(straight) == ["Head: facing the camera (0°; estimates)"]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        pytest.param(
            FaceShape(missing="too small"), "No landmarks: this face is too small.", id="small"
        ),
        pytest.param(
            FaceShape(POINTS, HeadPose(50, 0, 0, 60, 0), missing="turned too far to be measured"),
            "No measures: the head is turned too far to be measured.",
            id="side view",
        ),
    ],
)
def test_a_card_says_why_something_is_missing(shape: FaceShape, said: str) -> None:
    assert shape_remarks(shape)[-1] == said
    assert measure_rows(shape.geometry) == []


def test_measures_are_named_with_what_they_are_related_to() -> None:
    rows = {name: (value, related) for name, value, related in measure_rows(GEOMETRY)}
    assert rows["Mouth opening"][0] == "0.05"
    assert rows["Lip corners"][0] == "-8°"
    assert rows["Brow height"][0] == "0.20, not clear"
    assert all(related.startswith("related to AU") for _, related in rows.values())


def test_every_measure_of_a_card_is_one_of_those_in_the_files() -> None:
    assert {part for _, parts, _ in _ROWS for part in parts} <= set(MEASURES)


def test_points_of_a_blurred_face_do_not_reach_the_browser() -> None:
    boxes = np.array([[10, 10, 50, 50], [60, 10, 90, 40], [1, 1, 9, 9]], np.float32)
    detector = FakeDetector(Faces(boxes, np.array([0.9, 0.8, 0.7], np.float32)))
    analyzer = Analyzer(detector, FakeClassifier(EXPRESSIONS), shape_reader=FakeShapeReader())
    image = np.full((80, 100, 3), 99, np.uint8)
    view = View(b"", np.zeros((3, CARD_PX, CARD_PX, 3), np.uint8))
    plain = _faces(analyzer.analyze(image), view, ())
    assert not any(face["points"] or face["measures"] for face in plain)
    asked = _faces(analyzer.analyze(image, AnalysisSettings(with_landmarks=True)), view, {1})
    assert [len(face["points"]) for face in asked] == [68, 0, 0], "the last one is not clear"
    middle = np.mean(asked[0]["points"], axis=0)
    assert middle == pytest.approx([0.3, 0.4], abs=0.1), "shares of width and height"
