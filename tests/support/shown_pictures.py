"""Pictures as phones, cameras, scanners and programs write them, for a comparison with a browser.

Each is a small portrait. The names say what is special about a file.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from ferapp.media.images import read_image
from tests.support.made_pictures import encoded
from tests.support.pictures import chunk, png
from tests.support.places import SAMPLES
from tests.support.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    grey_profile,
    matrix_profile,
    press_profile,
)

WH = (96, 64)
PORTRAIT_RGB = np.array(
    Image.fromarray(read_image(SAMPLES / "astronaut.jpg")[40:168, 140:332]).resize(WH)
)
PICTURE = Image.fromarray(PORTRAIT_RGB)
GREY = PICTURE.convert("L")
P3, ADOBE, WIDE = (
    matrix_profile(DISPLAY_P3),
    matrix_profile(ADOBE_RGB, 563 / 256),
    matrix_profile(PROPHOTO, 1.8),
)

INKS = {
    (c, m, y, k): (
        95 * (1 - 0.45 * c) * (1 - 0.5 * m) * (1 - 0.05 * y) * (1 - 0.85 * k),
        (-35.0 * c + 70 * m) * (1 - k),
        (-45.0 * c + 85 * y) * (1 - k),
    )
    for c in (0, 1)
    for m in (0, 1)
    for y in (0, 1)
    for k in (0, 1)
}
"""CIE L*a*b* of a press."""


def exif(orientation: int, order: str = "<", kind: int = 3, count: int = 1) -> bytes:
    """EXIF data with an orientation, from the byte order on."""
    mark = b"II" if order == "<" else b"MM"
    value = struct.pack(
        order + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,))
    )
    return mark + struct.pack(order + "HIHHHI", 42, 8, 1, 0x112, kind, count) + value + bytes(4)


THUMBNAIL_EXIF = b"II*\0" + struct.pack(
    "<IHHHIII HHHIHHI", 8, 1, 0x131, 2, 1, 0x61, 26, 1, 0x112, 3, 1, 6, 0, 0
)
"""EXIF data in which only the thumbnail has an orientation."""


def xmp(orientation: int) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
        % orientation
    )


def segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(*segments: bytes, picture: Image.Image = PICTURE, **options: Any) -> bytes:
    """A JPEG with segments after its start."""
    data = encoded(picture, "JPEG", **{"quality": 95, "subsampling": 0, **options})
    return data[:2] + b"".join(segments) + data[2:]


def app1(exif_data: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + exif_data)


def _jpegs() -> Iterator[tuple[str, bytes]]:
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
    yield "XMP 6", jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6)))
    yield (
        "XMP 6, EXIF 1",
        jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6)), app1(exif(1))),
    )
    yield (
        "XMP 6, EXIF 3",
        jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp(6)), app1(exif(3))),
    )
    yield (
        "MPO",
        encoded(PICTURE, "MPO", save_all=True, append_images=[PICTURE.rotate(180)], quality=95),
    )
    yield "MPO, EXIF 6", _mpo(exif(6))
    yield (
        "gain map",
        jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _GAIN_MAP)) + jpeg(picture=GREY),
    )
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


def _mpo(exif_data: bytes) -> bytes:
    return encoded(
        PICTURE,
        "MPO",
        save_all=True,
        append_images=[PICTURE.rotate(180)],
        quality=95,
        exif=b"Exif\0\0" + exif_data,
    )


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


def with_chunks(data: bytes, *chunks: bytes, before: bytes = b"IDAT") -> bytes:
    """A PNG with further chunks before one of its own."""
    at = data.index(before) - 4
    return data[:at] + b"".join(chunks) + data[at:]


def gama(gamma: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def chrm(*xy: float) -> bytes:
    """White, red, green and blue."""
    return chunk(b"cHRM", struct.pack(">8I", *(round(100_000 * v) for v in xy)))


def cicp(*numbers: int) -> bytes:
    return chunk(b"cICP", bytes(numbers))


SRGB_CHUNK = chunk(b"sRGB", b"\0")
CHRM_SRGB = chrm(0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
CHRM_P3 = chrm(0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
CHRM_ADOBE = chrm(0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
CHRM_D50 = chrm(0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)


def deep_png(values: np.ndarray) -> bytes:
    """A PNG of sixteen bits; (h, w), or (h, w, c) RGB."""
    ordered = values if values.ndim == 2 else values[..., [2, 1, 0, 3][: values.shape[2]]]
    return bytes(cv2.imencode(".png", ordered)[1])


def _pngs() -> Iterator[tuple[str, bytes]]:
    plain = encoded(PICTURE)
    yield "plain", plain
    for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9):
        yield f"eXIf {n}", with_chunks(plain, chunk(b"eXIf", exif(n, ">")))
    yield "eXIf 6, little", with_chunks(plain, chunk(b"eXIf", exif(6)))
    yield "eXIf 6, with a name", with_chunks(plain, chunk(b"eXIf", b"Exif\0\0" + exif(6)))
    yield "eXIf 6, after the pixels", with_chunks(plain, chunk(b"eXIf", exif(6)), before=b"IEND")
    yield "eXIf 6, then 3", with_chunks(plain, chunk(b"eXIf", exif(6)), chunk(b"eXIf", exif(3)))
    yield (
        "eXIf 6, 3 after the pixels",
        with_chunks(
            with_chunks(plain, chunk(b"eXIf", exif(6))), chunk(b"eXIf", exif(3)), before=b"IEND"
        ),
    )
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", xmp(6).decode())
    yield "XMP 6", encoded(PICTURE, pnginfo=texts)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(exif(6))}\n{exif(6).hex()}\n")
    yield "EXIF as text", encoded(PICTURE, pnginfo=texts)
    colours = {
        "gAMA 1.0": [gama(1.0)],
        "gAMA 1/2.2": [gama(0.45455)],
        "gAMA 1/1.8": [gama(1 / 1.8)],
        "gAMA 0": [gama(0)],
        "gAMA, cHRM of sRGB": [gama(0.45455), CHRM_SRGB],
        "gAMA, cHRM of P3": [gama(0.45455), CHRM_P3],
        "gAMA, cHRM of Adobe RGB": [gama(256 / 563), CHRM_ADOBE],
        "gAMA, cHRM of ProPhoto": [gama(1 / 1.8), CHRM_D50],
        "gAMA, cHRM of nothing": [gama(0.45455), chrm(*[0.0] * 8)],
        "cHRM of P3 alone": [CHRM_P3],
        "cHRM of Adobe RGB alone": [CHRM_ADOBE],
        "sRGB": [SRGB_CHUNK],
        "sRGB, other gAMA, cHRM": [SRGB_CHUNK, gama(1.0), CHRM_P3],
        "other gAMA, then sRGB": [gama(1.0), CHRM_P3, SRGB_CHUNK],
        "sRGB of another intent": [chunk(b"sRGB", b"\3")],
        "iCCP of P3, other gAMA": [iccp(P3), gama(1.0), CHRM_ADOBE],
        "iCCP of P3, sRGB": [iccp(P3), SRGB_CHUNK],
        "sRGB, iCCP of P3": [SRGB_CHUNK, iccp(P3)],
        "iCCP that is broken, gAMA 1.0": [iccp(b"nothing" * 40), gama(1.0)],
        "iCCP that is broken": [iccp(b"nothing" * 40)],
        "iCCP of greys": [iccp(grey_profile(1.0))],
        "iCCP of inks": [iccp(press_profile(INKS))],
        "iCCP that is cut short": [iccp(P3[:200])],
        "cICP of P3": [cicp(12, 13, 0, 1)],
        "cICP of P3 over iCCP of Adobe RGB": [cicp(12, 13, 0, 1), iccp(ADOBE)],
        "cICP of sRGB over iCCP of Adobe RGB": [cicp(1, 13, 0, 1), iccp(ADOBE)],
        "cICP of P3 over sRGB": [cicp(12, 13, 0, 1), SRGB_CHUNK, gama(0.45455)],
        "cICP of BT.709": [cicp(1, 1, 0, 1)],
        "cICP of BT.2020": [cicp(9, 14, 0, 1)],
        "cICP of BT.2020, sRGB's curve": [cicp(9, 13, 0, 1)],
        "cICP of P3, linear": [cicp(12, 8, 0, 1)],
        "cICP of gamma 2.2": [cicp(1, 4, 0, 1)],
        "cICP of gamma 2.8": [cicp(1, 5, 0, 1)],
        "cICP of DCI": [cicp(11, 17, 0, 1)],
        "cICP of BT.601": [cicp(6, 6, 0, 1)],
        "cICP of PAL": [cicp(5, 6, 0, 1)],
        "cICP of NTSC": [cicp(4, 4, 0, 1)],
        "cICP of EBU": [cicp(22, 13, 0, 1)],
        "cICP of film": [cicp(8, 13, 0, 1)],
        "cICP of XYZ": [cicp(10, 13, 0, 1)],
        "cICP of SMPTE 240": [cicp(7, 7, 0, 1)],
        "cICP, narrow": [cicp(1, 13, 0, 0)],
        "cICP of P3, narrow": [cicp(12, 13, 0, 0)],
        "cICP of a matrix": [cicp(12, 13, 1, 1)],
        "cICP that is unknown": [cicp(2, 2, 0, 1)],
        "cICP of unknown primaries, linear": [cicp(2, 8, 0, 1)],
        "cICP of P3, unknown curve": [cicp(12, 2, 0, 1)],
        "cICP of numbers reserved": [cicp(77, 77, 0, 1)],
        "cICP that is unknown over iCCP of P3": [cicp(2, 2, 0, 1), iccp(P3)],
        "cICP that is cut short": [cicp(12, 13, 0)],
        "cICP of PQ": [cicp(9, 16, 0, 1)],
        "cICP of HLG": [cicp(9, 18, 0, 1)],
    }
    for name, chunks in colours.items():
        yield name, with_chunks(plain, *chunks)
    yield "cICP after the pixels", with_chunks(plain, cicp(12, 13, 0, 1), before=b"IEND")
    yield "grey, gAMA 1.0", with_chunks(encoded(GREY), gama(1.0))
    yield "grey, cICP linear", with_chunks(encoded(GREY), cicp(1, 8, 0, 1))
    yield "grey, profile 1.0", encoded(GREY, icc_profile=grey_profile(1.0))
    yield "grey, profile of P3", encoded(GREY, icc_profile=P3)
    alpha = Image.linear_gradient("L").resize(WH)
    clear = PICTURE.copy()
    clear.putalpha(alpha)
    veiled = Image.merge("LA", [GREY, alpha])
    yield "RGBA", encoded(clear)
    yield "RGBA, P3", encoded(clear, icc_profile=P3)
    yield "RGBA, gAMA 1.0", with_chunks(encoded(clear), gama(1.0))
    yield "grey and alpha", encoded(veiled)
    yield "grey and alpha, profile 1.0", encoded(veiled, icc_profile=grey_profile(1.0))
    palette = PICTURE.quantize(64)
    yield "palette", encoded(palette)
    yield "palette, P3", encoded(palette, icc_profile=P3)
    yield "palette, gAMA 1.0", with_chunks(encoded(palette), gama(1.0))
    yield "palette, one clear", encoded(palette, transparency=int(np.asarray(palette)[0, 0]))
    yield "palette, half clear", encoded(palette, transparency=bytes(range(0, 256, 4)))
    for bits in (1, 2, 4):
        yield f"palette of {bits} bits", encoded(PICTURE.quantize(2**bits), bits=bits)
    yield "one bit", encoded(PICTURE.convert("1"))
    for bits in (2, 4):
        yield f"grey of {bits} bits", _grey_of(bits)
    yield "grey, one clear", encoded(GREY, transparency=int(np.asarray(GREY)[0, 0]))
    corner = tuple(int(v) for v in PORTRAIT_RGB[0, 0])
    yield "RGB, one clear", encoded(PICTURE, transparency=corner)
    yield "interlaced", _interlaced()
    full = np.asarray(PICTURE).astype(np.uint16) * 257
    grey16 = np.asarray(GREY).astype(np.uint16) * 257
    full_a = np.dstack([full, np.asarray(alpha).astype(np.uint16) * 257])
    yield "16 bits", deep_png(full)
    yield "16 bits, grey", deep_png(grey16)
    yield "16 bits, RGBA", deep_png(full_a)
    yield (
        "16 bits, grey and alpha",
        deep_veiled_png(grey16, np.asarray(alpha).astype(np.uint16) * 257),
    )
    yield "16 bits, P3", with_chunks(deep_png(full), iccp(P3))
    yield "16 bits, grey, profile 1.0", with_chunks(deep_png(grey16), iccp(grey_profile(1.0)))
    yield "16 bits, grey, gAMA 1.0", with_chunks(deep_png(grey16), gama(1.0))
    yield "16 bits, cICP of P3", with_chunks(deep_png(full), cicp(12, 13, 0, 1))
    yield "16 bits, cICP of PQ", with_chunks(deep_png(full), cicp(9, 16, 0, 1))
    yield "16 bits, gAMA 1.0", with_chunks(deep_png(full), gama(1.0))
    yield (
        "16 bits, one clear",
        with_chunks(deep_png(full), chunk(b"tRNS", struct.pack(">3H", *full[0, 0]))),
    )
    yield (
        "16 bits, grey, one clear",
        with_chunks(deep_png(grey16), chunk(b"tRNS", struct.pack(">H", grey16[0, 0]))),
    )
    yield "APNG", encoded(PICTURE, save_all=True, append_images=[PICTURE.rotate(180)])
    yield (
        "APNG, default apart",
        encoded(PICTURE.rotate(180), save_all=True, append_images=[PICTURE], default_image=True),
    )


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile))


def _grey_of(bits: int) -> bytes:
    values = np.asarray(GREY) >> (8 - bits)
    each = 8 // bits
    rows = sum(values[:, n::each].astype(int) << (8 - bits * (n + 1)) for n in range(each))
    data = b"".join(b"\0" + bytes(row.astype(np.uint8)) for row in rows)
    return png(WH, data, depth=bits)


def deep_veiled_png(grey: np.ndarray, alpha: np.ndarray) -> bytes:
    both = np.dstack([grey, alpha]).astype(">u2")
    return png(WH, b"".join(b"\0" + row.tobytes() for row in both), depth=16, colour=4)


def _interlaced() -> bytes:
    rows = b""
    for x, y, right, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        for row in PORTRAIT_RGB[y::down, x::right]:
            rows += b"\0" + row.tobytes()
    return png(WH, rows, colour=2, interlace=1)


def _webps() -> Iterator[tuple[str, bytes]]:
    clear = PICTURE.copy()
    clear.putalpha(Image.linear_gradient("L").resize(WH))
    yield "lossless", encoded(PICTURE, "WEBP", lossless=True)
    yield "lossy", encoded(PICTURE, "WEBP", quality=95)
    yield "EXIF 6", encoded(PICTURE, "WEBP", lossless=True, exif=b"Exif\0\0" + exif(6))
    yield "XMP 6", encoded(PICTURE, "WEBP", lossless=True, xmp=xmp(6))
    yield "P3", encoded(PICTURE, "WEBP", lossless=True, icc_profile=P3)
    yield "Adobe RGB, lossy", encoded(PICTURE, "WEBP", quality=95, icc_profile=ADOBE)
    yield "profile of greys", encoded(PICTURE, "WEBP", lossless=True, icc_profile=grey_profile(1.0))
    yield (
        "profile that is none",
        encoded(PICTURE, "WEBP", lossless=True, icc_profile=b"no profile" * 30),
    )
    yield "alpha", encoded(clear, "WEBP", lossless=True, exact=True)
    yield "alpha, lossy", encoded(clear, "WEBP", quality=95)
    yield "alpha, P3", encoded(clear, "WEBP", lossless=True, icc_profile=P3)
    yield (
        "animated",
        encoded(PICTURE, "WEBP", lossless=True, save_all=True, append_images=[PICTURE.rotate(180)]),
    )


def _avifs() -> Iterator[tuple[str, bytes]]:
    clear = PICTURE.copy()
    clear.putalpha(Image.linear_gradient("L").resize(WH))
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
    yield "alpha", encoded(clear, "AVIF", **options)
    yield (
        "animated",
        encoded(PICTURE, "AVIF", save_all=True, append_images=[PICTURE.rotate(180)], **options),
    )


def renumbered(data: bytes, primaries: int, transfer: int, matrix: int | None = None) -> bytes:
    """An AVIF file with other numbers for its colours."""
    at = data.index(b"colrnclx") + 8
    numbers = struct.pack(">2H", primaries, transfer)
    if matrix is not None:
        numbers += struct.pack(">H", matrix)
    return data[:at] + numbers + data[at + len(numbers) :]


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


def _gifs() -> Iterator[tuple[str, bytes]]:
    palette = PICTURE.quantize(64)
    yield "plain", encoded(palette, "GIF")
    yield "interlaced", encoded(palette, "GIF", interlace=1)
    yield "one clear", encoded(palette, "GIF", transparency=int(np.asarray(palette)[0, 0]))
    yield "grey", encoded(GREY, "GIF")
    yield "animated", encoded(palette, "GIF", save_all=True, append_images=[palette.rotate(180)])
    yield "first frame in a corner", _gif_in_a_corner()
    yield "first frame in a corner, one clear", _gif_in_a_corner(is_clear=True)


def _gif_in_a_corner(*, is_clear: bool = False) -> bytes:
    """A GIF whose first frame is smaller than its canvas."""
    palette = PICTURE.quantize(64)
    options = {"transparency": int(np.asarray(palette)[0, 0])} if is_clear else {}
    data = encoded(palette, "GIF", **options)
    at = data.index(b"\x2c\0\0\0\0" + struct.pack("<2H", *WH))
    data = data[:6] + struct.pack("<2H", WH[0] + 20, WH[1] + 10) + data[10:]
    return data[: at + 1] + struct.pack("<2H", 12, 6) + data[at + 5 :]


def bmp(
    rows: np.ndarray,
    bits: int,
    *,
    head: int = 40,
    tail: bytes = b"",
    palette: bytes = b"",
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
    info = (info + tail).ljust(head, b"\0") + palette
    if head == 40:
        info = (
            info
            if not tail or palette
            else struct.pack(
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
            + tail
        )
    offset = 14 + len(info)
    return (
        b"BM"
        + struct.pack("<IHHI", offset + len(pixels) + len(after), 0, 0, offset)
        + info
        + pixels
        + after
    )


_V4_SRGB = struct.pack("<4I4s", 0xFF0000, 0xFF00, 0xFF, 0, b"BGRs")


def _bmps() -> Iterator[tuple[str, bytes]]:
    yield "24 bits", encoded(PICTURE, "BMP")
    bgr = PORTRAIT_RGB[:, :, ::-1]
    yield "24 bits, top down", bmp(bgr, 24, is_top_down=True)
    yield "24 bits, OS/2", bmp(bgr, 24, head=12)
    yield "grey", encoded(GREY, "BMP")
    yield "palette", encoded(PICTURE.quantize(64), "BMP")
    yield "one bit", encoded(PICTURE.convert("1"), "BMP")
    alpha = np.asarray(Image.linear_gradient("L").resize(WH))
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


SOURCES = {
    "JPEG": _jpegs,
    "PNG": _pngs,
    "WebP": _webps,
    "AVIF": _avifs,
    "GIF": _gifs,
    "BMP": _bmps,
}
"""The formats that a browser shows."""


def shown_pictures(kind: str) -> dict[str, bytes]:
    """Files of one format, by name."""
    return {f"{kind}: {name}": data for name, data in SOURCES[kind]()}
