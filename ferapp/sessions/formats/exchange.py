"""Writes sessions to files; `ferapp.sessions.formats.reading` reads them."""

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import numpy as np
import pandas
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from ferapp.sessions.formats.columns import TEXTS, schema
from ferapp.sessions.formats.headings import CORNERS, DURATION, NAME
from ferapp.sessions.formats.metadata import FORMAT, metadata
from ferapp.sessions.formats.reading import METADATA_KEY
from ferapp.sessions.formats.reading import read as read  # the other way
from ferapp.sessions.lengths import frame_lengths_s
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.system.csv_tables import csv_bytes

Times = NDArray[np.float64]

_ROWS_AT_ONCE: Final = 20_000


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
    columns = schema(recording.labels, pa.string()).with_metadata({METADATA_KEY: envelope})
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
