"""A video file in, every face's expression over time out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.media.video import Video, VideoInfo
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.file_stream import MOST_BETWEEN, FileFrames, FileStream, Rejected
from ferapp.pipeline.record import new_recording, readings_of_frame
from ferapp.pipeline.stream import StreamFrame
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.settings import ClipSettings
from ferapp.temporal.tracking import LEAST_HITS, MEMORY_S, Tracker
from ferapp.types import Faces
from ferapp.vision.crops import Image

LOOKS_A_SECOND: Final = 15
"""How often faces are detected by default; they are followed in between."""

# Small arrays are joined after so many: each takes ten times the memory of its content.
_JOINED_AFTER: Final = 500
# How long a face has to be found before it counts, and for how many frames it is remembered.
_PROBATION_S: Final = 0.3
_MEMORY_FRAMES: Final = 2.5


@dataclass(frozen=True, eq=False)
class Clip:
    """What was read from a video.

    Attributes:
        info: What its container claims.
        labels: The expressions in column order.
        readings: Of every face in every frame that was analysed, in the order of time.
        cuts_s: When another shot began, s.
        unconfirmed_s: Times of boxes that were found too seldom to count as faces, (m,).
        unconfirmed: These boxes, (m, 4), as shares of the frame's width and height.
        frames: How many were analysed.
        every_s: Seconds from one analysed frame to the next.
        duration_s: Time of the last analysed frame, or what the container claims if later.
        is_whole: Whether the analysis reached the end of what can be read.
        damage: What could not be read, in a sentence; empty if nothing.
    """

    info: VideoInfo
    labels: tuple[str, ...]
    readings: Readings
    cuts_s: tuple[float, ...]
    unconfirmed_s: NDArray[np.float64]
    unconfirmed: NDArray[np.float32]
    frames: int
    every_s: float
    duration_s: float
    is_whole: bool
    damage: str


class ClipAnalysis:
    """The analysis of one video: iterate over it to run it; you may stop at any frame.

    While the expressions of one frame are read, the next is decoded in another process and its
    faces are detected on another thread. A context manager that ends both.

    Args:
        source: As for `ferapp.media.video.Video`.
        analyzer: May be shared with others.
        settings: How it is analysed.

    Raises:
        VideoError: It can't be read; the sentence says why.
    """

    def __init__(
        self, source: Path | BinaryIO, analyzer: Analyzer, settings: ClipSettings | None = None
    ) -> None:
        self._analyzer = analyzer
        self._settings = settings or ClipSettings()
        self._video = Video(
            source,
            per_second=self._settings.per_second,
            max_side_px=self._settings.max_side_px,
        )
        self._labels = self._settings.stream.analysis.classes or analyzer.labels
        self._readings: list[Readings] = []
        self._new: list[Readings] = []
        self._rejected: list[Rejected] = []
        self._cuts_s: list[float] = []
        self._frames = 0
        self._last_s = 0.0
        self._is_whole = False
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def info(self) -> VideoInfo:
        """What the container claims."""
        return self._video.info

    @property
    def wanted_frames(self) -> int:
        """About how many frames will be analysed; 0 if unknown."""
        per_second = self._settings.per_second
        if per_second is None or not self.info.duration_s:
            return self.info.frames
        frames = max(round(self.info.duration_s * per_second), 1)
        return min(frames, self.info.frames) if self.info.frames else frames

    def close(self) -> None:
        """End the decoder; may be called twice, and from any thread to end the iteration."""
        self._is_closed = True
        self._video.close()

    def __iter__(self) -> Iterator[tuple[Image, StreamFrame]]:
        """Each analysed frame, (h, w, 3) RGB uint8, and its faces.

        Raises:
            VideoError: Not even the first frame could be read.
            SettingError: As for `Analyzer.analyze`.
            ModelError: As for `Analyzer.analyze`.
        """
        every = self._detect_every
        settings = self._settings.stream
        stream = FileStream(self._analyzer, tracker_for(every * self._every_s), settings)
        frames = self._video.frames()

        def detect_next(count: int) -> tuple[list[tuple[float, Image]], Faces] | None:
            """The next frames, and the faces of the last of them."""
            part = list(islice(frames, count))
            return (part, self._analyzer.detect(part[-1][1], settings.analysis)) if part else None

        with ThreadPoolExecutor(1, "clip") as ahead:
            try:
                part = ahead.submit(detect_next, 1).result()
                pending = ahead.submit(detect_next, every)
                while part is not None:
                    read = stream.read(*part)
                    following = pending.result()
                    if following is None:
                        read = read.followed_by(stream.finish())
                    else:
                        pending = ahead.submit(detect_next, every)
                    self._note(read)
                    images = dict(part[0])
                    for frame in read.frames:
                        yield images[frame.at_s], frame
                    part = following
                self._is_whole = not self._is_closed
            finally:
                self._note(stream.finish())
                self._cuts_s = stream.cuts_s
                self.close()  # first: the thread may be waiting for a frame

    def result(self) -> Clip:
        """What has been read so far."""
        labels = tuple(name for name in self._analyzer.labels if name in self._labels)
        readings = Readings.join([Readings.empty(len(labels)), *self._readings, *self._new])
        rejected = sorted(self._rejected, key=lambda each: each.at_s)
        claimed_s = self.info.duration_s or 0.0
        is_sound = self._is_whole and not self._video.damage
        return Clip(
            info=self.info,
            labels=labels,
            readings=readings.at(np.lexsort((readings.face, readings.at_s))),
            cuts_s=tuple(self._cuts_s),
            unconfirmed_s=np.array([each.at_s for each in rejected], np.float64),
            unconfirmed=np.array([each.box for each in rejected], np.float32).reshape(-1, 4),
            frames=self._frames,
            every_s=self._every_s,
            duration_s=max(self._last_s, claimed_s) if is_sound else self._last_s,
            is_whole=self._is_whole,
            damage=self._video.damage if self._is_whole else "",
        )

    def _note(self, read: FileFrames) -> None:
        self._frames += len(read.frames)
        if read.frames:
            self._last_s = read.frames[-1].at_s
        self._rejected += read.rejected
        frames = [frame for frame in (*read.frames, *read.late) if frame.faces]
        self._new += [readings_of_frame(frame) for frame in frames]
        if len(self._new) >= _JOINED_AFTER:
            self._readings.append(Readings.join(self._new))
            self._new = []

    @property
    def _every_s(self) -> float:
        rate = self._settings.per_second or self.info.frames_per_second or 25.0
        return 1 / min(rate, self.info.frames_per_second or rate)

    @property
    def _detect_every(self) -> int:
        every = self._settings.stream.detect_every
        return min(every or max(round(1 / (LOOKS_A_SECOND * self._every_s)), 1), MOST_BETWEEN)


def tracker_for(every_s: float) -> Tracker:
    """A tracker for one detection in so many seconds, which may be many."""
    return Tracker(
        memory_s=max(MEMORY_S, _MEMORY_FRAMES * every_s),
        least_hits=int(np.clip(round(_PROBATION_S / every_s), 1, LEAST_HITS)),
        look_s=every_s,
    )


def recording_of_clip(
    title: str,
    clip: Clip,
    analyzer: Analyzer,
    settings: ClipSettings,
    *,
    consent: str = "",
) -> SessionInfo:
    """The session of an analysed video.

    Args:
        title: What its owner calls it.
        clip: What was read.
        analyzer: The analyzer that read it.
        settings: The settings of the analysis.
        consent: What the owner confirmed.
    """
    threshold = settings.stream.analysis.unsure_below
    return new_recording(
        title,
        "video",
        labels=clip.labels,
        unsure_below=analyzer.unsure_below if threshold is None else threshold,
        settings=settings,
        detector=analyzer.detector_name,
        classifier=analyzer.classifier_name,
        consent=consent,
    )
