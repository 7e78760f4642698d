"""From a container to decoded frames: here FFmpeg reads untrusted files.

No frame is held while the next is decoded: in 8K one takes 50 MB, or 100 MB with ten bits.
"""

import math
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

import av
from av.container import InputContainer

from ferapp.errors import VideoError
from ferapp.media import tracks
from ferapp.media.containers import HEAD_BYTES, container_of, stated_bytes
from ferapp.media.fields import Deinterlacer

# More than this in a file that is only damaged in places is unlikely.
_MOST_ERRORS_IN_A_ROW: Final = 250
# For the demuxer and, where they apply, the decoders.
_OPTIONS: Final = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg",
    # Streams are probed by decoding; this limits the cost of probing a decompression bomb.
    "max_pixels": str(4 * tracks.MAX_PIXELS),
}
# Titles have any encoding; before PyAV 19 one that is not UTF-8 was an error.
_TAGS: Final[dict[str, Any]] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
# Decoding larger frames on several threads would use up the memory of a small machine.
_FRAME_THREADS_BELOW: Final = 9_000_000
# Where decoding starts for a time, so long before it.
_LEADS_S: Final = (1.0, 10.0, 60.0)


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


class _Pixels:
    """The shape of pixels, which changes where a broadcast goes from 4:3 to 16:9.

    Frames wait while they are deinterlaced, so it is noted which one brought which shape. What a
    container says for the whole video counts more.

    Attributes:
        aspect: Width of a pixel divided by its height in the last frame that was given out.
    """

    def __init__(self) -> None:
        self.aspect = 1.0
        self._follows_frames: bool | None = None
        self.start_over()

    def start_over(self) -> None:
        """Frames are decoded from another place on."""
        self._taken = self._given = 0
        self._changes: deque[tuple[int, float]] = deque()
        self._newest = 0.0

    def take(self, track: Any) -> None:
        """Note the shape in the frame that the track has just decoded."""
        self._taken += 1
        of_file, of_frame = track.sample_aspect_ratio, track.codec_context.sample_aspect_ratio
        if self._follows_frames is None:
            self._follows_frames = not of_file or of_file == of_frame
        aspect = float((of_frame if self._follows_frames else of_file) or of_file or 1)
        if aspect != self._newest:
            self._newest = aspect
            self._changes.append((self._taken, aspect))

    def give(self) -> None:
        """The next frame is given out."""
        self._given += 1
        while self._changes and self._changes[0][0] <= self._given:
            self.aspect = self._changes.popleft()[1]


def _is_complete(file: BinaryIO) -> bool | None:
    head = file.read(HEAD_BYTES)
    stated = stated_bytes(head)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    # An AVI file of more than a gigabyte has several parts; the first says nothing of the others.
    if stated is None or (size > stated + 1 and head.startswith(b"RIFF")):
        return None
    return size >= stated


class FrameSource:
    """Decodes the frames of one video track.

    Args:
        file: Open for reading, seekable, at its start; stays open.
        track: Which of its video tracks, from 1; None for the one that players show.
        threads: Threads that the decoder may use.

    Attributes:
        format: The container, by FFmpeg's name.
        container: The open file.
        track: The track that is read.
        start_s: The time stamp at which the file begins, s.
        begins_s: The time stamp at which the track begins, s.
        repeated_until_s: The time stamp until which empty packets repeat the last frame, s.
        is_complete: Whether the file has all bytes that it says it has; None if it says nothing.
        first: The first frame that can be decoded; None once it was given out.

    Raises:
        VideoError: It has no frame to show; the message says why.
        SettingError: It has no such track.
    """

    def __init__(self, file: BinaryIO, *, track: int | None, threads: int) -> None:
        self._file, self._number, self._threads = file, track, threads
        self._pixels = _Pixels()
        self._open()
        self.first = self.next()
        if self.first is None:
            is_damaged = self._first_error_s is not None
            raise VideoError(_no_frames_text(self._codec, self._is_encrypted, is_damaged))
        # FFmpeg guesses a late start where the first packets have no decoding time.
        self.begins_s = tracks.starts_s(self.track)
        if self.first.time is not None:
            self.begins_s = min(self.begins_s, self.first.time)
        self.start_s = min(tracks.file_starts_s(self.container), self.begins_s)

    def _open(self) -> None:
        """Open the file at its start."""
        self._first_error_s: float | None = None
        self._read_s = 0.0
        self.repeated_until_s = -math.inf
        self.is_complete = _is_complete(self._file)
        self.container, self.format = open_container(self._file)
        self.track = tracks.choose_track(self.container, self._number)
        if self._number is None and len(tracks.video_tracks(self.container)) > 1:
            self._number = tracks.video_tracks(self.container).index(self.track) + 1
            self._reopen()
            return
        self._is_encrypted = "enc_key_id" in self.track.metadata  # of Matroska and WebM
        context = self.track.codec_context
        self._codec = context.name
        # Frames may grow in the middle of the video, beyond the size in the header.
        context.options = {"max_pixels": str(tracks.MAX_PIXELS)}
        context.thread_count = self._threads
        is_small = context.width * context.height <= _FRAME_THREADS_BELOW
        context.thread_type = "AUTO" if is_small else "SLICE"
        self._start_over()

    def _reopen(self) -> None:
        self.close()
        self._file.seek(0)
        self._open()

    def _start_over(self) -> None:
        self._fields = Deinterlacer()
        self._frames = self._fields.whole(self._decode())
        self._pixels.start_over()

    @property
    def aspect(self) -> float:
        """Width of a pixel divided by its height in the last frame that was given out."""
        return self._pixels.aspect

    @property
    def is_interlaced(self) -> bool:
        """Whether frames had to be deinterlaced."""
        return self._fields.is_needed

    def close(self) -> None:
        """Close the container; may be called twice."""
        self.container.close()

    def next(self) -> Any:
        """The next intact frame; None after the last."""
        frame = next(self._frames, None)
        self._pixels.give()
        return frame

    def begin(self) -> Any:
        """The first frame that can be decoded; to be called once, in place of `seek`."""
        first, self.first = self.first, None
        return first

    def seek(self, at_s: float) -> Any:
        """The first frame that can be decoded without those before it, at or before a time.

        Args:
            at_s: The time, s from the start of the file.
        """
        first, has_moved = self.begin(), False
        # In AVI times are counted (see `_decode`), and a decoder that starts later drops frames.
        for lead_s in _LEADS_S if self.format != "avi" else ():
            if at_s <= lead_s:
                break
            has_moved, first = True, None
            frame = self._frame_near(at_s - lead_s)
            if frame is not None and frame.time is not None and frame.time - self.start_s <= at_s:
                return frame
        if not has_moved:
            return first
        self._reopen()
        return self.next()

    def _frame_near(self, at_s: float) -> Any:
        """The first frame after a jump to a time; None if that fails."""
        stamp = round((at_s + self.start_s) / self.track.time_base)
        try:
            self.container.seek(stamp, stream=self.track)
        except (av.FFmpegError, ValueError, OverflowError):
            return None
        self._start_over()
        return self.next()

    def forget_errors(self) -> None:
        """Errors so far were in frames that nobody asked for."""
        self._first_error_s = None

    def _decode(self) -> Iterator[Any]:
        """Yield every intact frame; note damaged ones."""
        in_a_row = 0
        times: deque[int] = deque()
        for packet in _packets(self.container, self.track, self._note_error):
            # An empty packet with a time repeats the frame before (Theora, and gaps in AVI); one
            # without a time ends the stream.
            if not packet.size and packet.pts is not None:
                self.repeated_until_s = float((packet.pts + packet.duration) * packet.time_base)
                continue
            self._is_encrypted |= packet.has_sidedata("encryption_info")
            # AVI stores no presentation times. Frames come out in that order, one per packet.
            if self.format == "avi" and packet.size:
                times.append(packet.dts)
            try:
                frames = deque(packet.decode())
            except (av.FFmpegError, ValueError):
                self._note_error()
                in_a_row += 1
                # PyAV 19 crashes when a decoder that could not be opened is used again.
                if not self.track.codec_context.is_open:
                    return
                if times:
                    times.popleft()
                if in_a_row > _MOST_ERRORS_IN_A_ROW or self._is_encrypted:
                    return
                continue
            while frames:
                frame = frames.popleft()
                if times:
                    frame.pts = times.popleft()
                if frame.is_corrupt:
                    self._note_error()
                    continue
                in_a_row = 0
                self._read_s = frame.time or self._read_s
                self._pixels.take(self.track)
                yield frame
                del frame

    def _note_error(self) -> None:
        """Note that something after the last intact frame can't be read."""
        if self._first_error_s is None:
            self._first_error_s = self._read_s

    def error_text(self) -> str:
        """Where the first error was, in a sentence; empty without one."""
        if self._first_error_s is None:
            return ""
        first_s = max(self._first_error_s - self.start_s, 0)
        return f"The video is damaged, first at {first_s:.1f} s; what could be read is kept."


def _no_frames_text(codec: str, is_encrypted: bool, is_damaged: bool) -> str:
    if is_encrypted:
        return "The video is encrypted; save a copy without protection and try again."
    if is_damaged:
        reason = "it is damaged or in an unknown format"
        return f"No frame of the video can be decoded ({codec}): {reason}."
    return "The video has no frames."


def _packets(
    container: InputContainer, track: Any, note_error: Callable[[], None]
) -> Iterator[Any]:
    """Packets of the track, and after an error an empty one that flushes the decoder."""
    packets = container.demux(track)
    try:
        while (packet := next(packets, None)) is not None:
            yield packet
    except (av.FFmpegError, ValueError):
        note_error()
        end = av.Packet()
        end.stream = track
        yield end
