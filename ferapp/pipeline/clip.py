"""A video file in, every face's expression over time out."""

from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

from ferapp.media.video import Frame, Video, VideoInfo
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.file_stream import MOST_BETWEEN, FileFrames, FileStream, Rejected
from ferapp.pipeline.record import new_recording, provenance_of, readings_of_frame
from ferapp.pipeline.relabelling import relabelled
from ferapp.pipeline.stream import StreamFrame
from ferapp.pipeline.views import Views
from ferapp.sessions.lengths import with_lengths
from ferapp.sessions.session import Provenance, Readings, SessionInfo
from ferapp.settings import ClipSettings, VideoPart
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
# Frames a second where the container doesn't say.
_USUAL_RATE: Final = 25.0
# So many frames tell how far they are apart, which is as claimed up to this ratio.
_LOOKED_AT: Final = 6
_CLOSE: Final = 1.5


@dataclass(frozen=True, eq=False)
class Clip:
    """What was read from a video.

    Attributes:
        info: What its container claims.
        labels: The expressions in column order.
        readings: Of every face in every frame that was analysed, in the order of time; boxes in px
            of the video, also where its frames were scaled down or only a region was read.
        cuts_s: When another shot began, s.
        unconfirmed_s: Times of boxes that were found too seldom to count as faces, (m,).
        unconfirmed: These boxes, (m, 4), as shares of the frame's width and height.
        frames: How many were analysed.
        every_s: Seconds from one analysed frame to the next.
        duration_s: How long the part that was analysed lasts, s: up to the end of its last frame,
            or of the last one that was analysed if the analysis was stopped. Sound doesn't count.
        is_whole: Whether the analysis reached the end of what can be read.
        damage: What could not be read, in a sentence; empty if nothing.
        notes: What was chosen or converted while decoding, in sentences.
        part: Which part of the file was analysed.
        frame_times_s: Times of all analysed frames, (frames,), ascending.
        sizes_wh: Width and height of the frames, px: each size once, in the order in which they
            come.
        provenance: The file that was read; None if its hash is not known.
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
    notes: tuple[str, ...] = ()
    part: VideoPart = field(default_factory=VideoPart)
    frame_times_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    sizes_wh: tuple[tuple[int, int], ...] = ()
    provenance: Provenance | None = None

    @property
    def read_part(self) -> VideoPart:
        """The part that was read: nobody knows which faces are in the rest of the file.

        It ends earlier than `part` where the analysis was stopped, or its decoder crashed.
        """
        if self.is_whole and not self.damage:
            return self.part
        return replace(self.part, to_s=self.part.from_s + self.duration_s)

    def of_file(self, sha256: str, size_bytes: int, name: str = "") -> Self:
        """The same, with the file that was read."""
        date = self.info.content_date
        return replace(
            self, provenance=provenance_of(sha256, size_bytes, name=name, content_date=date)
        )


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
        SettingError: It does not have the part that was asked for.
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
            part=self._settings.part,
        )
        self._readings: list[Readings] = []
        self._new: list[Readings] = []
        self._share_kept: list[float | None] = []
        self._rejected: list[Rejected] = []
        self._cuts_s: list[float] = []
        self._views = Views()
        self._times_s = array("d")
        self._read_s = array("d")
        self._is_whole = False
        self._is_closed = False
        self._every_s = 1 / (_wanted_rate(self.info, self._settings.per_second) or _USUAL_RATE)

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
        return wanted_frames(self.info, self._settings.per_second, self._settings.part)

    def close(self) -> None:
        """End the decoder; may be called twice, and from any thread to end the iteration."""
        self._is_closed = True
        self._video.close()

    def __iter__(self) -> Iterator[tuple[Image, StreamFrame]]:
        """Each analysed frame, (h, w, 3) RGB uint8, and its faces.

        The labels of the faces are a preview, smoothed by what came before; those of `result` look
        ahead as well.

        Raises:
            VideoError: Not even the first frame could be read.
            SettingError: As for `Analyzer.analyze`, or no frame lies in the part to analyse.
            ModelError: As for `Analyzer.analyze`.
        """
        settings = self._settings.stream
        frames = self._begin()
        every = self._detect_every
        stream = FileStream(self._analyzer, tracker_for(every * self._every_s), settings)

        def detect_next(count: int) -> tuple[list[Frame], Faces] | None:
            """The next frames, and the faces of the last of them."""
            part = list(islice(frames, count))
            if not part:
                return None
            return part, self._analyzer.detect(part[-1].image, settings.analysis)

        with ThreadPoolExecutor(1, "clip") as ahead:
            try:
                part = ahead.submit(detect_next, 1).result()
                pending = ahead.submit(detect_next, every)
                while part is not None:
                    images = {frame.at_s: frame.image for frame in part[0]}
                    self._views.add(part[0])
                    read = stream.read(list(images.items()), part[1])
                    following = pending.result()
                    if following is None:
                        read = read.followed_by(stream.finish())
                    else:
                        pending = ahead.submit(detect_next, every)
                    self._note(read)
                    for frame in read.frames:
                        yield images[frame.at_s], frame
                    part = following
                self._is_whole = not self._is_closed
            finally:
                self._note(stream.finish())
                self._cuts_s = stream.cuts_s
                self.close()  # first: the thread may be waiting for a frame

    def _begin(self) -> Iterator[Frame]:
        """The frames, once the first of them have shown how far they really are apart."""
        try:
            frames = self._video.frames()
            first = list(islice(frames, _LOOKED_AT))
        except BaseException:
            self.close()
            raise
        self._every_s = _interval_s([frame.at_s for frame in first], self._every_s)
        return chain(first, frames)

    def result(self) -> Clip:
        """What has been read so far."""
        labels = self._settings.stream.analysis.chosen(self._analyzer.labels)
        readings = Readings.join([Readings.empty(len(labels)), *self._readings, *self._new])
        order = np.lexsort((readings.face, readings.at_s))
        readings, share_kept = readings.at(order), np.array(self._share_kept, np.float64)[order]
        stream, every_s = self._settings.stream, _interval_s(self._times_s, self._every_s)
        readings = relabelled(
            readings,
            labels,
            np.array(self._read_s, np.float64),
            every_s=every_s,
            unsure_below=stream.analysis.threshold(self._analyzer.unsure_below),
            settings=stream,
            share_kept=share_kept,
        )
        rejected = sorted(self._rejected, key=lambda each: each.at_s)
        times_s = np.array(self._times_s, np.float64)
        read_until_s = self._video.end_s if self._is_whole else None
        end_s = _end_s(times_s, read_until_s, self.info, self._settings.part)
        return Clip(
            info=self.info,
            labels=labels,
            # Where the file is damaged, frames are missing that nobody saw.
            readings=with_lengths(
                readings, frames_s=times_s, end_s=end_s, is_whole=not self._video.damage, least=1
            ),
            cuts_s=tuple(self._cuts_s),
            unconfirmed_s=np.array([each.at_s for each in rejected], np.float64),
            unconfirmed=np.array([each.box for each in rejected], np.float32).reshape(-1, 4),
            frames=len(self._times_s),
            every_s=every_s,
            duration_s=end_s - self._settings.part.from_s,
            is_whole=self._is_whole,
            damage=self._video.damage if self._is_whole else "",
            notes=(*self._video.notes, *self._views.notes),
            part=self._settings.part,
            frame_times_s=times_s,
            sizes_wh=self._views.sizes_wh,
        )

    def _note(self, read: FileFrames) -> None:
        self._times_s.extend(frame.at_s for frame in read.frames)
        self._read_s.extend(frame.at_s for frame in read.frames if frame.is_read)
        self._rejected += [self._views.to_shares(each) for each in read.rejected]
        frames = [frame for frame in (*read.frames, *read.late) if frame.faces]
        self._new += [self._views.to_video(readings_of_frame(frame)) for frame in frames]
        self._share_kept += [
            face.share_kept for frame in frames if frame.is_read for face in frame.faces
        ]
        if len(self._new) >= _JOINED_AFTER:
            self._readings.append(Readings.join(self._new))
            self._new = []

    @property
    def _detect_every(self) -> int:
        every = self._settings.stream.detect_every
        return min(every or max(round(1 / (LOOKS_A_SECOND * self._every_s)), 1), MOST_BETWEEN)


def _end_s(
    times_s: NDArray[np.float64], read_until_s: float | None, info: VideoInfo, part: VideoPart
) -> float:
    """When the last analysed frame ends, s.

    Args:
        times_s: Of the frames that were analysed, (n,), s.
        read_until_s: When the last frame that could be read ends, s; None if the analysis was
            stopped before.
        info: What the container claims.
        part: What was to be analysed.
    """
    last_s = float(times_s[-1]) if len(times_s) else part.from_s
    if (read_until_s or 0.0) > last_s or not len(times_s):
        return max(read_until_s or 0.0, last_s)
    # A frame lasts, also where the analysis was stopped.
    end_s = last_s + 1 / (info.frames_per_second or _USUAL_RATE)
    return end_s if part.to_s is None else min(end_s, max(part.to_s, last_s))


def _interval_s(times_s: Sequence[float], claimed_s: float) -> float:
    """Usual time between two frames, s: as claimed, unless they are plainly closer or rarer.

    A time-lapse in Matroska may claim thirty frames a second and show one in two seconds.
    """
    if len(times_s) < 2:
        return claimed_s
    seen_s = float(np.median(np.diff(times_s)))
    return claimed_s if 1 / _CLOSE < seen_s / claimed_s < _CLOSE else seen_s


def wanted_frames(info: VideoInfo, per_second: float | None, part: VideoPart) -> int:
    """About how many frames of a part of a video are analysed; 0 if unknown.

    Args:
        info: What its container claims.
        per_second: The maximum; None for all frames.
        part: The part.
    """
    rate = _wanted_rate(info, per_second)
    if not info.duration_s or not rate:
        return 0
    return max(round(part.length_s(info.duration_s) * rate), 1)


def _wanted_rate(info: VideoInfo, per_second: float | None) -> float:
    """How many frames a second are analysed, by what the container claims; 0 if unknown."""
    return min((each for each in (per_second, info.frames_per_second) if each), default=0.0)


def tracker_for(every_s: float) -> Tracker:
    """A tracker for one detection in so many seconds, which may be many."""
    return Tracker(
        memory_s=max(MEMORY_S, _MEMORY_FRAMES * every_s),
        least_hits=int(np.clip(round(_PROBATION_S / every_s), 1, LEAST_HITS)),
        look_s=every_s,
        is_whole=True,
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
    return new_recording(
        title,
        "video",
        duration_s=clip.duration_s,
        labels=clip.labels,
        unsure_below=settings.stream.analysis.threshold(analyzer.unsure_below),
        settings=settings,
        detector=analyzer.detector_name,
        classifier=analyzer.classifier_name,
        consent=consent,
        provenance=clip.provenance,
    )
