"""Short videos, encoded for each test: what a container can hold is an argument."""

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
CANARY = "a title that only the source may have"

# ISO 14496-12, 8.3.2: offset from the name of a tkhd box of version 0.
_MATRIX_AT = 44
_MATRIX = struct.Struct(">9i")
_ONE, _W = 1 << 16, 1 << 30


def solid_image(rgb: Sequence[int] | int, wh: tuple[int, int] = WH) -> np.ndarray:
    return np.full((wh[1], wh[0], 3), rgb, np.uint8)


def numbered_frames(count: int, wh: tuple[int, int] = WH) -> list[np.ndarray]:
    """Frames that `frame_number` can tell apart after any encoder."""
    return [solid_image(20 + 10 * (n % 22), wh) for n in range(count)]


def frame_number(image: np.ndarray) -> int:
    """The index of a frame of `numbered_frames`, modulo 22."""
    return round((float(image.mean()) - 20) / 10)


def quadrant_image(wh: tuple[int, int] = WH) -> np.ndarray:
    """White, red, green and blue: every rotation and mirror image differs."""
    image = solid_image(255, wh)
    x, y = wh[0] // 2, wh[1] // 2
    image[:y, x:], image[y:, :x], image[y:, x:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    return image


def noisy_frames(count: int, wh: tuple[int, int] = WH, *, grey: int = 100) -> list[np.ndarray]:
    """A still scene: its details make faces sharp, its noise makes files large."""
    rng = np.random.default_rng(0)
    shape = (wh[1] // 4 + 1, wh[0] // 4 + 1, 3)
    scene = np.kron(rng.integers(grey - 50, grey + 50, shape), np.ones((4, 4, 1)))
    noise = rng.integers(-10, 11, (count, wh[1], wh[0], 3))
    return [(scene[: wh[1], : wh[0]] + each).astype(np.uint8) for each in noise]


def write_video(
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
    """Write a video file; the suffix of its name chooses the container.

    Args:
        path: The file.
        images: Its frames; without any there is no video track.
        at_s: Their times, to the millisecond; from the frame rate if None.
        rate: Frame rate.
        start_s: Added to the times of frames and sound.
        codec: Video codec.
        pix_fmt: Pixel format.
        bframes: Most consecutive B-frames.
        aspect: Aspect ratio of a pixel.
        sound: Codec of a 440 Hz tone; no sound if empty.
        sound_s: Length of the tone; that of the video by default.
        is_tagged: Whether titles are written wherever the container can hold them.
        colours: Colour space and range, as FFmpeg numbers them.
        options: Options of the container.
    """
    codec = codec or {
        ".webm": "libvpx",
        ".ogv": "libvpx",
        ".avi": "mpeg4",
        ".wmv": "wmv2",
    }.get(path.suffix, "libx264")
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
            audio: Any = container.add_stream(sound, rate=48_000)
            audio.layout = "mono"
            if sound == "wmav2":
                audio.codec_context.bit_rate = 64_000
            streams.append(audio)
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
            for frame in tone(seconds, start_s, audio):
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return path


def write_sizes(
    path: Path,
    parts: Sequence[Sequence[np.ndarray]],
    *,
    rate: int = RATE,
    aspects: Sequence[Fraction | None] = (),
) -> Path:
    """Write a video whose picture changes its size, as recordings of calls and broadcasts do.

    Args:
        path: The file: TS with H.264; MKV and WebM with VP8.
        parts: Frames of one size each.
        rate: Frame rate.
        aspects: Aspect ratio of a pixel in each part, in TS.
    """
    starts = np.cumsum([0, *[len(part) / rate for part in parts]])
    if path.suffix == ".ts":
        data = b""
        for number, images in enumerate(parts):
            one = path.with_suffix(f".{number}.ts")
            aspect = aspects[number] if aspects else None
            data += write_video(
                one, images, rate=rate, start_s=float(starts[number]), aspect=aspect
            ).read_bytes()
            one.unlink()
        path.write_bytes(data)
        return path
    with av.open(str(path), "w") as container:
        stream: Any = None
        count = 0
        for images in parts:
            encoder: Any = av.CodecContext.create("libvpx", "w")
            encoder.height, encoder.width = images[0].shape[:2]
            encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, rate)
            encoder.bit_rate = 2_000_000
            encoder.options = {"deadline": "realtime", "lag-in-frames": "0"}
            if stream is None:
                stream = container.add_stream("libvpx", rate=rate)
                stream.height, stream.width = images[0].shape[:2]
                stream.pix_fmt = "yuv420p"
            packets = []
            for image in images:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                frame.pts, frame.time_base, count = count, Fraction(1, rate), count + 1
                packets += encoder.encode(frame)
            for packet in [*packets, *encoder.encode()]:
                packet.stream, packet.time_base = stream, Fraction(1, rate)
                container.mux(packet)
    return path


def tone(seconds: float, start_s: float, stream: Any) -> list[av.AudioFrame]:
    """A tone of 440 Hz in the format of a stream."""
    wave = np.sin(np.arange(round(seconds * 48_000)) * 440 * 2 * np.pi / 48_000) * 8000
    frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate, frame.pts = 48_000, round(start_s * 48_000)
    return av.AudioResampler(format=stream.format, layout="mono", rate=48_000).resample(frame)


def write_matroska(path: Path, pts_ms: Sequence[int]) -> Path:
    """Write numbered frames to Matroska with any times, also ones that no encoder gives."""
    with av.open(str(path), "w", format="matroska") as container:
        stream: Any = container.add_stream("mjpeg", rate=RATE)
        (stream.width, stream.height), stream.pix_fmt = WH, "yuvj420p"
        for count, (image, pts) in enumerate(
            zip(numbered_frames(len(pts_ms)), pts_ms, strict=True)
        ):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = count
            for packet in stream.encode(frame):
                packet.pts = packet.dts = pts
                packet.time_base = Fraction(1, 1000)
                container.mux(packet)
    return path


def set_track_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Set the matrix in an MP4 file's track header: (x, y) is shown at (a x + c y, b x + d y).

    The numbers (a, b, c, d) are 0, 1 and -1.
    """
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + _MATRIX_AT
    assert _MATRIX.unpack_from(data, place) == (_ONE, 0, 0, 0, _ONE, 0, 0, 0, _W)
    a, b, c, d = (_ONE * value for value in matrix)
    _MATRIX.pack_into(data, place, a, b, 0, c, d, 0, 0, 0, _W)
    path.write_bytes(data)
    return path


def apply_matrix(image: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """The image that such a matrix asks for, pixel by pixel."""
    a, b, c, d = matrix
    y, x = np.indices(image.shape[:2])
    right, down = a * x + c * y, b * x + d * y
    right, down = right - right.min(), down - down.min()
    out = np.empty((down.max() + 1, right.max() + 1, 3), np.uint8)
    out[down, right] = image
    return out


def replace_bytes(path: Path, old: bytes, new: bytes) -> Path:
    """Replace bytes in a file by as many others."""
    data = path.read_bytes()
    assert old in data and len(old) == len(new)
    path.write_bytes(data.replace(old, new))
    return path


def truncate(path: Path, share: float) -> Path:
    """Cut the end of a file off."""
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share)])
    return path


def times_of(path: Path, kind: str = "video") -> list[float]:
    """Presentation times of the frames of one kind, s, as PyAV reads them."""
    with av.open(str(path)) as container:
        return [float(f.pts * f.time_base) for f in container.decode(**{kind: 0})]


def images_of(path: Path) -> list[np.ndarray]:
    """The frames as they are stored, RGB, read without our own decoder."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def packets_of(path: Path, kind: str) -> list[bytes]:
    """The encoded packets of one kind."""
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(**{kind: 0})]
    return [packet for packet in packets if packet]


COLOUR_TOLERANCE = 6
"""How far colours may be off after an encoder, on average."""


@dataclass(frozen=True)
class DecodedVideo:
    info: VideoInfo
    at_s: list[float]
    images: list[np.ndarray]
    damage: str
    notes: tuple[str, ...]
    end_s: float | None

    @property
    def numbers(self) -> list[int]:
        return [frame_number(image) for image in self.images]


def decode_video(path: Path, **settings: object) -> DecodedVideo:
    with Video(path, **settings) as video:
        frames = list(video.frames())
        return DecodedVideo(
            video.info,
            [frame.at_s for frame in frames],
            [frame.image for frame in frames],
            video.damage,
            video.notes,
            video.end_s,
        )


def mean_difference(image: np.ndarray, other: np.ndarray) -> float:
    assert image.shape == other.shape
    return float(np.abs(image.astype(int) - other).mean())


ORIENTATIONS = {
    "upright": (1, 0, 0, 1),
    "a quarter to the right": (0, 1, -1, 0),
    "upside down": (-1, 0, 0, -1),
    "a quarter to the left": (0, -1, 1, 0),
    "mirrored left to right": (-1, 0, 0, 1),
    "mirrored top to bottom": (1, 0, 0, -1),
    "mirrored, a quarter to the right": (0, 1, 1, 0),
    "mirrored, a quarter to the left": (0, -1, -1, 0),
}


FAST_START = {"movflags": "+faststart"}
