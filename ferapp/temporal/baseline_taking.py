"""Taking a neutral baseline: a countdown, ten seconds of holding still, and why it is refused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import class_of
from ferapp.temporal.baseline import BASELINE_S, NeutralBaseline
from ferapp.temporal.smoothing import Smoother
from ferapp.types import top_classes

Floats = NDArray[np.float32]
Phase = Literal["countdown", "holding", "taken", "refused"]
Refusal = Literal[
    "nobody", "several", "lost", "unreadable", "expression", "moving", "no neutral", "labels"
]

COUNTDOWN_S: Final = 3.0
"""Time to look neutral before the face is observed, s."""

NEUTRAL: Final = "neutral"
# Faces at rest are taken for these; the baseline is there to correct that.
_LOOKS_OF_REST: Final = (NEUTRAL, "sadness", "anger", "contempt")
# Of the 3,199 faces of FER+ Valid, 95 % of the neutral ones pass both, 3 % of the happy, 5 % of the
# surprised and 13 % of the angry ones; of the sad ones half, because so do sad-looking faces at
# rest.
_LEAST_NEUTRAL: Final = 0.2
_MOST_OTHER: Final = 0.5
_SMOOTHING_S: Final = 0.5
# In sides of the box: more than the jitter of a detector, less than a turn to somebody else.
_MOST_MOVED: Final = 0.3
_MOST_SCALED: Final = 1.3
# So long in all a condition may be broken: a blink of the detector, a twitch.
_PATIENCE_S: Final = 1.0
# A longer time between two readings, as in a pause, counts as this.
_LONGEST_STEP_S: Final = 0.5


@dataclass(frozen=True)
class BaselineStatus:
    """How far the taking of a baseline is.

    Attributes:
        phase: What happens now.
        since_s: When the phase began, s of the stream.
        left_s: Of the countdown or of the holding, s.
        face: Number of the face; None before the holding.
        refusal: Why it was refused; None if it was not.
        expression: The expression that the face showed, if that was why.
    """

    phase: Phase
    since_s: float
    left_s: float = 0.0
    face: int | None = None
    refusal: Refusal | None = None
    expression: str | None = None

    @property
    def progress(self) -> float | None:
        """Share of the holding that is over, in [0, 1]; None in other phases."""
        return 1 - self.left_s / BASELINE_S if self.phase == "holding" else None

    @property
    def is_over(self) -> bool:
        """Whether it was taken or refused."""
        return self.phase in ("taken", "refused")


class BaselineTaking:
    """Takes the neutral baseline of the only face in the picture. Not thread-safe.

    It is refused if for more than a second in all there is no face or more than one, the face can't
    be read, moves or does not look neutral. Only readings that fit become part of the baseline.

    Args:
        labels: The expressions in column order.
        reference: See `NeutralBaseline`; (len(labels),).
        at_s: Time of the request, s.

    Attributes:
        status: How far it is.
        baseline: The baseline, once the phase is "taken".
    """

    def __init__(self, labels: tuple[str, ...], reference: Floats, at_s: float) -> None:
        self.status = BaselineStatus("countdown", at_s, COUNTDOWN_S)
        self.baseline = NeutralBaseline(reference)
        self._labels = labels
        self._last_s = at_s
        self._held_s = 0.0
        self._smoother = Smoother(_SMOOTHING_S)
        self._box: Floats | None = None
        self._shown: Floats | None = None
        self._broken_s: dict[Refusal, float] = {}
        self._meanings = [class_of(name) for name in labels]
        if NEUTRAL not in self._meanings:
            self.refuse("no neutral")

    def update(
        self, ids: Sequence[int], xyxy: Floats, probabilities: Sequence[Floats | None], at_s: float
    ) -> None:
        """Take in the n faces of one frame.

        Args:
            ids: Their numbers.
            xyxy: Their boxes, (n, 4), px.
            probabilities: As the classifier gave them, (k,) each; None for what can't be read.
            at_s: Time of the frame, s.
        """
        if self.status.is_over:
            return
        step_s = min(max(at_s - self._last_s, 0.0), _LONGEST_STEP_S)
        self._last_s = at_s
        if self.status.phase == "countdown":
            self._count_down(ids, step_s, at_s)
            return
        refusal = self._check(ids, xyxy, probabilities, at_s)
        if refusal is not None:
            self._forgive(refusal, step_s)
            return
        self._held_s += step_s
        self.status = replace(self.status, left_s=max(BASELINE_S - self._held_s, 0.0))
        if (shares := probabilities[0]) is not None:
            self.baseline.observe(shares, self._held_s)
        if self.baseline.is_ready:
            self.status = BaselineStatus("taken", at_s, face=self.status.face)

    def refuse(self, refusal: Refusal) -> None:
        """Refuse it as of the last frame, unless it is over."""
        if self.status.is_over:
            return
        expression = None
        if refusal == "expression" and self._shown is not None:
            expression = self._labels[int(top_classes(self._shown))]
        self.status = BaselineStatus(
            "refused", self._last_s, face=self.status.face, refusal=refusal, expression=expression
        )

    def _count_down(self, ids: Sequence[int], step_s: float, at_s: float) -> None:
        left_s = max(self.status.left_s - step_s, 0.0)
        self.status = replace(self.status, left_s=left_s)
        if refusal := _refusal_by_count(ids):
            self._forgive(refusal, step_s)
        elif left_s == 0:
            self.status = BaselineStatus("holding", at_s, BASELINE_S, face=ids[0])
            self._broken_s.clear()

    def _check(
        self, ids: Sequence[int], xyxy: Floats, probabilities: Sequence[Floats | None], at_s: float
    ) -> Refusal | None:
        """What is wrong with a frame."""
        if refusal := _refusal_by_count(ids):
            return refusal
        if ids[0] != self.status.face:
            return "lost"
        shares = probabilities[0]
        if shares is None:
            return "unreadable"
        if self._box is None:
            self._box = xyxy[0]
        if _has_moved(self._box, xyxy[0]):
            return "moving"
        self._shown = self._smoother.update(shares, at_s)
        return None if self._looks_at_rest(self._shown) else "expression"

    def _looks_at_rest(self, shares: Floats) -> bool:
        other = sum(
            float(share)
            for name, share in zip(self._meanings, shares, strict=True)
            if name not in _LOOKS_OF_REST
        )
        neutral = sum(
            float(share)
            for name, share in zip(self._meanings, shares, strict=True)
            if name == NEUTRAL
        )
        return neutral >= _LEAST_NEUTRAL and other <= _MOST_OTHER

    def _forgive(self, refusal: Refusal, step_s: float) -> None:
        """Refuse it if this has been so for too long."""
        self._broken_s[refusal] = self._broken_s.get(refusal, 0.0) + step_s
        if self._broken_s[refusal] > _PATIENCE_S:
            self.refuse(refusal)


def _refusal_by_count(ids: Sequence[int]) -> Refusal | None:
    if not ids:
        return "nobody"
    return "several" if len(ids) > 1 else None


def _has_moved(before: Floats, now: Floats) -> bool:
    side, side_now = (float(np.sqrt(np.prod(box[2:] - box[:2]))) for box in (before, now))
    shift = np.abs((now[:2] + now[2:]) - (before[:2] + before[2:])).max() / 2
    scale = side_now / side
    return bool(shift > _MOST_MOVED * side) or not 1 / _MOST_SCALED <= scale <= _MOST_SCALED
