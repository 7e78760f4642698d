"""Writes sessions to files and reads them; files that are read are not trusted."""

import csv
import io
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import PureWindowsPath
from typing import Any, BinaryIO, Final, NoReturn

import numpy as np
import pandas
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from ferapp.errors import DataError
from ferapp.sessions.formats.columns import (
    CODED,
    CORNERS,
    NAME,
    TEXTS,
    refuse_many,
    schema,
    to_names,
    to_readings,
    without_empty_frames,
)
from ferapp.sessions.formats.metadata import MOST_LETTERS, from_metadata, metadata
from ferapp.sessions.formats.spreadsheets import as_utf8, heading, read_columns
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.csv_tables import csv_bytes, remove_guard
from ferapp.system.text import one_line

Times = NDArray[np.float64]

FORMAT: Final = 1
"""Version of Parquet and JSON files; newer ones are refused."""

_ROWS_AT_ONCE: Final = 20_000
_MOST_UNPACKED: Final = 2**30
_MARK: Final = b"\xef\xbb\xbf"
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

    `p_` are the classifier's probabilities, `s_` the smoothed ones. Missing values are NaN or None.
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
    for first in range(0, max(len(frame_times_s), 1), _ROWS_AT_ONCE):
        times_s = frame_times_s[first : first + _ROWS_AT_ONCE]
        since = np.searchsorted(readings.at_s, times_s[0]) if len(times_s) else 0
        until = np.searchsorted(readings.at_s, times_s[-1], side="right") if len(times_s) else 0
        part = table(recording, readings.at(np.arange(since, until)))
        numbers = pandas.DataFrame({"time_s": times_s, "frame": first + np.arange(len(times_s))})
        whole = part.merge(numbers, on="time_s", how="outer", sort=False)
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


def read(name: str, data: bytes) -> tuple[SessionInfo, Readings]:
    """Read a session from a CSV, Parquet or JSON file, under a new id.

    Args:
        name: Name of the file; becomes the title if the file has no metadata.
        data: Its bytes, from which the format is detected.

    Raises:
        DataError: It is not a valid session.
    """
    title = one_line(PureWindowsPath(name).name[:MOST_LETTERS]) or "session"
    try:
        if data.startswith(b"PAR1"):
            recording, columns = _from_parquet(data, title)
        elif data[:64].removeprefix(_MARK).lstrip().startswith(b"{"):
            recording, columns = _from_json(data)
        else:
            recording, columns = _from_csv(data, title)
        columns = without_empty_frames(columns)
        readings = to_readings(columns, recording.labels)
        return replace(recording, names=to_names(columns)), readings
    except DataError as error:
        raise DataError(f"{title} can't be opened: {error}. {_ADVICE}") from error
    except _BROKEN as error:
        raise DataError(
            f"{title} can't be opened: it is not a table of readings. {_ADVICE}"
        ) from error


def _from_parquet(data: bytes, name: str) -> tuple[SessionInfo, pa.Table]:
    # It refuses to read a column as a dictionary that does not exist.
    texts = [name for name in TEXTS if name in parquet.read_schema(io.BytesIO(data)).names]
    file = parquet.ParquetFile(io.BytesIO(data), read_dictionary=texts)
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    refuse_many(file.metadata.num_rows)
    if sum(group.total_byte_size for group in groups) > _MOST_UNPACKED:
        raise DataError("it is too large")
    header = file.schema_arrow
    envelope = (header.metadata or {}).get(_KEY)
    recording = (
        _bare_recording(header.names, name)
        if envelope is None
        else _from_envelope(_parse_json(envelope))
    )
    if envelope is not None:
        _refuse_others(recording.labels, header.names)
    expected = _expected(recording.labels, header.names)
    return recording, file.read(columns=expected.names, use_threads=False)


def _from_json(data: bytes) -> tuple[SessionInfo, pa.Table]:
    whole = _parse_json(data)
    recording = _from_envelope(whole)
    columns = whole.get("readings")
    if not isinstance(columns, dict) or not all(isinstance(v, list) for v in columns.values()):
        raise DataError("its readings are not in columns")
    _refuse_others(recording.labels, columns)
    expected = _expected(recording.labels, columns)
    if len({len(columns[column]) for column in expected.names}) != 1:
        raise DataError("its columns have different lengths")
    refuse_many(len(columns["time_s"]))
    arrays = [pa.array(columns[field.name], field.type) for field in expected]
    return recording, pa.Table.from_arrays(arrays, schema=expected)


def _from_csv(data: bytes, name: str) -> tuple[SessionInfo, pa.Table]:
    data = as_utf8(data)
    header, separator = heading(data, "time_s")
    recording = _bare_recording(header, name)
    expected = _expected(recording.labels, header)
    refuse_many(max(data.count(b"\n"), data.count(b"\r")) - 1)
    columns = read_columns(data, header, separator, expected)
    for text in (name for name in TEXTS if name in expected.names):
        column = columns[text].combine_chunks()
        words = pa.array(
            [remove_guard(word) for word in column.dictionary.to_pylist()], pa.string()
        )
        whole = pa.DictionaryArray.from_arrays(column.indices, words)
        columns = columns.set_column(columns.schema.get_field_index(text), text, whole)
    return recording, columns


def _parse_json(text: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> NoReturn:
        raise DataError(f"JSON has no {constant}")

    whole = json.loads(text.removeprefix(_MARK), parse_constant=refuse)
    if not isinstance(whole, dict):
        raise DataError("it is not a session")
    return whole


def _from_envelope(whole: dict[str, Any]) -> SessionInfo:
    version = whole.get("ferapp")
    if type(version) is not int or version < 1:
        raise DataError("it is not a session of ferapp")
    if version > FORMAT:
        raise DataError("a newer version of ferapp made it; update ferapp")
    return from_metadata(whole.get("recording"))


def _bare_recording(header: Sequence[str], name: str) -> SessionInfo:
    """What the column names and the file name say about a session."""
    return from_metadata(
        {
            "title": PureWindowsPath(name).stem,
            "source": "live",
            "started": None,
            "labels": [column[2:] for column in header if column.startswith("p_")],
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
    """The columns to read; files of earlier versions have no names.

    Raises:
        DataError: One is missing.
    """
    fields = [field for field in schema(labels, CODED) if field.name != NAME or NAME in header]
    if missing := [field.name for field in fields if field.name not in header]:
        raise DataError(f"it has no column {one_line(missing[0])}")
    return pa.schema(fields)
