"""Which way is up, for every format by one rule: as the browser shows the picture."""

import struct
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ferapp.media.pictures.formats import AVIF, JPEG, PNG, Format
from ferapp.media.pictures.headers import png_chunks

UPRIGHT: Final = 1

_TURNS: Final[dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: image.swapaxes(0, 1)[:, ::-1],
    7: lambda image: image[::-1, ::-1].swapaxes(0, 1),
    8: lambda image: image.swapaxes(0, 1)[::-1],
}
# Pillow takes the orientation from these as well, which no browser does.
_NOT_OBEYED: Final = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")

_EXIF: Final = b"Exif\0"
_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_ENTRY_BYTES: Final = 12
_MOST_ENTRIES: Final = 1000


def orientation_of(picture: Image.Image, data: bytes, kind: Format) -> int:
    """How a picture is stored, 1 (upright) to 8, as EXIF numbers it.

    | Format | Turned by |
    |---|---|
    | JPG | the first EXIF segment |
    | PNG | an eXIf chunk before the pixels |
    | AVIF | its container, which Pillow expresses as EXIF |
    | HEIC | its container, and pi-heif does it |
    | TIFF | its tag, and Pillow does it |
    | WebP, BMP, GIF, JPEG 2000 | nothing |

    No format is turned by XMP, or by EXIF in a text of a PNG.

    Args:
        picture: An open picture, before its pixels are loaded.
        data: The bytes of the file.
        kind: Its format.
    """
    exif = b""
    if kind is JPEG:
        segments = getattr(picture, "applist", [])
        exif = next((s[6:] for name, s in segments if name == "APP1" and s[:5] == _EXIF), b"")
    elif kind is PNG:
        exif = png_chunks(data).get(b"eXIf", b"")
    elif kind is AVIF:
        exif = picture.info.get("exif", b"").removeprefix(_EXIF + b"\0")
    forget_what_browsers_ignore(picture)
    return _orientation(exif)


def forget_what_browsers_ignore(picture: Image.Image) -> None:
    """Remove what Pillow would turn a picture by, but no browser does."""
    for name in _NOT_OBEYED:
        picture.info.pop(name, None)


def _orientation(exif: bytes) -> int:
    """The orientation that EXIF data from the byte order on state; that is one short number."""
    order = _ORDERS.get(exif[:4])
    try:
        if order is None:
            return UPRIGHT
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, at)
        for n in range(min(count, _MOST_ENTRIES)):
            entry = struct.unpack_from(order + "HHIH", exif, at + 2 + n * _ENTRY_BYTES)
            if entry[:3] == (_ORIENTATION, _SHORT, 1):
                return entry[3] if entry[3] in _TURNS else UPRIGHT
    except struct.error:  # cut short
        pass
    return UPRIGHT


def turned(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn an array, (h, w, 3), upright; itself if it is."""
    turn = _TURNS.get(orientation)
    return image if turn is None else np.ascontiguousarray(turn(image))
