"""Reads sessions from files, which are not trusted."""

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ferapp.errors import DataError
from ferapp.sessions.formats.columns import (
    CODED,
    TEXTS,
    Rows,
    as_cells_spell_labels,
    row_numbers,
    schema,
    split_empty_frames,
    to_names,
    to_readings,
    to_times,
    with_numbers,
    with_path,
    without_guards,
    without_missing_words,
    without_path,
)
from ferapp.sessions.formats.csv_sheet import NO_TEXT, Sheet, open_sheet
from ferapp.sessions.formats.headings import ADDED, NAME, read_headings
from ferapp.sessions.formats.limits import (
    MOST_COLUMNS,
    MOST_DESCRIPTION_BYTES,
    OF_STRANGERS,
    Limits,
    refuse_more,
)
from ferapp.sessions.formats.metadata import from_envelope, from_metadata, parse_json
from ferapp.sessions.formats.other_files import describe_other_file
from ferapp.sessions.formats.repeats import merge_repeats
from ferapp.sessions.formats.spells import SPELL_COLUMNS
from ferapp.sessions.formats.spreadsheets import read_columns
from ferapp.sessions.lengths import last_frame_s, length_s, of_session
from ferapp.sessions.session import MOST_TITLE, Readings, SessionInfo
from ferapp.system.csv_tables import is_missing_word
from ferapp.system.text import one_line
from ferapp.wording import counted

METADATA_KEY: Final = b"ferapp"
"""Under which the schema of a Parquet file has the description of the session."""

NO_MEMORY: Final = "it needs more memory than a session may take."
"""Goes on after "can't be opened"."""

_ADVICE: Final = "Choose a file that ferapp has exported."
# Exceptions of the libraries and of Python for invalid files.
_BROKEN: Final = (
    pa.ArrowException,
    csv.Error,
    OSError,
    RecursionError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
)


def read(
    name: str,
    data: bytes,
    *,
    on_note: Callable[[str], None] = lambda _: None,
    limits: Limits = OF_STRANGERS,
) -> tuple[SessionInfo, Readings]:
    """Read a session from a CSV, Parquet or JSON file, under a new id.

    Args:
        name: Name of the file; becomes the title if the file has no metadata.
        data: Its bytes, from which the format is detected.
        on_note: Gets a sentence about each part of the file that is ignored or was guessed.
        limits: How large it may be.

    Raises:
        DataError: It is not a valid session, or is too large.
    """
    title = title_of(name)
    if other := describe_other_file(title, data):
        raise DataError(f"{title} can't be opened: {other}")
    try:
        limits.check_bytes(len(data))
        if data.startswith(b"PAR1"):
            content = _from_parquet(data, title, limits)
        elif data[:64].removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
            content = _from_json(data, limits)
        else:
            content = _from_csv(data, title, limits)
        recording, notes, labels = content.recording, content.notes, content.recording.labels
        columns, rows, empty = split_empty_frames(content.columns, content.rows)
        keys = columns.select([name for name in ("face", NAME) if name in columns.column_names])
        cells = dict(zip(columns.column_names, columns.columns, strict=True))
        # From here on each column is in memory once, as Arrow's or as NumPy's.
        del content, columns
        readings, repeated = merge_repeats(to_readings(cells, labels, rows), rows, labels)
        recording = replace(recording, names=to_names(keys))
        recording, readings = _with_length(recording, readings, empty)
    except DataError as error:
        raise DataError(f"{title} can't be opened: {error}. {_ADVICE}") from error
    except MemoryError as error:  # before `_BROKEN`, to which that of Arrow belongs
        raise DataError(f"{title} can't be opened: {NO_MEMORY}") from error
    except _BROKEN as error:
        raise DataError(
            f"{title} can't be opened: it is not a table of readings. {_ADVICE}"
        ) from error
    for note in notes:
        on_note(f"{title} {note}.")
    if repeated:
        on_note(f"{title} has {counted(repeated, 'row')} twice; each was imported once.")
    return recording, readings


def title_of(name: str) -> str:
    """What messages call a file."""
    return one_line(PureWindowsPath(name).name[:MOST_TITLE]) or "session"


def _with_length(
    recording: SessionInfo, readings: Readings, empty: pa.Table
) -> tuple[SessionInfo, Readings]:
    """The session with its length: as it says, else from rows of frames without a face."""
    duration_s = recording.duration_s
    if empty.num_rows and recording.source != "pictures":
        frames_s, lengths = to_times(empty)
        readings = of_session(recording, readings, frames_s=frames_s)
        times_s = np.unique(np.concatenate([frames_s, readings.at_s]))
        lengths = np.where(np.isnan(lengths), last_frame_s(times_s), lengths)
        seen_until_s = float((frames_s + lengths).max()) - recording.begins_s
        duration_s = duration_s or seen_until_s
    if duration_s is not None:
        duration_s = length_s(replace(recording, duration_s=duration_s), readings)
    return replace(recording, duration_s=duration_s), readings


@dataclass(frozen=True)
class _Content:
    """What a file holds.

    Attributes:
        recording: What its readings are of.
        columns: Those of a session, of which `name` may be missing.
        rows: The number of each row in the file.
        notes: Sentences for the user that go on after the file's name.
    """

    recording: SessionInfo
    columns: pa.Table
    rows: Rows
    notes: tuple[str, ...] = ()


def _from_parquet(data: bytes, name: str, limits: Limits) -> _Content:
    # It refuses to read a column as a dictionary that does not exist.
    plain = parquet.ParquetFile(io.BytesIO(data))
    refuse_more("columns", len(plain.schema), MOST_COLUMNS)
    # Any column may hold one long text in each row.
    texts = [c.path for c in map(plain.schema.column, range(len(plain.schema))) if _is_text(c)]
    file = parquet.ParquetFile(io.BytesIO(data), read_dictionary=texts)
    header = file.schema_arrow
    envelope = (header.metadata or {}).get(METADATA_KEY)
    described = None
    if envelope is not None:
        refuse_more("bytes in its description", len(envelope), MOST_DESCRIPTION_BYTES)
        limits.check_json(envelope)
        described = from_envelope(parse_json(envelope))
        _refuse_others(described.labels, header.names)
    headings = read_headings(header.names, described.labels if described else None)
    recording = described or _bare_recording(headings.labels, name)
    expected = with_path(_expected(recording.labels, headings.names), headings.names)
    theirs = {ours: spelt for ours, spelt in zip(headings.names, header.names, strict=True) if ours}
    wanted = [theirs[ours] for ours in expected.names]
    _refuse_large(file.metadata, wanted, limits)
    for column in wanted:
        _refuse_nested(header.field(column))
    # One by one, which takes a third less memory.
    read = [file.read(columns=[name], use_threads=False)[name] for name in wanted]
    columns = without_path(pa.table(read, names=expected.names))
    columns = without_missing_words(with_numbers(columns), recording.labels)
    return _Content(recording, columns, row_numbers(columns), headings.notes)


def _is_text(column: parquet.ColumnSchema) -> bool:
    """Whether Parquet can give a column as a dictionary."""
    is_decimal = column.logical_type.type == "DECIMAL"
    is_flat = column.max_repetition_level == 0 and column.path == column.name
    return column.physical_type == "BYTE_ARRAY" and is_flat and not is_decimal


def _refuse_large(described: parquet.FileMetaData, wanted: list[str], limits: Limits) -> None:
    """Refuse a table by what its description says, before a value of it is read.

    Raises:
        DataError: It is too large.
    """
    groups = [described.row_group(i) for i in range(described.num_row_groups)]
    limits.check_table(
        max(described.num_rows, sum(group.num_rows for group in groups)), len(wanted)
    )
    places = [i for i in range(described.num_columns) if described.schema.column(i).name in wanted]
    unpacked = sum(group.column(i).total_uncompressed_size for group in groups for i in places)
    if unpacked > limits.unpacked_bytes:
        raise DataError(
            f"its columns unpack to {unpacked >> 20:,} MB; the limit is "
            f"{limits.unpacked_bytes >> 20:,} MB"
        )


def _refuse_nested(field: pa.Field) -> None:
    """Refuse a type of which one value may be of any size.

    Raises:
        DataError: It is one.
    """
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    is_text = pa.types.is_dictionary(field.type) and (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)
    )
    is_number = pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    if not is_text and not is_number:
        raise DataError(
            f"its column {one_line(field.name)} holds something else than numbers and texts"
        )


def _from_json(data: bytes, limits: Limits) -> _Content:
    limits.check_json(data)
    whole = parse_json(data)
    recording = from_envelope(whole)
    columns = whole.get("readings")
    if not isinstance(columns, dict) or not all(isinstance(v, list) for v in columns.values()):
        raise DataError("its readings are not in columns")
    refuse_more("columns", len(columns), MOST_COLUMNS)
    _refuse_others(recording.labels, columns)
    headings = read_headings(list(columns), recording.labels)
    expected = _expected(recording.labels, headings.names)
    ours = dict(zip(headings.names, columns.values(), strict=True))
    if len({len(ours[column]) for column in expected.names}) != 1:
        raise DataError("its columns have different lengths")
    limits.check_table(len(ours["time_s"]), len(expected))
    arrays = [
        pa.array(
            ours[field.name]
            if field.name in TEXTS
            # R writes missing numbers as texts.
            else [None if type(v) is str and is_missing_word(v) else v for v in ours[field.name]],
            field.type,
        )
        for field in expected
    ]
    table = pa.Table.from_arrays(arrays, schema=expected)
    table = without_missing_words(table, recording.labels)
    return _Content(recording, table, row_numbers(table), headings.notes)


def _from_csv(data: bytes, name: str, limits: Limits) -> _Content:
    rows = max(data.count(b"\n"), data.count(b"\r")) - 1
    limits.check_table(rows)
    sheet = open_sheet(data)
    try:
        return _from_sheet(sheet, name, lambda columns: limits.check_table(rows, columns))
    except DataError as error:
        raise DataError(NO_TEXT) if sheet.is_guess else error from error


def _from_sheet(sheet: Sheet, name: str, check_columns: Callable[[int], None]) -> _Content:
    if {*SPELL_COLUMNS[:3]} <= {*sheet.header}:
        raise DataError("it is a table of spells, which can't be imported")
    refuse_more("columns", len(sheet.header), MOST_COLUMNS)
    headings = read_headings(sheet.header)
    recording = _bare_recording(headings.labels, name)
    expected = with_path(_expected(recording.labels, headings.names), headings.names)
    check_columns(len(expected))
    columns, missing = read_columns(sheet, headings.names, expected)
    columns = without_missing_words(without_path(columns), recording.labels, missing)
    columns = without_guards(columns, recording.labels)
    labels, columns, more = as_cells_spell_labels(
        columns, recording.labels, is_respelt=headings.is_respelt
    )
    notes = (*sheet.notes, *headings.notes, *more)
    recording = replace(recording, labels=labels)
    return _Content(recording, columns, sheet.rows(columns.num_rows), notes)


def _bare_recording(labels: Sequence[str], name: str) -> SessionInfo:
    """What the expressions and the file name say about a session."""
    return from_metadata(
        {
            "title": PureWindowsPath(name).stem,
            "source": "live",
            "started": None,
            "labels": list(labels),
            "unsure_below": 0.5,
        }
    )


def _refuse_others(labels: Sequence[str], header: Collection[str]) -> None:
    """Refuse a table with more expressions than its description names.

    Raises:
        DataError: It is so.
    """
    for column in header:
        if column.startswith(("p_", "s_")) and column[2:] not in labels:
            raise DataError(
                f"its description does not name the expression of its column {one_line(column)}"
            )


def _expected(labels: Sequence[str], header: Collection[str]) -> pa.Schema:
    """The columns to read; files of earlier versions lack some.

    Raises:
        DataError: One is missing.
    """
    whole = schema(labels, CODED)
    fields = [field for field in whole if field.name not in ADDED or field.name in header]
    if missing := [field.name for field in fields if field.name not in header]:
        raise DataError(f"it has no column {one_line(missing[0])}")
    return pa.schema(fields)
