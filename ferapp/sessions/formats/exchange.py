"""Writes sessions to files and reads them; files that are read are not trusted."""

import csv
import io
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath
from typing import Any, BinaryIO, Final

import numpy as np
import pandas
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from ferapp.errors import DataError
from ferapp.sessions.formats.columns import (
    CODED,
    TEXTS,
    Rows,
    as_cells_spell_labels,
    refuse_many,
    row_numbers,
    schema,
    split_empty_frames,
    to_names,
    to_readings,
    to_times,
    with_path,
    without_guards,
    without_missing_words,
    without_path,
)
from ferapp.sessions.formats.csv_sheet import NO_TEXT, Sheet, open_sheet
from ferapp.sessions.formats.headings import ADDED, CORNERS, DURATION, NAME, read_headings
from ferapp.sessions.formats.metadata import (
    FORMAT,
    from_envelope,
    from_metadata,
    metadata,
    parse_json,
)
from ferapp.sessions.formats.other_files import describe_other_file
from ferapp.sessions.formats.repeats import merge_repeats
from ferapp.sessions.formats.spells import SPELL_COLUMNS
from ferapp.sessions.formats.spreadsheets import read_columns
from ferapp.sessions.lengths import frame_lengths_s, last_frame_s, length_s, of_session
from ferapp.sessions.session import MOST_TITLE, Readings, SessionInfo
from ferapp.system.csv_tables import csv_bytes, is_missing_word
from ferapp.system.text import one_line
from ferapp.wording import counted

Times = NDArray[np.float64]

_ROWS_AT_ONCE: Final = 20_000
_MOST_UNPACKED: Final = 2**30
_KEY: Final = b"ferapp"
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


def table(recording: SessionInfo, readings: Readings) -> pandas.DataFrame:
    """Readings as a table: time, face, name, box, frame size, score, label, `p_` and `s_` columns.

    `p_` are the classifier's probabilities, `s_` the smoothed ones; `duration_s` is how long the
    frame was shown. Missing values are NaN or None.
    """
    texts = {n: pandas.Series(vars(readings)[n], dtype=object) for n in TEXTS if n != NAME}
    names = [recording.names.get(face) for face in readings.face.tolist()]
    smoothed = zip(recording.labels, readings.smoothed.T, strict=True)
    return pandas.DataFrame(
        {"time_s": readings.at_s, "face": readings.face}
        | {NAME: pandas.Series(names, dtype=object)}
        | dict(zip(CORNERS, readings.xyxy.T, strict=True))
        | dict(zip(("width", "height"), readings.size_wh.T, strict=True))
        | {"score": readings.score, **texts, "is_corrected": readings.is_corrected}
        | {f"p_{n}": p for n, p in zip(recording.labels, readings.probabilities.T, strict=True)}
        | {f"s_{label}": shares for label, shares in smoothed}
        | {DURATION: readings.duration_s}
    )


def to_csv(recording: SessionInfo, readings: Readings) -> bytes:
    """The table as CSV with exact numbers, safe to open in a spreadsheet."""
    return b"".join(csv_parts(recording, readings))


def csv_parts(
    recording: SessionInfo, readings: Readings, frame_times_s: Times | None = None
) -> Iterator[bytes]:
    """As `to_csv`, in parts, so that hours of readings take no more memory than minutes.

    Args:
        recording: What the readings are of.
        readings: All of them.
        frame_times_s: See `table_parts`.
    """
    for count, part in enumerate(table_parts(recording, readings, frame_times_s)):
        yield csv_bytes(part, exact=True, is_continued=count > 0)


def table_parts(
    recording: SessionInfo, readings: Readings, frame_times_s: Times | None = None
) -> Iterator[pandas.DataFrame]:
    """The table in parts, at least one.

    Args:
        recording: What the readings are of.
        readings: All of them, in the order of time.
        frame_times_s: Times of all frames that were analysed, (m,), ascending. If given, frames
            without a face have a row too, with empty cells, and each row the number of its frame,
            from 0, in the last column, `frame`.
    """
    if frame_times_s is None:
        for first in range(0, max(len(readings), 1), _ROWS_AT_ONCE):
            yield table(recording, _slice(readings, first))
        return
    lengths = frame_lengths_s(frame_times_s, recording.end_s, is_whole=True)
    for first in range(0, max(len(frame_times_s), 1), _ROWS_AT_ONCE):
        times_s = frame_times_s[first : first + _ROWS_AT_ONCE]
        since = np.searchsorted(readings.at_s, times_s[0]) if len(times_s) else 0
        until = np.searchsorted(readings.at_s, times_s[-1], side="right") if len(times_s) else 0
        part = table(recording, readings.at(np.arange(since, until)))
        numbers = pandas.DataFrame(
            {
                "time_s": times_s,
                "frame": first + np.arange(len(times_s)),
                "shown_s": lengths[first : first + len(times_s)],
            }
        )
        whole = part.merge(numbers, on="time_s", how="outer", sort=False)
        whole[DURATION] = whole[DURATION].fillna(whole.pop("shown_s"))
        order = np.lexsort((whole["face"].fillna(0), whole["time_s"]))
        rows = whole.iloc[order].reset_index(drop=True)
        kinds = {name: "Int64" for name in ("face", "width", "height", "frame")}
        yield rows.astype(kinds | {"is_corrected": "boolean"})


def to_parquet(recording: SessionInfo, readings: Readings) -> bytes:
    """The table as Parquet, with the session's metadata as JSON in the schema under `ferapp`."""
    out = io.BytesIO()
    write_parquet(out, recording, readings)
    return out.getvalue()


def write_parquet(
    file: BinaryIO, recording: SessionInfo, readings: Readings, frame_times_s: Times | None = None
) -> None:
    """As `to_parquet`, into a file, part by part; `frame_times_s` as for `table_parts`."""
    described = {"ferapp": FORMAT, "recording": metadata(recording, readings)}
    envelope = json.dumps(described, allow_nan=False)
    columns = schema(recording.labels, pa.string()).with_metadata({_KEY: envelope})
    if frame_times_s is not None:
        columns = columns.append(pa.field("frame", pa.int64()))
    with parquet.ParquetWriter(file, columns, compression="zstd") as writer:
        for part in table_parts(recording, readings, frame_times_s):
            writer.write_table(
                pa.Table.from_pandas(part, schema=columns, preserve_index=False, nthreads=1)
            )


def _slice(readings: Readings, first: int) -> Readings:
    return readings.at(np.arange(first, min(first + _ROWS_AT_ONCE, len(readings))))


def to_json(recording: SessionInfo, readings: Readings) -> bytes:
    """The table as JSON, one list per column, with the session's metadata."""
    columns = {name: _to_list(values) for name, values in table(recording, readings).items()}
    whole = {"ferapp": FORMAT, "recording": metadata(recording, readings), "readings": columns}
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def _to_list(values: "pandas.Series[Any]") -> list[Any]:
    if values.dtype != np.float32:
        return [None if value != value else value for value in values.tolist()]
    # Through text, so that a float32 keeps its few digits as a float64.
    shortest = values.to_numpy().astype(str).astype(np.float64).tolist()
    return [None if value != value else value for value in shortest]


def read(
    name: str, data: bytes, *, on_note: Callable[[str], None] = lambda _: None
) -> tuple[SessionInfo, Readings]:
    """Read a session from a CSV, Parquet or JSON file, under a new id.

    Args:
        name: Name of the file; becomes the title if the file has no metadata.
        data: Its bytes, from which the format is detected.
        on_note: Gets a sentence about each part of the file that is ignored or was guessed.

    Raises:
        DataError: It is not a valid session.
    """
    title = one_line(PureWindowsPath(name).name[:MOST_TITLE]) or "session"
    if other := describe_other_file(title, data):
        raise DataError(f"{title} can't be opened: {other}")
    try:
        if data.startswith(b"PAR1"):
            content = _from_parquet(data, title)
        elif data[:64].removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
            content = _from_json(data)
        else:
            content = _from_csv(data, title)
        columns, rows, empty = split_empty_frames(content.columns, content.rows)
        labels = content.recording.labels
        readings, repeated = merge_repeats(to_readings(columns, labels, rows), rows, labels)
        recording = replace(content.recording, names=to_names(columns))
        recording, readings = _with_length(recording, readings, empty)
    except DataError as error:
        raise DataError(f"{title} can't be opened: {error}. {_ADVICE}") from error
    except _BROKEN as error:
        raise DataError(
            f"{title} can't be opened: it is not a table of readings. {_ADVICE}"
        ) from error
    for note in content.notes:
        on_note(f"{title} {note}.")
    if repeated:
        on_note(f"{title} has {counted(repeated, 'row')} twice; each was imported once.")
    return recording, readings


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


def _from_parquet(data: bytes, name: str) -> _Content:
    # It refuses to read a column as a dictionary that does not exist.
    texts = [name for name in TEXTS if name in parquet.read_schema(io.BytesIO(data)).names]
    file = parquet.ParquetFile(io.BytesIO(data), read_dictionary=texts)
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    refuse_many(file.metadata.num_rows)
    if sum(group.total_byte_size for group in groups) > _MOST_UNPACKED:
        raise DataError("it is too large")
    header = file.schema_arrow
    envelope = (header.metadata or {}).get(_KEY)
    described = None if envelope is None else from_envelope(parse_json(envelope))
    if described is not None:
        _refuse_others(described.labels, header.names)
    headings = read_headings(header.names, described.labels if described else None)
    recording = described or _bare_recording(headings.labels, name)
    expected = with_path(_expected(recording.labels, headings.names), headings.names)
    theirs = {ours: spelt for ours, spelt in zip(headings.names, header.names, strict=True) if ours}
    columns = file.read(columns=[theirs[ours] for ours in expected.names], use_threads=False)
    columns = columns.select([theirs[ours] for ours in expected.names])
    columns = without_path(columns.rename_columns(expected.names))
    columns = without_missing_words(columns, recording.labels)
    return _Content(recording, columns, row_numbers(columns), headings.notes)


def _from_json(data: bytes) -> _Content:
    whole = parse_json(data)
    recording = from_envelope(whole)
    columns = whole.get("readings")
    if not isinstance(columns, dict) or not all(isinstance(v, list) for v in columns.values()):
        raise DataError("its readings are not in columns")
    _refuse_others(recording.labels, columns)
    headings = read_headings(list(columns), recording.labels)
    expected = _expected(recording.labels, headings.names)
    ours = dict(zip(headings.names, columns.values(), strict=True))
    if len({len(ours[column]) for column in expected.names}) != 1:
        raise DataError("its columns have different lengths")
    refuse_many(len(ours["time_s"]))
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


def _from_csv(data: bytes, name: str) -> _Content:
    refuse_many(max(data.count(b"\n"), data.count(b"\r")) - 1)
    sheet = open_sheet(data)
    try:
        return _from_sheet(sheet, name)
    except DataError as error:
        raise DataError(NO_TEXT) if sheet.is_guess else error from error


def _from_sheet(sheet: Sheet, name: str) -> _Content:
    if {*SPELL_COLUMNS[:3]} <= {*sheet.header}:
        raise DataError("it is a table of spells, which can't be imported")
    headings = read_headings(sheet.header)
    recording = _bare_recording(headings.labels, name)
    expected = with_path(_expected(recording.labels, headings.names), headings.names)
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
