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
    """What one frame showed.

    Attributes:
        at_s: Time of the frame, s.
        size_wh: Its width and height, px.
        labels: The expressions in column order.
        faces: By id.
        is_detected: Whether faces were looked for, or followed from the frame before.
        is_read: Whether the faces were looked at, or stand as they were read before.
        unconfirmed: Boxes that have not been found often enough to count as faces, (m, 4), px.
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

    `process` is called from one thread, the stream's; the three methods about baselines from
    another, the page's: they only leave a wish that the next frame fulfils.

    Args:
        analyzer: Shared with others.
        clock: Tells seconds, to measure what detection costs.
        tracker: New; made for the rate of the frames if that is not a camera's.
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
        """Whether the classifier knows how neutral faces of many people read."""
        return self._analyzer.neutral_reference is not None

    def take_baselines(self) -> None:
        """From the next frame on, take the neutral baseline of every face that is seen."""
        self._people.want_baselines(True)

    def drop_baselines(self) -> None:
        """Forget every baseline."""
        self._people.want_baselines(False)

    def process(
        self,
        image_rgb: Image,
        at_s: float,
        settings: StreamSettings | None = None,
        *,
        found: Faces | None = None,
    ) -> StreamFrame:
        """Read one frame.

        Args:
            image_rgb: (h, w, 3) uint8; its size may change from frame to frame.
            at_s: Its time, s, later than that of the frame before.
            settings: May change from frame to frame.
            found: The faces in it, by who has looked for them already.

        Raises:
            SettingError: The classifier does not know a class that was asked for.
            ModelError: The classifier gave no finite numbers.
        """
        how = settings or StreamSettings()
        size_wh = (image_rgb.shape[1], image_rgb.shape[0])
        self._rate.advance(at_s)
        is_detected = found is not None or self._rate.is_due(how.detect_every)
        unconfirmed = np.empty((0, 4), np.float32)
        if is_detected:
            boxes = self._detect(image_rgb, how.analysis) if found is None else found
            self._rate.restart()
            ids, faces, unconfirmed = self._identify(boxes, at_s)
            readings = self._read(image_rgb, ids, faces, at_s, how)
        else:
            readings = self._people.follow(self._tracker.predict(at_s), size_wh)
            if how.reads_followed:
                ids, faces = [reading.id for reading in readings], _faces_of(readings)
                readings = self._read(image_rgb, ids, faces, at_s, how)
        return StreamFrame(
            at_s=at_s,
            size_wh=size_wh,
            labels=self._people.labels,
            faces=tuple(sorted(readings, key=lambda reading: reading.id)),
            is_detected=is_detected,
            is_read=is_detected or how.reads_followed,
            unconfirmed=unconfirmed,
        )

    def _detect(self, image: Image, how: AnalysisSettings) -> Faces:
        start = self._clock()
        faces = self._analyzer.detect(image, how)
        self._rate.add_cost(self._clock() - start)
        return faces

    def _identify(self, faces: Faces, at_s: float) -> tuple[list[int], Faces, NDArray[np.float32]]:
        """Ids, the n faces that have one, and the boxes that have none yet, (m, 4) px."""
        ids = self._tracker.update(faces.xyxy, at_s)
        self._people.forget_others(self._tracker.ids)
        is_known = np.array([id is not None for id in ids], np.bool_)
        known = [id for id in ids if id is not None]
        return known, faces.at(np.flatnonzero(is_known)), faces.xyxy[~is_known]

    def _read(
        self, image: Image, ids: Sequence[int], faces: Faces, at_s: float, how: StreamSettings
    ) -> list[FaceReading]:
        """Tell the expressions of faces that are known by their ids."""
        checks = check_faces(image, faces.xyxy)
        fit = np.flatnonzero([check.flaw is None for check in checks])
        crops = [check.crop for check in checks if check.crop is not None and check.flaw is None]
        analysis = self._analyzer.judge(image, faces.at(fit), self._look(how), crops=crops)
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
            observations, at_s, unsure_below=analysis.unsure_below, settings=how
        )

    def _look(self, how: StreamSettings) -> AnalysisSettings:
        """One look a frame, the face and its mirror image in turn, where smoothing averages them.

        A look costs half as much as both.
        """
        if not how.time_constant_s:
            return how.analysis
        self._is_mirrored = not self._is_mirrored
        return replace(how.analysis, look="mirrored" if self._is_mirrored else "plain")


def _faces_of(readings: Sequence[FaceReading]) -> Faces:
    return Faces(
        np.array([reading.xyxy for reading in readings], np.float32).reshape(-1, 4),
        np.array([reading.score for reading in readings], np.float32),
    )
