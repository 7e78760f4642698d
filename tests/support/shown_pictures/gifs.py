"""GIFs, among them such as cover only a part of their canvas."""

import struct
from collections.abc import Iterator

import numpy as np

from tests.support.made_pictures import encoded
from tests.support.shown_pictures.portrait import GREY, PICTURE, WH


def gifs() -> Iterator[tuple[str, bytes]]:
    palette = PICTURE.quantize(64)
    yield "plain", encoded(palette, "GIF")
    yield "interlaced", encoded(palette, "GIF", interlace=1)
    yield "one clear", encoded(palette, "GIF", transparency=int(np.asarray(palette)[0, 0]))
    yield "grey", encoded(GREY, "GIF")
    yield "animated", encoded(palette, "GIF", save_all=True, append_images=[palette.rotate(180)])
    yield "first frame in a corner", _gif_in_a_corner()
    yield "first frame in a corner, one clear", _gif_in_a_corner(is_clear=True)


def _gif_in_a_corner(*, is_clear: bool = False) -> bytes:
    """A GIF whose first frame is smaller than its canvas."""
    palette = PICTURE.quantize(64)
    options = {"transparency": int(np.asarray(palette)[0, 0])} if is_clear else {}
    data = encoded(palette, "GIF", **options)
    at = data.index(b"\x2c\0\0\0\0" + struct.pack("<2H", *WH))
    data = data[:6] + struct.pack("<2H", WH[0] + 20, WH[1] + 10) + data[10:]
    return data[: at + 1] + struct.pack("<2H", 12, 6) + data[at + 5 :]
