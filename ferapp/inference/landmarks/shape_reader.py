"""From found landmarks to the shape of each face, or why it has none."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.face_shape import FaceShape
from ferapp.inference.landmarks.finder import FoundLandmarks, LandmarkFinder
from ferapp.vision.crops import Image
from ferapp.vision.face_geometry import face_geometry
from ferapp.vision.head_pose import head_pose

LEAST_PX: Final = 32
"""Faces whose box has a shorter longer side have no landmarks."""

MOST_OUTSIDE: Final = 0.1
"""A face with a larger share of its points outside the picture is cut by the border."""

MOST_DOUBT: Final = 0.08
"""Points that are expected to be further off on average, over the eye distance, are not told."""

MOST_GAP: Final = 0.25
"""Nor are those of a face whose two looks differ by more than this on average."""


class ShapeReader:
    """Tells landmarks, head pose and measures only where they can be trusted.

    Args:
        finder: Finds the landmarks; called for faces that are large enough.
    """

    def __init__(self, finder: LandmarkFinder) -> None:
        self._finder = finder

    def shapes(self, image_rgb: Image, xyxy: NDArray[np.float32]) -> tuple[FaceShape, ...]:
        """The shape of each face.

        Args:
            image_rgb: (h, w, 3) RGB uint8.
            xyxy: Boxes of the faces, (n, 4), px.

        Raises:
            ModelError: An output of the network is not finite.
        """
        sides = (xyxy[:, 2:] - xyxy[:, :2]).max(axis=1, initial=0)
        large = np.flatnonzero(sides >= LEAST_PX)
        found = self._finder.find(image_rgb, xyxy[large])
        out = [FaceShape(missing="too small")] * len(xyxy)
        for place, i in enumerate(large):
            out[i] = _shape(found, place, image_rgb.shape[1::-1])
        return tuple(out)


def _shape(found: FoundLandmarks, i: int, size_wh: tuple[int, ...]) -> FaceShape:
    points = found.points[i]
    is_outside = ((points < 0) | (points > size_wh)).any(axis=1)
    if is_outside.mean() > MOST_OUTSIDE:
        return FaceShape(missing="cut by the border")
    pose = head_pose(points)
    if pose is None or found.gap[i] > MOST_GAP:
        return FaceShape(missing="not clear enough")
    if found.doubt_px[i].mean() > MOST_DOUBT * pose.eye_distance_px:
        return FaceShape(missing="not clear enough")
    geometry = face_geometry(points, pose, found.peaks[i])
    return FaceShape(points, pose, geometry, "" if geometry else "turned too far to be measured")
