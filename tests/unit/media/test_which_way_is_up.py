"""Pictures are turned as browsers turn them, whatever says so."""

import functools
import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from tests.support.decoding import decode
from tests.support.heic import heic
from tests.support.made_pictures import encoded, turned_by
from tests.support.pictures import chunk, with_chunks
from tests.support.shown_pictures import shown_pictures
from tests.support.videos import quadrant_image

STORED = quadrant_image((96, 64))


def turns_of(stored: np.ndarray) -> dict[int, np.ndarray]:
    """What each orientation of EXIF makes of a stored picture."""
    return {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: stored[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(stored, 1),
    }


UPRIGHT = turns_of(STORED)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'


def assert_same(image: np.ndarray, expected: np.ndarray) -> None:
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "AVIF", "TIFF"])
def test_these_formats_are_turned_by_exif(kind: str, orientation: int) -> None:
    """AVIF by its container, into which Pillow's encoder writes the orientation."""
    exif = turned_by(orientation)
    options = {"tiffinfo": exif} if kind == "TIFF" else {"exif": exif}
    assert_same(decode(encoded(Image.fromarray(STORED), kind, **options)), UPRIGHT[orientation])


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirror", [None, 0, 1])
def test_heic_is_turned_by_its_container(quarters: int, mirror: int | None) -> None:
    flipped = STORED if mirror is None else np.flip(STORED, mirror)
    assert_same(decode(heic(STORED, quarters=quarters, mirror=mirror)), np.rot90(flipped, quarters))


@pytest.mark.parametrize("quarters", [0, 1])
def test_heic_is_not_turned_by_exif_as_well(quarters: int) -> None:
    """Phones write both, and mean the same."""
    data = heic(STORED, quarters=quarters, exif=turned_by(8).tobytes()[6:])
    assert_same(decode(data), np.rot90(STORED, quarters))


@pytest.mark.parametrize("kind", ["WEBP", "JPEG2000"])
def test_browsers_do_not_turn_these_by_exif(kind: str) -> None:
    assert_same(decode(encoded(Image.fromarray(STORED), kind, exif=turned_by(6))), STORED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_xmp_does_not_turn_a_picture(kind: str) -> None:
    options: dict[str, object] = {"xmp": XMP}
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": texts}
    if kind == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    assert_same(decode(encoded(Image.fromarray(STORED), kind, **options)), STORED)


def test_xmp_does_not_turn_a_jpeg_whose_exif_names_a_resolution() -> None:
    """Pillow reads EXIF and XMP together when it looks for that."""
    exif = Image.Exif()
    exif[0x011A] = 72.0
    assert_same(decode(encoded(Image.fromarray(STORED), "JPEG", exif=exif, xmp=XMP)), STORED)


def test_a_text_of_a_png_does_not_turn_it() -> None:
    """ImageMagick once wrote EXIF as text."""
    exif = turned_by(6).tobytes()
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Raw profile type exif", f"\nexif\n{len(exif)}\n{exif.hex()}\n")
    assert_same(decode(encoded(Image.fromarray(STORED), "PNG", pnginfo=texts)), STORED)


@pytest.mark.parametrize(("is_before", "expected"), [(True, UPRIGHT[6]), (False, STORED)])
def test_exif_turns_a_png_only_if_it_comes_before_the_pixels(
    is_before: bool, expected: np.ndarray
) -> None:
    plain = encoded(Image.fromarray(STORED))
    exif = chunk(b"eXIf", b"MM\0*" + struct.pack(">IHHHIHH", 8, 1, 0x112, 3, 1, 6, 0) + bytes(4))
    data = with_chunks(plain, exif, before=b"IDAT" if is_before else b"IEND")
    assert_same(decode(data), expected)


made = functools.cache(shown_pictures)
UNUSUAL = {
    **{f"JPEG: EXIF {n}, {order}": n or 1 for n in range(9) for order in ("little", "big")},
    "JPEG: EXIF 9, little": 1,
    "JPEG: EXIF 6 as a long": 1,
    "JPEG: EXIF 6 as a byte": 1,
    "JPEG: EXIF 6, count 2": 1,
    "JPEG: EXIF 6, count 0": 1,
    "JPEG: EXIF of the other order": 1,
    "JPEG: EXIF of no order": 1,
    "JPEG: EXIF cut short": 1,
    "JPEG: EXIF 6, then 3": 6,
    "JPEG: EXIF 3, then 6": 3,
    "JPEG: EXIF without one, then 6": 1,
    "JPEG: EXIF of the thumbnail": 1,
    "JPEG: EXIF after the tables": 6,
    "JPEG: EXIF with one NUL": 6,
    "JPEG: EXIF after a comment": 6,
    "JPEG: XMP 6, EXIF 3": 3,
    "JPEG: MPO, EXIF 6": 6,
    "JPEG: P3, EXIF 6": 6,
    "PNG: eXIf 6, little": 6,
    "PNG: eXIf 6, with a name": 1,
    "PNG: eXIf 6, then 3": 6,
    "PNG: eXIf 6, 3 after the pixels": 6,
    "PNG: eXIf 9": 1,
}


@pytest.mark.parametrize(("name", "orientation"), UNUSUAL.items(), ids=UNUSUAL)
def test_exif_data_count_as_in_browsers(name: str, orientation: int) -> None:
    """That browsers agree is a test in a real one (tests/e2e/test_shown.py)."""
    kind = name.split(":")[0]
    data = made(kind)[name]
    plain = made(kind)["JPEG: P3" if "P3" in name else f"{kind}: plain"]
    image, expected = decode(data).astype(int), turns_of(decode(plain))[orientation]
    assert image.shape == expected.shape
    assert np.abs(image - expected).mean() < 2


def test_avif_is_not_turned_by_exif_without_its_container() -> None:
    pictures = shown_pictures("AVIF")
    np.testing.assert_array_equal(
        decode(pictures["AVIF: EXIF 6 alone"]), decode(pictures["AVIF: plain"])
    )
