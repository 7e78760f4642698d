"""A stream of frames in, every face's expression over time out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.pipeline.analyzer import Analyzer
from ferapp.settings import AnalysisSettings, StreamSettings
from ferapp.temporal.calibration import NeutralBaseline
from ferapp.temporal.smoothing import LabelHold, Smoother
from ferapp.temporal.tracking import Tracker
from ferapp.types import Faces, FrameAnalysis
from ferapp.vision.crops import Image
from ferapp.vision.quality import Flaw, flaws

# Of the time between two frames, detection may take so much before it skips frames.
_DETECTION_SHARE: Final = 0.5
_MOST_SKIPPED: Final = 5
# Means over this many frames decide how often faces are looked for.
_COST_FRAMES: Final = 15


@dataclass(frozen=True, eq=False)
class FaceReading:
    """One face in one frame.

    Attributes:
        id: Stays with the face.
        xyxy: Box, (4,) float32, px of the frame.
        score: Of the detector, in [0, 1].
        probabilities: As the classifier gave them, corrected by the baseline if there is one, (k,);
            None where the face is not fit to be read.
        smoothed: The same over time, (k,); None until there has been a reading.
        expression: The label that holds; None while it is unsure or there is none.
        flaw: Why the face has no reading.
        is_corrected: Whether a neutral baseline was applied.
        baseline_progress: How far a baseline that is being taken is, in [0, 1]; None if none is.
    """

    id: int
    xyxy: NDArray[np.float32]
    score: float
    probabilities: NDArray[np.float32] | None
    smoothed: NDArray[np.float32] | None
    expression: str | None
    flaw: Flaw | None
    is_corrected: bool
    baseline_progress: float | None


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


class _Person:
    """What is remembered of one face."""

    def __init__(self, settings: StreamSettings) -> None:
        self.smoother = Smoother(settings.time_constant_s)
        self.hold = LabelHold(settings.hold_s)
        self.baseline: NeutralBaseline | None = None
        self.last: FaceReading | None = None


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
        self._people: dict[int, _Person] = {}
        self._wish: bool | None = None
        self._labels = analyzer.labels
        self._since_detection = 0
        self._is_mirrored = False
        self._detection_s = 0.0
        self._between_s = 0.0
        self._last_s: float | None = None

    @property
    def knows_neutral(self) -> bool:
        """Whether the classifier knows how neutral faces of many people read."""
        return self._analyzer.neutral_reference is not None

    def take_baselines(self) -> None:
        """From the next frame on, take the neutral baseline of every face that is seen."""
        self._wish = True

    def drop_baselines(self) -> None:
        """Forget every baseline."""
        self._wish = False

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
        self._measure(at_s)
        self._since_detection += 1
        every = how.detect_every or self._every()
        is_detected = found is not None or self._since_detection >= every
        unconfirmed = np.empty((0, 4), np.float32)
        if is_detected:
            faces = self._detected(image_rgb, how) if found is None else found
            self._since_detection = 0
            given = self._tracker.update(faces.xyxy, at_s)
            known = np.array([id is not None for id in given], np.bool_)
            unconfirmed = faces.xyxy[~known]
            self._people = {i: p for i, p in self._people.items() if i in self._tracker.ids}
            ids = [id for id in given if id is not None]
            readings = self._read(image_rgb, ids, faces.at(np.flatnonzero(known)), at_s, how)
        else:
            readings = self._followed(at_s, image_rgb.shape[1::-1])
            if how.reads_followed:
                faces = Faces(
                    np.array([face.xyxy for face in readings], np.float32).reshape(-1, 4),
                    np.array([face.score for face in readings], np.float32),
                )
                readings = self._read(image_rgb, [f.id for f in readings], faces, at_s, how)
        return StreamFrame(
            at_s,
            (image_rgb.shape[1], image_rgb.shape[0]),
            self._labels,
            tuple(sorted(readings, key=lambda reading: reading.id)),
            is_detected,
            is_detected or how.reads_followed,
            unconfirmed,
        )

    def _detected(self, image: Image, how: StreamSettings) -> Faces:
        start = self._clock()
        faces = self._analyzer.detect(image, how.analysis)
        self._detection_s = _mean(self._detection_s, self._clock() - start)
        return faces

    def _read(
        self, image: Image, ids: list[int], faces: Faces, at_s: float, how: StreamSettings
    ) -> list[FaceReading]:
        """Tell the expressions of faces that are known by their ids."""
        found = flaws(image, faces.xyxy)
        fit = np.flatnonzero([flaw is None for flaw in found])
        analysis = self._analyzer.judge(image, faces.at(fit), self._look(how))
        if analysis.labels != self._labels:  # other classes: what was smoothed has other columns
            self._labels, self._people = analysis.labels, {}
        place = {int(row): n for n, row in enumerate(fit)}
        readings = []
        for row, (face, flaw) in enumerate(zip(ids, found, strict=True)):
            person = self._people.setdefault(face, _Person(how))
            person.smoother.time_constant_s, person.hold.hold_s = how.time_constant_s, how.hold_s
            shares = analysis.probabilities[place[row]] if row in place else None
            reading = self._reading(person, face, faces, row, shares, flaw, analysis, at_s)
            person.last = reading
            readings.append(reading)
        self._wish = None
        return readings

    def _reading(
        self,
        person: _Person,
        face: int,
        faces: Faces,
        row: int,
        shares: NDArray[np.float32] | None,
        flaw: Flaw | None,
        analysis: FrameAnalysis,
        at_s: float,
    ) -> FaceReading:
        if self._wish is not None:
            person.baseline = self._new_baseline() if self._wish else None
        baseline = person.baseline
        smoothed = person.last.smoothed if person.last else None
        expression = None
        if shares is not None:
            if baseline is not None:
                baseline.observe(shares, at_s)
                shares = baseline.corrected(shares)
            smoothed = person.smoother.update(shares, at_s)
            top = int(smoothed.argmax())
            is_sure = smoothed[top] >= analysis.unsure_below
            expression = person.hold.update(analysis.labels[top] if is_sure else None, at_s)
        is_ready = baseline is not None and baseline.is_ready
        return FaceReading(
            face,
            faces.xyxy[row],
            float(faces.score[row]),
            shares,
            smoothed,
            expression,
            flaw,
            is_corrected=is_ready,
            baseline_progress=None if baseline is None or is_ready else baseline.progress(at_s),
        )

    def _look(self, how: StreamSettings) -> AnalysisSettings:
        """One look a frame, the face and its mirror image in turn, where smoothing averages them.

        A look costs half as much as both.
        """
        if not how.time_constant_s:
            return how.analysis
        self._is_mirrored = not self._is_mirrored
        return replace(how.analysis, look="mirrored" if self._is_mirrored else "plain")

    def _followed(self, at_s: float, size_wh: tuple[int, int]) -> list[FaceReading]:
        """The faces of the last frame where they are expected now; nothing new is read."""
        readings = []
        limit = np.array([*size_wh, *size_wh], np.float32)
        for face, xyxy in self._tracker.predicted(at_s).items():
            last = self._people[face].last if face in self._people else None
            if last is not None:
                readings.append(
                    FaceReading(
                        face,
                        np.clip(xyxy, 0, limit).astype(np.float32),
                        last.score,
                        None,
                        last.smoothed,
                        last.expression,
                        last.flaw,
                        last.is_corrected,
                        last.baseline_progress,
                    )
                )
        return readings

    def _new_baseline(self) -> NeutralBaseline | None:
        reference = self._analyzer.neutral_reference
        known = self._analyzer.labels
        if reference is None:
            return None
        return NeutralBaseline(reference[[known.index(name) for name in self._labels]])

    def _measure(self, at_s: float) -> None:
        if self._last_s is not None:
            self._between_s = _mean(self._between_s, at_s - self._last_s)
        self._last_s = at_s

    def _every(self) -> int:
        """In every which frame faces are looked for, by what that costs."""
        if not self._between_s:
            return 1
        wanted = self._detection_s / (_DETECTION_SHARE * self._between_s)
        return int(np.clip(np.ceil(wanted), 1, _MOST_SKIPPED))


def _mean(mean: float, value: float) -> float:
    """A running mean over about `_COST_FRAMES` values; the first counts as it is."""
    return value if not mean else mean + (value - mean) / _COST_FRAMES
