"""What Pillow leaves unread in the headers of files: the numbers of colours, profiles, turns."""

import re
import struct
from collections.abc import Iterator
from typing import Final, cast

import numpy as np

from ferapp.media.pictures.coded_colour import (
    Chromaticities,
    Coding,
    coding_of_gamma,
    coding_of_numbers,
)

# Where a JPEG has something other than pixels, with the fill bytes before it.
_MARKER: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
_SCAN, _END_OF_JPEG, _ALONE = b"\xff\xda", b"\xd9", (b"\xd8", b"\x01")
_SIZE: Final = struct.Struct(">H")

# What a PNG says in whole numbers; white, red, green and blue, x and y.
_PNG_UNIT: Final = 100_000
_CHRM: Final = ">8I"
_PNG_CHUNKS: Final = frozenset((b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf"))
_MOST_CHUNKS: Final = 10_000
# A gamma as close as this to 2.2 is that of sRGB.
_LEAST_DIFFERENCE: Final = 0.05

# ISO 14496-12: boxes that begin with a version and flags, or hold only other boxes.
_MOST_BOXES: Final = 1_000
_FULL: Final = 4
# ISO 15444-1, I.5.3.3, and 15444-2, M.11.7.3: a profile follows, restricted or any.
_PROFILED: Final = (b"\2", b"\3")
# "nclx", primaries, transfer, matrix, range.
_NCLX_BYTES: Final = 8

# BITMAPV5HEADER (Windows API).
_V3: Final = 56
_V5: Final = 124
_BITFIELDS: Final = b"\3\0\0\0"
_EMBEDDED: Final = b"DEBM"


def jpeg_scans(data: bytes, most: int) -> int:
    """How many times the pixels of a JPEG are gone over (ITU-T T.81, annex G), or more than most.

    A progressive JPEG has about ten scans; one without news takes 75 bytes.
    """
    if (found := data.count(_SCAN)) <= most:
        return found
    # Some may be in a comment, in a preview or behind the end.
    scans, at = 0, 2
    while scans <= most and (marker := _MARKER.search(data, at)) and marker[1] != _END_OF_JPEG:
        scans += marker[1] == _SCAN[1:]
        size = 0 if marker[1] in _ALONE else _SIZE.unpack_from(data, marker.end())[0]
        at = marker.end() + size
    return scans


def png_chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a PNG that say how it is shown, up to its pixels; of several, the first."""
    found: dict[bytes, bytes] = {}
    at = 8
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        size, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            break
        if name in _PNG_CHUNKS:
            found.setdefault(name, data[at + 8 : at + 8 + size])
        at += 12 + size
    return found


def png_coding(chunks: dict[bytes, bytes], *, has_profile: bool) -> Coding | None:
    """The colours that a PNG describes by numbers, in the order of PNG 3 and of browsers.

    Args:
        chunks: Its chunks.
        has_profile: Whether it has a profile that can be read, which goes before gAMA and cHRM.

    Returns:
        None if a profile or nothing describes them.
    """
    numbers = chunks.get(b"cICP", b"")
    if len(numbers) == 4 and numbers[2:] == b"\0\1":  # RGB, full range
        coding = coding_of_numbers(numbers[0], numbers[1], is_video=False)
        if coding is not None:
            return coding
    if has_profile or b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) != 4:
        return None
    share = int.from_bytes(chunks[b"gAMA"]) / _PNG_UNIT
    xy: Chromaticities | None = None
    if len(chunks.get(b"cHRM", b"")) == struct.calcsize(_CHRM):
        xy = cast(
            Chromaticities, tuple(np.array(struct.unpack(_CHRM, chunks[b"cHRM"])) / _PNG_UNIT)
        )
    elif abs(2.2 * share - 1) < _LEAST_DIFFERENCE:
        return None
    return coding_of_gamma(1 / share, xy) if share else None


def heif_coding(data: bytes) -> Coding | None:
    """The colours that the main picture of a HEIC or AVIF describes by numbers; None without."""
    meta = _inside(data, b"meta", header=_FULL)
    properties = _inside(meta, b"iprp")
    colours = [
        body if name == b"colr" and body[:4] == b"nclx" else b""
        for name, body in _boxes(_inside(properties, b"ipco"))
    ]
    chosen = [colours[n] for n in _main_properties(meta, properties) if n < len(colours)]
    # A picture made of tiles may leave its colours to them.
    for body in (*chosen, *colours):
        if len(body) >= _NCLX_BYTES:
            primaries, transfer = struct.unpack_from(">2H", body, 4)
            return coding_of_numbers(primaries, transfer, is_video=True)
    return None


def _main_properties(meta: bytes, properties: bytes) -> list[int]:
    """The properties of the main picture, by their places (ISO 23008-12, 9.3)."""
    main = int.from_bytes(_inside(meta, b"pitm", header=_FULL))
    links = _inside(properties, b"ipma")
    found: list[int] = []
    if len(links) < 8:
        return found
    version, flags, count = links[0], links[3], int.from_bytes(links[4:8])
    item_bytes, link_bytes = (2, 4)[version > 0], (1, 2)[flags & 1]
    at = 8
    for _ in range(min(count, _MOST_BOXES)):
        item, size = int.from_bytes(links[at : at + item_bytes]), links[at + item_bytes :][:1]
        at += item_bytes + 1
        end = at + link_bytes * int.from_bytes(size)
        if item == main:
            mask = (1 << 8 * link_bytes - 1) - 1  # the first bit says whether it must be obeyed
            return [
                (int.from_bytes(links[n : n + link_bytes]) & mask) - 1
                for n in range(at, min(end, len(links)), link_bytes)
            ]
        at = end
    return found


def jpeg2000_profile(data: bytes) -> bytes:
    """The colour profile of a JPEG 2000; empty without one (ISO 15444-1, I.5.3.3)."""
    for name, body in _boxes(_inside(data, b"jp2h")):
        if name == b"colr" and body[:1] in _PROFILED:
            return body[3:]
    return b""


def bmp_profile(data: bytes) -> bytes:
    """The colour profile inside a BMP; empty without one (BITMAPV5HEADER of the Windows API)."""
    if data[14:18] != struct.pack("<I", _V5) or data[70:74] != _EMBEDDED:
        return b""
    at, size = struct.unpack_from("<2I", data.ljust(14 + _V5, b"\0"), 126)
    return data[14 + at : 14 + at + size]


def bmp_has_alpha(data: bytes) -> bool:
    """Whether the fourth byte of a pixel is its opacity; without a mask for it, it is unused."""
    (size,) = struct.unpack_from("<I", data, 14)
    return size >= _V3 and data[30:34] == _BITFIELDS and any(data[66:70])


def _inside(data: bytes, name: bytes, *, header: int = 0) -> bytes:
    """What the first box of a name holds after its header; empty if there is none."""
    return next((body[header:] for found, body in _boxes(data) if found == name), b"")


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box (ISO 14496-12, 4.2)."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        end = at + size if size else len(data)
        if end < at + head:
            return
        yield name, data[at + head : end]
        at = end
