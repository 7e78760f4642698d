"""What is remembered of each face from frame to frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ferapp.settings import StreamSettings
from ferapp.temporal.baseline import NeutralBaseline
from ferapp.temporal.baseline_taking import BaselineStatus, BaselineTaking
from ferapp.temporal.smoothing import LabelHold, Smoother
from ferapp.types import are_unsure, top_classes
from ferapp.vision.boxes import SteadyPlaces
from ferapp.vision.quality import Flaw

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceReading:
    """One face in one frame.

    Attributes:
        id: Stays with the face.
        xyxy: Box, (4,) float32, px of the frame.
        score: Of the detector, in [0, 1].
        probabilities: As the classifier gave them, corrected by the baseline if there is one, (k,);
            None if the face can't be read.
        smoothed: The same over time, by what came before, (k,); None until there has been a
            reading.
        expression: The label that holds; None if unsure or not read yet.
        flaw: Why the face can't be read.
        is_corrected: Whether a neutral baseline was applied.
        baseline_progress: Of a baseline that is being taken, in [0, 1]; None if none is.
        share_kept: Share of the probability on the requested expressions; None if all were.
    """

    id: int
    xyxy: Floats
    score: float
    probabilities: Floats | None
    smoothed: Floats | None
    expression: str | None
    flaw: Flaw | None
    is_corrected: bool
    baseline_progress: float | None
    share_kept: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Observation:
    """One face as a single frame shows it.

    Attributes:
        id: Stays with the face.
        xyxy: Box, (4,) float32, px of the frame.
        size_wh: Width and height of the frame, px.
        score: Of the detector, in [0, 1].
        probabilities: As the classifier gave them, (k,); None where there is a flaw.
        flaw: Why the face can't be read.
        share_kept: Share of the probability on the requested expressions; None if all were.
    """

    id: int
    xyxy: Floats
    size_wh: tuple[int, int]
    score: float
    probabilities: Floats | None
    flaw: Flaw | None
    share_kept: float | None = None


class People:
    """Turns observations of single frames into readings over time.

    All methods are called from one thread, except `request_baseline`.

    Args:
        labels: The expressions that the classifier knows, in column order.
        neutral_reference: Mean probabilities of neutral faces, (labels,), if known.

    Attributes:
        labels: The expressions in column order, of the last frame read.
    """

    def __init__(self, labels: tuple[str, ...], neutral_reference: Floats | None) -> None:
        self.labels = labels
        self._known_labels = labels
        self._neutral_reference = neutral_reference
        self._people: dict[int, _Person] = {}
        self._request: bool | None = None
        self._taking: BaselineTaking | None = None
        self._places = SteadyPlaces()

    def __len__(self) -> int:
        return len(self._people)

    @property
    def baseline(self) -> BaselineStatus | None:
        """How far the taking of a baseline is; None if none was asked for."""
        return self._taking.status if self._taking else None

    def request_baseline(self, is_wanted: bool) -> None:
        """In the next frame, start to take the baseline of the only face, or drop all baselines."""
        self._request = is_wanted

    def forget_others(self, ids: set[int]) -> None:
        """Forget all faces but these."""
        self._people = {id: person for id, person in self._people.items() if id in ids}

    def use_labels(self, labels: tuple[str, ...]) -> None:
        """Name the columns of the next observations; other labels reset every face."""
        if labels != self.labels:  # smoothed values have other columns
            self.labels, self._people = labels, {}
            if self._taking:
                self._taking.refuse("labels")

    def read(
        self,
        faces: Sequence[Observation],
        at_s: float,
        *,
        unsure_below: float,
        settings: StreamSettings,
    ) -> list[FaceReading]:
        """The readings of the faces of one frame, in their order.

        Args:
            faces: Of one frame; columns in the order given to `use_labels`.
            at_s: Time of the frame, s, later than that of the frame before.
            unsure_below: A face with a lower top probability is unsure.
            settings: The time constant and the hold time; may change from frame to frame.
        """
        people = [self._people.setdefault(face.id, _Person()) for face in faces]
        self._update_baselines(faces, at_s)
        readings = []
        for face, person in zip(faces, people, strict=True):
            for smoother in (person.smoother, person.kept):
                smoother.time_constant_s = settings.time_constant_s
            person.hold.hold_s = settings.hold_s
            status = self.baseline
            is_observed = status is not None and status.face == face.id
            person.baseline_progress = status.progress if status and is_observed else None
            readings.append(person.read(face, at_s, self.labels, unsure_below))
        return readings

    def _update_baselines(self, faces: Sequence[Observation], at_s: float) -> None:
        request, self._request = self._request, None
        if request is False:
            self._taking = None
            for person in self._people.values():
                person.baseline = None
        elif request and self._neutral_reference is not None:
            columns = [self._known_labels.index(name) for name in self.labels]
            reference = self._neutral_reference[columns]
            self._taking = BaselineTaking(self.labels, reference, at_s)
        taking = self._taking
        if taking is None or taking.status.is_over:
            return
        places = np.empty((0, 4), np.float32)
        if faces:
            boxes = np.array([face.xyxy for face in faces], np.float32)
            places = self._places.of(boxes, faces[0].size_wh)
        taking.update(
            [face.id for face in faces], places, [face.probabilities for face in faces], at_s
        )
        if taking.status.phase == "taken" and taking.status.face in self._people:
            self._people[taking.status.face].baseline = taking.baseline

    def follow(self, expected: Mapping[int, Floats], size_wh: tuple[int, int]) -> list[FaceReading]:
        """The last readings, moved to where the faces are expected now.

        Args:
            expected: Boxes, (4,), px, by id.
            size_wh: Of the frame, px; boxes end at its border, and a face whose centre is past it
                has left.
        """
        limit = np.array([*size_wh, *size_wh], np.float32)
        readings = []
        for id, xyxy in expected.items():
            last = self._people[id].last if id in self._people else None
            centre = (xyxy[:2] + xyxy[2:]) / 2
            has_left = (centre < 0).any() or (centre > limit[:2]).any()
            if last is not None and not has_left:
                inside = np.clip(xyxy, 0, limit).astype(np.float32)
                readings.append(replace(last, xyxy=inside, probabilities=None))
        return readings


class _Person:
    """The state of one face; its baseline is None until one was taken."""

    def __init__(self) -> None:
        self.smoother = Smoother(0.0)
        self.kept = Smoother(0.0)
        self.hold = LabelHold(0.0)
        self.baseline: NeutralBaseline | None = None
        self.baseline_progress: float | None = None
        self.last: FaceReading | None = None

    def read(
        self, face: Observation, at_s: float, labels: tuple[str, ...], unsure_below: float
    ) -> FaceReading:
        """Take in an observation; see `People.read`."""
        shares = face.probabilities
        smoothed = self.last.smoothed if self.last else None
        expression = None
        if shares is not None:
            if self.baseline is not None:
                shares = self.baseline.correct(shares)
            smoothed = self.smoother.update(shares, at_s)
            kept = face.share_kept
            now = None if kept is None else self.kept.update(np.array([kept], np.float32), at_s)
            is_unsure = bool(are_unsure(smoothed[None], unsure_below, now)[0])
            label = None if is_unsure else labels[int(top_classes(smoothed))]
            expression = self.hold.update(label, at_s)
        self.last = FaceReading(
            id=face.id,
            xyxy=face.xyxy,
            score=face.score,
            probabilities=shares,
            smoothed=smoothed,
            expression=expression,
            flaw=face.flaw,
            is_corrected=self.baseline is not None,
            baseline_progress=self.baseline_progress,
            share_kept=face.share_kept,
        )
        return self.last
