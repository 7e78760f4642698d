"""Decodes pictures as the child process does, but here."""

import numpy as np

from ferapp.media.images import MAX_PIXELS
from ferapp.media.pictures.formats import format_of
from ferapp.media.pictures.pixels import opened, rgb_of


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The pixels of a file, RGB; a child process for each would take too long."""
    kind = format_of(data)
    assert kind is not None
    with opened(data, kind, max_pixels) as picture:
        return rgb_of(picture, data, kind)
