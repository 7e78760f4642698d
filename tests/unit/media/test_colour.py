"""Pictures come out in eight bits of sRGB, whatever bits and colours they have."""

import struct

import numpy as np
import pytest
from PIL import Image

from ferapp.errors import ImageError
from ferapp.media.images import read_image
from ferapp.media.pictures.bits import scaled
from ferapp.media.pictures.coded_colour import coded_to_srgb, coding_of_numbers
from ferapp.media.pictures.colour import has_other_colours
from tests.support.decoding import decode
from tests.support.heic import heic
from tests.support.made_pictures import deep_picture, encoded, in_lab
from tests.support.pictures import chunk, png, veiled_png
from tests.support.places import SAMPLES
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
from tests.support.shown_pictures.avifs import renumbered

PORTRAIT = read_image(SAMPLES / "astronaut.jpg")[60:188, 160:288]
GREY = PORTRAIT[:, :, 1]


def greatest(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, in levels."""
    return float(np.abs(a.astype(float) - b).max())


@pytest.mark.parametrize("ending", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_bits_in_sixteen_are_scaled_to_eight(channels: int, bits: int, ending: str) -> None:
    """Cameras of 10 to 14 bits would come out nearly black."""
    full = GREY.astype(np.uint16) if channels == 1 else PORTRAIT.astype(np.uint16)
    values = full << bits - 8 | full >> max(16 - bits, 0)
    if channels == 4:
        values = np.dstack([values, np.full_like(values[:, :, 0], 65535)])
    expected = PORTRAIT if channels > 1 else GREY[:, :, None].repeat(3, 2)
    assert greatest(decode(deep_picture(values, ending)), expected) <= 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("is_left", [False, True])
def test_grey_with_alpha_is_scaled(bits: int, is_left: bool) -> None:
    values = GREY[:64, :96].astype(np.uint16)
    values = values << 8 if is_left else values << bits - 8 | values >> 16 - bits
    clear = np.full_like(values, 65535)
    clear[:9] = 0
    image = decode(veiled_png(values, clear))
    assert (image[:9] == 255).all()
    assert greatest(image[9:], GREY[9:64, :96, None]) <= 1


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_grey_of_many_bits_in_jpeg_2000_is_scaled(bits: int) -> None:
    values = GREY.astype(np.uint16) << bits - 8
    image = decode(encoded(Image.fromarray(values), "JPEG2000"))
    assert greatest(image, GREY[:, :, None]) <= 1


def test_a_dark_picture_of_eight_bits_stays_dark() -> None:
    dark = (PORTRAIT // 20).astype(np.uint8)
    for kind in ("PNG", "TIFF", "BMP"):
        np.testing.assert_array_equal(decode(encoded(Image.fromarray(dark), kind)), dark)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_a_tiff_of_fractions_is_not_black(top: float) -> None:
    data = encoded(Image.fromarray(GREY.astype(np.float32) * (top / 255)), "TIFF")
    assert greatest(decode(data), GREY[:, :, None]) <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(np.array([0, 0.5, 1.0]), [0, 128, 255], id="shares"),
        pytest.param(np.array([-0.2, 0.5, 1.7]), [0, 128, 255], id="shares that overshoot"),
        pytest.param(np.array([0, 100.0, 200.0]), [0, 100, 200], id="levels"),
        pytest.param(np.array([0, 131070.0]), [0, 255], id="more than sixteen bits"),
        pytest.param(np.array([np.nan, np.inf, -np.inf, 1.0]), [0, 0, 0, 255], id="not numbers"),
        pytest.param(np.array([0, 2**31 - 1], np.int32), [0, 127], id="int32"),
        pytest.param(np.array([-5, 255], np.int32), [0, 255], id="negative"),
        pytest.param(np.zeros(2, np.uint16), [0, 0], id="black"),
        pytest.param(np.array([0, 4095], ">u2"), [0, 255], id="12 bits, other byte order"),
    ],
)
def test_numbers_become_levels(values: np.ndarray, expected: list[int]) -> None:
    assert scaled(values).tolist() == expected


def test_a_tiff_without_any_number_is_refused() -> None:
    data = encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF")
    with pytest.raises(ImageError, match="no numbers that can be shown"):
        decode(data)


def test_a_negative_of_sixteen_bits_is_not_shown_as_one() -> None:
    """Scanners write TIFF in which 0 is white."""
    data = encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "TIFF", tiffinfo={262: 0})
    assert greatest(decode(data), 255 - GREY[:, :, None]) <= 1


WIDE = {
    "Display P3": (DISPLAY_P3, SRGB_CURVE),
    "Adobe RGB": (ADOBE_RGB, 563 / 256),
    "ProPhoto": (PROPHOTO, 1.8),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("primaries", "curve"), WIDE.values(), ids=WIDE)
def test_wide_colours_become_srgb(
    primaries: tuple[tuple[float, ...], ...], curve: float | tuple[float, ...], kind: str
) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    profile = matrix_profile(primaries, curve)
    data = encoded(Image.fromarray(PORTRAIT), kind, icc_profile=profile, **options)
    expected = to_srgb(PORTRAIT.astype(float), primaries, curve)
    assert np.abs(expected - PORTRAIT).max() > 5, "or nothing is tested"
    assert greatest(decode(data), expected) <= 1


@pytest.mark.parametrize("kind", ["JPG", "HEIC", "AVIF"])
def test_a_photo_of_a_phone_has_the_colours_of_the_screen(kind: str) -> None:
    profile = matrix_profile(DISPLAY_P3)
    picture = Image.fromarray(PORTRAIT)
    data = {
        "JPG": lambda: encoded(picture, "JPEG", quality=97, icc_profile=profile),
        "HEIC": lambda: heic(PORTRAIT, icc=profile),
        "AVIF": lambda: encoded(picture, "AVIF", quality=97, icc_profile=profile),
    }[kind]()
    expected = to_srgb(PORTRAIT.astype(float), DISPLAY_P3, SRGB_CURVE)
    image = read_image(data).astype(float)
    assert np.abs((image - expected).mean(axis=(0, 1))).max() < 1.5
    assert np.abs((image - PORTRAIT).mean(axis=(0, 1))).max() > 2


@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
def test_wide_colours_by_number_become_srgb(kind: str) -> None:
    expected = to_srgb(PORTRAIT.astype(float), DISPLAY_P3, SRGB_CURVE)
    data = heic(PORTRAIT, nclx=(12, 13, 6))
    if kind == "AVIF":
        plain = encoded(Image.fromarray(PORTRAIT), "AVIF", quality=97)
        data = plain.replace(b"colrnclx\0\1", b"colrnclx\0\x0c")
        assert data != plain
    image = decode(data).astype(float)
    assert np.abs((image - expected).mean(axis=(0, 1))).max() < 1.5
    assert np.abs((image - PORTRAIT).mean(axis=(0, 1))).max() > 2


@pytest.mark.parametrize("nclx", [(1, 13, 6), (2, 2, 6), (1, 1, 6), (1, 13, 1)])
def test_ordinary_colours_by_number_are_left_alone(nclx: tuple[int, int, int]) -> None:
    plain = heic(PORTRAIT, nclx=nclx)
    image = decode(plain).astype(float)
    assert np.abs((image - PORTRAIT).mean(axis=(0, 1))).max() < (4 if nclx[2] == 1 else 1)


@pytest.mark.parametrize(
    ("transfer", "level", "expected"),
    [
        # BT.2408: levels of PQ and HLG for white of SDR, and for 10 cd/m2.
        pytest.param(16, 0.5807, 255, id="PQ, white"),
        pytest.param(16, 0.2997, 63, id="PQ, dark"),
        pytest.param(16, 0.75, 255, id="PQ, a highlight"),
        pytest.param(18, 0.75, 255, id="HLG, white"),
        pytest.param(18, 0.25, 61, id="HLG, dark"),
        pytest.param(18, 0.0, 0, id="HLG, black"),
    ],
)
def test_hdr_is_as_bright_as_on_a_screen(transfer: int, level: float, expected: int) -> None:
    """Read as sRGB, it would look washed out."""
    grey = np.full((64, 64, 3), round(level * 255), np.uint8)
    coding = coding_of_numbers(9, transfer, is_video=True)
    assert coding is not None
    assert np.abs(coded_to_srgb(grey, coding) - float(expected)).max() <= 2


def test_white_of_an_hdr_photo_is_not_grey() -> None:
    white = np.full((64, 64, 3), round(0.5807 * 255), np.uint8)
    assert decode(heic(white, nclx=(9, 16, 9))).mean() > 240 > 150 > white.mean()


@pytest.mark.parametrize("numbers", [(9, 9), (3, 13), (200, 300), (2, 1000)])
def test_unknown_numbers_change_nothing(numbers: tuple[int, int]) -> None:
    assert coding_of_numbers(*numbers, is_video=True) is None
    plain = encoded(Image.fromarray(PORTRAIT), "AVIF", quality=97)
    np.testing.assert_array_equal(decode(renumbered(plain, *numbers)), decode(plain))


def test_a_key_of_sixteen_bits_hides_only_its_own_grey() -> None:
    row = b"\0" + struct.pack(">3H", 40_000, 40_001, 65_535)
    key = chunk(b"tRNS", struct.pack(">H", 40_000))
    image = decode(png((3, 1), row, depth=16, extra=key))
    assert image[0, :, 0].tolist() == [255, 156, 255]


def test_transparency_survives_a_profile() -> None:
    picture = Image.new("RGBA", (4, 4), (200, 100, 50, 0))
    picture.putpixel((0, 0), (200, 100, 50, 255))
    image = decode(encoded(picture, icc_profile=matrix_profile(DISPLAY_P3)))
    expected = to_srgb(np.array([200.0, 100, 50]), DISPLAY_P3, SRGB_CURVE)
    assert greatest(image[0, 0], expected) <= 1 and (image[1:] == 255).all()


def test_a_palette_with_a_profile_is_converted() -> None:
    picture = Image.new("RGB", (4, 4), (200, 100, 50)).quantize(4)
    image = decode(encoded(picture, icc_profile=matrix_profile(DISPLAY_P3)))
    assert greatest(image[0, 0], to_srgb(np.array([200.0, 100, 50]), DISPLAY_P3, SRGB_CURVE)) <= 1


def test_grey_with_a_profile_is_converted() -> None:
    data = encoded(Image.new("L", (4, 4), 100), icc_profile=grey_profile(1.0))
    assert decode(data)[0, 0].tolist() == [168] * 3


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize(
    ("inks", "by_profile", "without"),
    [
        pytest.param((255, 0, 0, 0), (0, 142, 201), (0, 255, 255), id="cyan"),
        pytest.param((0, 0, 0, 255), (31, 31, 31), (0, 0, 0), id="black ink is not quite black"),
        pytest.param((40, 90, 110, 10), (212, 159, 123), (207, 159, 139), id="skin"),
    ],
)
def test_pictures_for_print_are_read_by_their_profile(
    inks: tuple[int, ...], by_profile: tuple[int, ...], without: tuple[int, ...], kind: str
) -> None:
    picture = Image.new("CMYK", (8, 8), inks)
    options = {"quality": 100} if kind == "JPEG" else {}
    profiled = encoded(picture, kind, icc_profile=press_profile(INKS), **options)
    assert greatest(read_image(profiled)[0, 0], np.array(by_profile)) <= 1
    assert greatest(read_image(encoded(picture, kind, **options))[0, 0], np.array(without)) <= 1


def test_lab_is_converted() -> None:
    assert np.abs(decode(encoded(in_lab(PORTRAIT), "TIFF")).astype(float) - PORTRAIT).mean() < 2


def picture_with(profile: bytes, mode: str = "RGB") -> Image.Image:
    picture = Image.new(mode, (4, 4))
    picture.info["icc_profile"] = profile
    return picture


@pytest.mark.parametrize(
    ("profile", "mode", "expected"),
    [
        pytest.param(b"", "RGB", False, id="none"),
        pytest.param(bytes(500_000), "RGB", False, id="no profile"),
        pytest.param(matrix_profile(SRGB), "RGB", False, id="sRGB"),
        pytest.param(matrix_profile(SRGB), "L", False, id="of another colour space"),
        pytest.param(matrix_profile(SRGB, 1.0), "RGB", True, id="linear"),
        pytest.param(matrix_profile(DISPLAY_P3), "RGBA", True, id="Display P3"),
        pytest.param(matrix_profile(DISPLAY_P3)[:140], "RGB", False, id="cut short"),
        pytest.param(grey_profile(2.2), "L", True, id="grey"),
    ],
)
def test_only_pictures_of_other_colours_need_a_conversion(
    profile: bytes, mode: str, expected: bool
) -> None:
    """JPG and PNG in sRGB are not sent to another process."""
    assert has_other_colours(picture_with(profile, mode)) is expected


def test_the_profile_that_most_programs_write_is_srgb() -> None:
    """A curve of 1,024 or 4,096 values, not a formula."""
    profile = bytearray(matrix_profile(SRGB, 2.2))
    values = np.linspace(0, 1, 1024)
    light = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    curve = (
        b"curv" + bytes(4) + (1024).to_bytes(4) + (light * 65535).round().astype(">u2").tobytes()
    )
    at = profile.index(b"gTRC")
    profile[at + 4 : at + 12] = len(profile).to_bytes(4) + len(curve).to_bytes(4)
    assert not has_other_colours(picture_with(bytes(profile) + curve))


@pytest.mark.parametrize("length", [132, 200, 300, 500])
def test_a_damaged_profile_is_ignored(length: int) -> None:
    profile = matrix_profile(DISPLAY_P3)[:length]
    data = encoded(Image.fromarray(PORTRAIT), icc_profile=profile)
    np.testing.assert_array_equal(decode(data), PORTRAIT)
