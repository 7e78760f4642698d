"""Detect, crop, classify: one picture in, every face with its expression out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import InvalidValue, SettingError
from ferapp.face_shape import FaceShape
from ferapp.inference.detectors import Detector
from ferapp.media.images import AnyImage, to_rgb
from ferapp.pipeline.small_faces import Sight
from ferapp.settings import AnalysisSettings, Look
from ferapp.types import Faces, FrameAnalysis
from ferapp.vision.boxes import squares
from ferapp.vision.crops import Image, region
from ferapp.vision.quality import CHECKED_WH, flaws


class Classifier(Protocol):
    """Classifies expressions; see `ferapp.inference.classifiers.ExpressionClassifier`."""

    labels: tuple[str, ...]
    size_wh: tuple[int, int]
    unsure_below: float
    neutral_reference: NDArray[np.float32] | None

    def classify(self, crops_rgb: Sequence[Image], *, look: Look = "both") -> NDArray[np.float32]:
        """Probabilities, (n, labels) float32, of crops (h, w, 3) RGB uint8."""
        ...


class SmileReader(Protocol):
    """Detects smiles; see `ferapp.inference.opencv_detectors.SmileCascade`."""

    def smiles(self, image_rgb: Image, xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether each face smiles, (n,)."""
        ...


class ShapeReader(Protocol):
    """Finds landmarks; see `ferapp.inference.landmarks.shape_reader.ShapeReader`."""

    def shapes(self, image_rgb: Image, xyxy: NDArray[np.float32]) -> tuple[FaceShape, ...]:
        """Landmarks, head pose and measures of each face, (n,)."""
        ...


class Analyzer:
    """Stateless: one may serve any number of threads and visitors at once.

    Args:
        detector: Finds faces.
        classifier: Reads their expressions.
        smile_reader: Used if the settings ask for smiles.
        shape_reader: Used if the settings ask for landmarks.
        sight: What the detector sees, for notes about small faces; None for no such notes.
        detector_name: Stored with the results.
        classifier_name: Stored with the results.
    """

    def __init__(
        self,
        detector: Detector,
        classifier: Classifier,
        *,
        smile_reader: SmileReader | None = None,
        shape_reader: ShapeReader | None = None,
        sight: Sight | None = None,
        detector_name: str = "",
        classifier_name: str = "",
    ) -> None:
        self._detector = detector
        self._classifier = classifier
        self._smile_reader = smile_reader
        self._shape_reader = shape_reader
        self._sight = sight
        self.detector_name = detector_name
        self.classifier_name = classifier_name

    @property
    def labels(self) -> tuple[str, ...]:
        """The expressions that the classifier knows."""
        return self._classifier.labels

    @property
    def unsure_below(self) -> float:
        """The threshold of the classifier's calibration."""
        return self._classifier.unsure_below

    @property
    def neutral_reference(self) -> NDArray[np.float32] | None:
        """Mean probabilities of the neutral faces of many people, (labels,), if measured."""
        return self._classifier.neutral_reference

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, as for another process: loaded models can't be."""
        raise InvalidValue(
            "an Analyzer can't be copied or sent to another process; call ferapp.load_analyzer() "
            "in each process, such as in the initializer of a pool"
        )

    def analyze(
        self, image_rgb: AnyImage, settings: AnalysisSettings | None = None
    ) -> FrameAnalysis:
        """Find every face and read its expression; all faces go to the classifier at once.

        Args:
            image_rgb: (h, w, 3) uint8, as `read_image` gives it. Also a grey array, one with an
                alpha channel or of other numbers, if their meaning is clear; a picture of Pillow;
                or the path, the bytes or the open file of a picture. How numbers other than
                bytes were read is in the notes.
            settings: The defaults if None.

        Raises:
            SettingError: The classifier does not know a requested class, or smiles or landmarks
                were requested without their reader.
            ModelError: The classifier gave no finite numbers, or none in time.
            InvalidValue: This is no picture, or it is not clear what its numbers mean.
            ImageError: The file or the picture of Pillow can't be read.

        Example:
            >>> from ferapp import load_analyzer
            >>> load_analyzer().analyze("ferapp/samples/three-portraits.jpg").expressions
            ['neutral', 'happiness', 'neutral']
        """
        settings = settings or AnalysisSettings()
        if settings.with_landmarks and self._shape_reader is None:
            raise SettingError("Landmarks were requested, but their network is not loaded.")
        image, reading_note = to_rgb(image_rgb)
        # One more than the maximum shows whether there were more.
        detection = replace(settings.detection, max_faces=settings.detection.max_faces + 1)
        faces = self._detector.detect(image, detection)
        kept = faces.at(np.arange(len(faces))[: settings.detection.max_faces])
        height, width = image.shape[:2]
        size_note = self._sight.note((width, height), faces) if self._sight else ""
        return replace(
            self.judge(image, kept, settings),
            is_cut=len(faces) > len(kept),
            notes=tuple(note for note in (reading_note, size_note) if note),
            flaws=tuple(flaws(image, kept.xyxy)),
            shapes=(
                self._shape_reader.shapes(image, kept.xyxy)
                if self._shape_reader and settings.with_landmarks
                else None
            ),
        )

    def detect(self, image_rgb: AnyImage, settings: AnalysisSettings) -> Faces:
        """Only find the faces of a picture, which may be anything that `analyze` takes."""
        return self._detector.detect(to_rgb(image_rgb)[0], settings.detection)

    def judge(
        self,
        image_rgb: AnyImage,
        faces: Faces,
        settings: AnalysisSettings,
        *,
        crops: Sequence[Image] | None = None,
    ) -> FrameAnalysis:
        """Read the expressions of faces that have been found.

        Args:
            image_rgb: As for `analyze`.
            faces: Their boxes in px of the picture.
            settings: As for `analyze`.
            crops: The crops that `ferapp.vision.quality.check_faces` has made, if any; used where
                the classifier would need the same.

        Raises:
            SettingError: As for `analyze`.
            ModelError: As for `analyze`.
            InvalidValue: As for `analyze`.
            ImageError: As for `analyze`.
        """
        image, _ = to_rgb(image_rgb)
        labels = self._chosen(settings)
        columns = [self.labels.index(name) for name in labels]
        if settings.with_smile and self._smile_reader is None:
            raise SettingError("Smiles were requested, but the smile cascade is not loaded.")
        height, width = image.shape[:2]
        wanted_wh = self._classifier.size_wh
        if crops is None or settings.padding or tuple(wanted_wh) != CHECKED_WH:
            crops = [
                region(image, square, wanted_wh)
                for square in squares(faces.xyxy, padding=settings.padding)
            ]
        shares = self._classifier.classify(crops, look=settings.look)
        return FrameAnalysis(
            size_wh=(width, height),
            faces=faces,
            labels=labels,
            probabilities=renormalised(shares[:, columns]) if settings.classes else shares,
            unsure_below=settings.threshold(self.unsure_below),
            left_out=tuple(name for name in self.labels if name not in labels),
            share_kept=shares[:, columns].sum(axis=1) if settings.classes else None,
            smiles=(
                self._smile_reader.smiles(image, faces.xyxy)
                if self._smile_reader and settings.with_smile
                else None
            ),
            detector=self.detector_name,
            classifier=self.classifier_name,
        )

    def _chosen(self, settings: AnalysisSettings) -> tuple[str, ...]:
        unknown = [c for c in settings.classes if c not in self.labels]
        if unknown:
            raise SettingError(
                f"The classifier does not know {', '.join(map(repr, unknown))}; "
                f"it knows: {', '.join(self.labels)}."
            )
        return settings.chosen(self.labels)


def renormalised(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to a sum of 1, (n, k); equal shares where the sum is zero."""
    total = shares.sum(axis=1, keepdims=True)
    is_left = total > np.finfo(np.float32).tiny
    out = np.divide(shares, total, where=is_left, out=np.full_like(shares, 1 / shares.shape[1]))
    return np.asarray(out, np.float32)
