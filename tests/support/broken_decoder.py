"""A decoder of pictures with faults: the file says which one it shows.

After the magic of a WebP comes "crash", "hang" or "memory".
"""

import os
import sys
import time
from typing import Any

from ferapp.media.pictures import decoder
from ferapp.system.child import run


def _grow(data: bytes, **_: Any) -> None:
    bytearray(decoder.MEMORY_BYTES)


def break_down(request: dict[str, Any]) -> None:
    fault = sys.stdin.buffer.read()[12:].decode()
    if fault == "crash":
        os.abort()
    if fault == "hang":
        time.sleep(60)
    if fault == "memory":
        decoder._send = _grow
        decoder.send_picture(request)


if __name__ == "__main__":
    run(break_down, memory_bytes=decoder.MEMORY_BYTES)
