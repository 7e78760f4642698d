"""HEIC files of one picture, as phones write them: made by hand around a frame of HEVC."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np

_CODED = 1
_EXIF = 2


def heic(
    image_rgb: np.ndarray,
    *,
    quarters: int = 0,
    mirror: int | None = None,
    icc: bytes = b"",
    nclx: tuple[int, int, int] | None = None,
    exif: bytes = b"",
    brand: bytes = b"heic",
    pix_fmt: str = "yuv420p",
    claims_wh: tuple[int, int] | None = None,
) -> bytes:
    """A HEIC file.

    Args:
        image_rgb: Its stored pixels, (h, w, 3) uint8, sides even and at least 64 px.
        quarters: Quarter turns counter-clockwise that the file asks for (irot).
        mirror: Mirroring before that (imir): 0 top to bottom, 1 left to right.
        icc: A colour profile.
        nclx: Primaries, transfer and matrix instead of one.
        exif: EXIF data, from the byte order on.
        brand: The major brand.
        pix_fmt: Pixel format of the encoder.
        claims_wh: A size in the header other than the true one.
    """
    config, sample = _hevc(image_rgb, pix_fmt)
    height, width = image_rgb.shape[:2]
    properties = [
        config,
        _full_box(b"ispe", struct.pack(">II", *(claims_wh or (width, height)))),
        _full_box(b"pixi", bytes((3, *[10 if "10" in pix_fmt else 8] * 3))),
    ]
    if icc:
        properties.append(_box(b"colr", b"prof" + icc))
    if nclx:
        properties.append(_box(b"colr", b"nclx" + struct.pack(">3HB", *nclx, 0x80)))
    if mirror is not None:
        properties.append(_box(b"imir", bytes([mirror])))
    if quarters:
        properties.append(_box(b"irot", bytes([quarters])))
    items = [(_CODED, b"hvc1", sample)]
    if exif:
        items.append((_EXIF, b"Exif", struct.pack(">I", 0) + exif))
    start = _box(b"ftyp", brand + bytes(4) + b"mif1" + brand)
    length = len(_meta(items, properties, 0))
    return (
        start
        + _meta(items, properties, len(start) + length + 8)
        + _box(b"mdat", b"".join(data for _, _, data in items))
    )


def _meta(
    items: Sequence[tuple[int, bytes, bytes]], properties: Sequence[bytes], data_at: int
) -> bytes:
    """The box that says where each item is, and what belongs to it (ISO 14496-12, 8.11)."""
    places = b""
    for number, _, data in items:
        places += struct.pack(">HHHII", number, 0, 1, data_at, len(data))
        data_at += len(data)
    infos = b"".join(
        _full_box(b"infe", struct.pack(">HH4sB", number, 0, kind, 0), version=2)
        for number, kind, _ in items
    )
    links = bytes([len(properties), *[0x80 | 1, *range(2, len(properties) + 1)]])
    boxes = [
        _full_box(b"hdlr", struct.pack(">I4s12xB", 0, b"pict", 0)),
        _full_box(b"pitm", struct.pack(">H", _CODED)),
        _full_box(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + places),
        _full_box(b"iinf", struct.pack(">H", len(items)) + infos),
        _box(
            b"iprp",
            _box(b"ipco", b"".join(properties))
            + _full_box(b"ipma", struct.pack(">IH", 1, _CODED) + links),
        ),
    ]
    if len(items) > 1:
        boxes.append(_full_box(b"iref", _box(b"cdsc", struct.pack(">HHH", _EXIF, 1, _CODED))))
    return _full_box(b"meta", b"".join(boxes))


def _hevc(image_rgb: np.ndarray, pix_fmt: str) -> tuple[bytes, bytes]:
    """The box hvcC and one frame, from an MP4 of it."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx265", rate=Fraction(1))
        stream.height, stream.width = image_rgb.shape[:2]
        stream.pix_fmt = pix_fmt
        stream.options = {"x265-params": "log-level=none:crf=4:keyint=1:range=full"}
        frame = av.VideoFrame.from_ndarray(image_rgb, "rgb24").reformat(
            format=pix_fmt, dst_colorspace="ITU601", dst_color_range="JPEG"
        )
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    data = out.getvalue()
    at = data.index(b"hvcC") - 4
    config = data[at : at + int.from_bytes(data[at : at + 4])]
    out.seek(0)
    with av.open(out) as container:
        sample = bytes(next(container.demux(video=0)))
    return config, sample


def _box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data) + 8, name) + data


def _full_box(name: bytes, data: bytes, *, version: int = 0) -> bytes:
    return _box(name, struct.pack(">I", version << 24) + data)
