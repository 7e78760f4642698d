"""AVIFs, turned by their containers, with colours by profiles and by numbers."""

import struct
from collections.abc import Iterator
from typing import Any

from tests.support.made_pictures import encoded
from tests.support.profiles import grey_profile
from tests.support.shown_pictures.portrait import ADOBE, CLEAR, GREY, P3, PICTURE, exif, xmp


def avifs() -> Iterator[tuple[str, bytes]]:
    options: dict[str, Any] = {"quality": 95, "subsampling": "4:4:4"}
    plain = encoded(PICTURE, "AVIF", **options)
    yield "plain", plain
    yield "4:2:0", encoded(PICTURE, "AVIF", quality=95)
    yield "4:0:0", encoded(GREY, "AVIF", quality=95, subsampling="4:0:0")
    yield "narrow", encoded(PICTURE, "AVIF", range="limited", **options)
    for n in range(1, 9):
        yield f"orientation {n}", encoded(PICTURE, "AVIF", exif=b"Exif\0\0" + exif(n), **options)
    yield "EXIF 6 alone", _avif_with_exif(**options)
    yield "XMP 6", encoded(PICTURE, "AVIF", xmp=xmp(6), **options)
    for name, profile in (
        ("P3", P3),
        ("Adobe RGB", ADOBE),
        ("profile of greys", grey_profile(1.0)),
        ("profile that is none", b"no profile" * 30),
    ):
        yield name, encoded(PICTURE, "AVIF", icc_profile=profile, **options)
    for name, numbers in {
        "P3 by numbers": (12, 13),
        "BT.2020 by numbers": (9, 14),
        "BT.709 by numbers": (1, 1),
        "linear by numbers": (1, 8),
        "gamma 2.2 by numbers": (1, 4),
        "Unknown numbers": (2, 2),
        "PAL by numbers": (5, 6),
        "DCI by numbers": (11, 17),
        "PQ": (9, 16),
        "HLG": (9, 18),
    }.items():
        yield name, renumbered(plain, *numbers)
    yield "alpha", encoded(CLEAR, "AVIF", **options)
    yield (
        "animated",
        encoded(PICTURE, "AVIF", save_all=True, append_images=[PICTURE.rotate(180)], **options),
    )


def renumbered(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF file with other numbers for its colours."""
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">2H", primaries, transfer) + data[at + 4 :]


def _avif_with_exif(**options: Any) -> bytes:
    """An AVIF file whose EXIF data have an orientation, unlike its container."""
    # Pillow moves it to the container.
    other, tag = struct.pack("<H", 0x113), struct.pack("<H", 0x112)
    rest = exif(6)[12:]
    data = encoded(
        PICTURE, "AVIF", exif=b"Exif\0\0" + exif(6).replace(tag + rest, other + rest), **options
    )
    assert other + rest in data
    return data.replace(other + rest, tag + rest)
