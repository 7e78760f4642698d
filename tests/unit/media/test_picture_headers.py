"""Colours that files name by number or in places that Pillow does not look into."""

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ferapp.media.images import read_image
from ferapp.media.pictures.coded_colour import coded_to_srgb, coding_of_gamma, coding_of_numbers
from ferapp.media.pictures.headers import heif_coding, png_chunks
from tests.support.decoding import decode
from tests.support.made_pictures import deep_picture, encoded
from tests.support.pictures import with_chunks
from tests.support.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    INKS,
    PROPHOTO,
    SRGB,
    SRGB_CURVE,
    grey_profile,
    matrix_profile,
    press_profile,
    to_srgb,
)
from tests.support.shown_pictures import shown_pictures
from tests.support.shown_pictures.pngs import (
    CHRM_ADOBE,
    CHRM_D50,
    CHRM_P3,
    SRGB_CHUNK,
    cicp,
    gama,
    iccp,
)
from tests.support.shown_pictures.portrait import P3, PICTURE, PORTRAIT_RGB

PLAIN = encoded(PICTURE)
AS_P3 = to_srgb(PORTRAIT_RGB.astype(float), DISPLAY_P3, SRGB_CURVE)
AS_ADOBE = to_srgb(PORTRAIT_RGB.astype(float), ADOBE_RGB, 563 / 256)


def off(image: np.ndarray, expected: np.ndarray) -> float:
    assert image.shape == expected.shape
    return float(np.abs(image.astype(float) - expected).max())


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([cicp(12, 13, 0, 1)], AS_P3, id="cICP"),
        pytest.param([cicp(12, 13, 0, 1), iccp(matrix_profile(ADOBE_RGB, 2.2))], AS_P3, id="first"),
        pytest.param([cicp(1, 13, 0, 1), iccp(P3)], PORTRAIT_RGB, id="cICP of sRGB, iCCP"),
        pytest.param([cicp(2, 2, 0, 1), iccp(P3)], AS_P3, id="unknown cICP, iCCP"),
        pytest.param([cicp(12, 13, 0, 0)], PORTRAIT_RGB, id="narrow cICP"),
        pytest.param([iccp(P3), gama(1.0), CHRM_ADOBE], AS_P3, id="iCCP, gAMA, cHRM"),
        pytest.param([SRGB_CHUNK, gama(1.0), CHRM_P3], PORTRAIT_RGB, id="sRGB, gAMA, cHRM"),
        pytest.param([gama(256 / 563), CHRM_ADOBE], AS_ADOBE, id="gAMA, cHRM"),
        pytest.param(
            [gama(1 / 1.8), CHRM_D50],
            to_srgb(PORTRAIT_RGB.astype(float), PROPHOTO, 1.8),
            id="gAMA, cHRM of ProPhoto",
        ),
        pytest.param([CHRM_ADOBE], PORTRAIT_RGB, id="cHRM alone"),
        pytest.param([gama(0.45455)], PORTRAIT_RGB, id="gAMA of nearly sRGB"),
        pytest.param(
            [gama(1.0)], to_srgb(PORTRAIT_RGB.astype(float), SRGB, 1.0), id="gAMA of light"
        ),
        pytest.param([gama(0), CHRM_P3], PORTRAIT_RGB, id="gAMA of 0"),
    ],
)
@pytest.mark.parametrize("is_deep", [False, True])
def test_the_chunks_of_a_png_count_in_their_order(
    chunks: list[bytes], expected: np.ndarray, is_deep: bool
) -> None:
    data = deep_picture(PORTRAIT_RGB.astype(np.uint16) * 257) if is_deep else PLAIN
    assert off(decode(with_chunks(data, *chunks)), expected) <= 1.5


def test_an_intact_profile_that_does_not_fit_is_not_replaced_by_gamma() -> None:
    """As browsers: the file has said what it means, and it can't be meant."""
    data = with_chunks(PLAIN, iccp(press_profile(INKS)), gama(1.0))
    assert off(decode(data), PORTRAIT_RGB) == 0


@pytest.mark.parametrize(
    "xy",
    [
        (0.0,) * 8,
        (0.3127, 0.0, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
        (0.3127, 0.329, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3),
    ],
)
def test_impossible_primaries_change_nothing(xy: Any) -> None:
    assert coding_of_gamma(2.2, xy) is None


@pytest.mark.parametrize("primaries", [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22])
@pytest.mark.parametrize("transfer", [1, 4, 5, 6, 7, 8, 13, 14, 15, 17])
def test_grey_stays_grey_and_black_stays_black(primaries: int, transfer: int) -> None:
    coding = coding_of_numbers(primaries, transfer, is_video=False)
    assert coding is not None
    greys = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2)
    image = coded_to_srgb(greys, coding).astype(int)
    assert np.ptp(image, axis=2).max() <= 1 and image[0, 0].max() == 0
    assert (np.diff(image[0, :, 1]) >= 0).all() and image[0, -1].min() >= 254


@pytest.mark.parametrize("data", [b"", PLAIN[:20], PLAIN[:8] + b"\xff\xff\xff\xffgAMA", b"\0" * 99])
def test_a_png_that_is_cut_short_has_no_chunks(data: bytes) -> None:
    assert set(png_chunks(data)) <= {b"gAMA"}


def box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def heif(colours: list[tuple[int, int]], main: int, links: dict[int, list[int]]) -> bytes:
    """The boxes of a HEIC with several pictures, each of which has some of the colours."""
    ipco = box(
        b"ipco",
        *(box(b"colr", b"nclx", struct.pack(">3HB", *numbers, 6, 0x80)) for numbers in colours),
    )
    entries = b"".join(
        struct.pack(">HB", item, len(places)) + bytes(0x80 | place for place in places)
        for item, places in links.items()
    )
    ipma = box(b"ipma", bytes(4), struct.pack(">I", len(links)), entries)
    pitm = box(b"pitm", bytes(4), struct.pack(">H", main))
    meta = box(b"meta", bytes(4), pitm, box(b"iprp", ipco, ipma))
    return box(b"ftyp", b"heic", bytes(4)) + meta


def test_the_colours_of_the_main_picture_count() -> None:
    """Not those of its thumbnail, or of the map that makes it brighter on an HDR screen."""
    p3 = coding_of_numbers(12, 13, is_video=True)
    srgb = coding_of_numbers(1, 13, is_video=True)
    colours = [(1, 13), (12, 13)]
    assert heif_coding(heif(colours, 2, {1: [1], 2: [2]})) == p3
    assert heif_coding(heif(colours, 1, {1: [1], 2: [2]})) == srgb
    assert heif_coding(heif(colours, 3, {1: [1], 2: [2], 3: []})) == srgb, "tiles have them"
    assert heif_coding(heif([], 1, {1: []})) is None


def test_boxes_that_are_cut_short_have_no_colours() -> None:
    data = heif([(12, 13)], 1, {1: [1]})
    for length in range(len(data)):
        heif_coding(data[:length])  # raises nothing
    assert heif_coding(b"") is None


def with_profile(data: bytes, profile: bytes, method: int = 2) -> bytes:
    """A JPEG 2000 with a profile in place of the number of its colours."""
    at = data.index(b"colr") - 4
    size = int.from_bytes(data[at : at + 4])
    new = box(b"colr", bytes([method, 0, 0]), profile)
    head = data.index(b"jp2h") - 4
    length = int.from_bytes(data[head : head + 4]) + len(new) - size
    data = data[:at] + new + data[at + size :]
    return data[:head] + struct.pack(">I", length) + data[head + 4 :]


@pytest.mark.parametrize("method", [2, 3])
def test_the_profile_of_a_jpeg_2000_counts(method: int) -> None:
    plain = encoded(PICTURE, "JPEG2000")
    assert off(decode(plain), PORTRAIT_RGB) == 0
    assert off(decode(with_profile(plain, P3, method)), AS_P3) <= 1.5
    assert off(decode(with_profile(plain, P3[:100], method)), PORTRAIT_RGB) == 0


def test_the_profile_of_a_bmp_counts_at_the_door() -> None:
    data = shown_pictures("BMP")["BMP: 24 bits, V5, P3"]
    assert off(read_image(data), AS_P3) <= 1.5


def test_a_press_profile_is_obeyed_within_a_level() -> None:
    """A skin tone, by the colours that the profile lists; without it, it is 21 levels off."""
    skin = Image.new("CMYK", (16, 16), (40, 90, 110, 10))
    data = encoded(skin, "TIFF", icc_profile=press_profile(INKS, nodes=9))
    assert off(decode(data)[:1, :1], np.array([[[211.3, 154.7, 117.2]]])) <= 1


def test_dark_greys_of_a_linear_profile_are_right() -> None:
    """With the shortcuts of Little CMS they come out up to ten levels too dark."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None].repeat(16, 0))
    image = decode(encoded(ramp, icc_profile=grey_profile(1.0)))
    expected = to_srgb(np.arange(256.0)[None, :, None].repeat(3, 2), SRGB, 1.0)
    assert off(image[:1], expected) <= 1
