"""Room on the disk that is given up when it is full, so that deleting still works.

SQLite writes what a deletion changes to its log before the file can shrink.
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

_MOST_BYTES: Final = 4 * 1024 * 1024
_LEAST_BYTES: Final = 128 * 1024
# On a small disk it must not be what fills it.
_SHARE: Final = 4


class Reserve:
    """A file without content beside a database.

    Args:
        database: The file of the database.
    """

    def __init__(self, database: Path) -> None:
        self._file = database.with_name(f"{database.name}-reserve")

    def fill(self) -> None:
        """Make the file, unless it is there or the disk is nearly full."""
        with suppress(OSError):
            if self._file.exists():
                return
            free = shutil.disk_usage(self._file.parent).free
            size = min(_MOST_BYTES, free // _SHARE)
            if size >= _LEAST_BYTES:
                self._make(size)

    def size_bytes(self) -> int:
        """Its size; 0 without one."""
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    def give_up(self) -> bool:
        """Delete the file; whether that has made room."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True

    def _make(self, size: int) -> None:
        handle = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, size)
            else:
                os.write(handle, bytes(size))
        except OSError:
            self._file.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
