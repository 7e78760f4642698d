"""FER+ in its official layout.

It has one folder per split (``FER2013Train``, ``FER2013Valid``, ``FER2013Test``), each with its
pictures and a ``label.csv`` without a header: file name, box, then the votes of ten taggers for
neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown and not-a-face.

If ``fer2013new.csv`` is beside the three folders, its votes are used instead: it is the table that
FER+ publishes, and the ``label.csv`` files in circulation differ from it in 3 to 8 % of rows.
"""

import csv
import hashlib
import io
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import LabelledFaces, read_picture
from ferapp.evaluation.room import refuse_more
from ferapp.evaluation.sources import Files, path_start
from ferapp.evaluation.splits import USAGE, Split
from ferapp.wording import counted

_TABLE: Final = re.compile(r"((?:.*/)?)FER2013(?:Train|Valid|Test)/label\.csv")
_VOTES: Final = len(EXPRESSIONS) + 2  # the last two are "unknown" and "not a face"


def has_majority(votes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each row gives over half of its votes to one expression.

    Args:
        votes: (n, 10), single votes already dropped, "unknown" and "not a face" last.

    Returns:
        (n,) bool.
    """
    top = votes.argmax(axis=1)
    is_over_half = votes.max(axis=1) > 0.5 * votes.sum(axis=1)
    return np.asarray(is_over_half & (top < len(EXPRESSIONS)))


def drop_single_votes(votes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Set every count of one to zero: the outlier rule of the FER+ paper, section 3.1."""
    return np.where(votes > 1, votes, 0).astype(np.float32)


def ferplus_folder(files: Files) -> str | None:
    """The folder that holds the three of FER+, at any level; None if this is not FER+."""
    found = [match[1] for name in files.names if (match := _TABLE.fullmatch(name))]
    return min(found, key=len).rstrip("/") if found else None


def load_ferplus(files: Files, parent: str, split: Split, *, majority_only: bool) -> LabelledFaces:
    """Read one split of FER+.

    Single votes are dropped. With ``majority_only`` (for evaluation) a face is kept if its top
    class is an expression with over half of the votes; without it (for training) if its top class
    is an expression. The targets are the votes for the eight expressions, normalised.

    Args:
        files: The files of the data set.
        parent: See `ferplus_folder`.
        split: Which split.
        majority_only: Whether for evaluation.

    Raises:
        DataError: The layout differs, a picture is missing or a row is malformed.
    """
    start = path_start(parent)
    folder = f"{start}FER2013{split}"
    names, votes = _published_votes(files, start, split) or _folder_votes(files, folder)
    votes = drop_single_votes(votes)
    if majority_only:
        keep = has_majority(votes)
    else:
        keep = (votes.argmax(axis=1) < len(EXPRESSIONS)) & (votes.max(axis=1, initial=0) > 0)
    digest = hashlib.sha256()
    images = []
    room = files.room()
    for index in np.flatnonzero(keep):
        name = f"{folder}/{names[index]}"
        data = files.read(name)
        digest.update(votes[index].tobytes() + data)
        images.append(read_picture(data, name))
        room.take(images[-1].nbytes, packed_bytes=len(data))
    expressions = votes[keep, : len(EXPRESSIONS)]
    targets = expressions / np.maximum(expressions.sum(axis=1, keepdims=True), 1)
    notes: tuple[str, ...] = ()
    if dropped := len(votes) - len(images):
        pictures = counted(dropped, "picture")
        rule = "a majority for one expression" if majority_only else "an expression on top"
        notes = (f"By the rule of FER+, {pictures} whose votes do not have {rule} do not count.",)
    return LabelledFaces(images, targets, EXPRESSIONS, digest.hexdigest(), notes=notes)


# Those of FER+ have two megabytes.
_MOST_TABLE_BYTES: Final = 2**23
_Votes = tuple[list[str], NDArray[np.float32]]


def _folder_votes(files: Files, folder: str) -> _Votes:
    """Names and votes of the split's own ``label.csv``: name, box, votes; no header."""
    where = f"{folder}/label.csv"
    rows = [(i, row) for i, row in enumerate(_rows(files, where), 1) if row]
    votes = [_parse_votes(row[2:], len(row), f"{where}, line {i}", "name, box") for i, row in rows]
    return [row[0] for _, row in rows], np.array(votes, np.float32).reshape(-1, _VOTES)


def _published_votes(files: Files, start: str, split: Split) -> _Votes | None:
    """Names and votes of ``fer2013new.csv``: a header, then usage, name, votes.

    Rows without a name have no picture.
    """
    where = f"{start}fer2013new.csv"
    if not files.has(where):
        return None
    rows = [
        (i, row)
        for i, row in enumerate(_rows(files, where), 1)
        if len(row) > 1 and row[0] == USAGE[split] and row[1]
    ]
    votes = [
        _parse_votes(row[2:], len(row), f"{where}, line {i}", "usage, name") for i, row in rows
    ]
    return [row[1] for _, row in rows], np.array(votes, np.float32).reshape(-1, _VOTES)


def _parse_votes(cells: list[str], width: int, where: str, before: str) -> list[float]:
    if len(cells) != _VOTES:
        raise DataError(
            f"{where}: expected {_VOTES + 2} columns ({before}, {_VOTES} votes), found {width}."
        )
    try:
        return [float(v) for v in cells]
    except ValueError as exc:
        raise DataError(f"{where}: expected whole numbers as votes, found {cells}.") from exc


def _rows(files: Files, name: str) -> list[list[str]]:
    try:
        data = files.read(name, most=_MOST_TABLE_BYTES + 1)
        refuse_more(files.source, f"bytes in {name}", len(data), _MOST_TABLE_BYTES)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise DataError(f"{files.source}: {name} is not UTF-8 text.") from exc
    return list(csv.reader(io.StringIO(text)))
