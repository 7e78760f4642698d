"""From a container to upright RGB frames: where FFmpeg reads what strangers made.

Runs in a process of its own (`ferapp.media.video` starts it), so that a crash, a bomb or a decoder
that never returns costs no more than one file.
"""

import math
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
from numpy.typing import NDArray

from ferapp.errors import VideoError
from ferapp.media.containers import HEAD_BYTES, container_of
from ferapp.media.video import VideoInfo
from ferapp.system.child import run, send

MAX_PIXELS: Final = 50_000_000
"""Videos with larger frames are refused; 8K has 33 megapixels."""

MAX_SECONDS: Final = 24 * 3600.0
"""What comes later than this is not read."""

MAX_FRAMES: Final = 5_000_000
"""What comes after so many frames is not read."""

# Told apart from a file that is damaged here and there.
_MOST_ERRORS_IN_A_ROW: Final = 250
# Of the demuxer and, as far as they go, of the decoders.
_OPTIONS: Final = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts",
    # Streams are probed by decoding; this lets the size of a bomb be told without paying for it.
    "max_pixels": str(4 * MAX_PIXELS),
}
# Titles come in any encoding; before PyAV 19 one that is not UTF-8 was an error.
_TAGS: Final[dict[str, Any]] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
# With one thread a core each, frames of more pixels would take the memory of a small machine.
_FRAME_THREADS_BELOW: Final = 9_000_000
_EARLY_END_S: Final = 1.0
# A time that lies further back than this belongs to another clock.
_BACK_S: Final = 0.5
_TICK_S: Final = 0.001
_MEMORY_BYTES: Final = 2 << 30

Image = NDArray[np.uint8]


def opened(file: BinaryIO) -> tuple[InputContainer, str]:
    """A container of one of the kinds that are let in, and its kind.

    Args:
        file: Open for reading, seekable, at its start; stays open.

    Raises:
        VideoError: It is of another kind, or can't be opened.
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
        threads: How many the decoder may use.

    Attributes:
        info: What the container claims.
        damage: What could not be read, in a sentence; empty if all was well. Complete when the
            frames are.

    Raises:
        VideoError: There is nothing to show in it; the sentence says why.
    """

    def __init__(self, file: BinaryIO, *, threads: int = 2) -> None:
        self.damage = ""
        self._errors = 0
        self._first_error_s = self._read_s = 0.0
        self._is_encrypted = False
        self._turned: tuple[int, tuple[int, bool]] | None = None
        self._reformatter = VideoReformatter()
        self._container, self._format = opened(file)
        self._stream = self._chosen()
        context = self._stream.codec_context
        self._codec = context.name
        # More would be taken of a frame that grows in the middle of the video.
        context.options = {"max_pixels": str(MAX_PIXELS)}
        context.thread_count = threads
        is_small = context.width * context.height <= _FRAME_THREADS_BELOW
        context.thread_type = "AUTO" if is_small else "SLICE"
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            raise VideoError(self._why_nothing())
        start = self._container.start_time
        self._start_s = start / av.time_base if start else 0.0
        self.info = self._info(self._first)

    def close(self) -> None:
        """Close the container; may be called twice."""
        self._container.close()

    def frames(
        self, *, per_second: float | None = None, max_side_px: int = 1280
    ) -> Iterator[tuple[float, Image]]:
        """Each frame once: its time in seconds from the start, and (h, w, 3) RGB uint8.

        Times ascend. The size may change on the way.

        Args:
            per_second: So many at most, evenly; None for all.
            max_side_px: Frames with a longer side are made smaller while they are decoded.

        Raises:
            VideoError: Even the first is too late to be read.
        """
        last_s, last_slot, shift_s = -math.inf, -1, 0.0
        step_s = 1 / (self.info.frames_per_second or 25)
        frame, count = self._first, 0
        while frame is not None:
            at_s = last_s + step_s if frame.time is None else frame.time - self._start_s + shift_s
            if not math.isfinite(at_s):  # the first one, without a time
                at_s = 0.0
            if last_s - at_s > _BACK_S:  # a clock that was set back
                shift_s += last_s + step_s - at_s
                at_s = last_s + step_s
            # Two frames of one time: the second comes a moment later, and shifts no other.
            at_s = max(at_s, 0.0, last_s + _TICK_S)
            count += 1
            if at_s > MAX_SECONDS and count == 1:
                raise VideoError(
                    f"The first picture of the video comes after {MAX_SECONDS / 3600:g} hours: "
                    "its times are damaged."
                )
            if at_s > MAX_SECONDS or count > MAX_FRAMES:
                self.damage = (
                    f"Only the first {MAX_SECONDS / 3600:g} hours or {MAX_FRAMES:,} frames of a "
                    "video are read."
                )
                return
            last_s = at_s
            slot = math.floor(at_s * per_second + 1e-6) if per_second else last_slot + 1
            if slot > last_slot:
                last_slot = slot
                yield at_s, self._upright(frame, max_side_px)
            frame = next(self._frames, None)
        self._end(last_s)

    def _chosen(self) -> Any:
        # Covers of songs are pictures, though FFmpeg calls them video.
        covers = av.stream.Disposition.attached_pic
        tracks = [s for s in self._container.streams.video if not s.disposition & covers]
        if not tracks:
            raise VideoError("The file has no video track.")
        track = tracks[0]
        context = track.codec_context
        if context is None:
            raise VideoError("The video is in a format that can't be decoded here.")
        if context.width * context.height > MAX_PIXELS:
            raise VideoError(
                f"The video has frames of {context.width} × {context.height} pixels, more than "
                f"the limit of {MAX_PIXELS / 1e6:g} megapixels. Make it smaller and try again."
            )
        self._is_encrypted = "enc_key_id" in track.metadata  # of Matroska and WebM
        return track

    def _decoded(self) -> Iterator[Any]:
        """Every sound frame; damaged ones are counted."""
        in_a_row = 0
        times: deque[int] = deque()
        for packet in self._packets():
            self._is_encrypted |= packet.has_sidedata("encryption_info")
            # AVI keeps no time of showing. Frames come out in that order, one for each packet.
            if self._format == "avi" and packet.size:
                times.append(packet.dts)
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                self._note(self._read_s)
                in_a_row += 1
                # PyAV 19 crashes when a decoder that could not be opened is used again.
                if not self._stream.codec_context.is_open:
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
                    self._note(self._read_s)
                    continue
                in_a_row = 0
                self._read_s = frame.time or self._read_s
                yield frame

    def _packets(self) -> Iterator[Any]:
        """Those of the track, and an empty one at the end that brings what the decoder holds."""
        packets = self._container.demux(self._stream)
        try:
            while (packet := next(packets, None)) is not None:
                yield packet
        except (av.FFmpegError, ValueError):
            self._note(self._read_s)
            end = av.Packet()
            end.stream = self._stream
            yield end

    def _note(self, at_s: float) -> None:
        if not self._errors:
            self._first_error_s = at_s
        self._errors += 1

    def _end(self, last_s: float) -> None:
        """Say what is missing, once the last frame has gone."""
        track = self._stream
        if self._errors:
            self.damage = (
                f"The video is damaged, first at {max(self._first_error_s - self._start_s, 0):.1f} "
                "s; what could be read is kept."
            )
        elif (told_s := self._told_s()) and track.time_base:
            begins_s = float((track.start_time or 0) * track.time_base) - self._start_s
            if last_s - begins_s < 0.95 * told_s - _EARLY_END_S and self.info.frames > 1:
                self.damage = (
                    f"The video ends at {last_s:.1f} s of {told_s:.1f} s: it is cut short."
                )

    def _told_s(self) -> float:
        """How long the video track says it is; 0 if it does not."""
        track = self._stream
        if track.duration and track.time_base:
            return float(track.duration * track.time_base)
        # Matroska keeps the end as text.
        begins_s = float((track.start_time or 0) * (track.time_base or 0))
        parts = track.metadata.get("DURATION", "").split(":")
        try:
            hours, minutes, seconds = (float(part) for part in parts)
        except ValueError:
            return 0.0
        return max((hours * 60 + minutes) * 60 + seconds - begins_s, 0.0)

    def _why_nothing(self) -> str:
        if self._is_encrypted:
            return "The video is encrypted; save a copy without protection and try again."
        if self._errors:
            reason = "it is damaged or unknown here"
            return f"No frame of the video can be decoded ({self._codec}): {reason}."
        return "The video has no frames."

    def _info(self, frame: Any) -> VideoInfo:
        rate = self._stream.average_rate or self._stream.guessed_rate
        track = self._stream
        if track.duration and track.time_base:
            duration_s: float | None = float(track.duration * track.time_base)
        else:
            whole = self._container.duration
            duration_s = whole / av.time_base if whole else None
        return VideoInfo(
            container=self._format,
            codec=track.codec_context.codec.canonical_name,
            size_wh=self._shown_wh(frame),
            frames_per_second=float(rate) if rate else None,
            duration_s=duration_s if duration_s and duration_s > 0 else None,
            has_sound=bool(self._container.streams.audio),
        )

    def _turn_of(self, frame: Any) -> tuple[int, bool]:
        """As `_turn`, asked again only when the rotation changes.

        PyAV's side data and its frame hold each other: every frame that was asked would stay in
        memory until Python looks for cycles, half a gigabyte later.
        """
        if self._turned is None or self._turned[0] != frame.rotation:
            self._turned = (frame.rotation, _turn(frame))
        return self._turned[1]

    def _shown_wh(self, frame: Any) -> tuple[int, int]:
        aspect = self._stream.sample_aspect_ratio or 1
        # Beyond this it is no shape of a pixel but a mistake.
        width = frame.width * float(aspect) if 1 / 8 <= aspect <= 8 else frame.width
        shown = (max(round(width), 1), frame.height)
        return shown[::-1] if self._turn_of(frame)[0] % 2 else shown

    def _upright(self, frame: Any, max_side_px: int) -> Image:
        quarters, is_flipped = self._turn_of(frame)
        width, height = self._shown_wh(frame)
        scale = min(max_side_px / max(width, height), 1.0)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        wide, high = size[::-1] if quarters % 2 else size
        reformat = partial(
            self._reformatter.reformat, frame, wide, high, "rgb24", interpolation="BILINEAR"
        )
        try:
            image = reformat().to_ndarray()
        except av.FFmpegError:  # a colour matrix of a number that FFmpeg does not know
            image = reformat(src_colorspace=Colorspace.ITU601).to_ndarray()
        if is_flipped:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, quarters) if quarters else image)


def _turn(frame: Any) -> tuple[int, bool]:
    """How a frame has to be turned to stand upright, as its display matrix says.

    Returns:
        Quarter turns against the clock, and whether it is mirrored left to right before.
    """
    data = frame.side_data.get(SideData.DISPLAYMATRIX)
    if data is None:
        return 0, False
    # 16.16 fixed point, row vectors: (x, y) goes to (a x + c y, b x + d y), y downwards (ISO
    # 14496-12, 8.2.2).
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(float)
    if a * d - b * c == 0:
        return 0, False
    is_flipped = a * d - b * c < 0
    if is_flipped:
        a, b = -a, -b
    quarters = round(math.atan2(b, a) / (math.pi / 2))
    return -quarters % 4, is_flipped


def send_frames(request: dict[str, Any]) -> None:
    """Send what the file on standard input holds: its info, each frame, and what was damaged.

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
        raise VideoError("The video needs more memory than it may have here.") from exc
    except av.FFmpegError as exc:
        raise VideoError("The video is damaged: its frames can't be read.") from exc


if __name__ == "__main__":
    run(send_frames, memory_bytes=_MEMORY_BYTES)
