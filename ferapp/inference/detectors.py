"""Face detectors: a picture in, boxes out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ferapp.inference.onnx_model import OnnxModel
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.vision import boxes
from ferapp.vision.crops import Image
from ferapp.vision.preprocess import InputSpec, batch


class Detector(Protocol):
    """Finds faces; every implementation may be called from several threads at once."""

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """The faces of a picture, (h, w, 3) RGB uint8, best first, boxes inside the picture."""
        ...


class UltraLight:
    """SSD detectors with the output tensors of Ultra-Light-Fast-Generic-Face-Detector-1MB.

    ``scores``, (1, n, 2), holds the probabilities of background and face, ``boxes``, (1, n, 4),
    corners as shares of width and height; priors are decoded inside the graph. The picture is
    stretched to the input's size, as in training.
    """

    def __init__(self, session: OnnxModel, spec: InputSpec) -> None:
        self._session = session
        self._spec = spec

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `Detector.detect`."""
        scores, corners = self._session.run(batch([image_rgb], self._spec))
        return faces_of(corners[0], scores[0], image_rgb, settings)


def faces_of(
    corners: NDArray[np.float32],
    scores: NDArray[np.float32],
    image: Image,
    settings: DetectionSettings,
) -> Faces:
    """Faces from the raw outputs of an SSD detector.

    Args:
        corners: Boxes xyxy in shares of width and height, (priors, 4).
        scores: Probabilities of background and face, (priors, 2).
        image: The picture, (h, w, ...).
        settings: The limits.
    """
    height, width = image.shape[:2]
    is_finite = np.isfinite(corners).all(axis=1) & np.isfinite(scores[:, 1])
    likely = is_finite & (scores[:, 1] >= settings.confidence)
    xyxy = corners[likely] * np.array([width, height, width, height], np.float32)
    xyxy, score = boxes.clip_to(xyxy, width=width, height=height), scores[likely, 1]
    usable = boxes.areas(xyxy) > 0
    xyxy, score = xyxy[usable], score[usable]
    kept = boxes.nms(xyxy, score, iou_threshold=settings.iou, limit=settings.max_faces)
    return Faces(xyxy[kept], score[kept])
