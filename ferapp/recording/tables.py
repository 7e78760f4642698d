"""CSV files that are written in parts and are there whole or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import pandas

from ferapp.recording.export import csv_bytes
from ferapp.recording.files import whole_file, written

_ROWS: Final = 2000


class CsvFile:
    """An open table; see `csv_file`.

    Args:
        path: For what goes wrong.
        file: Where it is written to.
        columns: Their names, in order.
    """

    def __init__(self, path: Path, file: BinaryIO, columns: Sequence[str]) -> None:
        self._path = path
        self._file = file
        self._columns = list(columns)
        self._rows: list[Mapping[str, Any]] = []
        with written(path):
            file.write(csv_bytes(pandas.DataFrame(columns=self._columns)))

    def add(self, row: Mapping[str, Any]) -> None:
        """One row by the names of its columns; what is missing stays empty."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS:
            self.flush()

    def add_table(self, table: pandas.DataFrame) -> None:
        """Rows with the same columns, each number exactly."""
        rows = csv_bytes(table[self._columns], exact=True, is_continued=True)
        with written(self._path):
            self._file.write(rows)

    def flush(self) -> None:
        """Write the rows that are held back to be written together."""
        if self._rows:
            # Nothing is an empty text: None would make fractions of the whole numbers above it.
            cells = [[row.get(column, "") for column in self._columns] for row in self._rows]
            self.add_table(pandas.DataFrame(cells, columns=self._columns, dtype=object))
            self._rows = []


@contextmanager
def csv_file(path: Path, columns: Sequence[str]) -> Iterator[CsvFile]:
    """A table to be filled; it gets its name when the block ends well.

    Raises:
        StoreError: It could not be written; what was there before is there still.
    """
    with whole_file(path) as file:
        table = CsvFile(path, file, columns)
        yield table
        table.flush()
