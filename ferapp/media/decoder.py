"""From a video file to upright RGB frames.

`ferapp.media.video` starts it as a child process, so that a crash, a decompression bomb or a hang
affects one file only.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, BinaryIO, Final

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData

from ferapp.errors import SettingError, VideoError
from ferapp.media import tracks
from ferapp.media.colour import Colours
from ferapp.media.content_dates import container_date
from ferapp.media.frame_clock import MAX_FRAMES, MAX_SECONDS, FrameClock, Sampler
from ferapp.media.frame_source import FrameSource
from ferapp.media.orientation import Image, Turn, display_size, turn_from
from ferapp.media.video import Frame, VideoInfo, View
from ferapp.settings import VideoPart
from ferapp.system.child import run, send
from ferapp.vision.sizes import fitted_size

# Times of frames and of parts are the same if they are as close as this.
_SAME_S: Final = 1e-4
# How often work that yields no frames gives a sign of life.
_SIGN_S: Final = 2.0
_MEMORY_BYTES: Final = 2 << 30
PROCESSOR_S: Final = 48 * 3600
"""Maximum CPU time for one video, s: two cores for the longest that is read."""

_WHOLE: Final = VideoPart()


def _do_nothing() -> None:
    pass


class Decoder:
    """Reads one file.

    Args:
        file: Open for reading, seekable, at its start; stays open.
        part: Which part of it is read.
        threads: Threads that the decoder may use.
        on_wait: Called every few seconds while frames before the part are decoded.

    Attributes:
        info: What the container claims.
        damage: What could not be read, in a sentence; empty if everything was. Valid after the last
            frame.
        notes: What was chosen or converted, in sentences. Valid after the last frame.
        end_s: When what was read ends, s from the start of the file. Valid after the last frame.

    Raises:
        VideoError: It has no frame to show; the message says why.
        SettingError: It does not have the part that was asked for.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        part: VideoPart = _WHOLE,
        threads: int = 2,
        on_wait: Callable[[], None] = _do_nothing,
    ) -> None:
        self.damage = ""
        self.end_s = 0.0
        self._part, self._on_wait = part, on_wait
        self._rotation: int | None = None
        self._turn = Turn()
        self._source = FrameSource(file, track=part.track, threads=threads)
        self._colours = Colours(self._source.track.codec_context.codec.canonical_name)
        self._first_wh = self._display_wh(self._source.first)
        self.info = _info(self._source, self._first_wh)
        if self._shown_region(self.info.size_wh) is None:
            width, height = self.info.size_wh
            raise SettingError(
                f"The region lies outside the picture, which has {width} × {height} pixels."
            )

    @property
    def notes(self) -> list[str]:
        """See the class."""
        notes = []
        if len(self.info.tracks) > 1:
            others = [text for n, text in enumerate(self.info.tracks, 1) if n != self.info.track]
            notes.append(
                f"The file has {len(self.info.tracks)} video tracks; track {self.info.track} was "
                f"read. The others are {'; '.join(others)}."
            )
        if self._source.is_interlaced:
            notes.append("The video is interlaced; it was deinterlaced.")
        return notes + self._colours.notes

    def close(self) -> None:
        """Close the container; may be called twice."""
        self._source.close()

    def frames(
        self, *, per_second: float | None = None, max_side_px: int = 1280
    ) -> Iterator[Frame]:
        """Each frame of the part once.

        Times ascend. The size may change from frame to frame.

        Args:
            per_second: Maximum number of frames per second, evenly spaced; None for all.
            max_side_px: Images with a longer side are scaled down while they are decoded.

        Raises:
            VideoError: Even the first frame is past the time limit.
            SettingError: No frame lies in the part.
        """
        step_s = 1 / (self.info.frames_per_second or 25)
        from_s, to_s = self._part.from_s, self._part.to_s
        frame = self._source.seek(from_s) if from_s else self._source.begin()
        clock = FrameClock(start_s=self._source.start_s, step_s=step_s)
        sampler = Sampler(per_second)
        is_begun = False
        lasts_s = 0.0
        sign_s = time.monotonic()
        while frame is not None:
            at_s = clock.advance(frame.time)
            if clock.is_past_limits:
                self.damage = _past_limits_text(clock)
                self.end_s = at_s
                return
            if to_s is not None and at_s >= to_s - _SAME_S:
                break
            if at_s >= from_s - _SAME_S:
                if not is_begun:  # errors before the part don't count
                    is_begun = True
                    if from_s:
                        self._source.forget_errors()
                if sampler.takes(at_s - from_s):
                    shown = self._to_upright(frame, max_side_px)
                    if shown is not None:
                        yield Frame(at_s, *shown)
                        sign_s = time.monotonic()
            if time.monotonic() - sign_s > _SIGN_S:
                sign_s = time.monotonic()
                self._on_wait()
            lasts_s = _lasts_s(frame)
            # Dropped before the next is decoded: one in 8K takes 50 MB.
            frame = None
            frame = self._source.next()
        end_s = _end_s(self._source, self.info, clock, lasts_s)
        if not is_begun:
            raise SettingError(_empty_part_text(self._part, end_s, is_past=frame is None))
        self.damage = self._source.error_text()
        if frame is not None:
            self.end_s = to_s or at_s
            return
        self.end_s = min(end_s, to_s or math.inf)
        if not self.damage and self.info.frames > 1:
            self.damage = _early_end_text(self._source, end_s)

    def _to_upright(self, frame: Any, max_side_px: int) -> tuple[Image, View] | None:
        """The region of a frame that is read, upright; None if it lies outside this frame."""
        turn = self._turn_of(frame)
        whole_wh = self._display_wh(frame)
        region = self._shown_region(whole_wh)
        if region is None:
            return None
        left, top, right, bottom = region
        wanted_wh = (right - left, bottom - top)
        share = max(fitted_size(wanted_wh, max_side_px)) / max(wanted_wh)
        scaled_wh = fitted_size(whole_wh, max(round(share * max(whole_wh)), 1))
        x, y = whole_wh[0] / scaled_wh[0], whole_wh[1] / scaled_wh[1]
        upright = turn.apply(self._colours.to_rgb(frame, turn.swap(scaled_wh)))
        first_x, first_y = math.floor(left / x), math.floor(top / y)
        cut = upright[first_y : math.ceil(bottom / y), first_x : math.ceil(right / x)]
        image = np.ascontiguousarray(self._colours.to_sdr(frame, cut))
        return image, View(whole_wh, (first_x * x, first_y * y), (x, y))

    def _shown_region(self, whole_wh: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """Left, top, right and bottom of what is read of a frame, px; None if nothing is."""
        if self._part.region is None:
            return (0, 0, *whole_wh)
        x, y, width, height = self._part.region
        # Where the picture changes its size, it is the same part of it.
        across, down = whole_wh[0] / self._first_wh[0], whole_wh[1] / self._first_wh[1]
        left, top = round(x * across), round(y * down)
        right = min(round((x + width) * across), whole_wh[0])
        bottom = min(round((y + height) * down), whole_wh[1])
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _display_wh(self, frame: Any) -> tuple[int, int]:
        """Width and height at which the frame is displayed, px."""
        aspect = self._source.aspect
        return display_size((frame.width, frame.height), aspect, self._turn_of(frame))

    def _turn_of(self, frame: Any) -> Turn:
        """The turn that the frame asks for; read again only when the rotation changes.

        PyAV's side data and its frame refer to each other: each frame whose side data is read would
        stay in memory until Python collects cycles, half a gigabyte later.
        """
        if self._rotation != frame.rotation:
            self._rotation = frame.rotation
            matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
            self._turn = turn_from(None if matrix is None else bytes(matrix))
        return self._turn


def _info(source: FrameSource, size_wh: tuple[int, int]) -> VideoInfo:
    """What the container claims, and the size of the first frame as it is shown, px."""
    track = source.track
    rate = track.average_rate or track.guessed_rate
    duration_s = tracks.claimed_end_s(
        source.container, track, start_s=source.start_s, begins_s=source.begins_s
    )
    dates = (container_date(dict(part.metadata)) for part in (source.container, track))
    recorded = next(filter(None, dates), None)
    return VideoInfo(
        container=source.format,
        codec=track.codec_context.codec.canonical_name,
        size_wh=size_wh,
        frames_per_second=float(rate) if rate else None,
        duration_s=duration_s if duration_s > 0 else None,
        has_sound=bool(source.container.streams.audio),
        track=tracks.video_tracks(source.container).index(track) + 1,
        tracks=tuple(tracks.track_texts(source.container)),
        recorded=recorded.isoformat() if recorded else None,
    )


def _empty_part_text(part: VideoPart, end_s: float, *, is_past: bool) -> str:
    """Why no frame lies in a part."""
    if is_past and end_s <= part.from_s:
        return (
            f"The video ends at {end_s:.2f} s, so nothing of it can be read from "
            f"{part.from_s:g} s on."
        )
    if is_past and part.to_s is None:
        return f"No frame of the video begins at {part.from_s:g} s or later."
    return f"No frame of the video lies between {part.from_s:g} s and {part.to_s:g} s."


def _lasts_s(frame: Any) -> float:
    """How long a frame lasts by its own word, s; 0 if it says nothing."""
    return float(frame.duration * frame.time_base) if frame.duration else 0.0


def _end_s(source: FrameSource, info: VideoInfo, clock: FrameClock, lasts_s: float) -> float:
    """When the last frame ends, s: a frame lasts for as long as the file says, or as others do."""
    claimed_s = info.duration_s
    has_lengths = tracks.states_lengths(source.container)
    shown_s = lasts_s if has_lengths else 0.0
    shown_s = shown_s or clock.interval_s or 1 / (info.frames_per_second or 25)
    end_s = max(clock.last_s + shown_s, source.repeated_until_s - source.start_s)
    if claimed_s is None or not has_lengths:
        return end_s
    # A stated end is not earlier than the last frame. The last one may last until then, if nothing
    # of the file is missing.
    if source.is_complete and tracks.track_length_s(
        source.container, source.track, source.begins_s
    ):
        return max(end_s, claimed_s)
    return max(clock.last_s, min(end_s, claimed_s))


def _early_end_text(source: FrameSource, end_s: float) -> str:
    """A sentence if the file lacks its end; else empty."""
    claimed_s = tracks.track_end_s(
        source.container, source.track, start_s=source.start_s, begins_s=source.begins_s
    )
    return tracks.early_end_text(end_s, claimed_s, is_complete=source.is_complete)


def _past_limits_text(clock: FrameClock) -> str:
    """A sentence which says that only the start was read.

    Raises:
        VideoError: Not even the first frame is within the limits.
    """
    hours = MAX_SECONDS / 3600
    if clock.count == 1:
        raise VideoError(
            f"The first frame of the video comes after {hours:g} hours: its times are damaged."
        )
    return f"Only the first {hours:g} hours or {MAX_FRAMES:,} frames of a video are read."


def send_frames(request: dict[str, Any]) -> None:
    """Decode the file on standard input and send its info, each frame, the damage and the notes.

    Args:
        request: Arguments of `Decoder.frames`, and `part`, that of `Decoder`.

    Raises:
        VideoError: It can't be read.
        SettingError: It does not have the part that was asked for.
    """
    part = VideoPart(**request.pop("part"))
    try:
        with open(0, "rb", closefd=False) as file:
            decoder = Decoder(file, part=part, on_wait=lambda: send({"is_waiting": True}))
            send({"info": asdict(decoder.info)})
            for frame in decoder.frames(**request):
                view, image = frame.view, frame.image
                header = {
                    "at_s": frame.at_s,
                    "shape": image.shape,
                    "view": (view.frame_wh, view.corner_xy, view.scale_xy),
                }
                send(header, image.data.cast("B"))
            send({"damage": decoder.damage, "notes": decoder.notes, "end_s": decoder.end_s})
    except MemoryError as exc:
        raise VideoError("Decoding the video needs more memory than is allowed.") from exc
    except av.FFmpegError as exc:
        raise VideoError("The video is damaged: its frames can't be read.") from exc


if __name__ == "__main__":
    run(send_frames, memory_bytes=_MEMORY_BYTES, processor_s=PROCESSOR_S)
