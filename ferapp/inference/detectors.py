"""Face detectors: from a picture to boxes."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ferapp.inference.onnx_model import OnnxModel
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.vision import boxes
from ferapp.vision.crops import Image
from ferapp.vision.parts import parts, whole_faces
from ferapp.vision.preprocess import InputSpec, batch


class Detector(Protocol):
    """Finds faces; every implementation may be called from several threads at once."""

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """The faces of a picture, (h, w, 3) RGB uint8, by descending score, boxes clipped to it."""
        ...


class UltraLight:
    """SSD detectors with the outputs of Ultra-Light-Fast-Generic-Face-Detector-1MB.

    ``scores``, (1, n, 2), are the probabilities of background and face, ``boxes``, (1, n, 4), the
    corners as shares of width and height; the graph itself decodes the priors. The picture is
    stretched to the size of the input, as in training.
    """

    def __init__(self, session: OnnxModel, spec: InputSpec) -> None:
        self._session = session
        self._spec = spec

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `Detector.detect`."""
        scores, corners = self._session.run(batch([image_rgb], self._spec))
        return faces_of(corners[0], scores[0], image_rgb, settings)


class InParts:
    """Looks for faces in a whole picture, and for small ones in overlapping parts of it.

    Args:
        detector: Looks for faces in either.
        part_wh: How large a part should be, px; a picture that is no larger has none.
        most: Maximum number of parts, which bounds the time that a picture takes.
    """

    def __init__(self, detector: Detector, *, part_wh: tuple[int, int], most: int) -> None:
        self._detector = detector
        self._part_wh = part_wh
        self._most = most

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `Detector.detect`."""
        height, width = image_rgb.shape[:2]
        found = [self._detector.detect(image_rgb, settings)]
        for place in parts((width, height), self._part_wh, self._most):
            found.append(self._find_in(place, image_rgb, settings))
        xyxy = np.concatenate([faces.xyxy for faces in found])
        score = np.concatenate([faces.score for faces in found])
        keep = boxes.nms(xyxy, score, iou_threshold=settings.iou, limit=settings.max_faces)
        return Faces(xyxy[keep], score[keep])

    def _find_in(
        self, place: tuple[int, int, int, int], image_rgb: Image, settings: DetectionSettings
    ) -> Faces:
        """The faces of one part that are whole, in px of the picture."""
        x1, y1, x2, y2 = place
        faces = self._detector.detect(image_rgb[y1:y2, x1:x2], settings)
        xyxy = faces.xyxy + np.array([x1, y1, x1, y1], np.float32)
        is_whole = whole_faces(xyxy, place, (image_rgb.shape[1], image_rgb.shape[0]))
        return Faces(xyxy[is_whole], faces.score[is_whole])


def faces_of(
    corners: NDArray[np.float32],
    scores: NDArray[np.float32],
    image: Image,
    settings: DetectionSettings,
) -> Faces:
    """Faces from the raw outputs of an SSD detector.

    Args:
        corners: Boxes xyxy as shares of width and height, (priors, 4).
        scores: Probabilities of background and face, (priors, 2).
        image: The picture, (h, w, ...).
        settings: Minimum score, NMS threshold and maximum number of faces.

    Returns:
        Faces by descending score, boxes in px, clipped to the picture.

    Example:
        >>> corners = np.array([[0.25, 0.2, 0.5, 0.4], [0.5, 0.5, 0.6, 0.6]], np.float32)
        >>> scores = np.array([[0.1, 0.9], [0.8, 0.2]], np.float32)
        >>> picture = np.zeros((100, 200, 3), np.uint8)
        >>> faces_of(corners, scores, picture, DetectionSettings(confidence=0.5)).xyxy
        array([[ 50.,  20., 100.,  40.]], dtype=float32)
    """
    height, width = image.shape[:2]
    is_finite = np.isfinite(corners).all(axis=1) & np.isfinite(scores[:, 1])
    likely = is_finite & (scores[:, 1] >= settings.confidence)
    xyxy = corners[likely] * np.array([width, height, width, height], np.float32)
    xyxy, score = boxes.clip_to(xyxy, width=width, height=height), scores[likely, 1]
    usable = boxes.areas(xyxy) > 0
    xyxy, score = xyxy[usable], score[usable]
    keep = boxes.nms(xyxy, score, iou_threshold=settings.iou, limit=settings.max_faces)
    return Faces(xyxy[keep], score[keep])
