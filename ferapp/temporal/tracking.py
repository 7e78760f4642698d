"""One id per face, from frame to frame."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.vision.boxes import iou

Floats = NDArray[np.float32]

MEMORY_S: Final = 1.0
"""A face that returns within this time keeps its id."""

LEAST_HITS: Final = 3
"""How many times in a row a face has to be found before it counts."""

# A box is matched to a track only above this; see `_likeness`.
_LEAST_LIKENESS: Final = 0.1
# The speed of a face is averaged over this time. While the face is not seen, the speed decays over
# twice this time: heads stop and turn back.
_SPEED_S: Final = 0.15


@dataclass
class _Track:
    id: int | None
    xyxy: Floats
    at_s: float
    hits: int = 1
    speed: Floats = field(default_factory=lambda: np.zeros(4, np.float32))

    def predict(self, at_s: float) -> Floats:
        """The expected box at a time, (4,), px, if its speed decays."""
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


class Tracker:
    """Gives each face a lasting id. Not thread-safe: one caller at a time.

    Each track predicts its box from its speed; predictions and boxes are matched greedily, the most
    similar pair first. Ids count from 1 and are never reused. A box has no id until it has been
    found several times in a row: most boxes that appear in one frame only are false detections
    (the probation of Bewley et al., 2016, "Simple Online and Realtime Tracking", section 3.4).

    Args:
        memory_s: How long a track is kept while its face is not seen, s.
        least_hits: How many times in a row a face has to be found before it counts.

    Example:
        >>> tracker = Tracker()
        >>> for frame in range(4):
        ...     box = np.array([[10 + frame, 10, 60 + frame, 60]], np.float32)
        ...     print(tracker.update(box, frame / 30))
        [None]
        [None]
        [1]
        [1]
    """

    def __init__(self, *, memory_s: float = MEMORY_S, least_hits: int = LEAST_HITS) -> None:
        self._memory_s = memory_s
        self._least_hits = least_hits
        self._tracks: list[_Track] = []
        self._next_id = 1

    def update(self, xyxy: Floats, at_s: float) -> list[int | None]:
        """The id of each box.

        Args:
            xyxy: All faces of one frame, (n, 4), px.
            at_s: Time of the frame, s; never earlier than that of the last one.

        Returns:
            n ids, all different; None for a box on probation.
        """
        self._tracks = [t for t in self._tracks if at_s - t.at_s <= self._memory_s]
        tracks: dict[int, _Track] = {}
        for place, track in self._matches(xyxy, at_s):
            track.move(xyxy[place], at_s)
            tracks[place] = track
        for place in range(len(xyxy)):
            if place not in tracks:
                tracks[place] = _Track(None, xyxy[place], at_s)
                self._tracks.append(tracks[place])
        for track in tracks.values():
            if track.id is None and track.hits >= self._least_hits:
                track.id, self._next_id = self._next_id, self._next_id + 1
        self._tracks = [t for t in self._tracks if t.id is not None or t.at_s == at_s]
        return [tracks[place].id for place in range(len(xyxy))]

    def predict(self, at_s: float) -> dict[int, Floats]:
        """The expected box, (4,) px, of each face that the last frame showed, by id."""
        if not self._tracks:
            return {}
        last_s = max(t.at_s for t in self._tracks)
        return {
            t.id: t.predict(at_s) for t in self._tracks if t.id is not None and t.at_s == last_s
        }

    @property
    def ids(self) -> set[int]:
        """The ids of all tracks that are kept."""
        return {t.id for t in self._tracks if t.id is not None}

    def _matches(self, xyxy: Floats, at_s: float) -> list[tuple[int, _Track]]:
        if not len(xyxy) or not self._tracks:
            return []
        expected = np.stack([t.predict(at_s) for t in self._tracks])
        likeness = _likeness(expected, xyxy)
        pairs = []
        while likeness.max() >= _LEAST_LIKENESS:
            row, column = np.unravel_index(likeness.argmax(), likeness.shape)
            pairs.append((int(column), self._tracks[row]))
            likeness[row], likeness[:, column] = -1, -1
        return pairs


def _likeness(a: Floats, b: Floats) -> Floats:
    """Mean of IoU and proximity for each pair of boxes, (len(a), len(b)).

    Proximity is 1 if the centres coincide and 0 at a distance of 1.5 sides, so that a face that
    moves by more than its size between two frames can still be matched.
    """
    centre_a, centre_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
    side = np.sqrt(np.maximum((a[:, 2:] - a[:, :2]).prod(axis=1), 1))[:, None]
    distance = np.linalg.norm(centre_a[:, None] - centre_b[None], axis=2)
    nearness = np.clip(1 - distance / (1.5 * side), 0, 1)
    return np.asarray((iou(a, b) + nearness) / 2, np.float32)
