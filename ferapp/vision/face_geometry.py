"""Geometric measures of a face from its 68 landmarks: what of it is open, wide or raised.

They are related to action units of FACS but are none: nobody has coded them, and wrinkles, cheeks
and the tension of lips are not in the points.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.head_pose import HeadPose
from ferapp.vision.landmarks import Points

MOST_YAW_DEG: Final = 30.0
"""Turned further, one half of the face hides what is measured."""

MOST_PITCH_DEG: Final = 25.0

_EYES: Final = {"right": (36, 37, 38, 39, 40, 41), "left": (42, 43, 44, 45, 46, 47)}
_INNER_LIPS: Final = ((61, 67), (62, 66), (63, 65))
_BROWS: Final = {"right": slice(17, 22), "left": slice(22, 27)}


@dataclass(frozen=True)
class FaceGeometry:
    """Measures of one face; its right eye lies on the left of the picture.

    Lengths are shares of the distance of the outer corners of the eyes.

    Attributes:
        right_eye: Opening of the lids.
        left_eye: The same.
        right_eye_aspect: Opening over the width of the eye (Soukupova and Cech, 2016, "Real-Time
            Eye Blink Detection using Facial Landmarks", equation 1).
        left_eye_aspect: The same.
        mouth_opening: Distance of the inner edges of the lips.
        smile_width: Distance of the corners of the mouth.
        lip_corner_deg: How far the corners lie above the middle of the lips, as an angle seen from
            there, degrees; negative below.
        right_brow: Height of the brow above the corners of the eye.
        left_brow: The same.
    """

    right_eye: float
    left_eye: float
    right_eye_aspect: float
    left_eye_aspect: float
    mouth_opening: float
    smile_width: float
    lip_corner_deg: float
    right_brow: float
    left_brow: float


def face_geometry(points: Points, pose: HeadPose) -> FaceGeometry | None:
    """Measures of a face, corrected for how the head is turned.

    Lengths across the face are divided by the cosine of the yaw, those along it by the cosine of
    the pitch.

    Args:
        points: (68, 2), px.
        pose: How the head is turned.

    Returns:
        None if it is turned too far for the correction to hold.
    """
    if abs(pose.yaw_deg) > MOST_YAW_DEG or abs(pose.pitch_deg) > MOST_PITCH_DEG:
        return None
    face = _from_the_front(points, pose)
    opening, aspect, brow = {}, {}, {}
    for side, (outer, up_1, up_2, inner, low_2, low_1) in _EYES.items():
        lids = _distance(face, up_1, low_1) + _distance(face, up_2, low_2)
        opening[side] = lids / 2
        aspect[side] = lids / (2 * _distance(face, outer, inner))
        corners = (face[outer, 1] + face[inner, 1]) / 2
        brow[side] = float(corners - face[_BROWS[side], 1].mean())
    return FaceGeometry(
        right_eye=opening["right"],
        left_eye=opening["left"],
        right_eye_aspect=aspect["right"],
        left_eye_aspect=aspect["left"],
        mouth_opening=float(
            np.mean([_distance(face, a, b) for a, b in ((61, 67), (62, 66), (63, 65))])
        ),
        smile_width=_distance(face, 48, 54),
        lip_corner_deg=_lip_corner_deg(face),
        right_brow=brow["right"],
        left_brow=brow["left"],
    )


def _lip_corner_deg(face: NDArray[np.float64]) -> float:
    middle = (face[51] + face[57]) / 2
    angles = [math.atan2(middle[1] - face[i, 1], abs(face[i, 0] - middle[0])) for i in (48, 54)]
    return math.degrees(sum(angles) / 2)


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
