"""From files to RGB: the only module that decodes pictures, for app, command line and training."""

import io
import re
import threading
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ferapp.errors import ImageError
from ferapp.system.files import is_open_stream

MAX_PIXELS: Final = 50_000_000
"""Pictures with more pixels are refused before they are decoded."""

MAX_BYTES: Final = 200_000_000
"""Larger files are refused before they are read from disk or decoded."""

# Large pictures are decoded one at a time, since one of 49 megapixels takes half a gigabyte; small
# ones don't wait.
_LARGE_PIXELS: Final = 12_500_000
_TURN: Final = threading.Lock()

# Pillow knows dozens of formats; every parser adds attack surface. MPO, which phones write for
# portrait pictures, opens as JPEG.
_FORMATS: Final = ("JPEG", "PNG")

# Bytes of an uncompressed pixel of a PNG, at least, for modes where this is known.
_PNG_BYTES: Final = {"RGB": 3.0, "RGBA": 4.0, "LA": 2.0, "I;16": 2.0}
# Deflate compresses no more than this (zlib technical details, "maximum compression factor").
_MOST_PACKED: Final = 1032
# A block of 8 x 8 pixels of a JPEG takes at least one bit, with any Huffman code.
_JPEG_BYTES: Final = 1 / 512

_OTHER_PICTURES: Final[tuple[tuple[bytes, int, str], ...]] = (
    (b"GIF8", 0, "a GIF"),
    (b"WEBP", 8, "a WebP"),
    (b"ftypavif", 4, "an AVIF"),
    (b"ftyphe", 4, "a HEIC"),
    (b"ftypmif1", 4, "a HEIC"),
    (b"II*\0", 0, "a TIFF"),
    (b"MM\0*", 0, "a TIFF"),
    (b"8BPS", 0, "a Photoshop"),
    (b"BM", 0, "a BMP"),
)
_NO_PICTURES: Final[tuple[tuple[bytes, int, str], ...]] = (
    (b"ftyp", 4, "a video"),
    (b"%PDF", 0, "a PDF document"),
    (b"%!PS", 0, "a PostScript document"),
    (b"PK\3\4", 0, "a ZIP archive"),
)


def read_image(source: str | Path | bytes, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode one JPEG or PNG picture, upright.

    The format is detected from the content, never from the name. EXIF orientation is applied,
    sixteen bits are scaled to eight, transparent pixels are put on white, and only the first frame
    of an animation is read.

    Args:
        source: A path, or the bytes of the file.
        max_pixels: Larger pictures are refused before they are decoded.

    Returns:
        RGB, shape (height, width, 3), uint8.

    Raises:
        ImageError: The file is missing, empty, of another format, too large or damaged.
    """
    data = source if isinstance(source, bytes) else read_bytes(Path(source))
    if not data:
        raise ImageError("The file is empty.")
    if len(data) > MAX_BYTES:
        raise ImageError(_too_long_text())
    try:
        with warnings.catch_warnings():
            # Pillow warns of broken EXIF data, which does no harm, and between 89 and 179
            # megapixels, where max_pixels decides. Filters are global: if threads restore them in
            # another order, at most this filter for Pillow remains.
            warnings.filterwarnings("ignore", module=r"PIL\b")
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                return _decode(picture, max_pixels, len(data))
    except ImageError:
        raise
    except Image.DecompressionBombError as exc:
        # Pillow gives the size only in the text of its message.
        count = re.search(r"(\d+) pixels", str(exc))
        size = f"{int(count[1]) / 1e6:,.0f} megapixels" if count else "too many pixels"
        raise ImageError(_too_large_text(size, max_pixels)) from exc
    except Exception as exc:  # Pillow's parsers also raise ValueError, SyntaxError, struct.error
        raise ImageError(_refusal_text(data)) from exc


def read_bytes(path: Path) -> bytes:
    """Read the file of a picture, or what a pipe that is open already sends.

    Raises:
        ImageError: It is missing, too large, a folder or a device, or can't be read.
    """
    try:
        if path.is_dir():
            raise ImageError("This is a folder; name the pictures in it, such as folder/*.jpg.")
        if is_open_stream(path):
            with path.open("rb") as stream:
                return read_stream(stream)
        if not path.is_file():
            raise ImageError("Not a file." if path.exists() else "There is no file of that name.")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(_too_long_text())
        return path.read_bytes()
    except OSError as exc:
        raise ImageError(f"The file can't be read: {exc.strerror or exc}.") from exc


def read_stream(stream: BinaryIO) -> bytes:
    """Read the file of a picture from an open pipe or file.

    Raises:
        ImageError: It is too large.
    """
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageError(_too_long_text())
    return data


def _decode(picture: Image.Image, max_pixels: int, size_bytes: int) -> NDArray[np.uint8]:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageError(_too_large_text(f"{width} × {height} pixels", max_pixels))
    if _least_bytes(picture) > size_bytes:
        raise ImageError("The picture is damaged or cut short.")
    with _TURN if width * height > _LARGE_PIXELS else nullcontext():
        return _rgb(picture)


def _least_bytes(picture: Image.Image) -> float:
    """Smallest possible size of the file, bytes; Pillow would fill what is missing with grey."""
    pixels = picture.width * picture.height
    if picture.format == "PNG":
        return pixels * _PNG_BYTES.get(picture.mode, 1 / 8) / _MOST_PACKED
    return pixels * _JPEG_BYTES


def _rgb(picture: Image.Image) -> NDArray[np.uint8]:
    picture.load()
    # In place: each copy of a large picture takes as much memory as the picture itself.
    ImageOps.exif_transpose(picture, in_place=True)
    upright: Image.Image = picture
    if upright.mode.startswith("I"):  # convert() would clip sixteen bits instead of scaling them
        grey = (np.asarray(upright).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if upright.mode != "RGB":
        upright = upright.convert("RGB")
    return np.array(upright, np.uint8)


def png_bytes(image_rgb: NDArray[np.uint8]) -> bytes:
    """Encode a picture, (h, w, 3) RGB uint8, as a PNG file without metadata."""
    return _encode(image_rgb, "PNG", compress_level=4)


def jpeg_bytes(image_rgb: NDArray[np.uint8]) -> bytes:
    """Encode a picture, (h, w, 3) RGB uint8, as a JPEG file without metadata."""
    return _encode(image_rgb, "JPEG", quality=88)


def _encode(image_rgb: NDArray[np.uint8], kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image_rgb).save(out, kind, **options)
    return out.getvalue()


def _too_long_text() -> str:
    return f"The file is larger than the limit of {MAX_BYTES / 1e6:g} MB."


def _too_large_text(size: str, max_pixels: int) -> str:
    return (
        f"The picture has {size}, more than the limit of {max_pixels / 1e6:g} megapixels. "
        "Make it smaller and try again."
    )


def _refusal_text(data: bytes) -> str:
    for magic, offset, name in _OTHER_PICTURES:
        if data[offset : offset + len(magic)] == magic:
            return f"This is {name} picture; save it as JPG or PNG and try again."
    for magic, offset, name in _NO_PICTURES:
        if data[offset : offset + len(magic)] == magic:
            return f"This is {name}, not a picture; JPG and PNG can be read."
    if data.startswith((b"\xff\xd8", b"\x89PNG")):
        return "The picture is damaged or cut short."
    return "This file is not a supported picture; use JPG or PNG."
