"""Models that OpenCV runs: other detectors, and a smile cascade.

OpenCV's networks and cascades keep state between setting the input and running, so a lock guards
each object. Version 5 dropped the Caffe importer and the cascades (opencv/opencv#28678, #25004).
"""

import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import ModelError
from ferapp.inference.detectors import faces_of
from ferapp.settings import DetectionSettings
from ferapp.types import Faces
from ferapp.vision import boxes
from ferapp.vision.crops import Image, region, resize
from ferapp.vision.opencv import cv2, part
from ferapp.vision.preprocess import InputSpec, batch, convert_colour
from ferapp.vision.priors import decode_offsets, priors


class CaffeUltraLight:
    """Ultra-Light detectors in Caffe format: ``scores`` as probabilities, ``boxes`` as offsets.

    Args:
        weights: Bytes of the ``.caffemodel``.
        graph: Bytes of the ``.prototxt``.
        spec: The input of the network.

    Raises:
        ModelError: OpenCV can't load the network.
    """

    def __init__(self, weights: bytes, graph: bytes, spec: InputSpec) -> None:
        self._spec = spec
        self._priors = priors(spec.size_wh, is_even=True)
        self._lock = threading.Lock()
        try:
            # As arrays: OpenCV would take bytes for a path.
            self._net: Any = part("dnn.readNetFromCaffe")(
                np.frombuffer(graph, np.uint8), np.frombuffer(weights, np.uint8)
            )
        except cv2.error as exc:
            raise ModelError("OpenCV can't load the Caffe model.") from exc

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `ferapp.inference.detectors.Detector.detect`."""
        blob = batch([image_rgb], self._spec)
        with self._lock:
            self._net.setInput(blob)
            offsets, scores = self._net.forward(["boxes", "scores"])
        return faces_of(decode_offsets(offsets[0], self._priors), scores[0], image_rgb, settings)


class YuNet:
    """YuNet through OpenCV (Wu et al., 2023, "YuNet: A Tiny Millisecond-level Face Detector").

    Args:
        model: The bytes of the ONNX file.
        longest_px: Length to which the longer side of a picture is resized; small faces need more.

    Raises:
        ModelError: OpenCV can't load the model.
    """

    def __init__(self, model: bytes, *, longest_px: int = 640) -> None:
        self._longest_px = longest_px
        self._lock = threading.Lock()  # its input size is state
        try:
            self._detector: Any = cv2.FaceDetectorYN.create(
                "onnx", np.frombuffer(model, np.uint8), np.empty(0, np.uint8), (320, 320)
            )
        except cv2.error as exc:
            raise ModelError("OpenCV can't load the YuNet model.") from exc

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `ferapp.inference.detectors.Detector.detect`."""
        height, width = image_rgb.shape[:2]
        scale = self._longest_px / max(height, width)
        size = (round(width * scale), round(height * scale))
        if min(size) < _YUNET_LEAST_PX:
            return Faces.empty()
        image_bgr = np.ascontiguousarray(resize(image_rgb, size)[:, :, ::-1])
        with self._lock:
            self._detector.setInputSize(size)
            self._detector.setScoreThreshold(settings.confidence)
            self._detector.setNMSThreshold(settings.iou)
            self._detector.setTopK(5000)
            windows: Any = self._detector.detect(image_bgr)[1]
        if windows is None:
            return Faces.empty()
        rows: NDArray[np.float32] = np.asarray(windows, np.float32)
        rows = rows[np.isfinite(rows).all(axis=1)]
        xyxy = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        marks = rows[:, 4:14].reshape(-1, 5, 2)
        to_picture = np.array([width / size[0], height / size[1]], np.float32)
        faces = Faces(
            boxes.clip_to(xyxy * np.tile(to_picture, 2), width=width, height=height),
            rows[:, 14].clip(0, 1),
            marks * to_picture,
        )
        best = np.argsort(-faces.score, kind="stable")
        return faces.at(best[boxes.areas(faces.xyxy[best]) > 0][: settings.max_faces])


class Haar:
    """Viola and Jones' boosted cascade (2001, "Rapid Object Detection using a Boosted Cascade").

    The cascade accepts or rejects each window, and OpenCV merges overlapping ones. The score is
    made from the number n of merged windows, n / (n + 3), so that 0.5 stands for OpenCV's default
    of three neighbours; it is not a probability.

    Args:
        model: Bytes of the cascade's XML file.
        longest_px: Larger pictures are resized to this; every scale is searched window by window.

    Raises:
        ModelError: The bytes hold no cascade.
    """

    def __init__(self, model: bytes, *, longest_px: int = 640) -> None:
        self._longest_px = longest_px
        self._lock = threading.Lock()
        self._cascade = _load_cascade(model)

    def detect(self, image_rgb: Image, settings: DetectionSettings) -> Faces:
        """See `ferapp.inference.detectors.Detector.detect`."""
        height, width = image_rgb.shape[:2]
        scale = min(self._longest_px / max(height, width), 1.0)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        grey = cv2.equalizeHist(convert_colour(resize(image_rgb, size), "grey"))
        with self._lock:
            windows, neighbours = self._cascade.detectMultiScale2(
                grey, scaleFactor=1.1, minNeighbors=1, minSize=(24, 24)
            )
        if not len(windows):
            return Faces.empty()
        corner_and_size = np.asarray(windows, np.float32) / scale
        xyxy = np.concatenate(
            [corner_and_size[:, :2], corner_and_size[:, :2] + corner_and_size[:, 2:]], axis=1
        )
        count = np.asarray(neighbours, np.float32).reshape(-1)
        score = np.asarray(count / (count + _OPENCV_NEIGHBOURS), np.float32)
        xyxy = boxes.clip_to(xyxy, width=width, height=height)
        keep = np.flatnonzero((score >= settings.confidence) & (boxes.areas(xyxy) > 0))
        keep = keep[
            boxes.nms(xyxy[keep], score[keep], iou_threshold=settings.iou, limit=settings.max_faces)
        ]
        return Faces(xyxy[keep], score[keep])


class SmileCascade:
    """Whether a mouth smiles, by a cascade on the lower half of each face.

    It is independent of the eight expressions, and weak: see the figures at its constant. It may be
    called from several threads at once.

    Args:
        model: Bytes of the cascade's XML file.

    Raises:
        ModelError: The bytes hold no cascade.
    """

    def __init__(self, model: bytes) -> None:
        self._lock = threading.Lock()
        self._cascade = _load_cascade(model)

    def smiles(self, image_rgb: Image, xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether each face smiles, (n,) bool.

        Args:
            image_rgb: (h, w, 3) uint8.
            xyxy: Boxes, (n, 4), px.
        """
        out = np.zeros(len(xyxy), np.bool_)
        for index, square in enumerate(boxes.squares(xyxy)):
            face = region(image_rgb, square, (_SMILE_FACE_PX, _SMILE_FACE_PX))
            mouth = cv2.equalizeHist(convert_colour(face[_SMILE_FACE_PX // 2 :], "grey"))
            with self._lock:
                mouths = self._cascade.detectMultiScale(
                    mouth, scaleFactor=1.1, minNeighbors=_SMILE_NEIGHBOURS, minSize=(36, 18)
                )
            out[index] = len(mouths) > 0
        return out


# Smaller than any face in the training data. On strips of one pixel OpenCV reads uninitialised
# memory and returns boxes made from it.
_YUNET_LEAST_PX: Final = 10
_OPENCV_NEIGHBOURS: Final = 3
_SMILE_FACE_PX: Final = 128
# Chosen on 1,000 FER+ Valid faces: a smile is found in 66 % of the happy ones and in 16 % of the
# others; with the 20 neighbours of tutorials, in 78 % and 32 %.
_SMILE_NEIGHBOURS: Final = 44


def _load_cascade(model: bytes) -> Any:
    """Load a cascade from bytes, never from a path whose file may change in between."""
    try:
        storage = cv2.FileStorage(model.decode(), cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        cascade = part("CascadeClassifier")()
        if cascade.read(storage.getFirstTopLevelNode()):
            return cascade
    except (cv2.error, SystemError, UnicodeDecodeError) as exc:
        raise ModelError("OpenCV can't load the cascade.") from exc
    raise ModelError("OpenCV can't load the cascade: the file contains none.")
