"""How a head is turned, from its 68 landmarks.

A generic head is fitted in perspective to points that hardly move with an expression: corners of
the eyes and the nose. Nobody's head is the generic one and the camera is not known, so that angles
are estimates; people should read the words.
"""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.face_shape import HeadPose
from ferapp.vision.landmarks import Points
from ferapp.vision.opencv import cv2

# In units of the distance of the outer corners of the eyes, from their middle: x to the right of
# the picture, y down, z away from the camera. Typical proportions of a face, rounded; depths lie
# within 0.03 of those of the canonical face of MediaPipe (Kartynnik et al., 2019, "Real-time Facial
# Surface Geometry from Monocular Video on Mobile GPUs").
_HEAD: Final = {
    27: (0.0, 0.02, -0.30),
    28: (0.0, 0.17, -0.40),
    29: (0.0, 0.31, -0.46),
    30: (0.0, 0.43, -0.50),
    31: (-0.15, 0.50, -0.25),
    33: (0.0, 0.54, -0.33),
    35: (0.15, 0.50, -0.25),
    36: (-0.50, 0.0, 0.0),
    39: (-0.22, 0.01, -0.07),
    42: (0.22, 0.01, -0.07),
    45: (0.50, 0.0, 0.0),
}

# A head is seen from about ten times the distance of its eyes: 90 cm.
_DISTANCE: Final = 10.0

MOST_MISFIT: Final = 0.08
"""Points that lie further from every view of the generic head than this are no face's."""


def head_pose(points: Points) -> HeadPose | None:
    """How the head is turned to whom the landmarks belong.

    Args:
        points: (68, 2), px of the picture.

    Returns:
        None if the points are not those of a face: they fit no view of a head.
    """
    head = np.array(list(_HEAD.values()))
    seen = points[list(_HEAD)].astype(np.float64)
    centre = seen.mean(axis=0)
    # About the distance of the eyes, px, so that the head comes to be as far away as intended.
    size = _reach(seen) / _reach(head[:, :2])
    if not size > 0:
        return None
    seen = (seen - centre) / size
    camera = np.diag([_DISTANCE, _DISTANCE, 1.0])
    fit: Any = cv2.solvePnP(head, seen, camera, None, flags=cv2.SOLVEPNP_SQPNP)
    found, turn, place = fit
    if not found or not float(place[2, 0]) > 0:
        return None
    turn, place = cv2.solvePnPRefineLM(head, seen, camera, None, turn, place)
    again: Any = cv2.projectPoints(head, turn, place, camera, None)[0]
    unit = _DISTANCE / float(place[2, 0])
    misfit = float(np.linalg.norm(again.reshape(-1, 2) - seen, axis=1).mean()) / unit
    if not misfit <= MOST_MISFIT:
        return None
    yaw, pitch, roll = _angles_deg(np.asarray(cv2.Rodrigues(turn)[0]))
    return HeadPose(yaw, pitch, roll, unit * size, misfit)


def _reach(points: NDArray[np.float64]) -> float:
    """Mean distance of points, (n, 2), from their middle."""
    return float(np.linalg.norm(points - points.mean(axis=0), axis=1).mean())


def _angles_deg(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Yaw, pitch and roll of a rotation that tilts last: Rz(roll) Ry(-yaw) Rx(-pitch)."""
    yaw = math.asin(float(np.clip(rotation[2, 0], -1, 1)))
    pitch = -math.atan2(rotation[2, 1], rotation[2, 2])
    roll = math.atan2(rotation[1, 0], rotation[0, 0])
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)
