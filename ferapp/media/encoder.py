"""Writes frames to an MP4 file that every browser plays, and adds the sound of another file."""

import errno
import heapq
import math
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

from ferapp.errors import VideoError
from ferapp.media.frame_source import open_container
from ferapp.vision.crops import letterboxed, yuv420

_TICK: Final = Fraction(1, 90_000)
# A quarter less time than "veryfast" for twice the bytes; CRF 23 is the default of x264.
_X264: Final = {"preset": "superfast", "crf": "23"}
# Codecs that MP4 holds and browsers play; others are encoded again.
_SOUND_KEPT: Final = frozenset(("aac", "mp3"))
_SOUND_RATE: Final = 48_000
_GAP_S: Final = 0.1
_MOST_SILENCE: Final = 24 * 3600 * _SOUND_RATE
_NO_ROOM: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
# Frames that are stored before others which are shown earlier.
_MOST_REORDERED: Final = 16
_FAST_START: Final = {"movflags": "+faststart"}


class Encoder:
    """Writes frames as H.264, eight bits 4:2:0, each at its own time; a context manager.

    Args:
        file: The MP4 file; or one in memory, which players can start only when they have it all.
        size_wh: Size of its frames, px; odd sides lose a row or column, which 4:2:0 requires.
        threads: Threads that x264 may use.

    Attributes:
        end_s: When the last frame ends, s; to be set before the context ends. None for a moment
            after its start.

    Raises:
        VideoError: x264 refuses its input, here or in `add`.
        OSError: The file can't be written, here or in `add`.
    """

    def __init__(
        self, file: Path | BinaryIO, size_wh: tuple[int, int], *, threads: int = 2
    ) -> None:
        self._size_wh = (max(size_wh[0] // 2 * 2, 2), max(size_wh[1] // 2 * 2, 2))
        # FFmpeg moves the index to the front only in files that it can open once more.
        options = _FAST_START if isinstance(file, Path) else {}
        target = str(file) if isinstance(file, Path) else file
        self._container = av.open(target, "w", format="mp4", options=options)
        stream: Any = self._container.add_stream("libx264", rate=30, options=_X264)
        stream.width, stream.height = self._size_wh
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = _TICK
        stream.codec_context.thread_count = threads
        # Browsers ignore the matrix of a video that does not name all four, and guess by its size.
        stream.codec_context.colorspace = Colorspace.ITU601
        stream.codec_context.color_primaries = ColorPrimaries.BT709
        stream.codec_context.color_trc = ColorTrc.BT709
        stream.codec_context.color_range = ColorRange.MPEG
        self.end_s: float | None = None
        self._stream = stream
        self._last = -1
        self._waiting: deque[Any] = deque()
        self._first_dts: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with errors_in_words():
            try:
                if kind is None:
                    self._mux(self._stream.encode())
                    self._mux_rest()
            finally:
                self._container.close()

    def add(self, image_rgb: NDArray[np.uint8], at_s: float) -> None:
        """Add a frame, (h, w, 3) RGB uint8, with its time, s, later than that of the one before.

        A frame of another size than `size_wh` is resized, with bars if it has another shape.
        """
        width, height = self._size_wh
        if image_rgb.shape[0] // 2 != height // 2 or image_rgb.shape[1] // 2 != width // 2:
            image_rgb = letterboxed(image_rgb, self._size_wh)
        planes = yuv420(np.ascontiguousarray(image_rgb[:height, :width]))
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self._last = max(round(at_s / _TICK), self._last + 1)
        frame.time_base = _TICK
        with errors_in_words():
            self._mux(self._stream.encode(frame))

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            if self._first_dts is None:
                self._first_dts = packet.dts
            self._waiting.append(packet)
            if len(self._waiting) > _MOST_REORDERED:
                self._container.mux(self._waiting.popleft())

    def _mux_rest(self) -> None:
        """Write the last packets, which say when the last frame ends."""
        if self._waiting and self.end_s is not None and self._first_dts is not None:
            end = round(self.end_s / _TICK)
            # The length of the track follows from the first of these, which is shown last, and that
            # of the list of frames from the second, which is decoded last.
            shown_last = max(self._waiting, key=lambda packet: packet.pts)
            decoded_last = self._waiting[-1]
            decoded = end - (decoded_last.dts - self._first_dts)
            shown_last.duration = max(end - shown_last.pts, 1)
            decoded_last.duration = max(decoded, 1)
        self._container.mux(list(self._waiting))


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn errors of FFmpeg into `VideoError`; those of the system stay as they are."""
    try:
        yield
    except OSError:
        raise
    except av.FFmpegError as exc:
        raise VideoError(f"The copy could not be written: {exc.strerror}.") from exc


def add_sound(
    picture: Path, source: BinaryIO, out: Path, *, from_s: float = 0.0, to_s: float | None = None
) -> None:
    """Combine the frames of one file with the sound of another, without decoding the frames.

    Args:
        picture: An MP4 file as `Encoder` writes it.
        source: Any video that `ferapp.media.decoder` reads, open, seekable and at its start; its
            first sound track that can be decoded is used.
        out: The file to write.
        from_s: Where in the source the frames begin, s from its start.
        to_s: Where they end, s; None for the end of the source.

    Raises:
        VideoError: The sound can't be read.
        OSError: There is no space for the file.
    """
    container, _ = open_container(source)
    try:
        with (
            container as sound_source,
            av.open(str(picture), "r", format="mov") as picture_source,
            av.open(str(out), "w", format="mp4", options=_FAST_START) as target,
        ):
            # Spatial audio of new phones is a track that can't be decoded.
            track = next(each for each in sound_source.streams.audio if each.codec_context)
            start_s = (sound_source.start_time or 0) / av.time_base + from_s
            length_s = math.inf if to_s is None else to_s - from_s
            video_stream = target.add_stream_from_template(picture_source.streams.video[0])
            if track.codec_context.codec.canonical_name in _SOUND_KEPT:
                sound_stream: Any = target.add_stream_from_template(track)
                sound = _shift(sound_source.demux(track), sound_stream, start_s, length_s)
            else:
                sound_stream = target.add_stream("aac", rate=_SOUND_RATE)
                sound = _encode_as_aac(sound_source, track, sound_stream, start_s, length_s)
            frames = _shift(picture_source.demux(video=0), video_stream, 0.0, math.inf)
            for _, _, packet in heapq.merge(frames, sound, key=lambda each: each[:2]):
                target.mux(packet)
    except (av.FFmpegError, ValueError, StopIteration, TypeError) as exc:
        if getattr(exc, "errno", None) in _NO_ROOM:
            raise
        raise VideoError("The sound of the video can't be read.") from exc


_TimedPacket = tuple[float, int, Any]


def _shift(
    packets: Iterator[Any], stream: Any, start_s: float, length_s: float
) -> Iterator[_TimedPacket]:
    """Assign packets to another stream, which starts at 0; yields each with its time."""
    for packet in packets:
        if packet.dts is None or packet.time_base is None:
            continue
        shift = round(start_s / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts -= shift
        if packet.dts < 0 and start_s:
            continue  # before the first frame
        if packet.dts * packet.time_base >= length_s:
            return
        packet.stream = stream
        yield float(packet.dts * packet.time_base), stream.index, packet


def _encode_as_aac(
    container: Any, track: Any, stream: Any, start_s: float, length_s: float
) -> Iterator[_TimedPacket]:
    """Encode sound as AAC that MP4 can't hold as it is."""
    count = 0
    for part in _resample(container, track, start_s):
        if count >= length_s * _SOUND_RATE:
            break
        part.pts, part.time_base = count, Fraction(1, _SOUND_RATE)
        count += part.samples
        for packet in stream.encode(part):
            yield _with_time(packet, stream)
    for packet in stream.encode():
        yield _with_time(packet, stream)


def _resample(container: Any, track: Any, start_s: float) -> Iterator[Any]:
    """Decode sound at one sample rate from time 0 on, with silence in gaps."""
    resampler = av.AudioResampler(format="fltp", layout="stereo", rate=_SOUND_RATE)
    count = 0
    for frame in _decode(container, track):
        if frame.time is not None:
            if frame.time < start_s - _GAP_S:
                continue  # before the first frame
            missing = round((frame.time - start_s) * _SOUND_RATE) - count
            if missing > _GAP_S * _SOUND_RATE:
                yield from _silence(missing)
                count += missing
        frame.pts = None  # counted again, so that overlaps do no harm
        for part in resampler.resample(frame):
            count += part.samples
            yield part
    yield from resampler.resample(None)


def _silence(samples: int) -> Iterator[Any]:
    for start in range(0, min(samples, _MOST_SILENCE), _SOUND_RATE):
        still = np.zeros((2, min(_SOUND_RATE, samples - start)), np.float32)
        frame = av.AudioFrame.from_ndarray(still, format="fltp", layout="stereo")
        frame.sample_rate = _SOUND_RATE
        yield frame


def _decode(container: Any, track: Any) -> Iterator[Any]:
    for packet in container.demux(track):
        try:
            yield from packet.decode()
        except av.FFmpegError:
            continue  # heard as a click


def _with_time(packet: Any, stream: Any) -> _TimedPacket:
    return float((packet.dts or 0) * packet.time_base), stream.index, packet


def ffmpeg_version() -> str:
    """Version of the FFmpeg inside PyAV."""
    return str(av.ffmpeg_version_info)


def can_encode() -> bool:
    """Whether it has the encoder for annotated copies."""
    return "libx264" in av.codecs_available
