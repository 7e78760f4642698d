"""A stream of frames in, every face's expression over time out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.detection_rate import DetectionRate
from ferapp.pipeline.people import FaceReading, Observation, People
from ferapp.settings import AnalysisSettings, StreamSettings
from ferapp.temporal.tracking import Tracker
from ferapp.types import Faces
from ferapp.vision.crops import Image
from ferapp.vision.quality import check_faces


@dataclass(frozen=True, eq=False)
class StreamFrame:
    """The faces of one frame.

    Attributes:
        at_s: Time of the frame, s.
        size_wh: Its width and height, px.
        labels: The expressions in column order.
        faces: By id.
        is_detected: Whether faces were detected, or followed from the frame before.
        is_read: Whether the expressions were read, or carried over from an earlier frame.
        unconfirmed: Boxes not yet found often enough to count as faces, (m, 4), px.
    """

    at_s: float
    size_wh: tuple[int, int]
    labels: tuple[str, ...]
    faces: tuple[FaceReading, ...]
    is_detected: bool
    is_read: bool
    unconfirmed: NDArray[np.float32]


class Stream:
    """Detects, tracks, classifies and smooths; one for each visitor.

    `process` is called from the thread of the stream, the methods about baselines from that of the
    page: they only leave a request for the next frame.

    Args:
        analyzer: May be shared with others.
        clock: Returns seconds; measures the cost of detection.
        tracker: A new one; needed if the frame rate is not that of a camera.
    """

    def __init__(
        self, analyzer: Analyzer, clock: Callable[[], float], *, tracker: Tracker | None = None
    ) -> None:
        self._analyzer = analyzer
        self._clock = clock
        self._tracker = tracker or Tracker()
        self._rate = DetectionRate()
        self._people = People(analyzer.labels, analyzer.neutral_reference)
        self._is_mirrored = False

    @property
    def knows_neutral(self) -> bool:
        """Whether the classifier has a neutral reference, which baselines need."""
        return self._analyzer.neutral_reference is not None

    def take_baselines(self) -> None:
        """Start taking the neutral baseline of every face in the next frame."""
        self._people.request_baselines(True)

    def drop_baselines(self) -> None:
        """Forget every baseline."""
        self._people.request_baselines(False)

    def process(
        self,
        image_rgb: Image,
        at_s: float,
        settings: StreamSettings | None = None,
        *,
        known_faces: Faces | None = None,
    ) -> StreamFrame:
        """Read one frame.

        Args:
            image_rgb: (h, w, 3) uint8; its size may change from frame to frame.
            at_s: Its time, s, later than that of the frame before.
            settings: May change from frame to frame.
            known_faces: The faces in it, if they have been detected already.

        Raises:
            SettingError: The classifier does not know a requested class.
            ModelError: The classifier gave no finite numbers.
        """
        settings = settings or StreamSettings()
        size_wh = (image_rgb.shape[1], image_rgb.shape[0])
        self._rate.advance(at_s)
        is_detected = known_faces is not None or self._rate.is_due(settings.detect_every)
        unconfirmed = np.empty((0, 4), np.float32)
        if is_detected:
            if known_faces is None:
                known_faces = self._detect(image_rgb, settings.analysis)
            self._rate.restart()
            ids, faces, unconfirmed = self._identify(known_faces, at_s)
            readings = self._read(image_rgb, ids, faces, at_s, settings)
        else:
            readings = self._people.follow(self._tracker.predict(at_s), size_wh)
            if settings.reads_followed:
                ids, faces = [reading.id for reading in readings], _faces_of(readings)
                readings = self._read(image_rgb, ids, faces, at_s, settings)
        return StreamFrame(
            at_s=at_s,
            size_wh=size_wh,
            labels=self._people.labels,
            faces=tuple(sorted(readings, key=lambda reading: reading.id)),
            is_detected=is_detected,
            is_read=is_detected or settings.reads_followed,
            unconfirmed=unconfirmed,
        )

    def _detect(self, image: Image, settings: AnalysisSettings) -> Faces:
        start = self._clock()
        faces = self._analyzer.detect(image, settings)
        self._rate.add_cost(self._clock() - start)
        return faces

    def _identify(self, faces: Faces, at_s: float) -> tuple[list[int], Faces, NDArray[np.float32]]:
        """Ids, the n faces that have one, and the boxes without one, (m, 4) px."""
        ids = self._tracker.update(faces.xyxy, at_s)
        self._people.forget_others(self._tracker.ids)
        is_known = np.array([id is not None for id in ids], np.bool_)
        known = [id for id in ids if id is not None]
        return known, faces.at(np.flatnonzero(is_known)), faces.xyxy[~is_known]

    def _read(
        self, image: Image, ids: Sequence[int], faces: Faces, at_s: float, settings: StreamSettings
    ) -> list[FaceReading]:
        """Read the expressions of faces that have ids."""
        checks = check_faces(image, faces.xyxy)
        fit = np.flatnonzero([check.flaw is None for check in checks])
        crops = [check.crop for check in checks if check.crop is not None and check.flaw is None]
        analysis = self._analyzer.judge(image, faces.at(fit), self._look(settings), crops=crops)
        self._people.use_labels(analysis.labels)
        probabilities = dict(zip(fit.tolist(), analysis.probabilities, strict=True))
        observations = [
            Observation(
                id=id,
                xyxy=faces.xyxy[row],
                score=float(faces.score[row]),
                probabilities=probabilities.get(row),
                flaw=checks[row].flaw,
            )
            for row, id in enumerate(ids)
        ]
        return self._people.read(
            observations, at_s, unsure_below=analysis.unsure_below, settings=settings
        )

    def _look(self, settings: StreamSettings) -> AnalysisSettings:
        """With smoothing: the face and its mirror image in turn, which halves the cost.

        Smoothing averages them over time.
        """
        if not settings.time_constant_s:
            return settings.analysis
        self._is_mirrored = not self._is_mirrored
        return replace(settings.analysis, look="mirrored" if self._is_mirrored else "plain")


def _faces_of(readings: Sequence[FaceReading]) -> Faces:
    return Faces(
        np.array([reading.xyxy for reading in readings], np.float32).reshape(-1, 4),
        np.array([reading.score for reading in readings], np.float32),
    )
