"""From more than eight bits, or fractions, to eight bits."""

import re
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from ferapp.errors import ImageError

MOST_SHARE: Final = 2.0
"""Fractions up to here are shares of white, larger ones levels."""

# Levels of a picture that is not black reach at least this; between the two, nobody can tell.
_LEAST_LEVEL: Final = 16.0
# Short fractions have 4,096 in place of 4,095.
_ROUNDING: Final = 1.001
# Broken pixels of a camera.
_OUTLIERS: Final = 0.001
# Resampling puts a few numbers below 0; where more are far below, 0 is not black.
_MOST_OVERSHOOT: Final = 0.25
_MOST_BELOW: Final = 0.05

# TIFF 6.0.
_PHOTOMETRIC: Final = 262
_WHITE_IS_ZERO: Final = 0
_BITS: Final = 258
_FORMAT: Final = 339
_SIGNED: Final = 2

# Pillow reads the upper byte of sixteen bits; in the other byte order that is the lower one.
_SIXTEEN_BITS: Final = re.compile(r"((?:RGB|RGBX|RGBA);16)([BLN])")
_OTHER_ORDER: Final = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_GREY_AND_ALPHA: Final = "LA;16B"
# A picture with no upper byte over this holds no more than 14 bits.
_MOST_UPPER: Final = 63

# Of a PNG: the header chunk, and in it the bits and the kind of colour, after which it has a CRC.
_HEADER: Final = slice(12, 29)
_DEPTH_AT: Final = 24
_RGBA_OF_EIGHT_BITS: Final = b"\x08\x06"


def eight_bits(
    picture: Image.Image, data: bytes, reopen: Callable[[bytes], ImageFile.ImageFile]
) -> Image.Image:
    """Load a picture, and bring more than eight bits to eight.

    Args:
        picture: An open picture.
        data: The bytes of its file.
        reopen: Opens such bytes again.
    """
    raw_modes = [_raw_mode(tile) for tile in getattr(picture, "tile", [])]
    swapped = _in_other_order(picture)
    picture.load()
    if is_deep_grey(picture):
        return grey_in_eight(picture, picture)
    is_veiled = raw_modes == [_GREY_AND_ALPHA]
    if not (swapped or is_veiled) or _top(picture) > _MOST_UPPER:
        return picture
    with reopen(_as_bytes(data) if is_veiled else data) as other:
        if is_veiled:
            other.load()
            upper, lower, *_ = other.split()
            return _merged(picture, [upper] * 3, [lower] * 3)
        other.tile = swapped
        other.load()
        return _merged(picture, [*picture.split()][:3], [*other.split()][:3])


def scaled(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bring numbers of more than eight bits, or with fractions, to eight bits.

    Cameras store 10, 12 or 14 bits in numbers of 16: the largest value says how many were used.
    Numbers of 16 bits with a sign have 15 at most. Fractions are shares of white up to 2, and from
    16 on levels of 8, 10, 12, 14 or 16 bits. What is not a number is black.

    Args:
        values: Any shape, integers or floats.

    Raises:
        ImageError: None of them is a finite number, or they don't say which of them is white.
    """
    if np.issubdtype(values.dtype, np.floating):
        return _from_floats(values)
    return (values.clip(0) >> (_bits_of(values) - 8)).astype(np.uint8)


def white_of(values: NDArray[np.generic]) -> float:
    """The number that `scaled` takes for white."""
    if np.issubdtype(values.dtype, np.floating):
        return _white(float(values.max(where=np.isfinite(values), initial=0)))
    return 2.0 ** _bits_of(values) - 1


def _from_floats(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    numbers = values.astype(np.float32)
    is_finite = np.isfinite(numbers)
    if not is_finite.any():
        raise ImageError("The picture holds no numbers that can be shown.")
    numbers[~is_finite] = 0
    top = float(numbers.max())
    if MOST_SHARE < top < _LEAST_LEVEL:
        top = float(np.quantile(numbers, 1 - _OUTLIERS))
    is_below = numbers < -_MOST_OVERSHOOT * max(top, 1.0)
    if MOST_SHARE < top < _LEAST_LEVEL or float(is_below.mean()) > _MOST_BELOW:
        raise ImageError(
            f"The numbers in the picture lie between {numbers.min():.3g} and {numbers.max():.3g}, "
            "which does not say how bright they are; scale them to 0 to 1, 0 to 255 or 0 to 65,535 "
            "and try again."
        )
    numbers *= 255 / _white(top)
    return (numbers.clip(0, 255, out=numbers) + 0.5).astype(np.uint8)


def _white(top: float) -> float:
    """Which number is white in a picture of fractions with this largest one."""
    if top <= MOST_SHARE:
        return 1.0
    bits = _bits(int(top / _ROUNDING))
    return float((1 << bits) - 1) if bits < 16 else max(top, 65535.0)


def _bits_of(values: NDArray[np.generic]) -> int:
    """How many bits a camera used for integers, which is one less for 16 bits with a sign."""
    bits = _bits(max(int(values.max(initial=0)), 0))
    return min(bits, 15) if values.dtype == np.int16 else bits


def _bits(top: int) -> int:
    """How many bits a camera used whose largest number this is: 8, 10, 12, and so on."""
    return max(8, 2 * -(-top.bit_length() // 2))


def is_deep_grey(picture: Image.Image) -> bool:
    """Whether its mode is a grey of many bits or fractions, which ``convert()`` would clip."""
    return picture.mode[0] in "IF"


def numbers_of_grey(picture: Image.Image, opened: Image.Image) -> NDArray[Any]:
    """The numbers of a grey picture of many bits or fractions, (h, w), as they were stored."""
    values = np.asarray(picture)
    tags = _tags(opened)
    is_signed = tags.get(_FORMAT) == (_SIGNED,) and tags.get(_BITS) == (16,)
    return values.astype(np.int16) if is_signed else values


def grey_in_eight(picture: Image.Image, opened: Image.Image) -> Image.Image:
    """A grey picture of many bits or fractions in eight bits.

    Args:
        picture: The picture, loaded.
        opened: It or what it was copied from: the picture whose file says what its numbers mean.
    """
    values = numbers_of_grey(picture, opened)
    levels = scaled(values)
    if _tags(opened).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        levels = 255 - levels
    grey = Image.fromarray(levels)
    grey.info = dict(picture.info)
    clear = grey.info.pop("transparency", None)  # one of sixteen bits, with no equal in eight
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _tags(opened: Image.Image) -> Mapping[int, Any]:
    """What a TIFF says about itself; nothing of other pictures."""
    return getattr(opened, "tag_v2", {})


def _raw_mode(tile: Any) -> str:
    """In which order the bytes of a tile are stored."""
    return str(tile.args if isinstance(tile.args, str) else (tile.args or ("",))[0])


def _in_other_order(picture: Image.Image) -> list[Any]:
    """The tiles of a colour picture of sixteen bits, with the bytes in the other order."""
    tiles = []
    for tile in getattr(picture, "tile", []):
        match = _SIXTEEN_BITS.fullmatch(_raw_mode(tile))
        if match is None:
            return []
        mode = f"{match[1]}{_OTHER_ORDER[match[2]]}"
        tiles.append(
            tile._replace(args=mode if isinstance(tile.args, str) else (mode, *tile.args[1:]))
        )
    return tiles


def _as_bytes(data: bytes) -> bytes:
    """A PNG of grey and alpha in sixteen bits as one of four channels, their single bytes."""
    header = data[_HEADER.start : _DEPTH_AT] + _RGBA_OF_EIGHT_BITS + data[_DEPTH_AT + 2 : 29]
    crc = zlib.crc32(header).to_bytes(4)
    return data[: _HEADER.start] + header + crc + data[_HEADER.stop + 4 :]


def _top(picture: Image.Image) -> int:
    """The largest value of red, green and blue."""
    bands = (picture.getchannel(band) for band in "RGB")
    return max(cast(tuple[int, int], band.getextrema())[1] for band in bands)


def _merged(
    picture: Image.Image, upper: list[Image.Image], lower: list[Image.Image]
) -> Image.Image:
    """A picture of few bits in sixteen, from the bytes of its red, green and blue."""
    bits = 8 + 2 * -(-_top(picture).bit_length() // 2)
    bands = list(picture.split())
    for index, (high, low) in enumerate(zip(upper, lower, strict=True)):
        values = np.asarray(high).astype(np.uint16) << 8 | np.asarray(low)
        bands[index] = Image.fromarray((values >> (bits - 8)).astype(np.uint8))
    merged = Image.merge(picture.mode, bands)
    merged.info = picture.info
    return merged
