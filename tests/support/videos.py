"""Tiny videos for tests, made on the spot: every trait that a container can have is an argument."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from ferapp.media.video import Video, VideoInfo

WH = (96, 64)
RATE = 10
CANARY = "what only the source may say"

# ISO 14496-12, 8.3.2: so far from the start of the name of a tkhd box of version 0.
_MATRIX_AT = 44
_MATRIX = struct.Struct(">9i")
_ONE, _W = 1 << 16, 1 << 30


def solid(rgb: Sequence[int] | int, wh: tuple[int, int] = WH) -> np.ndarray:
    return np.full((wh[1], wh[0], 3), rgb, np.uint8)


def numbered(count: int, wh: tuple[int, int] = WH) -> list[np.ndarray]:
    """Frames that `number` tells apart after any encoder."""
    return [solid(20 + 10 * (n % 22), wh) for n in range(count)]


def number(image: np.ndarray) -> int:
    """Which of `numbered` a frame is, of the first 22."""
    return round((float(image.mean()) - 20) / 10)


def quadrants(wh: tuple[int, int] = WH) -> np.ndarray:
    """White, red, green and blue; no turn or mirror image of it is the same."""
    image = solid(255, wh)
    x, y = wh[0] // 2, wh[1] // 2
    image[:y, x:], image[y:, :x], image[y:, x:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return image


def noisy(count: int, wh: tuple[int, int] = WH, *, grey: int = 100) -> list[np.ndarray]:
    """A still scene: its details make faces sharp, its noise makes files long."""
    rng = np.random.default_rng(0)
    shape = (wh[1] // 4 + 1, wh[0] // 4 + 1, 3)
    scene = np.kron(rng.integers(grey - 50, grey + 50, shape), np.ones((4, 4, 1)))
    noise = rng.integers(-10, 11, (count, wh[1], wh[0], 3))
    return [(scene[: wh[1], : wh[0]] + each).astype(np.uint8) for each in noise]


def written(
    path: Path,
    images: Sequence[np.ndarray],
    *,
    at_s: Sequence[float] | None = None,
    rate: int = RATE,
    start_s: float = 0.0,
    codec: str = "",
    pix_fmt: str = "",
    bframes: int = 0,
    aspect: Fraction | None = None,
    sound: str = "",
    sound_s: float | None = None,
    is_tagged: bool = False,
    colours: tuple[int, int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video file; its name tells the container.

    Args:
        path: Where.
        images: Its frames; without any there is no video track.
        at_s: Their times, to the millisecond; by the rate if None.
        rate: Frames a second.
        start_s: Added to the times of pictures and sound.
        codec: Of the pictures.
        pix_fmt: What is encoded.
        bframes: Frames that refer to later ones, in a row.
        aspect: Width of a pixel through its height.
        sound: Codec of a tone of 440 Hz, or none.
        sound_s: Its length, as long as the pictures by default.
        is_tagged: Whether titles are written wherever the container holds them.
        colours: Space and range by FFmpeg's numbers.
        options: For the container.
    """
    codec = codec or {".webm": "libvpx", ".avi": "mpeg4"}.get(path.suffix, "libx264")
    times = [n / rate for n in range(len(images))] if at_s is None else list(at_s)
    with av.open(str(path), "w", options=options or {}) as container:
        streams: list[Any] = []
        if images:
            video: Any = container.add_stream(codec, rate=rate)
            video.height, video.width = images[0].shape[:2]
            video.pix_fmt = pix_fmt or ("yuvj420p" if codec == "mjpeg" else "yuv420p")
            video.codec_context.max_b_frames = bframes
            video.codec_context.thread_count = 1
            if codec == "libx264":
                video.options = {"preset": "ultrafast", "crf": "10", "bf": str(bframes)}
            elif codec == "libsvtav1":
                # By quality: with a bit rate, SVT-AV1 makes frames of ten bits too dark
                # (findings/svt-av1-ten-bits-by-bit-rate.sh).
                video.options = {"crf": "20"}
            else:
                video.codec_context.bit_rate = 2_000_000
            if at_s is not None:
                video.codec_context.time_base = Fraction(1, 1000)
            if aspect:
                video.codec_context.sample_aspect_ratio = aspect
            if colours:
                video.codec_context.colorspace, video.codec_context.color_range = colours
            streams.append(video)
        if sound:
            heard: Any = container.add_stream(sound, rate=48_000)
            heard.layout = "mono"
            streams.append(heard)
        if is_tagged:
            for place in (container, *streams):
                place.metadata["title"] = CANARY
                place.metadata["comment"] = CANARY
        for image, time_s in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            if colours:
                space, extent = colours
                frame = frame.reformat(
                    format=video.pix_fmt, dst_colorspace=space, dst_color_range=extent
                )
            base = Fraction(1, rate) if at_s is None else Fraction(1, 1000)
            frame.pts, frame.time_base = round((time_s + start_s) / base), base
            container.mux(video.encode(frame))
        if images:
            container.mux(video.encode())
        if sound:
            seconds = sound_s or len(images) / rate
            for frame in tone(seconds, start_s, heard):
                container.mux(heard.encode(frame))
            container.mux(heard.encode())
    return path


def tone(seconds: float, start_s: float, stream: Any) -> list[av.AudioFrame]:
    """440 Hz, as a stream takes it."""
    wave = np.sin(np.arange(round(seconds * 48_000)) * 440 * 2 * np.pi / 48_000) * 8000
    frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts = 48_000, round(start_s * 48_000)
    return av.AudioResampler(format=stream.format, layout="mono", rate=48_000).resample(frame)


def remuxed(path: Path, pts_ms: Sequence[int]) -> Path:
    """A Matroska file of numbered pictures with any times, as no encoder would give them."""
    with av.open(str(path), "w", format="matroska") as container:
        stream: Any = container.add_stream("mjpeg", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *WH, "yuvj420p"
        for count, (image, pts) in enumerate(zip(numbered(len(pts_ms)), pts_ms, strict=True)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = count
            for packet in stream.encode(frame):
                packet.pts = packet.dts = pts
                packet.time_base = Fraction(1, 1000)
                container.mux(packet)
    return path


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """An MP4 file's track header says that (x, y) is shown at (a x + c y, b x + d y).

    The numbers (a, b, c, d) are 0, 1 and -1.
    """
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + _MATRIX_AT
    assert _MATRIX.unpack_from(data, place) == (_ONE, 0, 0, 0, _ONE, 0, 0, 0, _W)
    a, b, c, d = (_ONE * value for value in matrix)
    _MATRIX.pack_into(data, place, a, b, 0, c, d, 0, 0, 0, _W)
    path.write_bytes(data)
    return path


def as_shown(image: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """What such a track header asks for, pixel by pixel."""
    a, b, c, d = matrix
    y, x = np.indices(image.shape[:2])
    right, down = a * x + c * y, b * x + d * y
    right, down = right - right.min(), down - down.min()
    out = np.empty((down.max() + 1, right.max() + 1, 3), np.uint8)
    out[down, right] = image
    return out


def replaced(path: Path, old: bytes, new: bytes) -> Path:
    """The same file with some bytes exchanged for as many others."""
    data = path.read_bytes()
    assert old in data and len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def cut(path: Path, share: float) -> Path:
    """The same file without its end."""
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def times_of(path: Path, kind: str = "video") -> list[float]:
    """Seconds at which its pictures, or parts of its sound, are due, as PyAV tells them."""
    with av.open(str(path)) as container:
        return [float(f.pts * f.time_base) for f in container.decode(**{kind: 0})]


def images_of(path: Path) -> list[np.ndarray]:
    """Its pictures as they are stored, RGB, read without our own decoder."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def packets_of(path: Path, kind: str) -> list[bytes]:
    """What it holds of one kind, as it is stored."""
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(**{kind: 0})]
    return [packet for packet in packets if packet]


LEVELS = 6
"""Colours of a picture may be so far off after an encoder, on average."""


@dataclass(frozen=True)
class Seen:
    info: VideoInfo
    at_s: list[float]
    images: list[np.ndarray]
    damage: str

    @property
    def numbers(self) -> list[int]:
        return [number(image) for image in self.images]


def seen(path: Path, **settings: object) -> Seen:
    with Video(path, **settings) as video:
        frames = list(video.frames())
        return Seen(video.info, [t for t, _ in frames], [i for _, i in frames], video.damage)


def off_by(image: np.ndarray, other: np.ndarray) -> float:
    assert image.shape == other.shape
    return float(np.abs(image.astype(int) - other).mean())


EIGHT = {
    "upright": (1, 0, 0, 1),
    "a quarter to the right": (0, 1, -1, 0),
    "upside down": (-1, 0, 0, -1),
    "a quarter to the left": (0, -1, 1, 0),
    "mirrored left to right": (-1, 0, 0, 1),
    "mirrored top to bottom": (1, 0, 0, -1),
    "mirrored, a quarter to the right": (0, 1, 1, 0),
    "mirrored, a quarter to the left": (0, -1, -1, 0),
}


FRONT = {"movflags": "+faststart"}
