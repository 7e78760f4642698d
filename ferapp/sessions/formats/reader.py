"""The child process that reads session files, which are not trusted.

``python -m ferapp.sessions.formats.reader`` reads the file from standard input. It answers with the
description of the session and the words in it, and then with its readings in parts, packed;
`ferapp.sessions.formats.confined` starts it.
"""

import os
import sys
from typing import Any, Final

from ferapp.errors import DataError
from ferapp.system.child import run, send

MEMORY_BYTES: Final = 1280 << 20
"""Address space."""

_PROCESSOR_S: Final = 120


def send_session(request: dict[str, Any]) -> None:
    """Read the file on standard input and send the session.

    Args:
        request: ``name``, what messages call the file, and ``rows`` of each part.

    Raises:
        UserError: It is not a valid session.
    """
    # Its own allocator would reserve as much address space as this process may have.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    from ferapp.sessions.formats.reading import NO_MEMORY, title_of

    try:
        _send(**request)
    except MemoryError as exc:
        raise DataError(f"{title_of(request['name'])} can't be opened: {NO_MEMORY}") from exc


def _send(name: str, rows: int) -> None:
    import numpy as np
    import pyarrow as pa

    from ferapp.sessions.formats.limits import OF_STRANGERS
    from ferapp.sessions.formats.packed import describe, pack, words_of
    from ferapp.sessions.formats.reading import read

    # Each further thread would reserve some, too.
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    notes: list[str] = []
    recording, readings = read(
        name, sys.stdin.buffer.read(OF_STRANGERS.file_bytes + 1), on_note=notes.append
    )
    words = words_of(readings)
    send(
        {
            "recording": describe(recording),
            "notes": notes,
            "words": words,
            "readings": len(readings),
        }
    )
    for first in range(0, len(readings), rows):
        part = readings.at(np.arange(first, min(first + rows, len(readings))))
        send({}, pack(part, words))


if __name__ == "__main__":
    run(send_session, memory_bytes=MEMORY_BYTES, processor_s=_PROCESSOR_S)
