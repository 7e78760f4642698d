"""Where every face of a video is at any time, and what is drawn there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.labels import face_caption, label_colour, label_text
from ferapp.pipeline.clip import Clip
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.lengths import pause_after_s
from ferapp.sessions.session import Readings
from ferapp.system.text import to_ascii
from ferapp.vision.annotate import annotate, hide_faces, hide_outside
from ferapp.vision.boxes import iou
from ferapp.vision.crops import Image

HIDDEN_MARGIN_S: Final = 0.5
"""How long a face is hidden before it is first found and after it is last found."""

# A box is drawn for at most this long before and after its reading, and between two readings if no
# analysed frame lies between them: it would have shown the face.
_DRAWN_MARGIN_S: Final = 0.1
_DRAWN_INTERVALS: Final = 1.5
_SAME_FACE_IOU: Final = 0.3

Boxes = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Track:
    """One face over time, as it was followed; boxes are shares of the frame's width and height.

    Several tracks may be one person.
    """

    person: int
    at_s: NDArray[np.float64]
    boxes: Boxes
    captions: NDArray[np.str_]
    colours: NDArray[np.str_]

    def box(self, at_s: float, margin_s: float, pause_s: float) -> Boxes | None:
        """Where it is, (4,), interpolated between two readings; None if it is not there."""
        after = int(np.searchsorted(self.at_s, at_s, side="right"))
        if 0 < after < len(self.at_s):
            since, until = self.at_s[after - 1], self.at_s[after]
            if until - since <= pause_s:
                share = np.float32((at_s - since) / (until - since))
                box: Boxes = self.boxes[after - 1] * (1 - share) + self.boxes[after] * share
                return box
        nearest = self.nearest(at_s)
        is_near = abs(self.at_s[nearest] - at_s) <= margin_s + 1e-6
        return self.boxes[nearest] if is_near else None

    def distance_s(self, at_s: float) -> float:
        """How far the nearest reading is from a time, s."""
        return abs(float(self.at_s[self.nearest(at_s)]) - at_s)

    def nearest(self, at_s: float) -> int:
        """The row of the reading nearest to a time; its label holds there."""
        after = int(np.searchsorted(self.at_s, at_s))
        places = [place for place in (after - 1, after) if 0 <= place < len(self.at_s)]
        return min(places, key=lambda place: abs(float(self.at_s[place]) - at_s))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Columns:
    """The data of an overlay, as it is saved: n readings and m boxes that may be faces.

    Attributes:
        at_s: Times of the readings, (n,) s.
        face: Numbers of their faces as they were followed, (n,).
        person: Numbers of their faces after the changes of the user, (n,).
        boxes: (n, 4), as shares of the frame's width and height.
        captions: (n,), with the name or number of the face.
        colours: Of the boxes, (n,).
        unconfirmed_s: Times of boxes that may be faces, (m,) s, ascending.
        unconfirmed: These boxes, (m, 4), as shares of the frame's width and height.
        every_s: Seconds from one analysed frame to the next, ().
        region: Left, top, right and bottom of what was analysed, px of the video, (4,); without a
            region four times 0.
        size_wh: Width and height of the first frame of the video, px, (2,).
        canvas_wh: Width and height of the copy, px, (2,); 0 for those of its first frame.
    """

    at_s: NDArray[np.float64]
    face: NDArray[np.int64]
    person: NDArray[np.int64]
    boxes: Boxes
    captions: NDArray[np.str_]
    colours: NDArray[np.str_]
    unconfirmed_s: NDArray[np.float64]
    unconfirmed: Boxes
    every_s: NDArray[np.float64]
    region: NDArray[np.int64]
    size_wh: NDArray[np.int64]
    canvas_wh: NDArray[np.int64]

    def tracks(self) -> list[_Track]:
        """One track per face and person, each in order of time.

        The faces of one person stay apart: a box must not slide from where one of them was last
        seen to where the next begins, for example in another shot.
        """
        order = np.lexsort((self.at_s, self.face, self.person))
        pairs = np.stack([self.person[order], self.face[order]])
        starts = np.flatnonzero((np.diff(pairs, prepend=-1) != 0).any(axis=0))
        parts = np.split(order, starts[1:]) if len(self.face) else []
        return [
            _Track(
                person=int(self.person[rows[0]]),
                at_s=self.at_s[rows],
                boxes=self.boxes[rows],
                captions=self.captions[rows],
                colours=self.colours[rows],
            )
            for rows in parts
        ]


class Overlay:
    """Draws the readings of a video on its frames.

    Args:
        readings: Of all faces.
        unconfirmed_s: Times of boxes that may be faces, (m,), ascending.
        unconfirmed: These boxes, (m, 4), as shares of the frame's width and height.
        every_s: Seconds from one analysed frame to the next.
        labels: All names of the classifier, which decide the colours.
        shown: Numbers of the faces, after the changes, that get a box and a label; None for all.
        hides_others: Whether all others are hidden, including boxes that may be faces, and
            everything outside the region.
        region: x, y, width and height of what was analysed, px of the video; None for all.
        size_wh: Width and height of the first frame of the video, px; needed for a region.
        canvas_wh: Width and height of the copy, px, before it is scaled down; None for those of its
            first frame.
        edits: Changes of the numbers, and names.
    """

    def __init__(
        self,
        readings: Readings,
        unconfirmed_s: NDArray[np.float64],
        unconfirmed: Boxes,
        *,
        every_s: float = 0.0,
        labels: Sequence[str] = (),
        shown: frozenset[int] | None = None,
        hides_others: bool = True,
        region: tuple[int, int, int, int] | None = None,
        size_wh: tuple[int, int] = (1, 1),
        canvas_wh: tuple[int, int] | None = None,
        edits: FaceEdits | None = None,
    ) -> None:
        edits = edits or FaceEdits()
        person = edits.renumber(readings.at_s, readings.face)
        callers = _callers(person, edits.names)
        pairs = list(zip(readings.expression, readings.flaw, strict=True))
        captions = np.array(
            [
                f"{callers[one]} {label_text(*pair)}"
                for one, pair in zip(person.tolist(), pairs, strict=True)
            ],
            np.str_,
        )
        colours = np.array([label_colour(*pair, labels=labels) for pair in pairs], np.str_)
        scale = np.tile(readings.size_wh, 2).astype(np.float32)
        boxes = (readings.xyxy / np.maximum(scale, 1)).astype(np.float32)
        self._fill(
            _Columns(
                at_s=readings.at_s,
                face=readings.face,
                person=person,
                boxes=boxes,
                captions=captions,
                colours=colours,
                unconfirmed_s=unconfirmed_s,
                unconfirmed=unconfirmed,
                every_s=np.array(every_s),
                region=np.array(_corners(region), np.int64),
                size_wh=np.array(size_wh, np.int64),
                canvas_wh=np.array(canvas_wh or (0, 0), np.int64),
            )
        )
        self._shown, self._hides = shown, hides_others and shown is not None
        self._hides_outside = hides_others

    @classmethod
    def of_clip(
        cls,
        clip: Clip,
        shown: frozenset[int] | None,
        *,
        hides_others: bool,
        edits: FaceEdits | None = None,
    ) -> Self:
        """The overlay of an analysed video.

        Args:
            clip: What was read from it.
            shown: As for the class.
            hides_others: As for the class.
            edits: As for the class.
        """
        return cls(
            clip.readings,
            clip.unconfirmed_s,
            clip.unconfirmed,
            every_s=clip.every_s,
            labels=clip.labels,
            shown=shown,
            hides_others=hides_others,
            region=clip.part.region,
            size_wh=clip.info.size_wh,
            # The largest: where a call begins with few pixels, most of the video has more.
            canvas_wh=max(clip.sizes_wh, key=lambda wh: wh[0] * wh[1], default=None),
            edits=edits,
        )

    @property
    def canvas_wh(self) -> tuple[int, int] | None:
        """See the class."""
        width, height = self._columns.canvas_wh.tolist()
        return (width, height) if width else None

    def _fill(self, columns: _Columns) -> None:
        self._columns = columns
        # In a video that is read every few seconds, faces may come and go in between.
        every_s = float(columns.every_s)
        self._margin_s = max(HIDDEN_MARGIN_S, every_s)
        self._pause_s = pause_after_s(every_s)
        self._drawn_pause_s = max(_DRAWN_INTERVALS * every_s, _DRAWN_MARGIN_S)
        self._tracks = columns.tracks()
        self._first_s = np.array([track.at_s[0] for track in self._tracks])
        self._last_s = np.array([track.at_s[-1] for track in self._tracks])

    def save(self, path: Path) -> None:
        """Write it for `load`, which another process may call."""
        shown = np.array(sorted(self._shown or ()), np.int64)
        flags = np.array([self._shown is None, self._hides, self._hides_outside])
        columns: dict[str, Any] = vars(self._columns)
        np.savez(path, allow_pickle=False, shown=shown, flags=flags, **columns)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            values = dict(kept)
        overlay = cls.__new__(cls)
        shown, flags = values.pop("shown"), values.pop("flags")
        overlay._fill(_Columns(**values))
        overlay._shown = None if flags[0] else frozenset(shown.tolist())
        overlay._hides, overlay._hides_outside = bool(flags[1]), bool(flags[2])
        return overlay

    def draw(self, image_rgb: Image, at_s: float) -> Image:
        """A copy of a frame, (h, w, 3) uint8, with the faces at this time labelled or hidden."""
        height, width = image_rgb.shape[:2]
        scale = np.array([width, height, width, height], np.float32)
        shown, others = self._at(at_s)
        if self._hides_outside and self._columns.region.any():
            # Nobody looked for faces there.
            kept = self._columns.region / np.tile(self._columns.size_wh, 2) * scale
            image_rgb = hide_outside(image_rgb, kept.astype(np.float32))
        visible = _once_each(_boxes_at(shown, at_s, _DRAWN_MARGIN_S, self._drawn_pause_s), at_s)
        if self._hides:
            hidden = _boxes_at(others, at_s, self._margin_s, self._pause_s)
            doubtful = _apart(self._doubtful(at_s), _box_array([box for _, box in visible]))
            places = _box_array([box for _, box in hidden])
            image_rgb = hide_faces(image_rgb, np.concatenate([places, doubtful]) * scale)
        rows = [(track, track.nearest(at_s)) for track, _ in visible]
        return annotate(
            image_rgb,
            _box_array([box for _, box in visible]) * scale,
            [str(track.captions[row]) for track, row in rows],
            [str(track.colours[row]) for track, row in rows],
        )

    def _at(self, at_s: float) -> tuple[list[_Track], list[_Track]]:
        """The tracks around a time: those shown, and the others."""
        is_near = (self._first_s <= at_s + self._margin_s) & (self._last_s >= at_s - self._margin_s)
        near = [self._tracks[place] for place in np.flatnonzero(is_near)]
        if self._shown is None:
            return near, []
        shown = [track for track in near if track.person in self._shown]
        return shown, [track for track in near if track.person not in self._shown]

    def _doubtful(self, at_s: float) -> Boxes:
        """Boxes around a time that may be faces, (m, 4)."""
        first, last = np.searchsorted(
            self._columns.unconfirmed_s, (at_s - self._margin_s, at_s + self._margin_s)
        )
        return self._columns.unconfirmed[first:last]


def _boxes_at(
    tracks: list[_Track], at_s: float, margin_s: float, pause_s: float
) -> list[tuple[_Track, Boxes]]:
    """The tracks that are there at a time, each with its box; see `_Track.box`."""
    pairs = ((track, track.box(at_s, margin_s, pause_s)) for track in tracks)
    return [(track, box) for track, box in pairs if box is not None]


def _corners(region: tuple[int, int, int, int] | None) -> tuple[int, int, int, int]:
    if region is None:
        return (0, 0, 0, 0)
    x, y, width, height = region
    return (x, y, x + width, y + height)


def _callers(person: NDArray[np.int64], names: Mapping[int, str]) -> dict[int, str]:
    """What each face is called in captions; a name that has no ASCII form is left out."""
    plain = {face: to_ascii(name) for face, name in names.items()}
    return {face: face_caption(face, plain) for face in np.unique(person).tolist()}


def _once_each(pairs: list[tuple[_Track, Boxes]], at_s: float) -> list[tuple[_Track, Boxes]]:
    """Of several tracks of one person at one time, the one that was read nearest to it."""
    nearest: dict[int, tuple[_Track, Boxes]] = {}
    for track, box in pairs:
        other = nearest.get(track.person)
        if other is None or track.distance_s(at_s) < other[0].distance_s(at_s):
            nearest[track.person] = (track, box)
    return list(nearest.values())


def _box_array(boxes: list[Boxes]) -> Boxes:
    return np.array(boxes, np.float32).reshape(-1, 4)


def _apart(boxes: Boxes, others: Boxes) -> Boxes:
    """The boxes, (n, 4), that are not the same face as any of the others, (m, 4)."""
    if not len(boxes) or not len(others):
        return boxes
    return np.asarray(boxes[iou(boxes, others).max(axis=1) <= _SAME_FACE_IOU], np.float32)
