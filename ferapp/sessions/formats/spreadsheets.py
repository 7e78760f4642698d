"""Reads CSV as spreadsheets of every language save it: separators, decimal commas, true and false.

A German Excel, for example, writes ``0,5;WAHR`` where others write ``0.5,TRUE``. What is
ambiguous is refused.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
from pyarrow import csv as arrow_csv

from ferapp.errors import DataError
from ferapp.system.text import one_line

_SEPARATORS: Final = (",", ";", "\t")
_MOST_HEADER: Final = 2**16
_MOST_SAMPLE: Final = 2**18
_MOST_SHOWN: Final = 40
# The words of Excel and LibreOffice: German, French, Spanish, Italian, Portuguese, Polish, Dutch,
# Swedish, Danish, Norwegian, Finnish, Czech and Slovak, Hungarian, Turkish, Romanian, Catalan,
# Russian, Ukrainian.
_TRUE: Final = (
    "true wahr vrai verdadero vero verdadeiro prawda waar sant sand sann tosi pravda igaz doğru "
    "adevărat cert истина істина"
).split()
_FALSE: Final = (
    "false falsch faux falso fałsz onwaar falskt falsk usann epätosi nepravda hamis yanlış fals "
    "ложь хибність"
).split()
# A number as it is written with thousands in groups: here a point or comma is ambiguous.
_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}([.,]\d{3})+")
_NUMBER: Final = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?")
_WRONG_CELL: Final = re.compile(
    r"CSV column #(\d+): .*?CSV conversion error to (\w+): invalid value '(.*)'", re.DOTALL
)
_NO_TEXT: Final = (
    'it is not a table of readings in UTF-8; save it in the spreadsheet as "CSV UTF-8"'
)


def as_utf8(data: bytes) -> bytes:
    """A table in UTF-8 without a byte order mark; "Unicode text" of Excel is UTF-16.

    Raises:
        DataError: It is no text.
    """
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if data.startswith(mark):
            try:
                return data.decode("utf-16").encode()
            except UnicodeDecodeError as exc:
                raise DataError(_NO_TEXT) from exc
    return data.removeprefix(codecs.BOM_UTF8)


def heading(data: bytes, needed: str) -> tuple[list[str], str]:
    """The names of the columns, and what separates them.

    Args:
        data: The table in UTF-8.
        needed: The name of a column that a table of readings has.

    Raises:
        DataError: It is no text, or what separates the columns is unknown.
    """
    try:
        line = re.split(rb"[\r\n]", data[:_MOST_HEADER], maxsplit=1)[0].decode()
    except UnicodeDecodeError as exc:
        raise DataError(_NO_TEXT) from exc
    names: dict[str, list[str]] = {}
    for separator in _SEPARATORS:
        try:
            names[separator] = next(csv.reader([line], delimiter=separator, strict=True), [])
        except csv.Error:
            continue
        if needed in names[separator]:
            return names[separator], separator
    if needed in line:
        raise DataError("its columns are not separated by commas, semicolons or tabs")
    if "," not in names:
        raise DataError("it is not a table of readings")
    return names[","], ","


def read_columns(data: bytes, header: Sequence[str], separator: str, wanted: pa.Schema) -> pa.Table:
    """Read the wanted columns of a table.

    Args:
        data: The table in UTF-8.
        header: The names of its columns.
        separator: What separates them.
        wanted: Names and types; whole numbers may be written with a decimal sign.

    Raises:
        DataError: A cell has another type, or its decimal sign is ambiguous.
    """
    sign = _decimal_sign(data, header, separator, wanted)
    types = {f.name: pa.float64() if pa.types.is_integer(f.type) else f.type for f in wanted}
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(data),
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=separator),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types,
                include_columns=wanted.names,
                null_values=[""],
                strings_can_be_null=True,
                decimal_point=sign,
                true_values=["1", *_spellings(_TRUE)],
                false_values=["0", *_spellings(_FALSE)],
            ),
        )
    except pa.ArrowInvalid as exc:
        raise DataError(_wrong_cell_text(str(exc), header)) from exc
    for place, field in enumerate(wanted):
        if pa.types.is_integer(field.type):
            try:
                whole = table[field.name].cast(field.type)
            except pa.ArrowInvalid as exc:
                raise DataError(f"its column {field.name} must hold whole numbers") from exc
            table = table.set_column(place, field, whole)
    return table


def _spellings(words: Sequence[str]) -> list[str]:
    return [*words, *(word.upper() for word in words), *(word.capitalize() for word in words)]


def _decimal_sign(data: bytes, header: Sequence[str], separator: str, wanted: pa.Schema) -> str:
    """The decimal sign, from the first rows.

    Raises:
        DataError: It is ambiguous.
    """
    numbers = {f.name for f in wanted if pa.types.is_floating(f.type)}
    places = [place for place, name in enumerate(header) if name in numbers]
    cells = list(_number_cells(data, separator, places))
    with_comma = [cell for cell in cells if "," in cell]
    with_point = [cell for cell in cells if "." in cell]
    if with_comma and with_point:
        raise DataError(
            "its numbers hold both points and commas, so their decimal sign is unclear; "
            "save it without thousands separators"
        )
    if separator == "," and not with_comma:
        return "."
    signed = with_comma or with_point
    if signed and all(map(_GROUPED.fullmatch, signed)):
        raise DataError(
            f"its number {signed[0]} may be a fraction or thousands; save it with decimal points"
        )
    return "," if with_comma else "."


def _number_cells(data: bytes, separator: str, places: Sequence[int]) -> Iterator[str]:
    sample = data[:_MOST_SAMPLE].decode(errors="replace")
    if len(data) > _MOST_SAMPLE:  # the last row may be cut
        sample = sample.rpartition("\n")[0]
    rows = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    next(rows, None)
    for row in rows:
        for place in places:
            if place < len(row) and _NUMBER.fullmatch(row[place].strip()):
                yield row[place].strip()


def _wrong_cell_text(error: str, header: Sequence[str]) -> str:
    found = _WRONG_CELL.search(error)
    if "UTF8" in error or "\ufffd" in error:
        return _NO_TEXT
    if found is None or int(found[1]) >= len(header):
        return "it is not a table of readings"
    column, cell = one_line(header[int(found[1])]), one_line(found[3][:_MOST_SHOWN])
    kind = "neither true nor false" if found[2] == "bool" else "not a number"
    return f"it is not a table of readings: its column {column} has {cell!r}, which is {kind}"
