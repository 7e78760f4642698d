"""Videos whose frames are all the same portrait, with the colours and turns that players obey."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from ferapp.media.images import read_image
from tests.support.places import SAMPLES
from tests.support.videos import ORIENTATIONS, set_track_matrix

BT709, UNNAMED, BT470BG, SMPTE170M, BT2020 = 1, 2, 5, 6, 9
NARROW, FULL = 1, 2
_PORTRAIT = Image.fromarray(read_image(SAMPLES / "astronaut.jpg")[40:328, 60:444])


def portrait(wh: tuple[int, int]) -> np.ndarray:
    """The portrait in a size, RGB."""
    return np.array(_PORTRAIT.resize(wh, Image.Resampling.BICUBIC))


def write_coded(
    path: Path,
    wh: tuple[int, int],
    *,
    matrix: int,
    extent: int = NARROW,
    named: tuple[int, int, int, int] = (UNNAMED, UNNAMED, UNNAMED, 0),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    aspect: Fraction | None = None,
) -> Path:
    """Write half a second of the portrait.

    Args:
        path: The file.
        wh: The size of its frames, px.
        matrix: The matrix that really makes its pixels, by FFmpeg's number.
        extent: Their real range.
        named: What the file says: matrix, primaries, transfer and range.
        codec: The encoder.
        pix_fmt: The pixel format.
        aspect: Aspect ratio of a pixel.
    """
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        (stream.width, stream.height), stream.pix_fmt = wh, pix_fmt
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = named[:3]
        context.color_range = named[3]
        context.thread_count = 2
        if aspect:
            context.sample_aspect_ratio = aspect
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "crf": "6"}
        elif codec == "libsvtav1":
            stream.options = {"crf": "10", "preset": "10"}
        elif codec != "ffv1":
            context.bit_rate = 8_000_000
            stream.options = {"cpu-used": "8", "deadline": "realtime"}
        image = portrait(wh)
        for n in range(5):
            frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(
                format=pix_fmt, dst_colorspace=matrix, dst_color_range=extent
            )
            frame.colorspace, frame.color_primaries, frame.color_trc = named[:3]
            frame.color_range = named[3]
            frame.pts, frame.time_base = n, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


SIZES = {
    "SD": (640, 480),
    "portrait SD": (480, 640),
    "718 lines": (640, 718),
    "720 lines": (320, 720),
    "portrait of 720 px": (720, 1280),
    "wide, 640 lines": (1280, 640),
    "HD": (1920, 1080),
    "portrait HD": (1080, 1920),
}
_SD, _HD = (640, 480), (1280, 720)


def unnamed_videos(folder: Path) -> Iterator[tuple[str, Path]]:
    """Videos that name neither matrix nor range, by name; each replaces the one before."""
    for name, wh in SIZES.items():
        yield name, write_coded(folder / "a.mp4", wh, matrix=BT709)
    for codec in ("libvpx", "libvpx-vp9", "libsvtav1"):
        for wh in (_SD, _HD):
            path = write_coded(folder / "a.webm", wh, matrix=BT709, codec=codec)
            yield f"{codec}, {wh[1]} lines", path


def named_videos(folder: Path) -> Iterator[tuple[str, Path]]:
    """Videos that name their matrix or range."""
    path = folder / "a.mp4"
    for matrix in (BT709, BT470BG, SMPTE170M):
        for extent in (NARROW, FULL):
            for wh in (_SD, _HD):
                named = (matrix, 1, 1, extent)
                yield (
                    f"matrix {matrix}, range {extent}, {wh[1]} lines",
                    write_coded(path, wh, matrix=matrix, extent=extent, named=named),
                )
    for codec in ("libvpx-vp9", "libsvtav1"):
        for matrix, wh in ((BT709, _SD), (SMPTE170M, _HD)):
            named = (matrix, matrix, matrix, NARROW)
            webm = write_coded(folder / "a.webm", wh, matrix=matrix, named=named, codec=codec)
            yield f"{codec}, matrix {matrix}", webm
    for name, named in {
        "range alone": (UNNAMED, UNNAMED, UNNAMED, FULL),
        "primaries of BT.709 alone": (UNNAMED, 1, 1, NARROW),
    }.items():
        yield name, write_coded(path, _SD, matrix=SMPTE170M, extent=named[3], named=named)
    for name, named in {
        "BT.2020": (BT2020, 9, 14, NARROW),
        "primaries of BT.2020, matrix of BT.709": (BT709, 9, 1, NARROW),
        "Display P3": (BT709, 12, 13, NARROW),
        "Display P3, curve of BT.709": (BT709, 12, 1, NARROW),
        "primaries of BT.2020 without a matrix": (UNNAMED, 9, 14, NARROW),
        "PAL": (BT470BG, 5, 6, NARROW),
        "NTSC of 1953": (4, 4, 4, NARROW),
        "light": (BT709, 1, 8, NARROW),
    }.items():
        matrix = SMPTE170M if named[0] == UNNAMED else named[0]
        yield name, write_coded(path, _SD, matrix=matrix, named=named)
    for matrix, wh in ((BT709, _SD), (SMPTE170M, _HD)):
        named = (matrix, UNNAMED, UNNAMED, NARROW)
        alone = write_coded(path, wh, matrix=matrix, named=named)
        yield f"matrix {matrix} alone, {wh[1]} lines", alone
    full = write_coded(path, _SD, matrix=SMPTE170M, extent=FULL, pix_fmt="yuvj420p")
    yield "full range by its pixel format", full
    yield "4:4:4", write_coded(path, _SD, matrix=SMPTE170M, pix_fmt="yuv444p")


def turned_videos(folder: Path) -> Iterator[tuple[str, Path]]:
    """Videos that are stored turned, mirrored or squeezed."""
    path = folder / "a.mp4"
    for name, matrix in ORIENTATIONS.items():
        yield name, set_track_matrix(write_coded(path, _SD, matrix=SMPTE170M), matrix)
    matrix = ORIENTATIONS["a quarter to the right"]
    for wh in (_HD, (1280, 640)):
        turned = set_track_matrix(write_coded(path, wh, matrix=BT709), matrix)
        yield f"stored with {wh[1]} lines", turned
    yield "wide pixels", write_coded(path, (320, 480), matrix=SMPTE170M, aspect=Fraction(2))
