"""Finds 68 landmarks of faces whose boxes are known, and how far off each may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import ModelError
from ferapp.inference.manifest import Model
from ferapp.inference.onnx_model import OnnxModel
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image
from ferapp.vision.landmarks import COUNT, Points, close_ups, errors
from ferapp.vision.preprocess import InputSpec, batch
from ferapp.vision.turned import TurnedSquares

_LARGEST_BATCH: Final = 64


class Session(Protocol):
    """A landmark network; see `ferapp.inference.onnx_model.OnnxModel`."""

    def run(self, batch: NDArray[np.float32], /) -> Sequence[NDArray[np.float32]]:
        """From faces, NCHW, to points, logarithms of errors and peaks; see `LandmarkFinder`."""
        ...


@dataclass(frozen=True, eq=False)
class FoundLandmarks:
    """Landmarks of the faces of one picture.

    Attributes:
        points: (n, 68, 2) float32, px of the picture, in the order of `ferapp.vision.landmarks`.
        doubt_px: The distance to expect between each and its true place, (n, 68) float32, px.
        peaks: How clearly each is seen, (n, 68) float32 in [0, 1]: the largest share of its
            heatmap.
        gap: Mean distance between the points of the first and of the second look, over the distance
            of the eyes, (n,) float32.
    """

    points: Points
    doubt_px: NDArray[np.float32]
    peaks: NDArray[np.float32]
    gap: NDArray[np.float32]


class LandmarkFinder:
    """One network, which looks twice; `find` may be called from several threads at once.

    The first look is at the square around the box, however the face is tilted in it. The second is
    closer and upright, as the points of the first tell.

    Args:
        session: Its graph: ``points`` as shares of the side of the square, (n, 68, 2);
            ``log_error``, the natural logarithm of the error to expect of each, in the same unit,
            (n, 68); and ``peaks``, the largest share of each heatmap, (n, 68).
        spec: The input that it takes; a square.
        padding: How much longer the side of the first square is than the longer side of the box.
    """

    def __init__(self, session: Session, spec: InputSpec, *, padding: float) -> None:
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
        around = TurnedSquares.upright(squares(xyxy, padding=self._padding))
        first, _, _ = self._look(image_rgb, around)
        points, doubt_px, peaks = self._look(image_rgb, close_ups(first))
        return FoundLandmarks(points, doubt_px, peaks, errors(first, points).mean(axis=1))

    def _look(
        self, image_rgb: Image, places: TurnedSquares
    ) -> tuple[Points, NDArray[np.float32], NDArray[np.float32]]:
        """Points in px, (n, 68, 2), the errors to expect in px, and the peaks, (n, 68)."""
        crops = places.cut(image_rgb, self._spec.size_wh[0])
        shares = np.empty((len(crops), COUNT, 2), np.float32)
        log_error = np.empty((len(crops), COUNT), np.float32)
        peaks = np.empty((len(crops), COUNT), np.float32)
        for start in range(0, len(crops), _LARGEST_BATCH):
            rows = slice(start, start + _LARGEST_BATCH)
            answer = self._session.run(batch(crops[rows], self._spec))
            shares[rows], log_error[rows], peaks[rows] = answer
        if not all(np.isfinite(values).all() for values in (shares, log_error, peaks)):
            raise ModelError("The landmark network returned numbers that are not finite.")
        return places.places(shares), np.exp(log_error) * places.side[:, None], peaks
