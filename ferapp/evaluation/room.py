"""How much the files of a data set may become when they are unpacked or decoded.

A megabyte of zeros, packed, is a gigabyte on the disk, and some kilobytes of one colour are a
picture of 150 MB.
"""

from pathlib import Path
from typing import Final

from ferapp.errors import DataError

MOST_FILES: Final = 500_000
"""In one archive."""

MOST_ROWS: Final = 1_000_000
"""In one table."""

# Photographs are up to fifty times as large in memory as in a file.
_TIMES: Final = 100
_FREE_BYTES: Final = 2**27


class Room:
    """Counts what is unpacked against the size of what it came from.

    Args:
        source: The data set, for messages.
        packed_bytes: Size of the archive; 0 if each file comes with its own, see `take`.
    """

    def __init__(self, source: Path, packed_bytes: int = 0) -> None:
        self._source = source
        self._packed = packed_bytes
        self._is_archive = packed_bytes > 0
        self._taken = 0

    def take(self, count: int, *, packed_bytes: int = 0) -> None:
        """Count some bytes.

        Args:
            count: How many there are now.
            packed_bytes: How many there were in the file, if it is no part of an archive.

        Raises:
            DataError: There are too many.
        """
        if not self._is_archive:
            self._packed += packed_bytes
        self._taken += count
        most = _FREE_BYTES + _TIMES * self._packed
        if self._taken > most:
            raise DataError(
                f"{self._source}: {self._packed:,} bytes of it unpack to more than {most:,}, which "
                "no faces do; it was not read further."
            )


def refuse_more(source: Path, what: str, count: int, most: int) -> None:
    """Refuse a data set with too many parts.

    Raises:
        DataError: It has.
    """
    if count > most:
        raise DataError(f"{source}: it has more than {most:,} {what}, which is the limit.")
