"""JPEGs of phones, cameras and programs."""

import struct
from collections.abc import Iterator
from typing import Any

from PIL import Image

from tests.support.made_pictures import encoded
from tests.support.profiles import INKS, SRGB, grey_profile, matrix_profile, press_profile
from tests.support.shown_pictures.portrait import ADOBE, GREY, P3, PICTURE, WIDE, exif, xmp

THUMBNAIL_EXIF = b"II*\0" + struct.pack(
    "<IHHHIII HHHIHHI", 8, 1, 0x131, 2, 1, 0x61, 26, 1, 0x112, 3, 1, 6, 0, 0
)
"""EXIF data in which only the thumbnail has an orientation."""


def segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(*segments: bytes, picture: Image.Image = PICTURE, **options: Any) -> bytes:
    """A JPEG with segments after its start."""
    data = encoded(picture, "JPEG", **{"quality": 95, "subsampling": 0, **options})
    return data[:2] + b"".join(segments) + data[2:]


def app1(exif_data: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + exif_data)


def _xmp_segment(data: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + data)


def jpegs() -> Iterator[tuple[str, bytes]]:
    yield "plain", jpeg()
    yield "4:2:0", jpeg(subsampling=2)
    yield "progressive", jpeg(progressive=True, subsampling=2)
    yield "grey", jpeg(picture=GREY)
    for order in "<>":
        for n in range(10):
            yield f"EXIF {n}, {'little' if order == '<' else 'big'}", jpeg(app1(exif(n, order)))
    yield "EXIF 6 as a long", jpeg(app1(exif(6, kind=4)))
    yield "EXIF 6 as a long, big", jpeg(app1(exif(6, ">", kind=4)))
    yield "EXIF 6 as a byte", jpeg(app1(exif(6, kind=1)))
    yield "EXIF 6, count 2", jpeg(app1(exif(6, count=2)))
    yield "EXIF 6, count 0", jpeg(app1(exif(6, count=0)))
    yield "EXIF of the other order", jpeg(app1(b"MM" + exif(6)[2:]))
    yield "EXIF of no order", jpeg(app1(b"XX" + exif(6)[2:]))
    yield "EXIF cut short", jpeg(app1(exif(6)[:16]))
    yield "EXIF without the next", jpeg(app1(exif(6)[:-4]))
    yield "EXIF 6, then 3", jpeg(app1(exif(6)), app1(exif(3)))
    yield "EXIF 3, then 6", jpeg(app1(exif(3)), app1(exif(6)))
    yield (
        "EXIF without one, then 6",
        jpeg(app1(b"II*\0" + struct.pack("<IHI", 8, 0, 0)), app1(exif(6))),
    )
    yield "EXIF 9, then 6", jpeg(app1(exif(9)), app1(exif(6)))
    yield "EXIF broken, then 6", jpeg(app1(b"XXXXXXXXXXXXXXXXX"), app1(exif(6)))
    yield "EXIF of the thumbnail", jpeg(app1(THUMBNAIL_EXIF))
    yield "EXIF after the tables", _late_exif()
    yield "EXIF with one NUL", jpeg(segment(0xE1, b"Exif\0\1" + exif(6)))
    yield "EXIF after a comment", jpeg(segment(0xFE, b"made by hand"), app1(exif(6)))
    yield "XMP 6", jpeg(_xmp_segment(xmp(6)))
    yield "XMP 6, EXIF 1", jpeg(_xmp_segment(xmp(6)), app1(exif(1)))
    yield "XMP 6, EXIF 3", jpeg(_xmp_segment(xmp(6)), app1(exif(3)))
    yield "MPO", _mpo()
    yield "MPO, EXIF 6", _mpo(exif=b"Exif\0\0" + exif(6))
    yield "gain map", jpeg(_xmp_segment(_GAIN_MAP)) + jpeg(picture=GREY)
    yield "Adobe RGB by EXIF alone", jpeg(app1(_INTEROP))
    yield "RGB, not YCbCr", encoded(PICTURE, "JPEG", quality=95, keep_rgb=True)
    for name, profile in (
        ("P3", P3),
        ("Adobe RGB", ADOBE),
        ("ProPhoto", WIDE),
        ("sRGB", matrix_profile(SRGB)),
    ):
        yield name, jpeg(icc_profile=profile)
    yield "P3, EXIF 6", jpeg(app1(exif(6)), icc_profile=P3)
    yield "P3 in three parts, mixed", jpeg(*(_icc_part(P3, n, 3) for n in (2, 0, 1)))
    yield "P3 without its second part", jpeg(*(_icc_part(P3, n, 3) for n in (0, 2)))
    yield "profile cut short", jpeg(icc_profile=P3[: len(P3) // 2])
    yield "profile that is none", jpeg(icc_profile=b"no profile" * 30)
    yield "profile of greys in colour", jpeg(icc_profile=grey_profile(1.0))
    yield "profile of colours in grey", jpeg(picture=GREY, icc_profile=P3)
    yield "grey, gamma 1.0", jpeg(picture=GREY, icc_profile=grey_profile(1.0))
    yield "grey, gamma 2.2", jpeg(picture=GREY, icc_profile=grey_profile(2.2))
    yield "grey, dot gain", jpeg(picture=GREY, icc_profile=grey_profile(1.75))
    press = press_profile(INKS, nodes=9)
    inks = PICTURE.convert("CMYK")
    inks = Image.merge("CMYK", [*inks.split()[:3], GREY.point(lambda v: (255 - v) // 4)])
    for name, options in {"": {}, ", profile": {"icc_profile": press}}.items():
        for adobe in (None, 0, 2):
            what = {None: "not Adobe's", 0: "Adobe's", 2: "YCCK"}[adobe]
            yield f"CMYK, {what}{name}", _cmyk(inks, adobe, **options)


_GAIN_MAP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
    b'hdrgm:GainMapMax="2.0"/></rdf:RDF></x:xmpmeta>'
)
# ColorSpace "uncalibrated" and the interoperability index R03, as cameras mark Adobe RGB.
_INTEROP = b"II*\0" + struct.pack(
    "<IHHHIIIHHHIHHHHIIIHHHI4sI",
    8,
    1,
    0x8769,
    4,
    1,
    26,
    0,
    2,
    0xA001,
    3,
    1,
    65535,
    0,
    0xA005,
    4,
    1,
    56,
    0,
    1,
    1,
    2,
    4,
    b"R03\0",
    0,
)


def _late_exif() -> bytes:
    data = jpeg()
    at = data.index(b"\xff\xc0")
    return data[:at] + app1(exif(6)) + data[at:]


def _mpo(**options: Any) -> bytes:
    others = [PICTURE.rotate(180)]
    return encoded(PICTURE, "MPO", save_all=True, append_images=others, quality=95, **options)


def _icc_part(profile: bytes, number: int, count: int) -> bytes:
    size = -(-len(profile) // count)
    part = profile[number * size : (number + 1) * size]
    return segment(0xE2, b"ICC_PROFILE\0" + bytes([number + 1, count]) + part)


def _cmyk(inks: Image.Image, adobe: int | None, **options: Any) -> bytes:
    """A JPEG of inks: Adobe's are inverted, and with transform 2 red, green and blue are YCbCr."""
    if adobe == 2:
        c, m, y, k = inks.split()
        ycc = Image.merge("RGB", [c, m, y]).convert("YCbCr")
        inks = Image.merge("CMYK", [*ycc.split(), k])
    data = encoded(inks, "JPEG", quality=95, subsampling=0, **options)
    at = data.index(b"Adobe")
    assert data[at + 11] == 0
    if adobe is None:
        return data[: at - 4] + data[at + 12 :]
    return data[: at + 11] + bytes([adobe]) + data[at + 12 :]
