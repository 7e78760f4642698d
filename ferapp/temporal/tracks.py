"""One face over time: where it is, how fast it moves and what it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.temporal.appearance import blend, similarities
from ferapp.vision.boxes import iou

Floats = NDArray[np.float32]

# The speed of a face is averaged over this time, and fades over it while the face is not seen:
# heads stop and turn back.
_SPEED_S: Final = 0.15
# How much less than its last look the usual look of a face may resemble it.
_DRIFT: Final = 0.15
# What a face usually looks like is averaged over this time.
_APPEARANCE_S: Final = 3.0
# Boxes that overlap by more show part of another head.
_MOST_OVERLAP: Final = 0.05


@dataclass(eq=False)
class Track:
    """One face over time.

    Attributes:
        key: Different for each track, also for those that never count.
        id: The number of the face, from 1; None until it counts.
        xyxy: Its box when it was last found, (4,), px.
        at_s: When that was.
        since_s: When it was first found.
        look: How the face looked last, (d,); None if unknown.
        appearance: How it usually looks, (d,); None if unknown.
        hits: How often it was found.
        speed: Of the four coordinates, (4,), px/s.
    """

    key: int
    xyxy: Floats
    at_s: float
    since_s: float
    look: Floats | None = None
    appearance: Floats | None = None
    id: int | None = None
    hits: int = 1
    speed: Floats = field(default_factory=lambda: np.zeros(4, np.float32))

    def predict(self, at_s: float) -> Floats:
        """Where the box is at a later time if its speed fades, (4,), px."""
        fading = _SPEED_S * 2 * (1 - np.exp(-(at_s - self.at_s) / (_SPEED_S * 2)))
        return np.asarray(self.xyxy + self.speed * fading, np.float32)

    def move(self, xyxy: Floats, at_s: float) -> None:
        """Add a measurement; each of the four coordinates has its own speed, px/s."""
        passed = at_s - self.at_s
        if passed > 0:
            share = 1 - np.exp(-passed / _SPEED_S)
            self.speed += (share * ((xyxy - self.xyxy) / passed - self.speed)).astype(np.float32)
        self.xyxy, self.at_s = xyxy, at_s
        self.hits += 1


def likenesses(tracks: Sequence[Track], appearances: Floats) -> Floats:
    """How much each of n faces looks like each track, (tracks, n); 1 if that one's look is unknown.

    The better of the likeness to its last look and to its usual look, unless it drifted too far
    from the usual one.
    """
    likeness = np.ones((len(tracks), len(appearances)), np.float32)
    looks = [(t.look, t.appearance) for t in tracks if t.look is not None]
    if looks and len(appearances):
        is_known = [t.look is not None for t in tracks]
        last, usual = zip(*looks, strict=True)
        both = similarities(np.array([*last, *usual], np.float32), appearances)
        last_like, usual_like = both[: len(looks)], both[len(looks) :]
        likeness[is_known] = np.minimum(np.maximum(last_like, usual_like), usual_like + _DRIFT)
    return likeness


def see(tracks: Sequence[Track], appearances: Floats, xyxy: Floats, passed_s: float) -> None:
    """Remember how n faces look, unless they overlap: now, and usually."""
    is_alone = _alone(xyxy).tolist()
    rows = [r for r, track in enumerate(tracks) if is_alone[r] and track.appearance is not None]
    if not rows:
        return
    usual = np.array([tracks[row].appearance for row in rows], np.float32)
    share = 1 - float(np.exp(-passed_s / _APPEARANCE_S))
    for row, appearance in zip(rows, blend(usual, appearances[rows], share), strict=True):
        tracks[row].look, tracks[row].appearance = appearances[row], appearance


def _alone(xyxy: Floats) -> NDArray[np.bool_]:
    """Whether each box overlaps no other, (n,)."""
    overlap = iou(xyxy, xyxy) - np.eye(len(xyxy), dtype=np.float32)
    return np.asarray(overlap.max(axis=1, initial=0) <= _MOST_OVERLAP)
