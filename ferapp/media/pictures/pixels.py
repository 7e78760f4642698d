"""Decodes pictures with Pillow: JPEG and PNG in the process of the app, all others in a child."""

import io
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    ExifTags,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ferapp.errors import ImageError
from ferapp.media.pictures.coded_colour import coded_to_srgb
from ferapp.media.pictures.colour import lab_to_rgb, scaled, to_srgb
from ferapp.media.pictures.formats import AVIF, BMP, HEIC, JPEG, PNG, Format

# Otherwise Pillow would load all its parsers to find these.
_LOADED: Final = (Jpeg2KImagePlugin, WebPImagePlugin)

DAMAGED: Final = "The picture is damaged or cut short."

# More threads take more address space than they save time.
_THREADS: Final = 2

# Bytes of an uncompressed pixel of a PNG, at least, for modes where this is known.
_PNG_BYTES: Final = {"RGB": 3.0, "RGBA": 4.0, "LA": 2.0, "I;16": 2.0}
# Deflate compresses no more than this (zlib technical details, "maximum compression factor").
_MOST_PACKED: Final = 1032
# A block of 8 x 8 pixels of a JPEG takes at least one bit, with any Huffman code.
_JPEG_BYTES: Final = 1 / 512

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow takes the orientation from these as well, which no browser does.
_NOT_EXIF: Final = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")

# TIFF 6.0 and DNG 1.7.
_SUBFILE_TYPE: Final = 254
_SUB_IFDS: Final = 330
_DNG_VERSION: Final = 50706
_PHOTOMETRIC: Final = 262
_WHITE_IS_ZERO: Final = 0

# Pillow reads the upper byte of sixteen bits; in the other byte order that is the lower one.
_SIXTEEN_BITS: Final = re.compile(r"((?:RGB|RGBX|RGBA);16)([BLN])")
_OTHER_ORDER: Final = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
# A picture with no upper byte over this holds no more than 14 bits.
_MOST_UPPER: Final = 63


@contextmanager
def opened(data: bytes, kind: Format, max_pixels: int) -> Iterator[Image.Image]:
    """Open a picture and check its header; nothing is decoded yet.

    Args:
        data: The bytes of the file.
        kind: Its format.
        max_pixels: Larger pictures are refused.

    Raises:
        ImageError: It is damaged or too large; also for what is raised in the block.
    """
    try:
        with warnings.catch_warnings():
            # Pillow warns of broken EXIF data, which does no harm, and between 89 and 179
            # megapixels, where max_pixels decides. Filters are global: if threads restore them in
            # another order, at most this filter for Pillow remains.
            warnings.filterwarnings("ignore", module=r"PIL\b")
            with _open(data, kind) as picture:
                _check_header(picture, kind, max_pixels, len(data))
                yield picture
    except ImageError:
        raise
    except MemoryError as exc:
        raise ImageError("Decoding the picture needs more memory than is allowed.") from exc
    except Image.DecompressionBombError as exc:
        # Pillow gives the size only in the text of its message.
        count = re.search(r"(\d+) pixels", str(exc))
        size = f"{int(count[1]) / 1e6:,.0f} megapixels" if count else "too many pixels"
        raise ImageError(_too_large_text(size, max_pixels)) from exc
    except UnidentifiedImageError as exc:
        raise ImageError(_unread_text(kind)) from exc
    except Exception as exc:  # Pillow's parsers also raise ValueError, SyntaxError, struct.error
        raise ImageError(DAMAGED) from exc


def _open(data: bytes, kind: Format) -> ImageFile.ImageFile:
    if kind is HEIC:
        _register_heic()
    if kind is AVIF:
        AvifImagePlugin.DEFAULT_MAX_THREADS = _THREADS
    # Pillow knows dozens of formats; every parser adds attack surface.
    return Image.open(io.BytesIO(data), formats=(kind.parser,))


def _register_heic() -> None:
    try:
        from pi_heif import register_heif_opener
    except ImportError as exc:
        raise ImageError(
            "This is a HEIC picture, and pi-heif, which reads them, is not installed. Install it "
            "with: python -m pip install pi-heif"
        ) from exc
    register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=_THREADS
    )


def _check_header(picture: Image.Image, kind: Format, max_pixels: int, size_bytes: int) -> None:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageError(_too_large_text(f"{width} × {height} pixels", max_pixels))
    if _least_bytes(picture, kind) > size_bytes:
        raise ImageError(DAMAGED)
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and _is_raw(picture):
        raise ImageError("This is a camera raw picture; save it as JPG or PNG and try again.")


def _least_bytes(picture: Image.Image, kind: Format) -> float:
    """Smallest possible size of the file, bytes; Pillow would fill what is missing with grey."""
    pixels = picture.width * picture.height
    if kind is PNG:
        return pixels * _PNG_BYTES.get(picture.mode, 1 / 8) / _MOST_PACKED
    return pixels * _JPEG_BYTES if kind is JPEG else 0


def _is_raw(picture: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether this is a camera's raw data, of which Pillow would read the thumbnail."""
    tags = picture.tag_v2
    is_thumbnail = bool(int(tags.get(_SUBFILE_TYPE, 0)) & 1)
    return _DNG_VERSION in tags or (is_thumbnail and _SUB_IFDS in tags)


def rgb_of(picture: Image.Image, data: bytes, kind: Format) -> NDArray[np.uint8]:
    """Decode an open picture, upright, in eight bits of sRGB, and what is transparent on white.

    Args:
        picture: What `opened` gave; it is closed.
        data: The bytes of the file.
        kind: Its format.

    Returns:
        RGB, shape (height, width, 3), uint8.

    Raises:
        ImageError: No pixel has a value. `opened` also turns what Pillow raises into this.
    """
    # As browsers, which do not obey an eXIf chunk after the pixels of a PNG.
    orientation = _orientation(picture) if kind.is_turned_by_exif else 1
    for name in _NOT_EXIF:
        picture.info.pop(name, None)
    decoded = _deep(picture, data, kind)
    if kind is BMP and decoded.mode == "RGBA" and decoded.getchannel("A").getextrema() == (0, 0):
        decoded = decoded.convert("RGB")  # the fourth byte is unused, whatever the header says
    if decoded.mode == "LAB":
        decoded = lab_to_rgb(decoded)
    is_clear = decoded.has_transparency_data
    if is_clear and decoded.mode not in ("RGBA", "LA"):
        decoded = decoded.convert("RGBA")
    decoded = to_srgb(decoded)
    if is_clear:
        layer = decoded.convert("RGBA")
        decoded = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if decoded.mode != "RGB":
        decoded = decoded.convert("RGB")
    image = np.array(_upright(decoded, orientation), np.uint8)
    has_numbers = kind in (HEIC, AVIF) and "icc_profile" not in picture.info
    return coded_to_srgb(image, data) if has_numbers else image


def _orientation(picture: Image.Image) -> object:
    """The orientation in the EXIF data; it may be anything."""
    exif = Image.Exif()
    try:
        exif.load(picture.info.get("exif", b""))
    except Exception:  # damaged EXIF data raise anything, and do no harm
        return 1
    return exif.get(ExifTags.Base.Orientation)


def _upright(picture: Image.Image, orientation: object) -> Image.Image:
    method = _TURNS.get(orientation) if isinstance(orientation, int) else None
    if method is None:
        return picture
    turned = picture.transpose(method)
    picture.close()  # each copy of a large picture takes as much memory as the picture itself
    return turned


def _deep(picture: Image.Image, data: bytes, kind: Format) -> Image.Image:
    """Load a picture, and bring more than eight bits to eight."""
    swapped = _in_other_order(picture)
    picture.load()
    if picture.mode[0] in "IF":  # convert() would clip
        levels = scaled(np.asarray(picture))
        tags = getattr(picture, "tag_v2", {})
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            levels = 255 - levels
        grey = Image.fromarray(levels)
        grey.info = picture.info
        # A grey of sixteen bits, which has no equal in eight.
        grey.info.pop("transparency", None)
        return grey
    if not swapped or _top(picture) > _MOST_UPPER:
        return picture
    with _open(data, kind) as other:
        other.tile = swapped
        other.load()
        return _merged(picture, other)


def _in_other_order(picture: Image.Image) -> list[Any]:
    """The tiles of a colour picture of sixteen bits, with the bytes in the other order."""
    tiles = []
    for tile in getattr(picture, "tile", []):
        mode, *rest = (tile.args,) if isinstance(tile.args, str) else tile.args or ("",)
        match = _SIXTEEN_BITS.fullmatch(str(mode))
        if match is None:
            return []
        mode = f"{match[1]}{_OTHER_ORDER[match[2]]}"
        tiles.append(tile._replace(args=(mode, *rest) if rest else mode))
    return tiles


def _top(picture: Image.Image) -> int:
    """The largest value of red, green and blue."""
    bands = (picture.getchannel(band) for band in "RGB")
    return max(cast(tuple[int, int], band.getextrema())[1] for band in bands)


def _merged(upper: Image.Image, lower: Image.Image) -> Image.Image:
    """A picture of few bits in sixteen, from its upper and lower bytes."""
    bits = 8 + 2 * -(-_top(upper).bit_length() // 2)
    bands = list(upper.split())
    for index, band in enumerate(bands[:3]):
        values = np.asarray(band).astype(np.uint16) << 8 | np.asarray(lower.getchannel(index))
        bands[index] = Image.fromarray((values >> (bits - 8)).astype(np.uint8))
    merged = Image.merge(upper.mode, bands)
    merged.info = upper.info
    return merged


def _too_large_text(size: str, max_pixels: int) -> str:
    return (
        f"The picture has {size}, more than the limit of {max_pixels / 1e6:g} megapixels. "
        "Make it smaller and try again."
    )


def _unread_text(kind: Format) -> str:
    if not kind.is_confined:
        return DAMAGED
    return (
        f"The picture is damaged, or a kind of {kind.name} that can't be read; save it as JPG or "
        "PNG and try again."
    )
