"""From the pictures of Pillow that programs hold to RGB, as if their files had been read."""

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ferapp.errors import ImageError
from ferapp.media.pictures.bits import grey_in_eight, is_deep_grey
from ferapp.media.pictures.colour import lab_to_rgb, opaque
from ferapp.media.pictures.formats import AVIF, FORMATS, JPEG, PNG
from ferapp.media.pictures.orientation import forget_what_browsers_ignore

_TURNED_BY_EXIF: Final = (JPEG, PNG, AVIF)
_NEVER_TURNED: Final = frozenset(each.parser for each in FORMATS if each not in _TURNED_BY_EXIF)
# Modes whose colours are multiplied by the alpha, and the same without.
_PREMULTIPLIED: Final = {"La": "LA", "RGBa": "RGBA"}


def rgb_of_opened(picture: Image.Image) -> NDArray[np.uint8]:
    """RGB, (h, w, 3) uint8, of a picture that a program has opened or made, of any mode.

    It is turned by its EXIF data unless its format is one whose files are not. The picture stays as
    it is; of several frames the current one is read.

    Raises:
        ImageError: Pillow can't load it.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"PIL\b")
            own = picture.copy()
            if picture.format not in _NEVER_TURNED:
                own = _upright(own)
            if is_deep_grey(own):
                own = grey_in_eight(own, picture)
            if own.mode in _PREMULTIPLIED:
                own = own.convert(_PREMULTIPLIED[own.mode])
            if own.mode == "LAB":
                own = lab_to_rgb(own)
            return np.array(opaque(own), np.uint8)
    except ImageError:
        raise
    except Exception as exc:  # Pillow raises anything; of a picture that was closed a ValueError
        raise ImageError(
            "Pillow can't load this picture: it is damaged, cut short or closed."
        ) from exc


def on_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture, (h, w, 4) uint8, on white: (h, w, 3)."""
    return np.array(opaque(Image.fromarray(rgba)), np.uint8)


def _upright(picture: Image.Image) -> Image.Image:
    forget_what_browsers_ignore(picture)
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # damaged EXIF data raise anything, and do no harm
        return picture
