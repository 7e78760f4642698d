"""BMPs with headers of every age."""

import struct
from collections.abc import Iterator

import numpy as np

from tests.support.made_pictures import encoded
from tests.support.profiles import ADOBE_RGB
from tests.support.shown_pictures.portrait import ALPHA, GREY, P3, PICTURE, PORTRAIT_RGB, WH


def bmp(
    rows: np.ndarray,
    bits: int,
    *,
    head: int = 40,
    tail: bytes = b"",
    compression: int = 0,
    is_top_down: bool = False,
    after: bytes = b"",
) -> bytes:
    """A BMP file from rows of bytes, from top to bottom."""
    width, height = WH
    padded = [row.tobytes() + bytes(-row.nbytes % 4) for row in rows]
    pixels = b"".join(padded if is_top_down else padded[::-1])
    if head == 12:
        info = struct.pack("<I4H", 12, width, height, 1, bits)
    else:
        info = struct.pack(
            "<IiiHHIIiiII",
            head,
            width,
            -height if is_top_down else height,
            1,
            bits,
            compression,
            len(pixels),
            2835,
            2835,
            0,
            0,
        )
    info = (info + tail).ljust(head, b"\0")
    offset = 14 + len(info)
    return (
        b"BM"
        + struct.pack("<IHHI", offset + len(pixels) + len(after), 0, 0, offset)
        + info
        + pixels
        + after
    )


_V4_SRGB = struct.pack("<4I4s", 0xFF0000, 0xFF00, 0xFF, 0, b"BGRs")


def bmps() -> Iterator[tuple[str, bytes]]:
    yield "24 bits", encoded(PICTURE, "BMP")
    bgr = PORTRAIT_RGB[:, :, ::-1]
    yield "24 bits, top down", bmp(bgr, 24, is_top_down=True)
    yield "24 bits, OS/2", bmp(bgr, 24, head=12)
    yield "grey", encoded(GREY, "BMP")
    yield "palette", encoded(PICTURE.quantize(64), "BMP")
    yield "one bit", encoded(PICTURE.convert("1"), "BMP")
    alpha = np.asarray(ALPHA)
    yield "32 bits, fourth byte 0", bmp(np.dstack([bgr, np.zeros_like(alpha)]), 32)
    yield "32 bits, fourth byte used", bmp(np.dstack([bgr, alpha]), 32)
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield (
        "32 bits, alpha, V5",
        bmp(np.dstack([bgr, alpha]), 32, head=124, compression=3, tail=masks + b"BGRs"),
    )
    yield (
        "32 bits, alpha 0, V5",
        bmp(
            np.dstack([bgr, np.zeros_like(alpha)]),
            32,
            head=124,
            compression=3,
            tail=masks + b"BGRs",
        ),
    )
    yield (
        "32 bits, alpha, V4",
        bmp(np.dstack([bgr, alpha]), 32, head=108, compression=3, tail=masks + b"BGRs"),
    )
    yield (
        "32 bits, V5, not alpha",
        bmp(np.dstack([bgr, alpha]), 32, head=124, compression=3, tail=_V4_SRGB),
    )
    values = PORTRAIT_RGB.astype(np.uint16)
    r, g, b = (values[:, :, n] for n in range(3))
    yield "16 bits, 5-5-5", bmp((r >> 3 << 10 | g >> 3 << 5 | b >> 3).astype("<u2"), 16)
    yield (
        "16 bits, 5-6-5",
        bmp(
            (r >> 3 << 11 | g >> 2 << 5 | b >> 3).astype("<u2"),
            16,
            compression=3,
            tail=struct.pack("<3I", 0xF800, 0x7E0, 0x1F),
        ),
    )
    yield "24 bits, V5, P3", _bmp_with_profile(bgr)
    yield (
        "24 bits, V4, calibrated",
        bmp(
            bgr,
            24,
            head=108,
            tail=struct.pack("<4I", 0, 0, 0, 0)
            + struct.pack("<I", 0)
            + struct.pack("<9i", *(round(v * 2**30) for p in ADOBE_RGB for v in p))
            + struct.pack("<3I", *[round(1.0 * 65536)] * 3),
        ),
    )


def _bmp_with_profile(bgr: np.ndarray) -> bytes:
    size = bgr.size  # rows need no filling
    tail = (
        struct.pack("<4I", 0, 0, 0, 0)
        + b"DEBM"
        + bytes(48)
        + struct.pack("<4I", 4, 124 + size, len(P3), 0)
    )
    return bmp(bgr, 24, head=124, tail=tail, after=P3)
