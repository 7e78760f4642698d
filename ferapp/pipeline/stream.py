"""A stream of frames in, every face's expression over time out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.detection_rate import DetectionRate
from ferapp.pipeline.people import FaceReading, Observation, People
from ferapp.settings import AnalysisSettings, StreamSettings
from ferapp.temporal.appearance import appearances
from ferapp.temporal.baseline_taking import BaselineStatus
from ferapp.temporal.cuts import CutDetector
from ferapp.temporal.tracking import Tracker
from ferapp.types import Faces
from ferapp.vision.boxes import SteadyPlaces
from ferapp.vision.crops import Image, size_of
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
        baseline: How far the taking of a neutral baseline is; None if none was asked for.
    """

    at_s: float
    size_wh: tuple[int, int]
    labels: tuple[str, ...]
    faces: tuple[FaceReading, ...]
    is_detected: bool
    is_read: bool
    unconfirmed: NDArray[np.float32]
    baseline: BaselineStatus | None = None


class Stream:
    """Detects, tracks, classifies and smooths; one for each visitor.

    `process` is called from the thread of the stream, the methods about baselines from that of the
    page: they only leave a request for the next frame.

    Args:
        analyzer: May be shared with others.
        clock: Returns seconds; measures the cost of detection.
    """

    def __init__(self, analyzer: Analyzer, clock: Callable[[], float]) -> None:
        self._analyzer = analyzer
        self._clock = clock
        self._tracker = Tracker()
        self._cuts = CutDetector()
        self._rate = DetectionRate()
        self._people = People(analyzer.labels, analyzer.neutral_reference)
        self._places = SteadyPlaces()  # for the tracker, which knows one size

    @property
    def knows_neutral(self) -> bool:
        """Whether the classifier has a neutral reference, which baselines need."""
        return self._analyzer.neutral_reference is not None

    def take_baseline(self) -> None:
        """Start to take the neutral baseline of the only face; see `StreamFrame.baseline`."""
        self._people.request_baseline(True)

    def drop_baselines(self) -> None:
        """Forget every baseline."""
        self._people.request_baseline(False)

    def process(
        self,
        image_rgb: Image,
        at_s: float,
        settings: StreamSettings | None = None,
    ) -> StreamFrame:
        """Read one frame.

        Args:
            image_rgb: (h, w, 3) uint8; its size may change from frame to frame.
            at_s: Its time, s, later than that of the frame before.
            settings: May change from frame to frame.

        Raises:
            SettingError: The classifier does not know a requested class.
            ModelError: The classifier gave no finite numbers.
        """
        settings = settings or StreamSettings()
        size_wh = size_of(image_rgb)
        self._rate.advance(at_s)
        if self._cuts.update(image_rgb, at_s):
            self._tracker.end_shot()
        is_detected = self._rate.is_due(settings.detect_every)
        unconfirmed = np.empty((0, 4), np.float32)
        if is_detected:
            ids, faces, unconfirmed = self._identify(image_rgb, at_s, settings.analysis)
            readings = read_faces(
                self._analyzer, self._people, image_rgb, faces, at_s, settings, keys=ids
            )
        else:
            expected = {
                id: self._places.back(xyxy, size_wh)
                for id, xyxy in self._tracker.predict(at_s).items()
            }
            readings = self._people.follow(expected, size_wh)
        return StreamFrame(
            at_s=at_s,
            size_wh=size_wh,
            labels=self._people.labels,
            faces=tuple(sorted(readings, key=lambda reading: reading.id)),
            is_detected=is_detected,
            is_read=is_detected,
            unconfirmed=unconfirmed,
            baseline=self._people.baseline,
        )

    def _detect(self, image: Image, settings: AnalysisSettings) -> Faces:
        start = self._clock()
        faces = self._analyzer.detect(image, settings)
        self._rate.add_cost(self._clock() - start)
        self._rate.restart()
        return faces

    def _identify(
        self, image: Image, at_s: float, settings: AnalysisSettings
    ) -> tuple[list[int], Faces, NDArray[np.float32]]:
        """Ids, the n faces that have one, and the boxes without one, (m, 4) px."""
        faces = self._detect(image, settings)
        places = self._places.of(faces.xyxy, size_of(image))
        tracks = self._tracker.update(places, at_s, appearances(image, faces.xyxy))
        self._people.forget_others(self._tracker.ids)
        is_known = np.array([track.id is not None for track in tracks], np.bool_)
        ids = [track.id for track in tracks if track.id is not None]
        return ids, faces.at(np.flatnonzero(is_known)), faces.xyxy[~is_known]


def read_faces(
    analyzer: Analyzer,
    people: People,
    image: Image,
    faces: Faces,
    at_s: float,
    settings: StreamSettings,
    *,
    keys: Sequence[int],
) -> list[FaceReading]:
    """Read the expressions of the n faces of one frame.

    Args:
        analyzer: Which reads them.
        people: What is remembered of each.
        image: (h, w, 3) RGB uint8.
        faces: Where they are, px.
        at_s: Time of the frame, s.
        settings: How they are read.
        keys: By which each is remembered, (n,).

    Raises:
        SettingError: The classifier does not know a requested class.
        ModelError: The classifier gave no finite numbers.
    """
    checks = check_faces(image, faces.xyxy)
    fit = np.flatnonzero([check.flaw is None for check in checks])
    crops = [check.crop for check in checks if check.crop is not None and check.flaw is None]
    analysis = analyzer.judge(image, faces.at(fit), settings.analysis, crops=crops)
    people.use_labels(analysis.labels)
    probabilities = dict(zip(fit.tolist(), analysis.probabilities, strict=True))
    kept = analysis.share_kept
    shares_kept = {} if kept is None else dict(zip(fit.tolist(), kept.tolist(), strict=True))
    size_wh = size_of(image)
    observations = [
        Observation(
            id=key,
            xyxy=faces.xyxy[row],
            size_wh=size_wh,
            score=float(faces.score[row]),
            probabilities=probabilities.get(row),
            flaw=checks[row].flaw,
            share_kept=shares_kept.get(row),
        )
        for row, key in enumerate(keys)
    ]
    return people.read(observations, at_s, unsure_below=analysis.unsure_below, settings=settings)
