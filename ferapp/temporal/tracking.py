"""One number per face, from frame to frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.temporal.appearance import AGREES
from ferapp.temporal.tracks import Track, likenesses, see
from ferapp.vision.boxes import iou

Floats = NDArray[np.float32]

MEMORY_S: Final = 1.0
"""A face that is away for less than this keeps its number."""

LEAST_HITS: Final = 3
"""How often a face has to be found before it counts."""

# A box and a track belong together only above this mean of IoU and `_closeness`.
_LEAST_NEARNESS: Final = 0.1
# A face that comes back at another place has to look more like itself than one that stays.
_RETURNS: Final = 0.87
# A face that usually looks the same does not suddenly look different by more than this at the same
# place. Half hidden it does, but then its box changes.
_LESS_LIKE: Final = 0.1
_SAME_PLACE_IOU: Final = 0.8
# What of a lost face may be seen first, if it comes back behind something, and for how long a face
# that may be a lost one is looked at before it gets a number of its own.
_MAY_RETURN: Final = 0.5
_UNDECIDED_S: Final = 0.5


@dataclass(frozen=True, eq=False)
class Match:
    """Which faces of one frame are known.

    Attributes:
        xyxy: All faces of the frame, (n, 4), px.
        at_s: Time of the frame, s.
        appearances: What they look like, (n, d); None if that is not known.
        tracks: Of the known faces, by the rows of their boxes.
    """

    xyxy: Floats
    at_s: float
    appearances: Floats | None
    tracks: Mapping[int, Track]


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
        is_whole: Whether no frame is missing between two, as in a file: then the faces of one are
            looked for in the next, however late it comes.

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
        is_whole: bool = False,
    ) -> None:
        self._memory_s = memory_s
        self._is_whole = is_whole
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
        """The track of each box: `match` and `accept` in one."""
        return self.accept(self.match(xyxy, at_s, appearances))

    def match(self, xyxy: Floats, at_s: float, appearances: Floats | None = None) -> Match:
        """Which faces of a frame are known; changes nothing.

        Args:
            xyxy: All faces of one frame, (n, 4), px.
            at_s: Time of the frame, s; never earlier than the last one.
            appearances: What they look like, (n, d), by `ferapp.temporal.appearance`; without them
                faces are told apart by their place alone.
        """
        tracks = [t for t in self._tracks if self._remembers(t, at_s)]
        if not len(xyxy) or not tracks:
            return Match(xyxy, at_s, appearances, {})
        pairs = _pairs(tracks, xyxy, at_s, appearances)
        return Match(xyxy, at_s, appearances, {box: tracks[row] for box, row in pairs.items()})

    def accept(self, match: Match) -> list[Track]:
        """Take in a frame.

        Args:
            match: Of `match`, with no other frame taken in since.

        Returns:
            n different tracks.
        """
        at_s, appearances = match.at_s, match.appearances
        tracks = []
        for row, xyxy in enumerate(match.xyxy):
            look = None if appearances is None else appearances[row]
            track = match.tracks.get(row)
            if track is None:
                track = Track(self._next_key, xyxy, at_s, at_s, look, look)
                self._next_key += 1
                self._tracks.append(track)
            else:
                track.move(xyxy, at_s)
            tracks.append(track)
        if appearances is not None:
            see(tracks, appearances, match.xyxy, at_s - self._last_s)
        self._last_s = at_s
        self._since_s = at_s if not self._looks else self._since_s
        self._looks += 1
        for track in [t for t in self._tracks if t.id is None and self._counts(t)]:
            self._confirm(track)
        kept_s = self._memory_s + self._least_s + _UNDECIDED_S
        self._tracks = [
            t
            for t in self._tracks
            if at_s - t.at_s <= kept_s and (t.id is not None or self._may_go_on(t))
        ]
        return tracks

    def _remembers(self, track: Track, at_s: float) -> bool:
        """Whether a face in this frame may be that of a track."""
        is_last = self._is_whole and track.at_s == self._last_s
        return is_last or at_s - track.at_s <= self._memory_s

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

    def explains(self, match: Match) -> bool:
        """Whether a frame shows exactly the faces of the last one, each at a plausible place."""
        current = self.current
        return len(match.xyxy) == len(match.tracks) == len(current) and {
            track.key for track in match.tracks.values()
        } == {track.key for track in current}

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

    def _confirm(self, track: Track) -> None:
        """Have a face count: under the number of a lost face that it looks like, else a new one.

        Somebody who steps out from behind a pillar shows only half a face at first: where that may
        be a lost face, wait until more is seen.
        """
        likeness, lost = self._likeliest_lost(track)
        is_there = track.at_s == self._last_s
        waits = is_there and self._last_s - track.since_s < self._least_s + _UNDECIDED_S
        if lost is not None and likeness >= _RETURNS:
            track.id = lost.id
            self._tracks.remove(lost)
        elif likeness < _MAY_RETURN or not waits:
            track.id, self._next_id = self._next_id, self._next_id + 1

    def _likeliest_lost(self, track: Track) -> tuple[float, Track | None]:
        """The face that had been lost when this one appeared and looks most like it."""
        lost = [
            t
            for t in self._tracks
            if t.id is not None and 0 < track.since_s - t.at_s <= self._memory_s
        ]
        if track.look is None or not lost:
            return 0.0, None
        likeness = likenesses(lost, track.look[None])[:, 0]
        return float(likeness.max()), lost[int(likeness.argmax())]

    def _counts(self, track: Track) -> bool:
        lasted_s = track.at_s - track.since_s
        return track.hits >= self._least_hits and lasted_s >= self._least_s

    def _may_go_on(self, track: Track) -> bool:
        """Whether a face on probation may still come to count."""
        return track.at_s == self._last_s or self._last_s - track.at_s < self._look_s


def _pairs(
    tracks: Sequence[Track], xyxy: Floats, at_s: float, appearances: Floats | None
) -> dict[int, int]:
    """Rows of tracks by rows of boxes: which belong together."""
    expected = np.array([t.predict(at_s) for t in tracks], np.float32)
    overlap = iou(expected, xyxy)
    nearness = (overlap + _closeness(expected, xyxy)) / 2
    likeness = np.ones_like(nearness) if appearances is None else likenesses(tracks, appearances)
    usual = np.array([t.agreement for t in tracks], np.float32)[:, None]
    is_other = (overlap >= _SAME_PLACE_IOU) & (likeness < usual - _LESS_LIKE)
    is_near = (nearness >= _LEAST_NEARNESS) & (likeness >= AGREES) & ~is_other
    pairs = _best_pairs(np.where(is_near, nearness + likeness, -1))
    if appearances is not None and len(pairs) < min(nearness.shape):
        is_back = likeness >= _RETURNS
        is_back[list(pairs.values())], is_back[:, list(pairs)] = False, False
        pairs |= _best_pairs(np.where(is_back, likeness, -1))
    return pairs


def _best_pairs(score: Floats) -> dict[int, int]:
    """Rows by columns, from the best score down to 0; each row and each column once."""
    found = {}
    while score.max() >= 0:
        row, column = np.unravel_index(score.argmax(), score.shape)
        found[int(column)] = int(row)
        score[row], score[:, column] = -1, -1
    return found


def _closeness(a: Floats, b: Floats) -> Floats:
    """How near the centres of each pair of boxes are, (len(a), len(b)).

    It is 1 where centres agree and 0 at a distance of one and a half sides, so that a face that
    jumps by more than its size between two slow frames is still the nearest.
    """
    centre_a, centre_b = (a[:, :2] + a[:, 2:]) / 2, (b[:, :2] + b[:, 2:]) / 2
    side = np.sqrt(np.maximum((a[:, 2:] - a[:, :2]).prod(axis=1), 1))[:, None]
    distance = np.linalg.norm(centre_a[:, None] - centre_b[None], axis=2)
    return np.asarray(np.clip(1 - distance / (1.5 * side), 0, 1), np.float32)
