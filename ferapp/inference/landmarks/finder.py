"""Finds 68 landmarks of faces whose boxes are known, and how far off each may be."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import ModelError
from ferapp.inference.manifest import Model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image, region
from ferapp.vision.landmarks import COUNT, Points
from ferapp.vision.preprocess import InputSpec, batch

_LARGEST_BATCH: Final = 64


@dataclass(frozen=True, eq=False)
class FoundLandmarks:
    """Landmarks of the faces of one picture.

    Attributes:
        points: (n, 68, 2) float32, px of the picture, in the order of `ferapp.vision.landmarks`.
        doubt_px: The distance to expect between each and its true place, (n, 68) float32, px.
    """

    points: Points
    doubt_px: NDArray[np.float32]


class LandmarkFinder:
    """One network; `find` may be called from several threads at once.

    Args:
        session: Its graph: ``points`` as shares of the side of the square, and ``log_error``, the
            natural logarithm of the error to expect, in the same unit.
        spec: The input that it takes; a square.
        padding: How much longer the side of the square is than the longer side of the box.
    """

    def __init__(self, session: OnnxModel, spec: InputSpec, *, padding: float) -> None:
        self._session = session
        self._spec = spec
        self._padding = padding

    @classmethod
    def of(cls, session: OnnxModel, model: Model) -> Self:
        """The finder that an entry describes."""
        return cls(session, model.input.spec, padding=model.padding or 0.0)

    def find(self, image_rgb: Image, xyxy: NDArray[np.float32]) -> FoundLandmarks:
        """The landmarks of faces.

        Args:
            image_rgb: (h, w, 3) RGB uint8.
            xyxy: Their boxes, (n, 4), px, as a face detector gives them.

        Raises:
            ModelError: An output is not finite.
        """
        boxes = squares(xyxy, padding=self._padding)
        side = boxes[:, 2:3] - boxes[:, :1]
        points = np.empty((len(boxes), COUNT, 2), np.float32)
        doubt = np.empty((len(boxes), COUNT), np.float32)
        for start in range(0, len(boxes), _LARGEST_BATCH):
            rows = slice(start, start + _LARGEST_BATCH)
            crops = [region(image_rgb, square, self._spec.size_wh) for square in boxes[rows]]
            shares, log_error = self._session.run(batch(crops, self._spec))
            points[rows] = boxes[rows, None, :2] + shares * side[rows, None]
            doubt[rows] = np.exp(log_error) * side[rows]
        if not (np.isfinite(points).all() and np.isfinite(doubt).all()):
            raise ModelError("The landmark network returned numbers that are not finite.")
        return FoundLandmarks(points, doubt)
