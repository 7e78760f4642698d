"""Labelled faces in a table with their pixels as text, as ``fer2013.csv`` of FER2013 has them.

The columns are ``emotion``, a number or a name; ``pixels``, the grey values row by row, separated
by spaces; and ``Usage``, which names the split and may be missing.
"""

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import KEYS, expression_of, in_usual_order, is_number, meaning_by_key
from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import (
    LabelledFaces,
    Omission,
    labelled,
    omission_text,
    omissions,
)
from ferapp.evaluation.room import MOST_ROWS, refuse_more
from ferapp.evaluation.sources import Files
from ferapp.evaluation.splits import Split, split_of

_CLASS: Final = "emotion"
_PIXELS: Final = "pixels"
_USAGE: Final = "usage"
_ENDINGS: Final = (".csv", ".tsv", ".txt")
_SEPARATORS: Final = ",;\t"
_HEADER_BYTES: Final = 1000
_NO_PICTURE: Final = "its pixels are not the 0 to 255 of a square picture"
# The longest side of a face that is read, px.
_MOST_SIDE: Final = 1024
_MOST_LINE: Final = 4 * _MOST_SIDE**2 + 1000


def find_table(files: Files) -> str | None:
    """The table of pixels among the files; None if there is none.

    Raises:
        DataError: There are several, and not exactly one of them has the column Usage.
    """
    found = {}
    for name in files.names:
        if PurePosixPath(name).suffix.lower() in _ENDINGS or len(files.names) == 1:
            columns = _columns(files.read(name, most=_HEADER_BYTES))
            if {_CLASS, _PIXELS} <= columns.keys():
                found[name] = columns
    with_usage = [name for name, columns in found.items() if _USAGE in columns]
    candidates = with_usage if with_usage else list(found)
    if len(candidates) > 1:
        raise DataError(f"{files.source}: name one of its tables: {', '.join(candidates)}.")
    return candidates[0] if candidates else None


def splits_of_table(files: Files, name: str) -> set[Split]:
    """The splits that have rows; none if the table does not say."""
    return {split for _, row in _rows(files, name) if (split := split_of(row.get(_USAGE) or ""))}


def load_pixel_table(
    files: Files, name: str, split: Split | None, key: Mapping[str, str]
) -> LabelledFaces:
    """Read the faces of one split.

    Args:
        files: The files of the data set.
        name: The table among them.
        split: Which split; None for all rows.
        key: What numbers and names mean; by default, numbers are those of FER2013.

    Raises:
        DataError: The table is damaged or no face is left.
    """
    meanings = key or KEYS["fer2013"]
    faces: list[tuple[str, NDArray[np.uint8]]] = []
    read_as: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    bad: dict[str, list[str]] = {}
    digest = hashlib.sha256()
    room = files.room()
    for line, row in _rows(files, name):
        usage = row.get(_USAGE) or ""
        if split is not None and split_of(usage) != split:
            if split_of(usage) is None:
                bad.setdefault(f"its Usage is {usage[:40] or 'empty'}", []).append(f"line {line}")
            continue
        given = (row[_CLASS] or "").strip()
        meaning = meaning_by_key(given, meanings) or expression_of(given)
        if not given or (meaning is None and is_number(given)):
            unknown[given[:40] or "an empty cell"] += 1
            continue
        label = meaning or given
        pixels = _pixels(row[_PIXELS] or "")
        if pixels is None:
            bad.setdefault(_NO_PICTURE, []).append(f"line {line}")
            continue
        if label != given:
            read_as[given] = label
        digest.update(label.encode() + pixels.tobytes())
        faces.append((label, np.repeat(pixels[:, :, None], 3, axis=2)))
        # The text of a pixel has two bytes or more.
        room.take(faces[-1][1].nbytes, packed_bytes=2 * pixels.size)
    reason = "--key says nothing about it" if key else "it is no number of FER2013; see --key"
    left_out = [*omissions(bad)]
    left_out += [Omission(f"emotion {given}", n, reason) for given, n in unknown.items()]
    if not faces:
        about = f"\n{omission_text(left_out)}" if left_out else ""
        raise DataError(f"{files.source}: no face of it can be used.{about}")
    return labelled(
        faces,
        in_usual_order(label for label, _ in faces),
        sha256=digest.hexdigest(),
        left_out=tuple(left_out),
        read_as=dict(sorted(read_as.items())),
    )


def _pixels(text: str) -> NDArray[np.uint8] | None:
    """Grey values, (side, side) uint8; None if they are not those of a square picture."""
    try:
        values = np.frombuffer(bytes(map(int, text.split())), np.uint8)
    except ValueError:
        return None
    side = math.isqrt(len(values))
    return values.reshape(side, side) if side and side * side == len(values) else None


def _columns(head: bytes) -> dict[str, int]:
    """Places of the columns by their name in lower case, from the first line."""
    line = head.decode("utf-8-sig", "replace").split("\n")[0].strip()
    try:
        cells = next(csv.reader([line], delimiter=_separator(line)), []) if line else []
    except csv.Error:  # it is no table
        cells = []
    return {cell.strip().lower(): place for place, cell in enumerate(cells)}


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _rows(files: Files, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Number of the line and cells by column, in lower case, of each row."""
    with files.open(name) as file, _lines(files, name, file) as lines:
        header = next(lines, "")
        columns = _columns(header.encode())
        reader = csv.reader(lines, delimiter=_separator(header))
        for count, row in enumerate(reader, 1):
            refuse_more(files.source, "rows", count, MOST_ROWS)
            if row:
                cells = {c: row[i] if i < len(row) else "" for c, i in columns.items()}
                yield reader.line_num + 1, cells


def _bounded(files: Files, text: io.TextIOWrapper) -> Iterator[str]:
    """The lines, none of which is longer than that of the largest face."""
    while line := text.readline(_MOST_LINE + 1):
        refuse_more(files.source, "characters in a line", len(line), _MOST_LINE)
        yield line


@contextmanager
def _lines(files: Files, name: str, file: BinaryIO) -> Iterator[Iterator[str]]:
    """The lines of the table, with errors as messages."""
    usual = csv.field_size_limit(4 * _MOST_SIDE**2)
    try:
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            yield _bounded(files, text)
    except UnicodeDecodeError as exc:
        raise DataError(f"{files.source}: {name} is not UTF-8 text.") from exc
    except (csv.Error, OSError, EOFError) as exc:
        raise DataError(f"{files.source}: {name} can't be read: {exc}.") from exc
    finally:
        csv.field_size_limit(usual)
