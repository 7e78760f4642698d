"""Face detectors: a picture in, boxes out."""

import threading
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ferapp.inference.session import Session
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.vision import boxes
from ferapp.vision.crops import Image, resized
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

    def __init__(self, session: Session, spec: InputSpec) -> None:
        self._session = session
        self._spec = spec

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `Detector.detect`."""
        scores, corners = self._session.run(batch([image_rgb], self._spec))
        return faces_of(corners[0], scores[0], image_rgb, settings)


class YuNet:
    """YuNet through OpenCV (Wu et al., 2023, "YuNet: A Tiny Millisecond-level Face Detector").

    Args:
        model: The bytes of the ONNX file.
        longest_px: The picture's longest side is brought to this; small faces need more.
    """

    def __init__(self, model: bytes, *, longest_px: int = 640) -> None:
        self._longest_px = longest_px
        # The detector keeps its input size as state, so that calls have to take turns.
        self._lock = threading.Lock()
        self._detector = cv2.FaceDetectorYN.create(
            "onnx", np.frombuffer(model, np.uint8), np.empty(0, np.uint8), (320, 320)
        )

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `Detector.detect`."""
        height, width = image_rgb.shape[:2]
        scale = self._longest_px / max(height, width)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        image_bgr = np.ascontiguousarray(resized(image_rgb, size)[:, :, ::-1])
        with self._lock:
            self._detector.setInputSize(size)
            self._detector.setScoreThreshold(settings.confidence)
            self._detector.setNMSThreshold(settings.iou)
            self._detector.setTopK(5000)
            found: Any = self._detector.detect(image_bgr)[1]
        if found is None:
            return Faces.empty()
        rows: NDArray[np.float32] = np.asarray(found, np.float32)
        xyxy = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        marks = rows[:, 4:14].reshape(-1, 5, 2)
        to_picture = np.array([width / size[0], height / size[1]], np.float32)
        faces = Faces(
            boxes.clip_to(xyxy * np.tile(to_picture, 2), width=width, height=height),
            rows[:, 14].clip(0, 1),
            marks * to_picture,
        )
        return faces.at(np.argsort(-faces.score, kind="stable")[: settings.max_faces])


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
    xyxy = corners * np.array([width, height, width, height], np.float32)
    xyxy, score = boxes.clip_to(xyxy, width=width, height=height), scores[:, 1]
    # A comparison with NaN is false, so that broken boxes are dropped here as well.
    usable = (score >= settings.confidence) & (boxes.areas(xyxy) > 0)
    xyxy, score = xyxy[usable], score[usable]
    kept = boxes.nms(xyxy, score, iou_threshold=settings.iou, limit=settings.max_faces)
    return Faces(xyxy[kept], score[kept])
