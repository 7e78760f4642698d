"""The 68 landmarks of a face: their order, their mirror image, and the box around them.

The order is that of iBUG 300-W (Sagonas et al., 2013, "300 Faces in-the-Wild Challenge", figure 1).
Left and right are those of the picture in which the face looks at the viewer.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.face_shape import LANDMARKS
from ferapp.vision.turned import TurnedSquares, rotations

Points = NDArray[np.float32]

COUNT: Final = LANDMARKS

REGIONS: Final = {
    "jaw": slice(0, 17),
    "brows": slice(17, 27),
    "nose": slice(27, 36),
    "eyes": slice(36, 48),
    "mouth": slice(48, 68),
}
"""By name: which points they are."""

OUTER_EYE_CORNERS: Final = (36, 45)

MIDDLE_LIPS: Final = (62, 66)
"""The middle of the inner edges of the upper and the lower lip."""

MIRRORED: Final = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *range(54, 47, -1),
    *range(59, 54, -1),
    *range(64, 59, -1),
    *(67, 66, 65),
)
"""For each point, the one that takes its place in the mirror image of the face."""

# The points reach from the brows to the chin, detectors' boxes from the forehead. As shares of the
# points' extent; see `detector_boxes`.
_FOREHEAD: Final = 0.36

_EYES: Final = (slice(36, 42), slice(42, 48))
_CLOSE_UP: Final = 1.3
_LEAST_PX: Final = 1.0


def detector_boxes(points: Points) -> NDArray[np.float32]:
    """Boxes as a face detector would draw them around upright faces, (n, 4), px.

    Args:
        points: (n, 68, 2), px.
    """
    low, high = points.min(axis=1), points.max(axis=1)
    low = low - np.array([0, _FOREHEAD], np.float32) * (high - low)
    return np.concatenate([low, high], axis=1)


def close_ups(points: Points) -> TurnedSquares:
    """Squares around faces in which their eyes are level, with a margin of 15 % on each side.

    Args:
        points: (n, 68, 2), px.
    """
    right, left = (points[:, eye].mean(axis=1) for eye in _EYES)
    across = left - right
    roll = np.arctan2(across[:, 1], across[:, 0])
    turn = rotations(roll)
    level = points @ turn
    low, high = level.min(axis=1), level.max(axis=1)
    side = np.maximum(_CLOSE_UP * (high - low).max(axis=1), _LEAST_PX)
    centre = np.einsum("nij,nj->ni", turn, (low + high) / 2)
    return TurnedSquares(centre, side, roll)


def eye_distance(points: Points) -> NDArray[np.float32]:
    """Distance of the outer corners of the eyes, (n,), px, of points (n, 68, 2); never below 1."""
    right, left = OUTER_EYE_CORNERS
    distance = np.linalg.norm(points[:, right] - points[:, left], axis=1)
    return np.asarray(np.maximum(distance, _LEAST_PX), np.float32)


def errors(found: Points, true: Points) -> NDArray[np.float32]:
    """Distance of each point from its true place over the distance of the eyes, (n, 68).

    The mean over the points is the normalised mean error (NME) of 300-W.

    Args:
        found: (n, 68, 2), px.
        true: The same for the true places.
    """
    return np.asarray(
        np.linalg.norm(found - true, axis=2) / eye_distance(true)[:, None], np.float32
    )
