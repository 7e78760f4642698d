"""Converts the columns of a file to readings after validating them."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from ferapp.errors import DataError
from ferapp.sessions.face_edits import MOST_NAME, clean_name, name_key
from ferapp.sessions.formats.metadata import MOST_LETTERS, MOST_SECONDS
from ferapp.sessions.session import Readings
from ferapp.system.text import one_line

MOST_READINGS: Final = 2_000_000

# The largest integer of a database column.
_MOST_COUNTED: Final = 2**31 - 1

CORNERS: Final = ("x1", "y1", "x2", "y2")
NAME: Final = "name"
"""The column of names of faces; files of earlier versions have none."""

DURATION: Final = "duration_s"
"""The column with how long the frame of a reading was shown; other files may have none."""

ADDED: Final = (NAME, DURATION)
"""Columns that files of earlier versions lack."""

TEXTS: Final = (NAME, "expression", "flaw")

CODED: Final = pa.dictionary(pa.int32(), pa.string())
"""Dictionary-encoded text: a small file can claim that every row contains one long text."""


def schema(labels: Sequence[str], text: pa.DataType) -> pa.Schema:
    """Names and types of the columns; ``text`` is `pa.string()` to write, `CODED` to read."""
    return pa.schema(
        [("time_s", pa.float64()), ("face", pa.int64()), (NAME, text)]
        + [(name, pa.float32()) for name in CORNERS]
        + [("width", pa.int64()), ("height", pa.int64()), ("score", pa.float32())]
        + [(name, text) for name in TEXTS if name != NAME]
        + [("is_corrected", pa.bool_())]
        + [(f"{kind}_{label}", pa.float32()) for kind in "ps" for label in labels]
        + [(DURATION, pa.float64())]
    )


def refuse_many(count: int) -> None:
    """Refuse more rows than any session has.

    Raises:
        DataError: There are more than `MOST_READINGS`.
    """
    if count > MOST_READINGS:
        raise DataError(f"it has more than {MOST_READINGS:,} readings")


def split_empty_frames(columns: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows of faces, and those of frames without a face, which have a time and a length."""
    filled = [columns[name].is_valid() for name in ("face", *CORNERS, "score")]
    has_face = reduce(compute.or_, filled)
    # A spreadsheet may save rows in which nothing is.
    is_empty = compute.and_(compute.invert(has_face), columns["time_s"].is_valid())
    return columns.filter(has_face), columns.filter(is_empty)


def to_times(columns: pa.Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and lengths of the rows, (n,), s; a length is NaN if it is unknown.

    Raises:
        DataError: One is not possible.
    """
    at_s = columns["time_s"].cast(pa.float64()).to_numpy()
    if not np.all((at_s >= 0) & (at_s <= MOST_SECONDS)):  # so that NaN fails
        raise DataError("its times must be seconds, from 0 on")
    if DURATION not in columns.column_names:
        return at_s, np.full(len(at_s), np.nan)
    lengths = columns[DURATION].cast(pa.float64()).to_numpy()
    if not np.all(np.isnan(lengths) | ((lengths >= 0) & (lengths <= MOST_SECONDS))):
        raise DataError("its durations must be seconds, from 0 on")
    # A reading of no length would be in no summary.
    return at_s, np.where(lengths > 0, lengths, np.nan)


def to_readings(columns: pa.Table, labels: Sequence[str]) -> Readings:
    """Validate the columns of a table and convert them to readings in the order of time.

    Raises:
        DataError: A value is not possible.
    """
    refuse_many(columns.num_rows)
    expected = schema(labels, CODED)
    for column in ["time_s", "face", *CORNERS, "width", "height", "is_corrected"]:
        if columns[column].null_count:
            raise DataError(f"its column {column} has missing values")

    def numbers(*names: str) -> NDArray[Any]:
        cast = (columns[name].cast(expected.field(name).type).to_numpy() for name in names)
        return np.stack(list(cast), axis=-1)

    probabilities = numbers(*[f"p_{label}" for label in labels])
    smoothed = numbers(*[f"s_{label}" for label in labels])
    at_s, duration_s = to_times(columns)
    readings = Readings(
        at_s=at_s,
        face=numbers("face")[:, 0],
        size_wh=numbers("width", "height"),
        xyxy=numbers(*CORNERS),
        score=numbers("score")[:, 0],
        probabilities=probabilities,
        smoothed=smoothed,
        expression=_texts(columns["expression"]),
        flaw=_texts(columns["flaw"]),
        is_corrected=numbers("is_corrected")[:, 0],
        duration_s=duration_s,
    )
    if not np.isfinite(readings.xyxy).all() or np.isinf(readings.score).any():
        raise DataError("its boxes and scores must be finite numbers")
    for counts in (readings.face, readings.size_wh):
        if ((counts < 0) | (counts > _MOST_COUNTED)).any():
            raise DataError("its face numbers and frame sizes must be whole numbers, from 0 on")
    for shares in (probabilities, smoothed):
        is_missing = np.isnan(shares)
        if (is_missing.any(axis=1) != is_missing.all(axis=1)).any():
            raise DataError("the probabilities of a row must all be present or all be missing")
        if not np.all(is_missing | ((shares >= 0) & (shares <= 1))):
            raise DataError("its probabilities must be between 0 and 1")
    if unknown := set(readings.expression) - set(labels) - {None}:
        raise DataError(f"its expression {min(unknown)} has no column of probabilities")
    return readings.at(np.argsort(readings.at_s, kind="stable"))


def to_names(columns: pa.Table) -> dict[int, str]:
    """The names of faces by number; none if the table has no such column.

    Raises:
        DataError: A face has two names, or two faces have the same.
    """
    if NAME not in columns.column_names:
        return {}
    coded = _coded(columns[NAME])
    words = coded.dictionary.cast(pa.string()).to_pylist()
    lines = [clean_name(word[:MOST_NAME]) if word else "" for word in words]
    places = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    faces = columns["face"].cast(pa.int64()).to_numpy()
    names: dict[int, str] = {}
    for face, place in np.unique(np.stack([faces, places], axis=1), axis=0).tolist():
        if place >= 0 and lines[place] and names.setdefault(face, lines[place]) != lines[place]:
            raise DataError(f"its face {face} has two names")
    if len({name_key(name) for name in names.values()}) < len(names):
        raise DataError("two of its faces have the same name")
    return names


def _coded(column: pa.ChunkedArray) -> Any:
    """A column of texts, dictionary-encoded, in one piece."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    return column.combine_chunks()


def _texts(column: pa.ChunkedArray) -> NDArray[np.object_]:
    """Each text on one line and shortened, (n,); None if it is missing or empty."""
    coded = _coded(column)
    words = coded.dictionary.cast(pa.string()).to_pylist()
    lines = [one_line(word[:MOST_LETTERS]) or None if word else None for word in words]
    places = coded.indices.fill_null(len(lines)).to_numpy(zero_copy_only=False)
    texts: NDArray[np.object_] = np.array([*lines, None], object)[places]
    return texts
