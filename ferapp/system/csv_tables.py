"""CSV tables that spreadsheets open safely, written in parts, completely or not at all."""

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

MISSING: Final = frozenset(
    (
        # pandas reads these as missing; R writes the first, Python, SQL and polars others.
        *("NA", "N/A", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "-NaN", "nan", "-nan"),
        *("None", "null", "NULL", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
        # Stata and SAS, SPSS, Excel in German and in Spanish, C on Windows, databases.
        *(".", "#NULL!", "#NV", "#N/D", "-nan(ind)", "nan(ind)", "\\N"),
        # MATLAB, pandas for times, Julia.
        *("<missing>", "NaT", "missing"),
    )
)
"""What programs write in tables for a missing value, besides an empty cell."""

_MISSING_ANY_CASE: Final = frozenset(word.casefold() for word in MISSING)


def csv_bytes(table: pandas.DataFrame, *, exact: bool = False, is_continued: bool = False) -> bytes:
    """Write a table as CSV in UTF-8 with a byte order mark, which spreadsheets need.

    An apostrophe is put before text that a spreadsheet would take for a formula, or that other
    programs would take for a missing value, such as the name "NA"; `remove_guard` removes it.

    Args:
        table: The table; its index is not written.
        exact: Write each number with enough digits to restore it exactly, instead of six.
        is_continued: Write only the rows, to be appended to a file.
    """
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype.kind not in "biufc":
            safe[column] = safe[column].map(_safe_cell)
    # Without a format, pandas writes the shortest text that restores each number in its precision.
    digits = None if exact else "%.6g"
    text: str = safe.to_csv(
        index=False, header=not is_continued, float_format=digits, lineterminator="\r\n"
    )
    return (b"" if is_continued else b"\xef\xbb\xbf") + text.encode("utf-8")


def _safe_cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    line = one_line(value)
    return f"'{line}" if _needs_guard(value) else line


def _needs_guard(cell: str) -> bool:
    bare = cell.lstrip("'")
    return bare.startswith(_FORMULA) or bare in MISSING


def remove_guard(cell: str) -> str:
    """Undo the guard of `csv_bytes`; other cells stay as they are.

    Example:
        >>> remove_guard("'=1+1"), remove_guard("'NA"), remove_guard("fear")
        ('=1+1', 'NA', 'fear')
    """
    return cell[1:] if cell.startswith("'") and _needs_guard(cell) else cell


def is_missing_word(cell: str) -> bool:
    """Whether a cell has a word for a missing value, in any case.

    Example:
        >>> is_missing_word("NA"), is_missing_word(" nan"), is_missing_word("Nana")
        (True, True, False)
    """
    return cell.strip().casefold() in _MISSING_ANY_CASE


class CsvFile:
    """An open table; see `csv_file`.

    Args:
        path: Path of the file, for error messages.
        file: The open file.
        columns: Names of the columns, in order.
    """

    def __init__(self, path: Path, file: BinaryIO, columns: Sequence[str]) -> None:
        self._path = path
        self._file = file
        self._columns = list(columns)
        self._rows: list[Mapping[str, Any]] = []
        with translate_write_errors(path):
            file.write(csv_bytes(pandas.DataFrame(columns=self._columns)))

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one row by column names; missing cells stay empty."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS:
            self.flush()

    def add_table(self, table: pandas.DataFrame) -> None:
        """Add rows with the same columns; numbers are written exactly."""
        rows = csv_bytes(table[self._columns], exact=True, is_continued=True)
        with translate_write_errors(self._path):
            self._file.write(rows)

    def flush(self) -> None:
        """Write the rows that are still buffered."""
        if self._rows:
            # Missing cells are empty text: None would turn whole numbers above it into fractions.
            cells = [[row.get(column, "") for column in self._columns] for row in self._rows]
            self.add_table(pandas.DataFrame(cells, columns=self._columns, dtype=object))
            self._rows = []


@contextmanager
def csv_file(path: Path, columns: Sequence[str]) -> Iterator[CsvFile]:
    """Open a CSV file to be filled; it gets its name when the block ends without an error.

    Raises:
        StoreError: It could not be written; a previous file is unchanged.
    """
    with whole_file(path) as file:
        table = CsvFile(path, file, columns)
        yield table
        table.flush()
