"""Geometric measures of a face from its 68 landmarks: what of it is open, wide or raised.

They are related to action units of FACS but are none: nobody has coded them, and wrinkles, cheeks
and the tension of lips are not in the points.
"""

import itertools
import math
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.face_shape import FaceGeometry, HeadPose
from ferapp.vision.landmarks import Points

MOST_YAW_DEG: Final = 30.0
"""Turned further, one half of the face hides what is measured."""

MOST_PITCH_DEG: Final = 25.0

MOST_DOUBT: Final = 0.1
"""A measure is left out if its points may be further off than this share of the eye distance."""

_EYES: Final = {"right": (36, 37, 38, 39, 40, 41), "left": (42, 43, 44, 45, 46, 47)}
_BROWS: Final = {"right": range(17, 22), "left": range(22, 27)}
_INNER_LIPS: Final = ((61, 67), (62, 66), (63, 65))
_LIP_CORNERS: Final = (48, 54)
_LIP_MIDDLE: Final = (51, 57)
_LEAST_LENGTH: Final = 1e-3


def face_geometry(
    points: Points, pose: HeadPose, doubt: NDArray[np.float32] | None = None
) -> FaceGeometry | None:
    """Measures of a face, corrected for how the head is turned.

    Lengths across the face are divided by the cosine of the yaw, those along it by the cosine of
    the pitch.

    Args:
        points: (68, 2), px.
        pose: How the head is turned.
        doubt: How far off each point may be, as a share of the eye distance, (68,); measures of
            points that are too far off are None. Without it, all are certain.

    Returns:
        None if it is turned too far for the correction to hold.
    """
    if abs(pose.yaw_deg) > MOST_YAW_DEG or abs(pose.pitch_deg) > MOST_PITCH_DEG:
        return None
    face = _from_the_front(points, pose)

    def certain(value: float, used: Iterable[int]) -> float | None:
        is_certain = doubt is None or float(doubt[list(used)].mean()) <= MOST_DOUBT
        return value if is_certain else None

    values: dict[str, float | None] = {}
    for side, eye in _EYES.items():
        outer, up_1, up_2, inner, low_2, low_1 = eye
        lids = (_distance(face, up_1, low_1) + _distance(face, up_2, low_2)) / 2
        width = max(_distance(face, outer, inner), _LEAST_LENGTH)
        height = (face[outer, 1] + face[inner, 1]) / 2 - face[list(_BROWS[side]), 1].mean()
        values[f"{side}_eye_opening"] = certain(lids, eye)
        values[f"{side}_eye_aspect"] = certain(lids / width, eye)
        values[f"{side}_brow_height"] = certain(float(height), (*_BROWS[side], outer, inner))
    opening = float(np.mean([_distance(face, *pair) for pair in _INNER_LIPS]))
    values["mouth_opening"] = certain(opening, itertools.chain(*_INNER_LIPS))
    values["mouth_width"] = certain(_distance(face, *_LIP_CORNERS), _LIP_CORNERS)
    values["lip_corners_deg"] = certain(_lip_corners_deg(face), (*_LIP_CORNERS, *_LIP_MIDDLE))
    return FaceGeometry(**values)


def _lip_corners_deg(face: NDArray[np.float64]) -> float:
    middle = face[list(_LIP_MIDDLE)].mean(axis=0)
    away = face[list(_LIP_CORNERS)] - middle
    return float(np.degrees(np.arctan2(-away[:, 1], np.abs(away[:, 0]))).mean())


def _from_the_front(points: Points, pose: HeadPose) -> NDArray[np.float64]:
    """The points upright, in units of the eye distance, about as they were from the front."""
    middle = (points[36] + points[45]) / 2
    roll = math.radians(pose.roll_deg)
    back = np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
    upright = (points.astype(np.float64) - middle) @ back.T / pose.eye_distance_px
    squeezed = [math.cos(math.radians(angle)) for angle in (pose.yaw_deg, pose.pitch_deg)]
    return np.asarray(upright / squeezed)


def _distance(face: NDArray[np.float64], a: int, b: int) -> float:
    return float(np.linalg.norm(face[a] - face[b]))
