"""Finding landmarks with a network that knows where the points are: two looks, and refusals."""

from collections.abc import Callable

import numpy as np
import pytest

from ferapp.errors import InvalidValue, ModelError
from ferapp.face_shape import FaceShape
from ferapp.inference.landmarks import shape_reader
from ferapp.inference.landmarks.finder import FoundLandmarks, LandmarkFinder
from ferapp.inference.landmarks.shape_reader import ShapeReader
from ferapp.vision.preprocess import InputSpec
from tests.support.landmarked import photographed

SPEC = InputSpec(size_wh=(96, 96), colour="grey", mean=0, std=1)


class DotSession:
    """Finds one white dot and says that all points lie around it, wide apart."""

    def __init__(self, log_error: float = -4.0) -> None:
        self.log_error = log_error
        self.crops: list[np.ndarray] = []

    def run(self, batch: np.ndarray, /) -> list[np.ndarray]:
        self.crops += list(batch)
        dots = [np.unravel_index(crop[0].argmax(), crop[0].shape) for crop in batch]
        middle = np.array([[(x + 0.5) / 96, (y + 0.5) / 96] for y, x in dots], np.float32)
        spread = photographed(0, 0, 0)
        spread = (spread - spread.mean(axis=0)) / np.ptp(spread) * 0.5
        points = middle[:, None] + spread
        log_error = np.full((len(batch), 68), self.log_error, np.float32)
        return [points.astype(np.float32), log_error, np.full_like(log_error, 0.05)]


def dotted(x: int, y: int) -> np.ndarray:
    image = np.zeros((300, 400, 3), np.uint8)
    image[y - 2 : y + 3, x - 2 : x + 3] = 255
    return image


BOX = np.array([[150, 100, 250, 200]], np.float32)


def test_the_second_look_is_centred_on_what_the_first_has_found() -> None:
    session = DotSession()
    found = LandmarkFinder(session, SPEC, padding=0.3).find(dotted(170, 120), BOX)
    first, second = (np.unravel_index(crop[0].argmax(), (96, 96)) for crop in session.crops)
    assert max(first) < 40, "up and to the left in the first"
    assert np.abs(np.array(second) - 48).max() < 12, "in the middle of the second"
    assert found.points.mean(axis=(0, 1)) == pytest.approx([170.5, 120.5], abs=2)
    assert found.gap[0] > 0.2, "of this network, the points of the second look are closer together"


def test_no_face_gives_no_points() -> None:
    none = np.empty((0, 4), np.float32)
    found = LandmarkFinder(DotSession(), SPEC, padding=0.3).find(dotted(9, 9), none)
    assert found.points.shape == (0, 68, 2) and found.gap.shape == (0,)


def test_a_crowd_is_looked_at_in_parts_and_each_face_keeps_its_points() -> None:
    x = np.arange(70, dtype=np.float32)[:, None] * 3
    boxes = np.concatenate([x, x, x + 60, x + 60], axis=1)
    found = LandmarkFinder(DotSession(), SPEC, padding=0.3).find(dotted(150, 150), boxes)
    assert np.isfinite(found.points).all() and len(found.points) == 70


def test_numbers_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(ModelError, match="not finite"):
        LandmarkFinder(DotSession(float("nan")), SPEC, padding=0).find(dotted(170, 120), BOX)


class FixedFinder:
    """Finds these points in every face."""

    def __init__(self, points: np.ndarray, *, doubt: float = 0.03, gap: float = 0.03) -> None:
        self.points, self.gap = points, gap
        self.doubt, self.peaks = np.full(68, doubt, np.float32), np.full(68, 0.06, np.float32)
        self.calls: list[int] = []

    def find(self, image_rgb: np.ndarray, xyxy: np.ndarray) -> FoundLandmarks:
        self.calls.append(len(xyxy))
        n = len(xyxy)
        return FoundLandmarks(
            np.tile(self.points, (n, 1, 1)).astype(np.float32),
            np.tile(self.doubt * 80, (n, 1)).astype(np.float32),
            np.tile(self.peaks, (n, 1)),
            np.full(n, self.gap, np.float32),
        )


def shape(finder: FixedFinder, side: float = 120) -> FaceShape:
    image = np.zeros((400, 600, 3), np.uint8)
    (one,) = ShapeReader(finder).shapes(image, np.array([[200, 100, 200 + side, 100 + side]]))
    return one


def test_a_clear_face_has_points_a_head_and_measures() -> None:
    one = shape(FixedFinder(photographed(20, 0, 0)))
    assert one.points is not None and one.geometry is not None and one.missing == ""
    assert one.pose is not None and one.pose.words == "turned slightly right"


@pytest.mark.parametrize(
    ("finder", "side", "missing"),
    [
        pytest.param(lambda: FixedFinder(photographed(0, 0, 0)), 20, "too small", id="20 px"),
        pytest.param(
            lambda: FixedFinder(photographed(0, 0, 0) - [290, 0]),
            120,
            "cut by the border",
            id="cut",
        ),
        pytest.param(
            lambda: FixedFinder(photographed(0, 0, 0), doubt=0.5), 120, "not clear", id="doubt"
        ),
        pytest.param(
            lambda: FixedFinder(photographed(0, 0, 0), gap=0.6), 120, "not clear", id="two looks"
        ),
        pytest.param(
            lambda: FixedFinder(np.random.default_rng(0).uniform(100, 300, (68, 2))),
            120,
            "not clear",
            id="no face",
        ),
    ],
)
def test_a_face_that_is_not_clear_has_a_reason_in_place_of_numbers(
    finder: Callable[[], FixedFinder], side: float, missing: str
) -> None:
    one = shape(finder(), side)
    assert one.points is None and one.pose is None and one.geometry is None
    assert missing in one.missing and set(one.to_json()) == {"missing"}


def test_a_head_that_is_turned_far_has_points_but_no_measures() -> None:
    one = shape(FixedFinder(photographed(45, 0, 0)))
    assert one.points is not None and one.pose is not None and one.geometry is None
    assert one.missing == "turned too far to be measured"
    assert set(one.to_json()) == {"landmarks", "head", "missing"}


def test_a_hidden_eye_has_no_measure_and_the_rest_of_the_face_has() -> None:
    finder = FixedFinder(photographed(0, 0, 0))
    finder.peaks[36:42] = 0.01
    one = shape(finder)
    assert one.geometry is not None and one.geometry.right_brow_height is None
    assert one.geometry.left_brow_height is not None
    assert "right_brow_height" not in one.to_json()["measures"]


def test_small_faces_are_not_given_to_the_network() -> None:
    finder = FixedFinder(photographed(0, 0, 0))
    boxes = np.array([[0, 0, 20, 20], [200, 100, 320, 220], [5, 5, 30, 30]], np.float32)
    shapes = ShapeReader(finder).shapes(np.zeros((400, 600, 3), np.uint8), boxes)
    assert finder.calls == [1]
    assert [one.missing for one in shapes] == ["too small", "", "too small"]
    assert shape_reader.LEAST_PX > 20


def test_points_without_a_pose_are_refused() -> None:
    with pytest.raises(InvalidValue, match="come together"):
        FaceShape(points=np.zeros((68, 2), np.float32))
    with pytest.raises(InvalidValue, match=r"expected points \(68, 2\)"):
        FaceShape(points=np.zeros((5, 2), np.float32))
