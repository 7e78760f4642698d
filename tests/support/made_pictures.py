"""Pictures of every format, made from arrays."""

import io
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from tests.support.heic import heic

FORMATS = ("JPG", "PNG", "HEIC", "WebP", "AVIF", "TIFF", "BMP", "GIF", "JPEG 2000")
_PARSERS = {"JPG": "JPEG", "JPEG 2000": "JPEG2000"}
# As little loss as each format allows, so that pixels can be compared.
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPG": {"quality": 97, "subsampling": 0},
    "WebP": {"lossless": True},
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
}


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file of a format, by Pillow's name of it."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def deep_picture(values: np.ndarray, ending: str = ".png") -> bytes:
    """A file of more than eight bits, which Pillow does not write; (h, w), or (h, w, c) RGB."""
    ordered = values if values.ndim == 2 else values[..., [2, 1, 0, 3][: values.shape[2]]]
    return bytes(cv2.imencode(ending, ordered)[1])


def turned_by(orientation: int) -> Image.Exif:
    """EXIF data that say how a picture is stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def in_lab(image_rgb: np.ndarray) -> Image.Image:
    """An array, (h, w, 3) uint8, in CIE L*a*b*."""
    lab = ImageCms.profileToProfile(
        Image.fromarray(image_rgb),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    return lab


def made(kind: str, image_rgb: np.ndarray) -> bytes:
    """An array, (h, w, 3) uint8, as a file of one of `FORMATS`."""
    if kind == "HEIC":
        return heic(image_rgb)
    parser = _PARSERS.get(kind, kind.upper())
    return encoded(Image.fromarray(image_rgb), parser, **_OPTIONS.get(kind, {}))


def jpeg_of_scans(count: int, *, wh: tuple[int, int] = (64, 64), between: bytes = b"") -> bytes:
    """A progressive JPEG of one grey whose last scan is there again and again.

    Args:
        count: How many scans it has.
        wh: Its size.
        between: What is between its head and its first scan.
    """
    whole = encoded(Image.new("L", wh, 128), "JPEG", progressive=True)
    first, last = whole.index(b"\xff\xda"), whole.rindex(b"\xff\xda")
    scan, end = whole[last:-2], whole[-2:]
    more = count - whole.count(b"\xff\xda")
    return whole[:first] + between + whole[first:-2] + scan * more + end
