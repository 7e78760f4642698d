"""Decodes pictures with Pillow: JPEG and PNG in the process of the app, all others in a child."""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ferapp.errors import ImageError
from ferapp.media.pictures.bits import eight_bits
from ferapp.media.pictures.coded_colour import Coding, coded_to_srgb
from ferapp.media.pictures.colour import has_profile, lab_to_rgb, opaque, to_srgb
from ferapp.media.pictures.formats import (
    AVIF,
    BMP,
    DAMAGED,
    GIF,
    HEIC,
    JPEG,
    JPEG2000,
    PNG,
    TIFF,
    Format,
)
from ferapp.media.pictures.headers import (
    bmp_has_alpha,
    bmp_profile,
    heif_coding,
    jpeg2000_profile,
    jpeg_scans,
    png_chunks,
    png_coding,
)
from ferapp.media.pictures.orientation import orientation_of, turned
from ferapp.media.pictures.tiff import deep_tiff

# Otherwise Pillow would load all its parsers to find these.
_LOADED: Final = (Jpeg2KImagePlugin, WebPImagePlugin)

# Profiles that Pillow does not read.
_PROFILE_OF: Final = {BMP: bmp_profile, JPEG2000: jpeg2000_profile}

# More threads take more address space than they save time.
_THREADS: Final = 2

# Bytes of an uncompressed pixel of a PNG, at least, for modes where this is known.
_PNG_BYTES: Final = {"RGB": 3.0, "RGBA": 4.0, "LA": 2.0, "I;16": 2.0}
# Deflate compresses no more than this (zlib technical details, "maximum compression factor").
_MOST_PACKED: Final = 1032
# A block of 8 x 8 pixels of a JPEG takes at least one bit, with any Huffman code.
_JPEG_BYTES: Final = 1 / 512

MOST_SCANS: Final = 100
"""A JPEG that is written in more passes is refused: each takes as long as one of all pixels."""

_STRIP_PIXELS: Final = 1_000_000

# TIFF 6.0 and DNG 1.7.
_SUBFILE_TYPE: Final = 254
_SUB_IFDS: Final = 330
_DNG_VERSION: Final = 50706


@contextmanager
def opened(data: bytes, kind: Format, max_pixels: int) -> Iterator[Image.Image]:
    """Open a picture and check its header; nothing is decoded yet.

    Args:
        data: The bytes of the file.
        kind: Its format.
        max_pixels: Larger pictures are refused, and so are those of `Format.most_pixels`.

    Raises:
        ImageError: It is damaged or too large; also for what is raised in the block.
    """
    max_pixels = min(max_pixels, kind.most_pixels)
    try:
        with warnings.catch_warnings():
            # Pillow warns of broken EXIF data, which does no harm, and between 89 and 179
            # megapixels, where max_pixels decides. Filters are global: if threads restore them in
            # another order, at most this filter for Pillow remains.
            warnings.filterwarnings("ignore", module=r"PIL\b")
            deep = deep_tiff(data, _check_size(max_pixels)) if kind is TIFF else None
            with deep or _open(data, kind) as picture:
                _check_header(picture, kind, max_pixels, data)
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
    picture = Image.open(io.BytesIO(data), formats=(kind.parser,))
    profile = _PROFILE_OF[kind](data) if kind in _PROFILE_OF else b""
    if profile:
        picture.info["icc_profile"] = profile
    return picture


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


def _check_header(picture: Image.Image, kind: Format, max_pixels: int, data: bytes) -> None:
    _check_size(max_pixels)(*picture.size)
    if _least_bytes(picture, kind) > len(data):
        raise ImageError(DAMAGED)
    if kind is JPEG and jpeg_scans(data, MOST_SCANS) > MOST_SCANS:
        raise ImageError(
            f"The picture is a progressive JPEG of more than {MOST_SCANS} scans, which would take "
            "too long to decode. Save it again as JPG or PNG and try again."
        )
    if isinstance(picture, TiffImagePlugin.TiffImageFile) and _is_raw(picture):
        raise ImageError("This is a camera raw picture; save it as JPG or PNG and try again.")


def _check_size(max_pixels: int) -> Callable[[int, int], None]:
    def check(width: int, height: int) -> None:
        if width * height > max_pixels:
            raise ImageError(_too_large_text(f"{width} × {height} pixels", max_pixels))

    return check


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
    orientation = orientation_of(picture, data, kind)
    coding = _coding(picture, data, kind)
    loaded = _loaded(picture, data, kind)
    convert = to_srgb if coding is None else partial(_decoded, coding=coding)
    # In strips: each further copy of a large picture takes 200 MB.
    image = np.empty((loaded.height, loaded.width, 3), np.uint8)
    rows = max(_STRIP_PIXELS // loaded.width, 1)
    for top in range(0, loaded.height, rows):
        strip = loaded.crop((0, top, loaded.width, min(top + rows, loaded.height)))
        image[top : top + rows] = np.asarray(opaque(strip, convert))
    return turned(image, orientation)


def _coding(picture: Image.Image, data: bytes, kind: Format) -> Coding | None:
    """The colours that numbers in the file describe; None if a profile or nothing does."""
    if kind is PNG:
        return png_coding(png_chunks(data), has_profile=has_profile(picture))
    return heif_coding(data) if kind in (HEIC, AVIF) and not has_profile(picture) else None


def _decoded(picture: Image.Image, coding: Coding) -> Image.Image:
    """A picture in sRGB, from colours that numbers describe."""
    shown = Image.fromarray(coded_to_srgb(np.array(picture.convert("RGB")), coding))
    if picture.mode in ("RGBA", "LA"):
        shown.putalpha(picture.getchannel("A"))
    return shown


def _loaded(picture: Image.Image, data: bytes, kind: Format) -> Image.Image:
    """The pixels in eight bits, as their format means them."""
    if kind is PNG and getattr(picture, "default_image", False):
        picture.seek(1)  # the first one is for programs that can't show animations
    tiles = getattr(picture, "tile", [])
    corners = tiles[0].extents if kind is GIF and tiles else None
    loaded = eight_bits(picture, data, lambda data: _open(data, kind))
    if corners is not None and corners != (0, 0, *loaded.size):
        canvas = Image.new("RGBA", loaded.size)
        canvas.paste(loaded.convert("RGBA").crop(corners), corners[:2])
        return canvas
    if kind is BMP and loaded.mode == "RGBA" and not bmp_has_alpha(data):
        return loaded.convert("RGB")
    return lab_to_rgb(loaded) if loaded.mode == "LAB" else loaded


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
