"""A file's frames in, readings of every face from its first frame to its last.

In a file, unlike live, the next frames are known. Faces are detected in some frames only. Between
two of these a face is read if both show it; where they show different faces, detection runs in each
frame between them. Readings of a face from the time before it counted are delivered later.

Smoothed probabilities and labels are those of a live stream, for a preview while the file is read;
`ferapp.pipeline.relabelling` replaces them in the end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.people import FaceReading, People
from ferapp.pipeline.stream import StreamFrame, read_faces
from ferapp.settings import StreamSettings
from ferapp.temporal.appearance import AGREES, appearances
from ferapp.temporal.cuts import CutDetector
from ferapp.temporal.tracking import Tracker
from ferapp.temporal.tracks import Track, likenesses
from ferapp.types import Faces
from ferapp.vision.boxes import SteadyPlaces, rescaled
from ferapp.vision.crops import Image, size_of

Floats = NDArray[np.float32]

MOST_BETWEEN: Final = 30
"""Faces are detected at least in every 30th frame: all frames up to the next one are in memory."""


@dataclass(frozen=True, eq=False)
class Rejected:
    """A box that never came to count, (4,), px of the picture."""

    at_s: float
    box: Floats


@dataclass(frozen=True, eq=False)
class FileFrames:
    """What some frames showed.

    Attributes:
        frames: Each of them, with the faces that count.
        late: Earlier frames with faces that count only now.
        rejected: Boxes found too rarely to count as faces.
    """

    frames: tuple[StreamFrame, ...]
    late: tuple[StreamFrame, ...]
    rejected: tuple[Rejected, ...]

    @classmethod
    def of(
        cls,
        frames: Sequence[StreamFrame],
        late: Iterable[StreamFrame],
        rejected: Iterable[Rejected],
    ) -> Self:
        """Late faces are added to their frame if it is among these."""
        faces: dict[float, list[FaceReading]] = {frame.at_s: [*frame.faces] for frame in frames}
        earlier = []
        for frame in late:
            if frame.at_s in faces:
                faces[frame.at_s] += frame.faces
            else:
                earlier.append(frame)
        complete = tuple(
            replace(frame, faces=tuple(sorted(faces[frame.at_s], key=lambda face: face.id)))
            for frame in frames
        )
        return cls(complete, tuple(earlier), tuple(rejected))

    def followed_by(self, other: Self) -> Self:
        """Both together."""
        return self.of(
            (*self.frames, *other.frames),
            (*self.late, *other.late),
            (*self.rejected, *other.rejected),
        )


@dataclass(frozen=True, eq=False)
class _Seen:
    """Which faces one frame shows, before they are read."""

    at_s: float
    image: Image
    tracks: list[Track]
    faces: Faces
    is_detected: bool

    @property
    def size_wh(self) -> tuple[int, int]:
        return size_of(self.image)


class FileStream:
    """Reads a video from its first frame to its last; one for each file.

    Args:
        analyzer: May be shared with others.
        tracker: A new one, made for the rate of detection.
        settings: How the frames are read.

    Attributes:
        cuts_s: When another shot began, s.
    """

    def __init__(self, analyzer: Analyzer, tracker: Tracker, settings: StreamSettings) -> None:
        self.cuts_s: list[float] = []
        self._analyzer = analyzer
        self._tracker = tracker
        self._settings = settings
        self._people = People(analyzer.labels, analyzer.neutral_reference)
        self._cuts = CutDetector()
        self._last: _Seen | None = None
        self._places = SteadyPlaces()  # for the tracker, which knows one size
        self._pending: dict[int, tuple[Track, list[StreamFrame]]] = {}

    def read(self, frames: Sequence[tuple[float, Image]], found: Faces) -> FileFrames:
        """What frames show.

        Args:
            frames: Times, s, ascending, and pictures, (h, w, 3) uint8: all after those that came
                before, up to the next in which faces are looked for.
            found: The faces of the last of them.

        Raises:
            SettingError: The classifier does not know a requested class.
            ModelError: The classifier gave no finite numbers.
        """
        cuts = [self._cuts.update(image, time_s) for time_s, image in frames]
        at_s, image = frames[-1]
        looks = appearances(image, found.xyxy)
        places = self._places.of(found.xyxy, size_of(image))
        match = self._tracker.match(places, at_s, looks)
        before = self._last
        if before and not any(cuts) and self._tracker.explains(match):
            last = _Seen(at_s, image, self._tracker.accept(match), found, True)
            seen = [*(_between(before, last, frame) for frame in frames[:-1]), last]
        else:
            seen = []
            for (time_s, picture), is_cut in zip(frames[:-1], cuts[:-1], strict=True):
                faces = self._analyzer.detect(picture, self._settings.analysis)
                its_looks = appearances(picture, faces.xyxy)
                seen.append(self._look(time_s, picture, faces, its_looks, is_cut=is_cut))
            seen.append(self._look(at_s, image, found, looks, is_cut=cuts[-1]))
        self._last = seen[-1]
        out = tuple(self._read(each) for each in seen)
        self._people.forget_others(self._tracker.keys)
        return FileFrames.of(out, self._accept(), self._reject())

    def finish(self) -> FileFrames:
        """What is known of the last faces once there are no more frames."""
        self._tracker.end_shot()
        return FileFrames.of((), self._accept(), self._reject())

    def _look(
        self, at_s: float, image: Image, faces: Faces, looks: Floats, *, is_cut: bool
    ) -> _Seen:
        if is_cut:
            self._tracker.end_shot()
            self.cuts_s.append(at_s)
        places = self._places.of(faces.xyxy, size_of(image))
        tracks = self._tracker.update(places, at_s, looks)
        return _Seen(at_s, image, tracks, faces, True)

    def _read(self, seen: _Seen) -> StreamFrame:
        """Read the faces of one frame; those on probation are kept for later."""
        is_read = seen.is_detected or self._settings.reads_followed
        frame = StreamFrame(
            at_s=seen.at_s,
            size_wh=seen.size_wh,
            labels=self._people.labels,
            faces=(),
            is_detected=seen.is_detected,
            is_read=is_read,
            unconfirmed=np.empty((0, 4), np.float32),
        )
        if not is_read:
            return frame
        readings = read_faces(
            self._analyzer,
            self._people,
            seen.image,
            seen.faces,
            seen.at_s,
            self._settings,
            keys=[track.key for track in seen.tracks],
        )
        frame = replace(frame, labels=self._people.labels)
        faces, waiting = [], []
        for track, reading in zip(seen.tracks, readings, strict=True):
            if track.id is not None and track.key not in self._pending:
                faces.append(replace(reading, id=track.id))
                continue
            alone = replace(frame, faces=(reading,))
            self._pending.setdefault(track.key, (track, []))[1].append(alone)
            waiting.append(reading.xyxy)
        return replace(
            frame,
            faces=tuple(sorted(faces, key=lambda reading: reading.id)),
            unconfirmed=np.array(waiting, np.float32).reshape(-1, 4),
        )

    def _accept(self) -> Iterable[StreamFrame]:
        """What was read of faces before they counted, once they do."""
        for key, (track, frames) in list(self._pending.items()):
            if track.id is not None:
                del self._pending[key]
                for frame in frames:
                    yield replace(frame, faces=(replace(frame.faces[0], id=track.id),))

    def _reject(self) -> Iterable[Rejected]:
        """The boxes that can't come to count any more."""
        kept = self._tracker.keys
        for key, (_, frames) in list(self._pending.items()):
            if key not in kept:
                del self._pending[key]
                for frame in frames:
                    yield Rejected(frame.at_s, frame.faces[0].xyxy)


def _between(before: _Seen, after: _Seen, frame: tuple[float, Image]) -> _Seen:
    """A frame between two that show the same faces: boxes are interpolated linearly.

    A face that looks like somebody else there is left out.
    """
    at_s, image = frame
    share = np.float32((at_s - before.at_s) / (after.at_s - before.at_s))
    rows = {track.key: row for row, track in enumerate(before.tracks)}
    was = before.faces.at(np.array([rows[track.key] for track in after.tracks], np.intp))
    size_wh = size_of(image)  # any of the three may have another
    first = rescaled(was.xyxy, before.size_wh, size_wh)
    last = rescaled(after.faces.xyxy, after.size_wh, size_wh)
    xyxy = first + share * (last - first)
    score = was.score + share * (after.faces.score - was.score)
    likeness = np.diag(likenesses(after.tracks, appearances(image, xyxy)))
    agrees = np.flatnonzero(likeness >= AGREES)
    faces = Faces(xyxy.astype(np.float32), score.astype(np.float32)).at(agrees)
    return _Seen(at_s, image, [after.tracks[row] for row in agrees], faces, False)
