"""The child process that decodes pictures in formats whose parsers are not trusted.

`ferapp.media.images` starts it with the file as standard input, so that a crash, a decompression
bomb or a hang affects one picture only.
"""

import sys
from typing import Any, Final

from ferapp.errors import ImageError
from ferapp.media.pictures.formats import format_of, unsupported
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
    with opened(data, kind, max_pixels) as picture:
        if picture.width * picture.height > most_pixels:
            send({"is_large": True})
            return
        image = rgb_of(picture, data, kind)
    if image.shape[0] * image.shape[1] > max_pixels:
        raise ImageError("The picture is larger than its header says.")
    send({"shape": image.shape}, image.data.cast("B"))


if __name__ == "__main__":
    run(send_picture, memory_bytes=MEMORY_BYTES, processor_s=_PROCESSOR_S)
