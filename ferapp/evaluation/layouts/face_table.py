"""Labelled faces in a table that names their pictures: ``labels.csv`` beside them.

The columns ``image``, a path from the table, and ``label`` are needed. ``framing`` says how much
longer the side of a picture is than the face that a detector frames, as a share of it, such as
0.2; it is cut off. ``given`` or nothing leaves the picture as it is. All other columns, such as
``source`` or ``person``, are kept: figures can be given for each of their values.
"""

import csv
import hashlib
import io
import math
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import expression_of, in_usual_order, is_number, meaning_by_key
from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import (
    LabelledFaces,
    labelled,
    omission_text,
    omissions,
    read_picture,
    reason_of,
)
from ferapp.evaluation.room import MOST_ROWS, refuse_more
from ferapp.evaluation.sources import Files, path_start

_TABLE: Final = "labels.csv"
_IMAGE: Final = "image"
_LABEL: Final = "label"
_FRAMING: Final = "framing"
_AS_IT_IS: Final = ("", "given")
_HEADER_BYTES: Final = 1000
_MOST_BYTES: Final = 2**26
# A detector's square with more around it than this is no face any more.
_MOST_PADDING: Final = 4.0


def find_face_table(files: Files) -> str | None:
    """The table among the files; None if there is none with the columns ``image`` and ``label``.

    Raises:
        DataError: There are several.
    """
    found = []
    for name in files.names:
        if PurePosixPath(name).name == _TABLE:
            head = files.read(name, most=_HEADER_BYTES).decode("utf-8-sig", "replace")
            if {_IMAGE, _LABEL} <= set(_header(head)):
                found.append(name)
    if len(found) > 1:
        raise DataError(f"{files.source}: name one of its tables: {', '.join(found)}.")
    return found[0] if found else None


def load_face_table(
    files: Files, table: str, key: Mapping[str, str], *, padding: float = 0.0
) -> LabelledFaces:
    """Read all faces of a table.

    Args:
        files: The files of the data set.
        table: See `find_face_table`.
        key: What names and numbers of classes mean, before their usual meaning.
        padding: The framing of all pictures if the table has no such column.

    Raises:
        DataError: The table is damaged, or no face of it can be used.
    """
    start = path_start(str(PurePosixPath(table).parent).removeprefix("."))
    rows = _rows(files, table)
    faces: list[tuple[str, NDArray[np.uint8]]] = []
    used: list[dict[str, str]] = []
    read_as: dict[str, str] = {}
    bad: dict[str, list[str]] = {}
    digest = hashlib.sha256()
    room = files.room()
    for row in rows:
        shown, given = row[_IMAGE], row[_LABEL].strip()
        label = meaning_by_key(given, key) or expression_of(given) or given
        framing = row.get(_FRAMING, f"{padding}")
        try:
            if not label or is_number(label):
                raise DataError(f"its label is {label or 'empty'}; say with --key what it means")
            data = files.read(start + shown)
            image = without_padding(read_picture(data, shown), _padding(framing))
        except DataError as exc:
            reason = reason_of(exc, f"{files.source}: ", f"{start}{shown} ", f"{shown}: ")
            bad.setdefault(reason, []).append(shown)
            continue
        if label != given:
            read_as[given] = label
        room.take(image.nbytes, packed_bytes=len(data))
        digest.update(label.encode() + framing.encode() + data)
        faces.append((label, image))
        used.append(row)
    left_out = omissions(bad)
    if not faces:
        about = f"\n{omission_text(left_out)}" if left_out else ""
        raise DataError(f"{files.source}: no face of {table} can be used.{about}")
    return labelled(
        faces,
        in_usual_order(label for label, _ in faces),
        sha256=digest.hexdigest(),
        left_out=left_out,
        read_as=dict(sorted(read_as.items())),
        columns={
            name: tuple(row[name] for row in used)
            for name in used[0]
            if name not in (_IMAGE, _LABEL, _FRAMING)
        },
    )


def without_padding(image: NDArray[np.uint8], padding: float) -> NDArray[np.uint8]:
    """The middle of a picture that is longer than the face by a share of its side.

    Example:
        >>> without_padding(np.zeros((120, 120, 3), np.uint8), 0.2).shape
        (100, 100, 3)
    """
    height, width = image.shape[:2]
    top, left = (round(side * padding / (1 + padding) / 2) for side in (height, width))
    return np.ascontiguousarray(image[top : height - top, left : width - left])


def _header(text: str) -> list[str]:
    """The cells of the first line; none if it is no table."""
    try:
        return next(csv.reader([text.split("\n")[0].strip()]), [])
    except csv.Error:
        return []


def _padding(text: str) -> float:
    if text.strip() in _AS_IT_IS:
        return 0.0
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MOST_PADDING:
        raise DataError(f"its framing is {text[:20]}; expected a share of the side, such as 0.2")
    return value


def _rows(files: Files, table: str) -> list[dict[str, str]]:
    """The cells of each row by column; a missing cell is empty."""
    data = files.read(table, most=_MOST_BYTES + 1)
    refuse_more(files.source, f"bytes in {table}", len(data), _MOST_BYTES)
    rows = []
    try:
        text = io.StringIO(data.decode("utf-8-sig"), newline="")
        for count, row in enumerate(csv.DictReader(text, restval="", restkey="")):
            refuse_more(files.source, "rows", count, MOST_ROWS)
            rows.append({name: cell for name, cell in row.items() if name})
    except UnicodeDecodeError as exc:
        raise DataError(f"{files.source}: {table} is not UTF-8 text.") from exc
    except csv.Error as exc:
        raise DataError(f"{files.source}: {table} can't be read: {exc}.") from exc
    return rows
