"""Reads CSV as spreadsheets and statistics programs of every language save it.

A German Excel writes ``0,5;WAHR`` where others write ``0.5,TRUE``, for example, and R writes ``NA``
for what is missing. What is ambiguous is refused.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import compute
from pyarrow import csv as arrow_csv

from ferapp.errors import DataError
from ferapp.sessions.formats.columns import CODED, dictionary_of
from ferapp.sessions.formats.csv_sheet import NO_TEXT, Sheet, even_rows
from ferapp.system.csv_tables import MISSING, is_missing_word
from ferapp.system.text import one_line


def _cases(words: str) -> frozenset[str]:
    """Words as `str.casefold` gives them; a Turkish capital is not that of another language."""
    return frozenset(f(word).casefold() for word in words.split() for f in (str, str.upper))


_MOST_SAMPLE: Final = 2**18
_MOST_SHOWN: Final = 40
# The words of Excel and LibreOffice: German, French, Spanish, Italian, Portuguese, Polish, Dutch,
# Swedish, Danish, Norwegian, Finnish, Czech and Slovak, Hungarian, Turkish, Romanian, Catalan,
# Russian, Ukrainian; the letter is R's.
_TRUE: Final = _cases(
    "true wahr vrai verdadero vero verdadeiro prawda waar sant sand sann tosi pravda igaz doğru "
    "adevărat cert истина істина t"
)
_FALSE: Final = _cases(
    "false falsch faux falso fałsz onwaar falskt falsk usann epätosi nepravda hamis yanlış fals "
    "ложь хибність f"
)
# A number as it is written with thousands in groups: here a point or comma is ambiguous.
_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}([.,]\d{3})+")
_NUMBER: Final = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?")
_WRONG_CELL: Final = re.compile(
    r"CSV column #(\d+): (?:Row #(\d+): )?CSV conversion error to \w+: invalid value '(.*)'",
    re.DOTALL,
)
_SPELLINGS: Final = {f(word) for word in MISSING for f in (str, str.lower, str.upper, str.title)}
# SPSS writes a missing number as a blank; other programs fill cells to one width.
_NO_NUMBER: Final = sorted(
    {" " * width for width in range(33)}
    | {f"{left}{word}{right}" for word in _SPELLINGS for left in ("", " ") for right in ("", " ")}
)


def read_columns(
    sheet: Sheet, names: Sequence[str], wanted: pa.Schema
) -> tuple[pa.Table, frozenset[str]]:
    """Read the wanted columns of a table.

    Args:
        sheet: The rows.
        names: Our names of its columns, empty for those that are not wanted.
        wanted: Names and types; whole numbers may be written with a decimal sign.

    Returns:
        The columns, with words for what is missing only in columns of texts; and the words that
        stand for missing probabilities.

    Raises:
        DataError: A cell has another type, or its decimal sign is ambiguous.
    """
    types = {f.name: pa.float64() if pa.types.is_integer(f.type) else f.type for f in wanted}
    numbers = {name: kind for name, kind in types.items() if pa.types.is_floating(kind)}
    texts = {name: CODED for name in types if name not in numbers}
    fractions = {f.name for f in wanted if pa.types.is_floating(f.type)}
    sign = decimal_sign(sheet, [place for place, name in enumerate(names) if name in fractions])
    body = sheet.body
    try:
        found = _parse(body, sheet, names, numbers, sign)
    except pa.ArrowInvalid as exc:
        if "columns, got" not in str(exc):
            raise DataError(_wrong_cell_text(str(exc), sheet)) from exc
        body = even_rows(sheet)
        try:
            found = _parse(body, sheet, names, numbers, sign)
        except pa.ArrowInvalid as other:
            raise DataError(_wrong_cell_text(str(other), sheet)) from other
    probability = next(name for name in names if name.startswith("p_"))
    try:
        words = _parse(body, sheet, names, texts | {probability: pa.string()}, sign)
    except pa.ArrowInvalid as exc:
        raise DataError(_wrong_cell_text(str(exc), sheet)) from exc
    columns = []
    for field in wanted:
        if pa.types.is_boolean(field.type):
            columns.append(_booleans(words[field.name], sheet))
        elif field.name in texts:
            columns.append(words[field.name])
        elif pa.types.is_integer(field.type):
            columns.append(_whole_numbers(found[field.name], field, sheet))
        else:
            columns.append(found[field.name])
    cells = words[probability]
    is_word = compute.is_in(compute.utf8_trim_whitespace(cells), pa.array(sorted(_SPELLINGS)))
    missing = frozenset(word.strip() for word in compute.unique(cells.filter(is_word)).to_pylist())
    return pa.Table.from_arrays(columns, names=wanted.names), missing


def _parse(
    body: bytes, sheet: Sheet, names: Sequence[str], types: dict[str, pa.DataType], sign: str
) -> pa.Table:
    """Some columns: numbers with words for what is missing, texts as they are."""
    if not body or body.isspace():
        return pa.Table.from_arrays(
            [pa.array([], kind) for kind in types.values()], names=list(types)
        )
    has_numbers = any(pa.types.is_floating(kind) for kind in types.values())
    return arrow_csv.read_csv(
        io.BytesIO(body),
        read_options=arrow_csv.ReadOptions(
            use_threads=False,
            column_names=[name or f"\0{place}" for place, name in enumerate(names)],
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=sheet.separator, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=_NO_NUMBER if has_numbers else [""],
            strings_can_be_null=True,
            decimal_point=sign,
        ),
    )


def _booleans(column: pa.ChunkedArray, sheet: Sheet) -> pa.Array:
    coded = dictionary_of(column)
    values: list[bool | None] = []
    wrong: set[int] = set()
    for place, word in enumerate(coded.dictionary.to_pylist()):
        value = _boolean(word.strip())
        if value is None and word.strip() and not is_missing_word(word):
            wrong.add(place)
        values.append(value)
    if wrong:
        places = coded.indices.fill_null(-1).to_pylist()
        row = next(row for row, place in enumerate(places) if place in wrong)
        cell = one_line(coded.dictionary[places[row]].as_py()[:_MOST_SHOWN])
        raise DataError(
            f"it is not a table of readings: in row {sheet.rows(row + 1)[-1]}, its column "
            f"is_corrected has {cell!r}, which is neither true nor false"
        )
    return pa.array(values, pa.bool_()).take(coded.indices)


def _boolean(word: str) -> bool | None:
    word = word.casefold()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    try:
        number = float(word.replace(",", "."))
    except ValueError:
        return None
    return bool(number) if number in (0, 1) else None


def _whole_numbers(column: pa.ChunkedArray, field: pa.Field, sheet: Sheet) -> Any:
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as exc:
        values = column.to_pylist()
        row = next(
            n for n, v in enumerate(values) if v is not None and (v % 1 != 0 or abs(v) >= 2**63)
        )
        raise DataError(
            f"its column {field.name} must hold whole numbers; row {sheet.rows(row + 1)[-1]} has "
            f"{values[row]:g}"
        ) from exc


def decimal_sign(sheet: Sheet, places: Sequence[int]) -> str:
    """The decimal sign, from the first rows.

    Raises:
        DataError: It is ambiguous.
    """
    cells = list(_number_cells(sheet, places))
    with_comma = [cell for cell in cells if "," in cell]
    with_point = [cell for cell in cells if "." in cell]
    if with_comma and with_point:
        raise DataError(
            "its numbers hold both points and commas, so their decimal sign is unclear; "
            "save it without thousands separators"
        )
    if sheet.separator == "," and not with_comma:
        return "."
    signed = with_comma or with_point
    if signed and all(map(_GROUPED.fullmatch, signed)):
        raise DataError(
            f"its number {signed[0]} may be a fraction or thousands; save it with decimal points"
        )
    return "," if with_comma else "."


def _number_cells(sheet: Sheet, places: Sequence[int]) -> Iterator[str]:
    sample = sheet.body[:_MOST_SAMPLE].decode(errors="replace")
    if len(sheet.body) > _MOST_SAMPLE:  # the last row may be cut
        sample = sample.rpartition("\n")[0]
    for row in csv.reader(io.StringIO(sample, newline=""), delimiter=sheet.separator):
        for place in places:
            if place < len(row) and _NUMBER.fullmatch(row[place].strip()):
                yield row[place].strip()


def _wrong_cell_text(error: str, sheet: Sheet) -> str:
    found = _WRONG_CELL.search(error)
    if "UTF8" in error or "\ufffd" in error:
        return NO_TEXT
    if found is None or int(found[1]) >= len(sheet.header):
        return "it is not a table of readings"
    column, cell = one_line(sheet.header[int(found[1])]), one_line(found[3][:_MOST_SHOWN])
    row = f"in row {sheet.rows(int(found[2]))[-1]}, " if found[2] else ""
    return (
        f"it is not a table of readings: {row}its column {column} has {cell!r}, "
        "which is not a number"
    )
