"""Bytes to RGB: the only place that decodes a picture, for app, command line and training."""

import io
import warnings
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ferapp.errors import ImageError

MAX_PIXELS: Final = 50_000_000
"""Pictures with more pixels than this are refused from their header."""

# Pillow knows dozens of formats; every parser that is not needed is a way in. MPO, what phones
# write for portrait pictures, opens through JPEG.
_FORMATS: Final = ("JPEG", "PNG")

_OTHERS: Final[tuple[tuple[bytes, int, str], ...]] = (
    (b"GIF8", 0, "GIF picture"),
    (b"WEBP", 8, "WebP picture"),
    (b"ftypavif", 4, "AVIF picture"),
    (b"ftyphe", 4, "HEIC picture"),
    (b"ftypmif1", 4, "HEIC picture"),
    (b"ftyp", 4, "video"),
    (b"II*\0", 0, "TIFF picture"),
    (b"MM\0*", 0, "TIFF picture"),
    (b"BM", 0, "BMP picture"),
    (b"%PDF", 0, "PDF document"),
    (b"PK\3\4", 0, "ZIP archive"),
)


def read_image(source: str | Path | bytes, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode one JPEG or PNG picture, upright.

    The format is told from the content, never from a name. EXIF orientation is applied, sixteen
    bits are scaled to eight, transparency is laid over white, and only the first frame of an
    animation is read.

    Args:
        source: A path, or the bytes of the file.
        max_pixels: Pictures larger than this are refused before they are decoded.

    Returns:
        RGB, shape (height, width, 3), uint8.

    Raises:
        ImageError: The file is missing, empty, of another format, too large or damaged.
    """
    data = source if isinstance(source, bytes) else _bytes_of(Path(source))
    if not data:
        raise ImageError("The file is empty.")
    try:
        with warnings.catch_warnings():
            # Pillow only warns between 89 and 179 megapixels; our own cap decides.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                return _decoded(picture, max_pixels)
    except ImageError:
        raise
    except Image.DecompressionBombError as exc:
        raise ImageError(f"The picture is larger than {max_pixels / 1e6:g} megapixels.") from exc
    except Exception as exc:  # Pillow's parsers also raise ValueError, SyntaxError, struct.error
        raise ImageError(_reason(data)) from exc


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise ImageError("There is no file of that name." if not path.exists() else "Not a file.")
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ImageError(f"The file can't be read: {exc.strerror or exc}.") from exc


def _decoded(picture: Image.Image, max_pixels: int) -> NDArray[np.uint8]:
    width, height = picture.size
    if width * height > max_pixels:
        raise ImageError(
            f"The picture has {width} × {height} pixels, more than the limit of "
            f"{max_pixels / 1e6:g} megapixels. Make it smaller and try again."
        )
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):  # convert() would clip sixteen bits instead of scaling them
        grey = (np.asarray(upright).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.array(upright.convert("RGB"), np.uint8)


def _reason(data: bytes) -> str:
    for magic, offset, name in _OTHERS:
        if data[offset : offset + len(magic)] == magic:
            return f"This is a {name}; save it as JPG or PNG and try again."
    if data.startswith((b"\xff\xd8", b"\x89PNG")):
        return "The picture is damaged or cut short."
    return "This is not a picture that we can read; JPG and PNG are."
