"""From files to RGB: the only door for pictures, for app, command line, training and Python."""

import io
import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ferapp.errors import ImageError, InvalidValue
from ferapp.media.pictures.arrays import EXPECTED, array_to_rgb, reading_note
from ferapp.media.pictures.bits import is_deep_grey, numbers_of_grey
from ferapp.media.pictures.colour import has_other_colours
from ferapp.media.pictures.formats import format_of, unsupported
from ferapp.media.pictures.large_pictures import LARGE_PIXELS, wait_for_turn
from ferapp.media.pictures.pillow import rgb_of_opened
from ferapp.media.pictures.pixels import opened, rgb_of
from ferapp.system.child import Child, ChildError
from ferapp.system.files import is_open_stream

MAX_PIXELS: Final = 50_000_000
"""Pictures with more pixels are refused before they are decoded."""

MAX_BYTES: Final = 200_000_000
"""Larger files are refused before they are read from disk or decoded."""

_DECODER: Final = "ferapp.media.pictures.decoder"
# A picture that takes longer is given up.
_LIMIT_S: Final = 60.0


ImageFile = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""The file of a picture: its path, its bytes, or an open file."""

AnyImage = NDArray[Any] | Image.Image | ImageFile
"""A picture in whatever form a program has it."""


def read_image(source: ImageFile, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode one picture, upright.

    JPG, PNG, HEIC, WebP, AVIF, TIFF, BMP, GIF and JPEG 2000 can be read. The format is detected
    from the content, never from the name. The picture is turned as browsers turn it, colours are
    converted to sRGB by the profile in the file, more than eight bits are scaled to eight, and
    transparent pixels are put on white. Of several pictures in a file, such as the pages of a TIFF
    or the frames of an animation, the first is read.

    All formats but JPG and PNG are decoded in a child process, and so are pictures with a colour
    profile other than sRGB; this takes a few tenths of a second longer.

    Args:
        source: A path, the bytes of the file, or a file that is open in binary mode.
        max_pixels: Larger pictures are refused before they are decoded.

    Returns:
        RGB, shape (height, width, 3), uint8.

    Raises:
        ImageError: The file is missing, empty, of another format, too large or damaged.
        InvalidValue: ``source`` is something else.

    Example:
        >>> read_image("ferapp/samples/astronaut.jpg").shape
        (512, 512, 3)
    """
    data = _file_bytes(source)
    if not data:
        raise ImageError("The file is empty.")
    if len(data) > MAX_BYTES:
        raise ImageError(_too_long_text())
    kind = format_of(data)
    if kind is None:
        raise unsupported(data)
    if not kind.is_confined:
        with opened(data, kind, max_pixels) as picture:
            if not has_other_colours(picture):
                is_large = picture.width * picture.height > LARGE_PIXELS
                with wait_for_turn() if is_large else nullcontext():
                    return rgb_of(picture, data, kind)
    image = _confined(data, max_pixels, most_pixels=LARGE_PIXELS)
    if image is None:
        with wait_for_turn():
            image = _confined(data, max_pixels, most_pixels=max_pixels)
    assert image is not None, "it is not larger than the maximum"
    return image


def to_rgb(picture: AnyImage) -> tuple[NDArray[np.uint8], str]:
    """RGB of a picture in any form, and a note about how its numbers were read, if needed.

    Args:
        picture: An array (see `ferapp.media.pictures.arrays.array_to_rgb`), a picture of Pillow,
            which is turned and converted as its file would be, or what `read_image` takes.

    Returns:
        RGB, (h, w, 3) uint8, at least one pixel: an array that is so already, itself. And a
        sentence, empty for pictures of eight bits.

    Raises:
        InvalidValue: It is no picture; the message says what came.
        ImageError: The file or the picture of Pillow can't be read.
    """
    if isinstance(picture, np.ndarray):
        return array_to_rgb(picture)
    if isinstance(picture, Image.Image):
        image = rgb_of_opened(picture)
        if not image.size:
            raise InvalidValue(f"{EXPECTED}; got a picture of Pillow without pixels.")
        is_deep = is_deep_grey(picture)
        return image, reading_note(numbers_of_grey(picture, picture)) if is_deep else ""
    if not _is_file(picture):
        raise InvalidValue(f"{EXPECTED}; got {_what(picture)}.")
    return read_image(picture), ""


def _is_file(value: object) -> bool:
    if isinstance(value, (bytes, bytearray, memoryview, str)):
        return True
    if isinstance(value, os.PathLike):
        return isinstance(os.fspath(value), str)
    return hasattr(value, "read") and not isinstance(value, io.TextIOBase)


def _file_bytes(source: ImageFile) -> bytes:
    if not _is_file(source):
        raise InvalidValue(
            f"expected the path, the bytes or the open file of a picture; got {_what(source)}."
        )
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, str) and source.startswith(("http://", "https://")):
        raise ImageError("This is a web address; download the picture and name its file.")
    if isinstance(source, (str, os.PathLike)):
        return read_bytes(Path(source))
    return _read_whole(source)


def _read_whole(stream: BinaryIO) -> bytes:
    """Read an open file from its beginning, as Pillow does; a pipe from where it is."""
    try:
        if stream.seekable():
            stream.seek(0)
        return read_stream(stream)
    except (OSError, ValueError) as exc:  # a file that was closed is a ValueError
        reason = getattr(exc, "strerror", None) or str(exc).rstrip(".")
        raise ImageError(f"The file can't be read: {reason}.") from exc


def _what(value: object) -> str:
    """What came in place of a picture, and what to do."""
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    if value is None:
        return "None, which OpenCV gives for a file that it can't read"
    if isinstance(value, (list, tuple)):
        kinds = ", ".join(dict.fromkeys(type(item).__name__ for item in value)) or "nothing"
        return f"a {name} of {kinds}; analyze each picture by itself"
    if hasattr(value, "__array__") or hasattr(value, "__dlpack__"):
        details = (str(getattr(value, detail, "")) for detail in ("shape", "dtype"))
        text = " ".join(filter(None, (name, *details)))
        return f"{text}; turn it into a NumPy array, (height, width, 3)"
    return name


def _confined(data: bytes, max_pixels: int, *, most_pixels: int) -> NDArray[np.uint8] | None:
    """Decode a picture in a child process; None if it has more than ``most_pixels``."""
    request = {"max_pixels": max_pixels, "most_pixels": most_pixels}
    try:
        with Child(
            _DECODER,
            data,
            request,
            work="decoder of the picture",
            subject="picture",
            silence_s=_LIMIT_S,
        ) as child:
            header, pixels = child.message()
    except OSError as exc:
        raise ImageError(f"The picture can't be decoded: {exc.strerror or exc}.") from exc
    except ChildError as exc:
        raise ImageError(str(exc)) from exc
    if "is_large" in header:
        return None
    return np.frombuffer(pixels, np.uint8).reshape(header["shape"])


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
