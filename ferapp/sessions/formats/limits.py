"""How much a session file may hold, most of it checked before the file is taken apart."""

from dataclasses import dataclass
from typing import Final

from ferapp.errors import DataError

MOST_READINGS: Final = 2_000_000
MOST_COLUMNS: Final = 2000
MOST_LABELS: Final = 64
MOST_MODELS: Final = 16
MOST_MARKERS: Final = 10_000
MOST_NAMES: Final = 2000
MOST_FLAWS: Final = 1000
"""Different texts in the column `flaw`."""

MOST_SETTINGS_BYTES: Final = 2**16
"""Of all settings together, as JSON."""

MOST_DESCRIPTION_BYTES: Final = 2**23
"""Of everything that describes a session, as JSON."""

_MOST_JSON_PARTS: Final = 2_000_000


@dataclass(frozen=True)
class Limits:
    """How large a file may be; by default, one of a stranger.

    Attributes:
        file_bytes: Of the file.
        readings: Rows of the table.
        cells: Rows times columns, since a few bytes can stand for a million equal rows.
        unpacked_bytes: Of the columns of a Parquet file, as its description gives them.
    """

    file_bytes: int = 100 * 2**20
    readings: int = MOST_READINGS
    cells: int = 20_000_000
    unpacked_bytes: int = 2**28

    def check_bytes(self, count: int) -> None:
        """Refuse a file that is too large.

        Raises:
            DataError: It is.
        """
        if count > self.file_bytes:
            raise DataError(f"it has {count:,} bytes; the limit is {self.file_bytes:,}")

    def check_table(self, rows: int, columns: int = 1) -> None:
        """Refuse a table that is too large.

        Args:
            rows: How many it has, with those of frames without a face.
            columns: How many will be read.

        Raises:
            DataError: It has too many rows or cells.
        """
        refuse_more("readings", rows, self.readings)
        if rows * columns > self.cells:
            raise DataError(
                f"it has {rows * columns:,} values in {rows:,} readings of {columns} columns; the "
                f"limit is {self.cells:,} values"
            )

    def check_json(self, data: bytes) -> None:
        """Refuse a JSON text before it is parsed, which takes ten times its memory.

        Raises:
            DataError: It has too many values, or too many lists and objects.
        """
        values = data.count(b",")
        refuse_more("values", values, self.cells)
        refuse_more("lists and objects", data.count(b"{") + data.count(b"["), _MOST_JSON_PARTS)


OF_STRANGERS: Final = Limits()
OF_OURS: Final = Limits(file_bytes=2**31, cells=MOST_READINGS * 150, unpacked_bytes=2**31)
"""Of a file that this installation has written itself."""


def refuse_more(what: str, count: int, most: int) -> None:
    """Refuse more of something than there may be.

    Raises:
        DataError: There is more; the text says how much and what the limit is.

    Example:
        >>> refuse_more("markers", 3, 2)
        Traceback (most recent call last):
        ...
        ferapp.errors.DataError: it has 3 markers; the limit is 2
    """
    if count > most:
        raise DataError(f"it has {count:,} {what}; the limit is {most:,}")
