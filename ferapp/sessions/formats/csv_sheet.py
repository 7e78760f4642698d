"""Takes a CSV file apart: encoding, separator, heading, and lines that are no rows."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.sessions.formats.headings import place_of
from ferapp.wording import counted

_SEPARATORS: Final = (",", ";", "\t")
_MOST_HEADER: Final = 2**16
_AT_ONCE: Final = 2**20
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BLANK_LINES: Final = (b"\n\n", b"\n\r", b"\r\r")
# Excel and LibreOffice take the separator from such a first line.
_NAMED_SEPARATOR: Final = re.compile(rb'"?sep=(.)"?[ \t]*(?:\r\n|\n|\r)')
NO_TEXT: Final = 'it is not a table in UTF-8; save it in the spreadsheet as "CSV UTF-8"'


@dataclass(frozen=True)
class Sheet:
    """The rows of a CSV file and what is needed to read them.

    Attributes:
        body: The rows below the heading, in UTF-8, without blank lines and repeated headings.
        header: The headings; an empty one for each column that has none.
        separator: What separates the cells.
        first_row: Number of the first row of the body in the file, where the heading is mostly 1.
        left_out: Numbers of the rows that were left out, ascending.
        is_guess: Whether the file is not in UTF-8 and its encoding is guessed.
        notes: What a user should know, in sentences that go on after the file's name.
    """

    body: bytes
    header: tuple[str, ...]
    separator: str
    first_row: int = 2
    left_out: tuple[int, ...] = ()
    is_guess: bool = False
    notes: tuple[str, ...] = ()

    def rows(self, count: int) -> NDArray[np.int64]:
        """The numbers in the file of the first rows of the body, (count,)."""
        last = self.first_row + count + len(self.left_out)
        if not self.left_out:
            return np.arange(self.first_row, last)
        return np.setdiff1d(np.arange(self.first_row, last), self.left_out)[:count]


def _is_of_readings(names: Sequence[str]) -> bool:
    return place_of("time_s", names) is not None


def open_sheet(data: bytes, is_heading: Callable[[Sequence[str]], bool] = _is_of_readings) -> Sheet:
    """Take a CSV file apart.

    Args:
        data: Its bytes.
        is_heading: Whether these are headings of the table that is wanted, which tells what
            separates the columns.

    Raises:
        DataError: It is no text, has no heading, or what separates the columns is unknown.
    """
    data, is_guess = _as_utf8(data)
    notes = ["is not in UTF-8 and was read as Windows-1252; check the names of faces"] * is_guess
    named = _NAMED_SEPARATOR.match(data)
    first_row = 1 + (named is not None)
    data = data[named.end() :] if named else data
    rows = data.lstrip(b"\r\n")
    first_row += len(data[: len(data) - len(rows)].splitlines())
    data = rows
    line = _LINE_END.split(data[:_MOST_HEADER], maxsplit=1)[0]
    header, separator = _heading(line, named[1].decode() if named else "", is_heading)
    end = _LINE_END.match(data, len(line))
    body = data[end.end() :] if end else b""
    # Where files are put together, the first may end without an end of its line.
    joint = codecs.BOM_UTF8 + line
    if joint in body:
        body = re.sub(rb"(?<=[^\r\n])" + re.escape(joint), lambda _: b"\n" + line, body)
    body, left_out, repeated = _without_other_lines(body, line, first_row + 1)
    if repeated:
        notes.append(f"has its heading again in {_rows_text(repeated)}, which was left out")
    if is_heading(header[:1]):
        header = _with_row_names(header, body, separator)
    return Sheet(body, header, separator, first_row + 1, left_out, is_guess, tuple(notes))


def even_rows(sheet: Sheet) -> bytes:
    """The body with as many cells in each row as there are headings.

    Spreadsheets leave out empty cells at the end of a row, or write some behind it.

    Raises:
        DataError: A row has too many cells that are not empty.
    """
    out = io.StringIO(newline="")
    write = csv.writer(out, delimiter=sheet.separator, lineterminator="\n").writerow
    count = len(sheet.header)
    rows = csv.reader(io.StringIO(sheet.body.decode(), newline=""), delimiter=sheet.separator)
    for number, row in enumerate(rows, 1):
        if any(cell.strip() for cell in row[count:]):
            raise DataError(
                f"it is not a table of readings: row {sheet.rows(number)[-1]} has {len(row)} cells "
                f"below {count} headings"
            )
        write(row[:count] + [""] * (count - len(row)))
    return out.getvalue().encode()


def _as_utf8(data: bytes) -> tuple[bytes, bool]:
    """A table in UTF-8 without a byte order mark, and whether its encoding is guessed.

    "Unicode text" of Excel is UTF-16; its plain "CSV" is in a code page of the country.

    Raises:
        DataError: It is no text.
    """
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if data.startswith(mark):
            try:
                return data.decode("utf-16").encode(), False
            except UnicodeDecodeError as exc:
                raise DataError(NO_TEXT) from exc
    data = data.removeprefix(codecs.BOM_UTF8)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data) + 1, _AT_ONCE):
            decoder.decode(data[start : start + _AT_ONCE], final=start + _AT_ONCE > len(data))
    except UnicodeDecodeError as exc:
        # What is partly UTF-8 is damaged, not in another encoding.
        letters = data.decode(errors="ignore")
        if not letters.isascii() or "\0" in letters:
            raise DataError(NO_TEXT) from exc
        try:
            return data.decode("cp1252").encode(), True
        except UnicodeDecodeError:
            raise DataError(NO_TEXT) from exc
    return data, False


def _heading(
    line: bytes, named: str, is_heading: Callable[[Sequence[str]], bool]
) -> tuple[tuple[str, ...], str]:
    """The names of the columns, and what separates them.

    Raises:
        DataError: What separates the columns is unknown.
    """
    text = line.decode(errors="replace")
    names: dict[str, list[str]] = {}
    for separator in (named,) if named else _SEPARATORS:
        try:
            names[separator] = next(csv.reader([text], delimiter=separator, strict=True), [])
        except csv.Error:
            continue
        # Some programs write a space behind each separator.
        if all(name.startswith(" ") for name in names[separator][1:]):
            names[separator] = [name.strip(" ") for name in names[separator]]
        if is_heading(names[separator]):
            return tuple(names[separator]), separator
    if "time_s" in text:
        raise DataError("its columns are not separated by commas, semicolons or tabs")
    if not names:
        raise DataError("it is not a table of readings")
    separator, header = next(iter(names.items()))
    return tuple(header), separator


def _without_other_lines(
    body: bytes, heading: bytes, first_row: int
) -> tuple[bytes, tuple[int, ...], list[int]]:
    """The body without blank lines and repeated headings, the rows left out, and the headings."""
    has_blank = body[:1] in (b"\r", b"\n") or any(ends in body for ends in _BLANK_LINES)
    if not has_blank and heading not in body:
        return body, (), []
    kept, blank, repeated = [], [], []
    for row, line in enumerate(body.splitlines(keepends=True), first_row):
        text = line.strip()
        if not text:
            blank.append(row)
        elif text.removeprefix(codecs.BOM_UTF8) == heading:
            repeated.append(row)
        else:
            kept.append(line)
    return b"".join(kept), tuple(sorted(blank + repeated)), repeated


def _with_row_names(header: tuple[str, ...], body: bytes, separator: str) -> tuple[str, ...]:
    """With an empty heading in front if R's write.table has written none for the row names."""
    lines = (line.decode() for line in _LINE_END.split(body[:_MOST_HEADER], maxsplit=1)[:1])
    try:
        row = next(csv.reader(lines, delimiter=separator), [])
    except csv.Error:
        return header
    has_names = len(row) == len(header) + 1 and row[-1].strip()
    return ("", *header) if has_names else header


def _rows_text(rows: list[int]) -> str:
    """A few numbers of rows, and how many more there are."""
    shown = [str(row) for row in islice(rows, 3)]
    more = len(rows) - len(shown)
    if more:
        return f"rows {', '.join(shown)} and {counted(more, 'more row')}"
    return f"row{'s' * (len(rows) > 1)} {' and '.join(shown)}"
