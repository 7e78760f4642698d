"""The small portrait in all of these pictures, and what files say about it."""

import struct

import numpy as np
from PIL import Image

from ferapp.media.images import read_image
from tests.support.places import SAMPLES
from tests.support.profiles import ADOBE_RGB, DISPLAY_P3, PROPHOTO, matrix_profile

WH = (96, 64)
PORTRAIT_RGB = np.array(
    Image.fromarray(read_image(SAMPLES / "astronaut.jpg")[40:168, 140:332]).resize(WH)
)
PICTURE = Image.fromarray(PORTRAIT_RGB)
GREY = PICTURE.convert("L")
ALPHA = Image.linear_gradient("L").resize(WH)
CLEAR = Image.merge("RGBA", [*PICTURE.split(), ALPHA])
P3, ADOBE, WIDE = (
    matrix_profile(DISPLAY_P3),
    matrix_profile(ADOBE_RGB, 563 / 256),
    matrix_profile(PROPHOTO, 1.8),
)


def exif(orientation: int, order: str = "<", kind: int = 3, count: int = 1) -> bytes:
    """EXIF data with an orientation, from the byte order on."""
    mark = b"II" if order == "<" else b"MM"
    value = struct.pack(
        order + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,))
    )
    return mark + struct.pack(order + "HIHHHI", 42, 8, 1, 0x112, kind, count) + value + bytes(4)


def xmp(orientation: int) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>'
        % orientation
    )
