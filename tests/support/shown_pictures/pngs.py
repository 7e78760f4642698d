"""PNGs of every depth and with every way to describe colours."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from tests.support.made_pictures import deep_picture, encoded
from tests.support.pictures import chunk, png, veiled_png, with_chunks
from tests.support.profiles import INKS, grey_profile, press_profile
from tests.support.shown_pictures.portrait import (
    ADOBE,
    ALPHA,
    CLEAR,
    GREY,
    P3,
    PICTURE,
    PORTRAIT_RGB,
    WH,
    exif,
    xmp,
)


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


def pngs() -> Iterator[tuple[str, bytes]]:
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
    veiled = Image.merge("LA", [GREY, ALPHA])
    yield "RGBA", encoded(CLEAR)
    yield "RGBA, P3", encoded(CLEAR, icc_profile=P3)
    yield "RGBA, gAMA 1.0", with_chunks(encoded(CLEAR), gama(1.0))
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
    alpha16 = np.asarray(ALPHA).astype(np.uint16) * 257
    yield "16 bits", deep_picture(full)
    yield "16 bits, grey", deep_picture(grey16)
    yield "16 bits, RGBA", deep_picture(np.dstack([full, alpha16]))
    yield "16 bits, grey and alpha", veiled_png(grey16, alpha16)
    yield "16 bits, P3", with_chunks(deep_picture(full), iccp(P3))
    yield "16 bits, grey, profile 1.0", with_chunks(deep_picture(grey16), iccp(grey_profile(1.0)))
    yield "16 bits, grey, gAMA 1.0", with_chunks(deep_picture(grey16), gama(1.0))
    yield "16 bits, cICP of P3", with_chunks(deep_picture(full), cicp(12, 13, 0, 1))
    yield "16 bits, cICP of PQ", with_chunks(deep_picture(full), cicp(9, 16, 0, 1))
    yield "16 bits, gAMA 1.0", with_chunks(deep_picture(full), gama(1.0))
    yield (
        "16 bits, one clear",
        with_chunks(deep_picture(full), chunk(b"tRNS", struct.pack(">3H", *full[0, 0]))),
    )
    yield (
        "16 bits, grey, one clear",
        with_chunks(deep_picture(grey16), chunk(b"tRNS", struct.pack(">H", grey16[0, 0]))),
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
