"""A reader of session files with faults: the file says which one it shows.

It holds "crash", "hang", "memory", or "lies", which promises readings and sends none of them.
"""

import os
import sys
import time
from typing import Any

from ferapp.sessions.formats import reader
from ferapp.system.child import run, send


def _grow(**_: Any) -> None:
    bytearray(reader.MEMORY_BYTES)


def break_down(request: dict[str, Any]) -> None:
    match sys.stdin.buffer.read():
        case b"crash":
            os.abort()
        case b"hang":
            time.sleep(60)
        case b"memory":
            reader._send = _grow
            reader.send_session(request)
        case _:
            send({"readings": 3, "recording": {}, "words": {}})


if __name__ == "__main__":
    run(break_down, memory_bytes=reader.MEMORY_BYTES)
