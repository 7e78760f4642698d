"""The child process that decodes pictures in formats whose parsers are not trusted.

`ferapp.media.images` starts it with the file as standard input, so that a crash, a decompression
bomb or a hang affects one picture only.
"""

import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import ImageError
from ferapp.media.pictures.formats import Format, format_of, unsupported
from ferapp.media.pictures.pixels import opened, rgb_of
from ferapp.system.child import run, send

# One of 49 megapixels takes up to 1.3 GB of address space.
MEMORY_BYTES: Final = 2 << 30
_PROCESSOR_S: Final = 120


def send_picture(request: dict[str, Any]) -> None:
    """Decode the file on standard input and send its shape and pixels.

    Args:
        request: ``max_pixels``, above which pictures are refused, and ``most_pixels``, above which
            nothing but ``is_large`` is sent.

    Raises:
        ImageError: It can't be read.
    """
    try:
        _send(sys.stdin.buffer.read(), **request)
    except MemoryError as exc:
        raise ImageError("Decoding the picture needs more memory than is allowed.") from exc


def _send(data: bytes, *, max_pixels: int, most_pixels: int) -> None:
    kind = format_of(data)
    if kind is None:
        raise unsupported(data)
    image = _decoded(data, kind, max_pixels, most_pixels)
    if image is None:
        send({"is_large": True})
        return
    if image.shape[0] * image.shape[1] > max_pixels:
        raise ImageError("The picture is larger than its header says.")
    send({"shape": image.shape}, image.data.cast("B"))


def _decoded(
    data: bytes, kind: Format, max_pixels: int, most_pixels: int
) -> NDArray[np.uint8] | None:
    """The pixels; None if there are too many. What the decoder used is free afterwards."""
    with opened(data, kind, max_pixels) as picture:
        if picture.width * picture.height > most_pixels:
            return None
        return rgb_of(picture, data, kind)


if __name__ == "__main__":
    run(send_picture, memory_bytes=MEMORY_BYTES, processor_s=_PROCESSOR_S)
