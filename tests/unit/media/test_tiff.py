"""TIFF of cameras, microscopes and scanners: fractions, many bits, colours that lie apart."""

import numpy as np
import pytest

from ferapp.errors import ImageError
from ferapp.media.images import read_image
from tests.support.decoding import decode
from tests.support.places import SAMPLES
from tests.support.profiles import DISPLAY_P3, SRGB_CURVE, matrix_profile, to_srgb
from tests.support.tiffs import tiff

# Odd sides: rows of packed bits end within a byte.
PORTRAIT = read_image(SAMPLES / "astronaut.jpg")[60:145, 160:261]
GREY = PORTRAIT[:, :, 1]
DEEP = PORTRAIT.astype(np.uint16)


def off(image: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, in levels."""
    if expected.ndim == 2:
        expected = expected[:, :, None].repeat(3, 2)
    assert image.shape == expected.shape
    return float(np.abs(image.astype(float) - expected).max())


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("top", [1.0, 255.0, 1023.0, 4095.0, 16383.0, 65535.0])
def test_fractions_in_colour_are_read(
    top: float, dtype: type[np.floating], is_apart: bool, order: str
) -> None:
    if dtype is np.float16 and top > 16383:
        top = 60_000  # the largest is 65,504
    values = (PORTRAIT * (top / 255)).astype(dtype)
    expected = PORTRAIT if top != 60_000 else PORTRAIT * (60_000 / 65535)
    assert off(decode(tiff(values, is_apart=is_apart, order=order)), expected) <= 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fractions_of_grey_are_read(dtype: type[np.floating]) -> None:
    assert off(decode(tiff((GREY / 255).astype(dtype))), GREY) <= 1
    assert off(decode(tiff((1 - GREY / 255).astype(dtype), photometric=0)), GREY) <= 1


def test_what_is_no_number_is_black_and_the_rest_is_read() -> None:
    values = (PORTRAIT / 255).astype(np.float32)
    values[:9] = np.nan
    values[9:12] = np.inf
    image = decode(tiff(values))
    assert (image[:12] == 0).all() and off(image[12:], PORTRAIT[12:]) <= 1


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize(
    ("least", "top"), [(-1, 1), (-0.5, 0.5), (0, 5), (0, 10), (-128, 127), (-2.1, 2.6)]
)
def test_fractions_that_do_not_say_how_bright_they_are_are_refused(
    least: float, top: float, samples: int
) -> None:
    """As of a picture that is scaled for a network, or of light without an exposure."""
    source = PORTRAIT if samples == 3 else GREY
    share = (source - source.min()) / np.ptp(source)
    values = (share * (top - least) + least).astype(np.float32)
    with pytest.raises(ImageError, match=r"lie between \S+ and \S+, .* scale them to 0 to 1"):
        decode(tiff(values))


def test_a_little_overshoot_is_no_reason_to_refuse_a_picture() -> None:
    """Resampling and sharpening leave it; single pixels may hold anything."""
    values = (GREY / 255).astype(np.float32)
    values[0, :4] = -0.1, 1.2, -9999, 7
    assert off(decode(tiff(values))[1:], GREY[1:]) <= 1


@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_bits_in_sixteen_are_scaled_wherever_the_colours_lie(bits: int, is_apart: bool) -> None:
    """Pillow takes the bytes of each colour for two of its pixels."""
    values = DEEP << bits - 8 | DEEP >> 16 - bits
    assert off(decode(tiff(values, is_apart=is_apart)), PORTRAIT) <= 1


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_bits_are_read(bits: int, samples: int) -> None:
    values = DEEP if samples == 3 else DEEP[:, :, 1]
    image = decode(tiff(values << bits - 8, bits=bits))
    assert off(image, PORTRAIT if samples == 3 else GREY) <= 1


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits", [12, 16, 32])
def test_whole_numbers_of_32_bits_are_read(bits: int, samples: int) -> None:
    source = PORTRAIT if samples == 3 else GREY
    values = source.astype(np.uint32) << bits - 8
    assert off(decode(tiff(values)), source) <= 1


@pytest.mark.parametrize("bits", [12, 15])
def test_numbers_with_a_sign_have_one_bit_less(bits: int) -> None:
    assert off(decode(tiff(GREY.astype(np.int16) << bits - 8)), GREY) <= 1


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_what_is_clear_is_white(dtype: type[np.number]) -> None:
    top = 1 if dtype is np.float32 else 65535
    share = np.linspace(0, 1, GREY.size).reshape(GREY.shape)
    values = (np.dstack([PORTRAIT / 255, share]) * top).astype(dtype)
    expected = PORTRAIT * share[:, :, None] + 255 * (1 - share[:, :, None])
    for is_apart in (False, True):
        assert off(decode(tiff(values, is_apart=is_apart)), expected) <= 2


@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_tag_turns_them(orientation: int, is_apart: bool) -> None:
    values = PORTRAIT.astype(np.float32) / 255
    flat = decode(tiff(PORTRAIT, orientation=orientation))
    image = decode(tiff(values, orientation=orientation, is_apart=is_apart))
    assert off(image, flat) <= 1


def test_their_profile_counts() -> None:
    values = PORTRAIT.astype(np.float32) / 255
    image = decode(tiff(values, profile=matrix_profile(DISPLAY_P3)))
    assert off(image, to_srgb(PORTRAIT.astype(float), DISPLAY_P3, SRGB_CURVE)) <= 1


def test_a_kind_that_would_be_misread_is_refused() -> None:
    inks = np.dstack([DEEP, DEEP[:, :, 0]])
    with pytest.raises(ImageError, match="a kind of TIFF that can't be read"):
        decode(tiff(inks, photometric=5, is_apart=True))


@pytest.mark.parametrize("is_apart", [False, True])
def test_one_that_is_cut_short_or_too_large_is_refused(is_apart: bool) -> None:
    data = tiff(PORTRAIT.astype(np.float32) / 255, is_apart=is_apart)
    for share in (0.3, 0.9):
        with pytest.raises(ImageError, match="damaged"):
            decode(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match="101 × 85 pixels, more than the limit"):
        decode(data, max_pixels=1000)


def test_they_are_read_at_the_door_as_well() -> None:
    """In the child process, with its limits."""
    assert off(read_image(tiff(PORTRAIT.astype(np.float32) / 255)), PORTRAIT) <= 1
