"""CSV tables that other programs open safely, written in parts, whole or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import pandas

from ferapp.system.files import translate_write_errors, whole_file
from ferapp.system.text import one_line

_ROWS: Final = 2000
# What a spreadsheet takes for a formula (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(table: pandas.DataFrame, *, exact: bool = False, is_continued: bool = False) -> bytes:
    """A table as CSV in UTF-8 with a byte order mark, so that spreadsheets read it right.

    Text that a spreadsheet would take for a formula gets an apostrophe in front; `remove_guard`
    takes it off again.

    Args:
        table: What to write, without its index.
        exact: Write each number with as many digits as tell it from every other of its type, in
            place of six.
        is_continued: Write the rows alone, to follow others in the same file.
    """
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype.kind not in "biufc":
            safe[column] = safe[column].map(_safe_cell)
    # Without a format, pandas writes NumPy's shortest text of each number in its own precision.
    digits = None if exact else "%.6g"
    text: str = safe.to_csv(
        index=False, header=not is_continued, float_format=digits, lineterminator="\r\n"
    )
    return (b"" if is_continued else b"\xef\xbb\xbf") + text.encode("utf-8")


def _safe_cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    line = one_line(value)
    return f"'{line}" if value.lstrip("'").startswith(_FORMULA) else line


def remove_guard(cell: str) -> str:
    """Text as it was before `csv_bytes` guarded it, or the cell itself."""
    is_guarded = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if is_guarded else cell


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
        with translate_write_errors(path):
            file.write(csv_bytes(pandas.DataFrame(columns=self._columns)))

    def add(self, row: Mapping[str, Any]) -> None:
        """One row by the names of its columns; what is missing stays empty."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS:
            self.flush()

    def add_table(self, table: pandas.DataFrame) -> None:
        """Rows with the same columns, each number exactly."""
        rows = csv_bytes(table[self._columns], exact=True, is_continued=True)
        with translate_write_errors(self._path):
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
