"""Geometric measures of a face from its 68 landmarks: what of it is open, wide or raised.

They are related to action units of FACS but are none: nobody has coded them, and wrinkles, cheeks
and the tension of lips are not in the points. How far the lids are open is not measured: what the
landmark network found of it on held-out people had nothing to do with what was labelled.
"""

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

_EYES: Final = {"right": range(36, 42), "left": range(42, 48)}
_EYE_CORNERS: Final = {"right": (36, 39), "left": (42, 45)}
_BROWS: Final = {"right": range(17, 22), "left": range(22, 27)}
_MOUTH: Final = range(48, 68)
_INNER_LIPS: Final = ((61, 67), (62, 66), (63, 65))
_LIP_CORNERS: Final = (48, 54)
_LIP_MIDDLE: Final = (51, 57)

# A part whose points are seen less clearly than this on average is hidden. Of 157 frames of
# held-out people with an eye or the mouth painted over in the colour of the chin, 96 in 100 were
# recognised by this, and of those as they were, 1 in 100 was mistaken.
_LEAST_EYE_PEAK: Final = 0.034
_LEAST_BROW_PEAK: Final = 0.055
_LEAST_MOUTH_PEAK: Final = 0.028


def face_geometry(
    points: Points, pose: HeadPose, peaks: NDArray[np.float32] | None = None
) -> FaceGeometry | None:
    """Measures of a face, corrected for how the head is turned.

    Lengths across the face are divided by the cosine of the yaw, those along it by the cosine of
    the pitch.

    Args:
        points: (68, 2), px.
        pose: How the head is turned.
        peaks: How clearly each point is seen, (68,), see
            `ferapp.inference.landmarks.finder.FoundLandmarks`; measures of hidden points are None.
            Without it, all are seen.

    Returns:
        None if it is turned too far for the correction to hold.
    """
    if abs(pose.yaw_deg) > MOST_YAW_DEG or abs(pose.pitch_deg) > MOST_PITCH_DEG:
        return None
    face = _from_the_front(points, pose)

    def is_seen(part: Iterable[int], least: float) -> bool:
        return peaks is None or float(peaks[list(part)].mean()) >= least

    has_mouth = is_seen(_MOUTH, _LEAST_MOUTH_PEAK)
    heights = {
        side: _brow_height(face, side)
        if is_seen(_BROWS[side], _LEAST_BROW_PEAK) and is_seen(_EYES[side], _LEAST_EYE_PEAK)
        else None
        for side in _EYES
    }
    opening = float(np.mean([_distance(face, *pair) for pair in _INNER_LIPS]))
    return FaceGeometry(
        mouth_opening=opening if has_mouth else None,
        mouth_width=_distance(face, *_LIP_CORNERS) if has_mouth else None,
        lip_corners_deg=_lip_corners_deg(face) if has_mouth else None,
        right_brow_height=heights["right"],
        left_brow_height=heights["left"],
    )


def _brow_height(face: NDArray[np.float64], side: str) -> float:
    corners = face[list(_EYE_CORNERS[side]), 1].mean()
    return float(corners - face[list(_BROWS[side]), 1].mean())


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
