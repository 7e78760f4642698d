"""Converts the columns of a file to readings after validating them."""

from collections.abc import Collection, Sequence
from functools import reduce
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute

from ferapp.errors import DataError
from ferapp.sessions.face_edits import MOST_NAME, clean_name, name_key
from ferapp.sessions.formats.headings import CORNERS, DURATION, NAME, PATH, respelt_labels
from ferapp.sessions.formats.limits import MOST_FLAWS, MOST_NAMES, refuse_more
from ferapp.sessions.formats.metadata import MOST_LETTERS
from ferapp.sessions.session import MOST_SECONDS, Readings
from ferapp.system.csv_tables import MISSING, is_missing_word, remove_guard
from ferapp.system.text import one_line

# The largest integer of a database column.
_MOST_COUNTED: Final = 2**31 - 1

TEXTS: Final = (NAME, "expression", "flaw")

CODED: Final = pa.dictionary(pa.int32(), pa.string())
"""Dictionary-encoded text: a small file can claim that every row contains one long text."""

Rows = NDArray[np.int64]
"""The number of each row in its file, (n,)."""


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


def row_numbers(columns: pa.Table) -> Rows:
    """The numbers of rows that have no heading above them, from 1."""
    return np.arange(1, columns.num_rows + 1)


def with_path(columns: pa.Schema, header: Collection[str]) -> pa.Schema:
    """The columns, and that of `without_path` if there is one."""
    return columns.append(pa.field(PATH, CODED)) if PATH in header else columns


def without_path(columns: pa.Table) -> pa.Table:
    """The table of one file without the column that names it.

    Raises:
        DataError: There are several files, whose faces have the same numbers.
    """
    if PATH not in columns.column_names:
        return columns
    paths = set(compute.unique(columns[PATH].cast(pa.string())).to_pylist())
    if len(paths) > 1:
        raise DataError(
            f"it holds the readings of {len(paths):,} files, which a session can't; import the "
            "files in the folder results of the batch, or a table with the rows of one path"
        )
    return columns.drop_columns([PATH])


def with_numbers(columns: pa.Table) -> pa.Table:
    """With numbers in place of the texts in which some programs write them."""
    for place, field in enumerate(columns.schema):
        if pa.types.is_dictionary(field.type) and field.name not in (*TEXTS, PATH):
            coded = dictionary_of(columns[field.name])
            words = coded.dictionary.cast(pa.string())
            kind = pa.bool_() if field.name == "is_corrected" else pa.float64()
            try:
                cells = words.cast(kind).take(coded.indices)
            except pa.ArrowException as exc:
                raise DataError(_other_kind_text(field.name)) from exc
            columns = columns.set_column(place, field.name, cells)
    return columns


def without_missing_words(
    columns: pa.Table, labels: Sequence[str], seen: Collection[str] = ()
) -> pa.Table:
    """Replace words for what is missing, such as ``NA``, in columns of texts by None.

    A person can be called "NA" or "None": as a name, such a word is missing only if the same file
    writes it for what is missing elsewhere.

    Args:
        columns: The columns of a file.
        labels: The expressions, which may be such words.
        seen: Words that the file has for missing numbers.
    """
    missing = set(seen)
    for name in ("flaw", "expression", NAME):
        if name not in columns.column_names:
            continue
        coded, words = _words_of(columns[name])
        there = {word for word in words if word is not None}
        if name == NAME:
            of_file = {"", *(MISSING & missing)}
            gone = {word for word in there if word.strip() in of_file}
        else:
            known = labels if name == "expression" else ()
            gone = {
                word
                for word in there.difference(known)
                if not word.strip() or is_missing_word(word)
            }
            missing |= {word.strip() for word in gone}
        kept = [None if word in gone else word for word in words]
        columns = _with_words(columns, name, coded, kept)
    return columns


def without_guards(columns: pa.Table, labels: Sequence[str]) -> pa.Table:
    """The texts of a CSV as they were before `csv_bytes`, and without spaces around them."""
    for name in TEXTS:
        if name in columns.column_names:
            coded, words = _words_of(columns[name])
            bare = [
                word if word is None or word in labels else remove_guard(word.strip(" "))
                for word in words
            ]
            columns = _with_words(columns, name, coded, bare)
    return columns


def as_cells_spell_labels(
    columns: pa.Table, labels: tuple[str, ...], *, is_respelt: bool
) -> tuple[tuple[str, ...], pa.Table, list[str]]:
    """The expressions and the columns with the names that the cells have for expressions.

    Args:
        columns: The columns of a file.
        labels: The expressions as its headings spell them.
        is_respelt: Whether another program has changed other headings.

    Returns:
        Expressions, columns, and a note for the user if anything has changed.
    """
    cells = set(dictionary_of(columns["expression"]).dictionary.to_pylist()) - {None, ""}
    changed = respelt_labels(labels, cells, is_respelt=is_respelt)
    if not changed:
        return labels, columns, []
    new = {f"{kind}_{a}": f"{kind}_{b}" for a, b in changed.items() for kind in "ps"}
    columns = columns.rename_columns([new.get(name, name) for name in columns.column_names])
    pairs = ", ".join(f"{one_line(a)} is {one_line(b)}" for a, b in changed.items())
    note = f"spells expressions in its headings in another way: {pairs}"
    return tuple(changed.get(label, label) for label in labels), columns, [note]


def split_empty_frames(columns: pa.Table, rows: Rows) -> tuple[pa.Table, Rows, pa.Table]:
    """The rows of faces with their numbers, and those of frames without a face.

    The latter have a time and a length, and nothing else.
    """
    for place, field in enumerate(columns.schema):
        if pa.types.is_floating(field.type):
            # Some programs know no missing number.
            is_nan = compute.is_nan(columns[field.name])
            if compute.any(is_nan).as_py():
                cells = compute.if_else(is_nan, pa.scalar(None, field.type), columns[field.name])
                columns = columns.set_column(place, field.name, cells)
    filled = [columns[name].is_valid() for name in ("face", *CORNERS, "score")]
    has_face = reduce(compute.or_, filled)
    if compute.all(has_face).as_py():
        return columns, rows, columns.slice(0, 0)
    empty = columns.filter(compute.and_(compute.invert(has_face), columns["time_s"].is_valid()))
    return columns.filter(has_face), rows[has_face.to_numpy()], empty


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
    return at_s, _lengths(columns[DURATION].cast(pa.float64()).to_numpy())


def _lengths(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Validated; NaN where a length is unknown.

    Raises:
        DataError: One is not possible.
    """
    if not np.all(np.isnan(lengths) | ((lengths >= 0) & (lengths <= MOST_SECONDS))):
        raise DataError("its durations must be seconds, from 0 on")
    # A reading of no length would be in no summary.
    return np.where(lengths > 0, lengths, np.nan)


def to_readings(columns: dict[str, pa.ChunkedArray], labels: Sequence[str], rows: Rows) -> Readings:
    """Validate the columns of a table and convert them to readings in the order of the rows.

    Args:
        columns: The columns by name; they are taken out, so that each is in memory only once.
        labels: The expressions.
        rows: The number of each row in its file.

    Raises:
        DataError: A value is not possible; the text names its row.
    """
    expected = schema(labels, CODED)
    for name in ["time_s", "face", *CORNERS, "width", "height", "score", "is_corrected"]:
        if columns[name].null_count:
            row = rows[columns[name].is_null().to_numpy()][0]
            raise DataError(f"its column {name} has missing values (first in row {row})")

    def column(name: str) -> NDArray[Any]:
        try:
            return np.asarray(columns.pop(name).cast(expected.field(name).type))
        except pa.ArrowException as exc:
            raise DataError(_other_kind_text(name)) from exc

    def numbers(*names: str) -> NDArray[Any]:
        return np.stack([column(name) for name in names], axis=-1)

    def need(is_right: NDArray[np.bool_], what: str, *names: str) -> None:
        if is_right.all():
            return
        row, place = np.argwhere(~is_right.reshape(len(rows), is_right[0].size))[0]
        at = f"row {rows[row]}, column {one_line(names[place])}" if names else f"row {rows[row]}"
        raise DataError(f"{what} ({at})")

    if DURATION not in columns:
        columns[DURATION] = pa.chunked_array([pa.nulls(len(rows), pa.float64())])
    shares = {kind: [f"{kind}_{label}" for label in labels] for kind in "ps"}
    # Written so that NaN fails.
    at_s = column("time_s")
    is_time = (at_s >= 0) & (at_s <= MOST_SECONDS)
    need(is_time, "its times must be seconds, from 0 on", "time_s")
    duration_s = _lengths(column(DURATION))
    readings = Readings(
        at_s=at_s,
        face=column("face"),
        size_wh=numbers("width", "height"),
        xyxy=numbers(*CORNERS),
        score=column("score"),
        probabilities=numbers(*shares["p"]),
        smoothed=numbers(*shares["s"]),
        expression=_texts(columns.pop("expression"), "expressions", MOST_FLAWS),
        flaw=_texts(columns.pop("flaw"), "flaws", MOST_FLAWS),
        is_corrected=column("is_corrected"),
        duration_s=duration_s,
    )
    finite = "its boxes and scores must be finite numbers"
    need(np.isfinite(readings.xyxy), finite, *CORNERS)
    need(np.isfinite(readings.score), finite, "score")
    whole = "its face numbers and frame sizes must be whole numbers, from 0 on"
    for counts, names in ((readings.face, ("face",)), (readings.size_wh, ("width", "height"))):
        need((counts >= 0) & (counts <= _MOST_COUNTED), whole, *names)
    for kind, values in (("p", readings.probabilities), ("s", readings.smoothed)):
        is_missing = np.isnan(values)
        is_even = is_missing.any(axis=1) == is_missing.all(axis=1)
        need(is_even, "the probabilities of a row must all be present or all be missing")
        is_share = is_missing | ((values >= 0) & (values <= 1))
        need(is_share, "its probabilities must be between 0 and 1", *shares[kind])
    if unknown := set(readings.expression) - set(labels) - {None}:
        row, word = next((r, w) for r, w in enumerate(readings.expression) if w in unknown)
        raise DataError(f"its expression {word} has no column of probabilities (row {rows[row]})")
    return readings


def to_names(columns: pa.Table) -> dict[int, str]:
    """The names of faces by number; none if the table has no such column.

    Raises:
        DataError: A face has two names, or two faces have the same.
    """
    if NAME not in columns.column_names:
        return {}
    coded, words = _words_of(columns[NAME])
    refuse_more("different names", len(words), MOST_NAMES)
    lines = [clean_name(word[:MOST_NAME]) if word else "" for word in words]
    places = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    faces = columns["face"].cast(pa.int64()).to_numpy()
    names: dict[int, str] = {}
    refuse_more("faces with names", len(np.unique(faces[places >= 0])), MOST_NAMES)
    for face, place in np.unique(np.stack([faces, places], axis=1), axis=0).tolist():
        if place >= 0 and lines[place] and names.setdefault(face, lines[place]) != lines[place]:
            raise DataError(f"its face {face} has two names")
    if len({name_key(name) for name in names.values()}) < len(names):
        raise DataError("two of its faces have the same name")
    return names


def _other_kind_text(name: str) -> str:
    kind = "true or false" if name == "is_corrected" else "numbers"
    return f"its column {one_line(name)} holds something else than {kind}"


def dictionary_of(column: pa.ChunkedArray) -> Any:
    """A column of texts, dictionary-encoded, in one piece."""
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    return column.combine_chunks()


def _words_of(column: pa.ChunkedArray) -> tuple[Any, list[str | None]]:
    """As `dictionary_of`, and its different texts."""
    coded = dictionary_of(column)
    words: list[str | None] = coded.dictionary.cast(pa.string()).to_pylist()
    return coded, words


def _with_words(columns: pa.Table, name: str, coded: Any, words: Sequence[str | None]) -> pa.Table:
    """The columns with other texts in one of them, in place of those of `_words_of`."""
    new = pa.DictionaryArray.from_arrays(coded.indices, pa.array(words, pa.string()))
    return columns.set_column(columns.column_names.index(name), name, new)


def _texts(column: pa.ChunkedArray, what: str, most: int) -> NDArray[np.object_]:
    """Each text on one line and shortened, (n,); None if it is missing or empty.

    Raises:
        DataError: There are too many different ones.
    """
    coded, words = _words_of(column)
    refuse_more(f"different {what}", len(words), most)
    lines = [one_line(word[:MOST_LETTERS]) or None if word else None for word in words]
    places = coded.indices.fill_null(len(lines)).to_numpy(zero_copy_only=False)
    texts: NDArray[np.object_] = np.array([*lines, None], object)[places]
    return texts
