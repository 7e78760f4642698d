"""PNG files that no encoder would write."""

import struct
import zlib

import numpy as np

from ferapp.media.images import jpeg_bytes


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    wh: tuple[int, int],
    rows: bytes,
    *,
    depth: int = 8,
    colour: int = 0,
    interlace: int = 0,
    extra: bytes = b"",
) -> bytes:
    """A PNG file from rows that begin with their filter byte."""
    head = struct.pack(">IIBBBBB", *wh, depth, colour, 0, 0, interlace)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def veiled_png(grey: np.ndarray, alpha: np.ndarray) -> bytes:
    """A PNG of grey and opacity in sixteen bits."""
    both = np.dstack([grey, alpha]).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in both)
    return png((grey.shape[1], grey.shape[0]), rows, depth=16, colour=4)


def with_chunks(data: bytes, *chunks: bytes, before: bytes = b"IDAT") -> bytes:
    """A PNG with further chunks before one of its own."""
    at = data.index(before) - 4
    return data[:at] + b"".join(chunks) + data[at:]


NO_FACE = jpeg_bytes(np.full((300, 400, 3), 90, np.uint8))
"""A picture without a face, which pages show as a file; one with faces is in a component."""
