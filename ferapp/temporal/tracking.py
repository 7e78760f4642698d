"""One number per face, from frame to frame."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.temporal.appearance import AGREES, blend, similarities
from ferapp.vision.boxes import iou

Floats = NDArray[np.float32]

MEMORY_S: Final = 1.0
"""A face that is away for less than this keeps its number."""

LEAST_HITS: Final = 3
"""How often a face has to be found before it counts."""

# A box and a track belong together only above this; see `_nearness`.
_LEAST_NEARNESS: Final = 0.1
# A face that comes back at another place has to look more like itself than one that stays.
_RETURNS: Final = 0.8
# The speed of a face is averaged over this time, and fades over it while the face is not seen:
# heads stop and turn back.
_SPEED_S: Final = 0.15
# How much less than its last look the usual look of a face may resemble it.
_DRIFT: Final = 0.15
# What a face usually looks like is averaged over this time.
_APPEARANCE_S: Final = 3.0
# A track is kept a little longer than it is matched, for faces that come to count only then.
_GRACE_S: Final = 0.5
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

    def see(self, appearance: Floats, passed_s: float) -> None:
        """Remember how the face looks, (d,): now, and usually."""
        share = 1 - np.exp(-passed_s / _APPEARANCE_S)
        usual = self.appearance
        self.look = appearance
        self.appearance = appearance if usual is None else blend(usual, appearance, share)

    def likeness(self, appearances: Floats) -> Floats:
        """How much each of n faces looks like this one, (n,); 1 if its look is unknown.

        The better of the likeness to its last look and to its usual look, unless it drifted too far
        from the usual one.
        """
        if self.look is None or self.appearance is None:
            return np.ones(len(appearances), np.float32)
        last, usual = similarities(np.stack([self.look, self.appearance]), appearances)
        return np.asarray(np.minimum(np.maximum(last, usual), usual + _DRIFT), np.float32)


class Tracker:
    """Gives each face a number that stays with the person. Not thread-safe.

    For each track a place is predicted from its speed. Boxes and tracks are matched from the
    likeliest pair down; a box that looks like somebody else is no match, however near it is. A face
    at a place where none was expected gets the track of the same appearance that has lost its face,
    if there is one. Ids count from 1 and are never reused. A box has none until it has been found
    several times: a detection in a single frame is mostly false. (Probation as in Bewley et al.,
    2016, "Simple Online and Realtime Tracking", section 3.4; appearance besides place as in Wojke
    et al., 2017, "Simple Online and Realtime Tracking with a Deep Association Metric".)

    Args:
        memory_s: How long a track that is not seen is kept.
        least_hits: How often a face has to be found before it counts.
        look_s: The usual time between two detections. Where detections are closer together, a face
            does not count any sooner; on probation it may be missing for this long.

    Example:
        >>> import numpy as np
        >>> tracker = Tracker(least_hits=2)
        >>> box = np.array([[10, 10, 90, 90]], np.float32)
        >>> [tracker.update(box + 2 * i, i / 10)[0].id for i in range(3)]
        [None, 1, 1]
    """

    def __init__(
        self,
        *,
        memory_s: float = MEMORY_S,
        least_hits: int = LEAST_HITS,
        look_s: float = 0.0,
    ) -> None:
        self._memory_s = memory_s
        self._least_hits = least_hits
        # A little less: times of frames are rounded.
        self._look_s = 0.98 * look_s
        self._least_s = (least_hits - 1) * self._look_s
        self._tracks: list[Track] = []
        self._last_s = -np.inf
        # Of the shot: how many frames were looked at, and when the first.
        self._looks = 0
        self._since_s = 0.0
        self._next_key = 0
        self._next_id = 1

    def update(self, xyxy: Floats, at_s: float, appearances: Floats | None = None) -> list[Track]:
        """The track of each box.

        Args:
            xyxy: All faces of one frame, (n, 4), px.
            at_s: Time of the frame, s; never earlier than the last one.
            appearances: What they look like, (n, d), by `ferapp.temporal.appearance`; without them
                faces are told apart by their place alone.

        Returns:
            n different tracks.
        """
        passed_s = at_s - self._last_s
        kept_s = self._memory_s + max(self._least_s, _GRACE_S)
        self._tracks = [t for t in self._tracks if at_s - t.at_s <= kept_s]
        found = self._matches(xyxy, at_s, appearances)
        is_alone = _alone(xyxy)
        for place, track in found.items():
            track.move(xyxy[place], at_s)
            if appearances is not None and is_alone[place]:
                track.see(appearances[place], passed_s)
        for place in range(len(xyxy)):
            if place not in found:
                found[place] = self._new(
                    xyxy[place], at_s, None if appearances is None else appearances[place]
                )
        tracks = [found[place] for place in range(len(xyxy))]
        for track in tracks:
            if track.id is None and self._counts(track):
                self._confirm(track)
        self._last_s = at_s
        self._since_s = at_s if not self._looks else self._since_s
        self._looks += 1
        self._tracks = [t for t in self._tracks if t.id is not None or self._may_go_on(t)]
        return tracks

    def end_shot(self) -> None:
        """Forget all faces: another shot begins, or the video ends.

        If the shot was too short for any face to count, those count that each look found.
        """
        is_short = self._looks < self._least_hits or self._last_s - self._since_s < self._least_s
        for track in self._tracks:
            if track.id is None and is_short and track.hits == self._looks:
                self._confirm(track)
        self._tracks, self._looks = [], 0

    def predict(self, at_s: float) -> dict[int, Floats]:
        """Where every face that the last frame showed is expected now, xyxy px by id."""
        return {t.id: t.predict(at_s) for t in self.current if t.id is not None}

    def explains(self, xyxy: Floats, at_s: float, appearances: Floats | None = None) -> bool:
        """Whether a frame shows exactly the faces of the last one, each at a plausible place."""
        current = self.current
        if len(xyxy) != len(current):
            return False
        found = self._matches(xyxy, at_s, appearances)
        return len(found) == len(xyxy) and set(map(id, found.values())) == set(map(id, current))

    @property
    def current(self) -> list[Track]:
        """The tracks found in the last frame, including those on probation."""
        return [t for t in self._tracks if t.at_s == self._last_s]

    @property
    def keys(self) -> set[int]:
        """The keys of all tracks that are kept."""
        return {t.key for t in self._tracks}

    @property
    def ids(self) -> set[int]:
        """The ids of all tracks that are kept."""
        return {t.id for t in self._tracks if t.id is not None}

    def _new(self, xyxy: Floats, at_s: float, appearance: Floats | None) -> Track:
        track = Track(self._next_key, xyxy, at_s, at_s)
        if appearance is not None:
            track.see(appearance, 0.0)
        self._next_key += 1
        self._tracks.append(track)
        return track

    def _confirm(self, track: Track) -> None:
        """Have a face count: under the number of a lost face that it looks like, else a new one.

        Somebody who steps out from behind a pillar shows only half a face at first.
        """
        lost = max(self._lost_before(track), key=lambda pair: pair[0], default=(0.0, None))[1]
        if lost is None:
            track.id, self._next_id = self._next_id, self._next_id + 1
        else:
            track.id = lost.id
            self._tracks.remove(lost)

    def _lost_before(self, track: Track) -> Iterator[tuple[float, Track]]:
        """Faces that look like this one and had been lost when it appeared, with their likeness."""
        for other in self._tracks:
            is_gone = other.id is not None and other.at_s < track.since_s
            if is_gone and track.look is not None and track.since_s - other.at_s <= self._memory_s:
                likeness = float(other.likeness(track.look[None])[0])
                if likeness >= _RETURNS:
                    yield likeness, other

    def _counts(self, track: Track) -> bool:
        lasted_s = track.at_s - track.since_s
        return track.hits >= self._least_hits and lasted_s >= self._least_s

    def _may_go_on(self, track: Track) -> bool:
        """Whether a face on probation may still come to count."""
        return track.at_s == self._last_s or self._last_s - track.at_s < self._look_s

    def _matches(self, xyxy: Floats, at_s: float, appearances: Floats | None) -> dict[int, Track]:
        """Tracks by the places of their boxes."""
        if not len(xyxy) or not self._tracks:
            return {}
        expected = np.stack([t.predict(at_s) for t in self._tracks])
        nearness = _nearness(expected, xyxy)
        likeness = self._likeness(appearances, len(xyxy))
        likeness[[at_s - t.at_s > self._memory_s for t in self._tracks]] = -1
        is_near = (nearness >= _LEAST_NEARNESS) & (likeness >= AGREES)
        pairs = _best_pairs(np.where(is_near, nearness + likeness, -1))
        if appearances is not None:
            is_back = likeness >= _RETURNS
            is_back[list(pairs.values())], is_back[:, list(pairs)] = False, False
            pairs |= _best_pairs(np.where(is_back, likeness, -1))
        return {column: self._tracks[row] for column, row in pairs.items()}

    def _likeness(self, appearances: Floats | None, boxes: int) -> Floats:
        """How much each box looks like each track, (tracks, boxes); 1 without appearances."""
        if appearances is None:
            return np.ones((len(self._tracks), boxes), np.float32)
        return np.stack([track.likeness(appearances) for track in self._tracks])


def _best_pairs(score: Floats) -> dict[int, int]:
    """Rows by columns, from the best score down to 0; each row and each column once."""
    found = {}
    while score.max() >= 0:
        row, column = np.unravel_index(score.argmax(), score.shape)
        found[int(column)] = int(row)
        score[row], score[:, column] = -1, -1
    return found


def _nearness(a: Floats, b: Floats) -> Floats:
    """Mean of IoU and of how near the centres are, for each pair, (len(a), len(b)).

    The latter is 1 where centres agree and 0 at a distance of one and a half sides, so that a face
    that jumps by more than its size between two slow frames is still the nearest.
    """
    centre_a, centre_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
    side = np.sqrt(np.maximum((a[:, 2:] - a[:, :2]).prod(axis=1), 1))[:, None]
    distance = np.linalg.norm(centre_a[:, None] - centre_b[None], axis=2)
    near = np.clip(1 - distance / (1.5 * side), 0, 1)
    return np.asarray((iou(a, b) + near) / 2, np.float32)


def _alone(xyxy: Floats) -> NDArray[np.bool_]:
    """Whether each box overlaps no other, (n,)."""
    overlap = iou(xyxy, xyxy) - np.eye(len(xyxy), dtype=np.float32)
    return np.asarray(overlap.max(axis=1, initial=0) <= _MOST_OVERLAP)
