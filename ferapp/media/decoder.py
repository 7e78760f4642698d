"""From a container to upright RGB frames: here FFmpeg reads untrusted files.

`ferapp.media.video` starts it as a child process, so that a crash, a decompression bomb or a hang
affects one file only.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Any, BinaryIO, Final

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import Colorspace, VideoReformatter

from ferapp.errors import VideoError
from ferapp.media.containers import HEAD_BYTES, container_of
from ferapp.media.frame_clock import MAX_FRAMES, MAX_SECONDS, FrameClock, Sampler
from ferapp.media.orientation import Image, Turn, display_size, turn_from
from ferapp.media.video import VideoInfo
from ferapp.system.child import run, send
from ferapp.vision.sizes import fitted_size

MAX_PIXELS: Final = 50_000_000
"""Videos with larger frames are refused; 8K has 33 megapixels."""

# More than this in a file that is only damaged in places is unlikely.
_MOST_ERRORS_IN_A_ROW: Final = 250
# For the demuxer and, where they apply, the decoders.
_OPTIONS: Final = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts",
    # Streams are probed by decoding; this limits the cost of probing a decompression bomb.
    "max_pixels": str(4 * MAX_PIXELS),
}
# Titles have any encoding; before PyAV 19 one that is not UTF-8 was an error.
_TAGS: Final[dict[str, Any]] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
# Decoding larger frames on several threads would use up the memory of a small machine.
_FRAME_THREADS_BELOW: Final = 9_000_000
_EARLY_END_S: Final = 1.0
_MEMORY_BYTES: Final = 2 << 30


def open_container(file: BinaryIO) -> tuple[InputContainer, str]:
    """Open a container of a supported format; also returns the format.

    Args:
        file: Open for reading, seekable, at its start; stays open.

    Raises:
        VideoError: It has another format, or can't be opened.
    """
    kind = container_of(file.read(HEAD_BYTES))
    file.seek(0)
    try:
        return av.open(file, "r", format=kind, options=_OPTIONS, **_TAGS), kind
    except av.FFmpegError as exc:
        raise VideoError("The video is damaged or cut short: it can't be opened.") from exc


class Decoder:
    """Reads one file.

    Args:
        file: Open for reading, seekable, at its start; stays open.
        threads: Threads that the decoder may use.

    Attributes:
        info: What the container claims.
        damage: What could not be read, in a sentence; empty if everything was. Valid after the last
            frame.

    Raises:
        VideoError: It has no frame to show; the message says why.
    """

    def __init__(self, file: BinaryIO, *, threads: int = 2) -> None:
        self.damage = ""
        self._first_error_s: float | None = None
        self._read_s = 0.0
        self._rotation: int | None = None
        self._turn = Turn()
        self._reformatter = VideoReformatter()
        self._container, self._format = open_container(file)
        self._track = _video_track(self._container)
        self._is_encrypted = "enc_key_id" in self._track.metadata  # of Matroska and WebM
        context = self._track.codec_context
        self._codec = context.name
        # Frames may grow in the middle of the video, beyond the size in the header.
        context.options = {"max_pixels": str(MAX_PIXELS)}
        context.thread_count = threads
        is_small = context.width * context.height <= _FRAME_THREADS_BELOW
        context.thread_type = "AUTO" if is_small else "SLICE"
        self._frames = self._decode()
        self._first = next(self._frames, None)
        if self._first is None:
            raise VideoError(self._no_frames_text())
        self._start_s = (self._container.start_time or 0) / av.time_base
        self.info = self._info(self._first)

    def close(self) -> None:
        """Close the container; may be called twice."""
        self._container.close()

    def frames(
        self, *, per_second: float | None = None, max_side_px: int = 1280
    ) -> Iterator[tuple[float, Image]]:
        """Each frame once: its time in seconds from the start, and (h, w, 3) RGB uint8.

        Times ascend. The size may change from frame to frame.

        Args:
            per_second: Maximum number of frames per second, evenly spaced; None for all.
            max_side_px: Frames with a longer side are scaled down while they are decoded.

        Raises:
            VideoError: Even the first frame is past the time limit.
        """
        step_s = 1 / (self.info.frames_per_second or 25)
        clock = FrameClock(start_s=self._start_s, step_s=step_s)
        sampler = Sampler(per_second)
        frame = self._first
        while frame is not None:
            at_s = clock.advance(frame.time)
            if clock.is_past_limits:
                self.damage = _past_limits_text(clock)
                return
            if sampler.takes(at_s):
                yield at_s, self._to_upright(frame, max_side_px)
            frame = next(self._frames, None)
        self.damage = self._damage_text(clock.last_s)

    def _decode(self) -> Iterator[Any]:
        """Yield every intact frame; note damaged ones."""
        in_a_row = 0
        times: deque[int] = deque()
        for packet in self._packets():
            self._is_encrypted |= packet.has_sidedata("encryption_info")
            # AVI stores no presentation times. Frames come out in that order, one per packet.
            if self._format == "avi" and packet.size:
                times.append(packet.dts)
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                self._note_error()
                in_a_row += 1
                # PyAV 19 crashes when a decoder that could not be opened is used again.
                if not self._track.codec_context.is_open:
                    return
                if times:
                    times.popleft()
                if in_a_row > _MOST_ERRORS_IN_A_ROW or self._is_encrypted:
                    return
                continue
            for frame in frames:
                if times:
                    frame.pts = times.popleft()
                if frame.is_corrupt:
                    self._note_error()
                    continue
                in_a_row = 0
                self._read_s = frame.time or self._read_s
                yield frame

    def _packets(self) -> Iterator[Any]:
        """Packets of the track, and after an error an empty one that flushes the decoder."""
        packets = self._container.demux(self._track)
        try:
            while (packet := next(packets, None)) is not None:
                yield packet
        except (av.FFmpegError, ValueError):
            self._note_error()
            end = av.Packet()
            end.stream = self._track
            yield end

    def _note_error(self) -> None:
        """Note that something after the last intact frame can't be read."""
        if self._first_error_s is None:
            self._first_error_s = self._read_s

    def _no_frames_text(self) -> str:
        if self._is_encrypted:
            return "The video is encrypted; save a copy without protection and try again."
        if self._first_error_s is not None:
            reason = "it is damaged or in an unknown format"
            return f"No frame of the video can be decoded ({self._codec}): {reason}."
        return "The video has no frames."

    def _info(self, frame: Any) -> VideoInfo:
        """What the container claims, and the shape of the first frame."""
        track = self._track
        rate = track.average_rate or track.guessed_rate
        duration_s = _duration_s(self._container, track)
        return VideoInfo(
            container=self._format,
            codec=track.codec_context.codec.canonical_name,
            size_wh=self._display_wh(frame),
            frames_per_second=float(rate) if rate else None,
            duration_s=duration_s if duration_s > 0 else None,
            has_sound=bool(self._container.streams.audio),
        )

    def _to_upright(self, frame: Any, max_side_px: int) -> Image:
        turn = self._turn_of(frame)
        width, height = turn.swap(fitted_size(self._display_wh(frame), max_side_px))
        reformat = partial(
            self._reformatter.reformat, frame, width, height, "rgb24", interpolation="BILINEAR"
        )
        try:
            stored = reformat()
        except av.FFmpegError:  # FFmpeg does not know the number of the colour matrix
            stored = reformat(src_colorspace=Colorspace.ITU601)
        return turn.apply(np.asarray(stored.to_ndarray(), np.uint8))

    def _display_wh(self, frame: Any) -> tuple[int, int]:
        """Width and height at which the frame is displayed, px."""
        aspect = float(self._track.sample_aspect_ratio or 1)
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

    def _damage_text(self, last_s: float) -> str:
        """What could not be read, in a sentence, known after the last frame."""
        if self._first_error_s is not None:
            first_s = max(self._first_error_s - self._start_s, 0)
            return f"The video is damaged, first at {first_s:.1f} s; what could be read is kept."
        if self.info.frames <= 1:
            return ""
        return _early_end_text(self._track, self._start_s, last_s)


def _video_track(container: InputContainer) -> Any:
    """The track to read.

    Raises:
        VideoError: There is none, or none that may be decoded here.
    """
    # Cover pictures of songs also count as video for FFmpeg.
    covers = av.stream.Disposition.attached_pic
    tracks = [s for s in container.streams.video if not s.disposition & covers]
    if not tracks:
        raise VideoError("The file has no video track.")
    context = tracks[0].codec_context
    if context is None:
        raise VideoError("The video is in a format that can't be decoded here.")
    if context.width * context.height > MAX_PIXELS:
        raise VideoError(
            f"The video has frames of {context.width} × {context.height} pixels, more than "
            f"the limit of {MAX_PIXELS / 1e6:g} megapixels. Make it smaller and try again."
        )
    return tracks[0]


def _duration_s(container: InputContainer, track: Any) -> float:
    """Duration according to the track, else to the container; 0 if neither states it."""
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def _early_end_text(track: Any, start_s: float, last_s: float) -> str:
    """A sentence if the track ends before its stated duration; else empty.

    Args:
        track: The track; every frame of it has been read.
        start_s: The time stamp at which the file begins, s.
        last_s: The time of the last frame, s from there.
    """
    claimed_s = _claimed_duration_s(track)
    if not claimed_s or not track.time_base:
        return ""
    begins_s = float((track.start_time or 0) * track.time_base) - start_s
    if last_s - begins_s >= 0.95 * claimed_s - _EARLY_END_S:
        return ""
    return f"The video ends at {last_s:.1f} s of {claimed_s:.1f} s: it is cut short."


def _claimed_duration_s(track: Any) -> float:
    """Duration that the video track states, in the header or in its tags; 0 if it does not."""
    if track.duration and track.time_base:
        return float(track.duration * track.time_base)
    # Matroska stores the end as text.
    begins_s = float((track.start_time or 0) * (track.time_base or 0))
    parts = track.metadata.get("DURATION", "").split(":")
    try:
        hours, minutes, seconds = (float(part) for part in parts)
    except ValueError:
        return 0.0
    return max((hours * 60 + minutes) * 60 + seconds - begins_s, 0.0)


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
    """Decode the file on standard input and send its info, each frame and the damage.

    Args:
        request: Arguments of `Decoder.frames`.

    Raises:
        VideoError: It can't be read.
    """
    try:
        with open(0, "rb", closefd=False) as file:
            decoder = Decoder(file)
            send({"info": asdict(decoder.info)})
            for at_s, image in decoder.frames(**request):
                send({"at_s": at_s, "shape": image.shape}, image.data.cast("B"))
            send({"damage": decoder.damage})
    except MemoryError as exc:
        raise VideoError("Decoding the video needs more memory than is allowed.") from exc
    except av.FFmpegError as exc:
        raise VideoError("The video is damaged: its frames can't be read.") from exc


if __name__ == "__main__":
    run(send_frames, memory_bytes=_MEMORY_BYTES)
