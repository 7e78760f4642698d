"""Squares that lie turned in a picture: what is cut out is where the points say."""

import numpy as np
import pytest

from ferapp.vision.landmarks import close_ups
from ferapp.vision.turned import TurnedSquares, rotations
from tests.support.landmarked import face_points


def square(x: float, y: float, side: float, roll_deg: float) -> TurnedSquares:
    return TurnedSquares(
        np.array([[x, y]], np.float32),
        np.array([side], np.float32),
        np.array([np.radians(roll_deg)], np.float32),
    )


@pytest.mark.parametrize("side", [30.0, 90.0, 400.0])
@pytest.mark.parametrize("roll_deg", [0, 33, -120])
def test_a_dot_lies_where_its_place_in_the_square_says(side: float, roll_deg: float) -> None:
    one = square(260.3, 241.8, side, roll_deg)
    share = np.array([[[0.7, 0.35]]], np.float32)
    x, y = one.places(share)[0, 0]
    rows, columns = np.mgrid[:500, :500] + 0.5
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * (side / 20) ** 2))
    (cut,) = one.cut((spot[:, :, None].repeat(3, axis=2) * 255).astype(np.uint8), 96)
    weight = cut[:, :, 0].astype(float)
    found = [(np.arange(96) + 0.5) @ weight.sum(axis=axis) / weight.sum() / 96 for axis in (0, 1)]
    assert found == pytest.approx([0.7, 0.35], abs=0.006)


def test_a_square_outside_the_picture_is_cut_all_the_same() -> None:
    image = np.full((40, 60, 3), 90, np.uint8)
    for x, y, side in ((-500, -500, 30), (30, 20, 4000), (30, 20, 0.5)):
        (cut,) = square(x, y, side, 20).cut(image, 96)
        assert cut.shape == (96, 96, 3) and (cut == 90).all()


def test_no_square_is_cut_from_no_face() -> None:
    none = TurnedSquares.upright(np.empty((0, 4), np.float32))
    assert none.cut(np.zeros((9, 9, 3), np.uint8), 96) == []
    assert none.places(np.empty((0, 68, 2), np.float32)).shape == (0, 68, 2)


@pytest.mark.parametrize("roll_deg", [0, 50, 170, -100])
def test_a_second_look_has_the_eyes_level_and_all_points_inside(roll_deg: float) -> None:
    turn = rotations(np.radians([roll_deg]).astype(np.float32))[0]
    points = (face_points((0, 0), 80) @ turn.T + [200, 150])[None].astype(np.float32)
    closer = close_ups(points)
    away = closer.places(np.array([[[0, 0], [1, 0], [0, 1]]], np.float32))[0]
    shares = (points[0] - away[0]) @ np.linalg.inv(np.stack([away[1] - away[0], away[2] - away[0]]))
    assert shares[36:42, 1].mean() == pytest.approx(shares[42:48, 1].mean(), abs=1e-3)
    assert shares[36, 0] < shares[45, 0] and shares[8, 1] > shares[27, 1]
    assert shares.min() > 0.1 and shares.max() < 0.9
