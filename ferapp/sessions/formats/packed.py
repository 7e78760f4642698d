"""A session on its way from the process that has read it: its description and its columns."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.face_edits import clean_name
from ferapp.sessions.formats.metadata import from_metadata, metadata
from ferapp.sessions.session import Readings, SessionInfo

# Types and values per row of the columns, in the order in which they follow one another; k is the
# number of expressions. Texts are places in a list of words.
_COLUMNS: Final = {
    "at_s": ("<f8", ""),
    "face": ("<i8", ""),
    "size_wh": ("<i8", "2"),
    "xyxy": ("<f4", "4"),
    "score": ("<f4", ""),
    "probabilities": ("<f4", "k"),
    "smoothed": ("<f4", "k"),
    "expression": ("<i4", ""),
    "flaw": ("<i4", ""),
    "is_corrected": ("?", ""),
    "duration_s": ("<f8", ""),
}
_TEXTS: Final = ("expression", "flaw")


def describe(recording: SessionInfo) -> dict[str, Any]:
    """The description of a session as values for JSON, with the names of its faces."""
    bare = metadata(recording, Readings.empty(len(recording.labels)))
    return bare | {"names": [[face, name] for face, name in recording.names.items()]}


def described(value: dict[str, Any]) -> SessionInfo:
    """What `describe` gave, validated again, under a new id.

    Raises:
        UserError: It is something else.
    """
    names = {int(face): clean_name(str(name)) for face, name in value["names"]}
    return replace(from_metadata(value), names=names)


def words_of(readings: Readings) -> dict[str, list[str]]:
    """The different texts in each column of texts, sorted."""
    return {name: sorted(set(vars(readings)[name]) - {None}) for name in _TEXTS}


def pack(readings: Readings, words: dict[str, list[str]]) -> bytes:
    """Some readings as bytes.

    Args:
        readings: The readings.
        words: `words_of` all of them.
    """
    places = {name: {None: -1} | {w: n for n, w in enumerate(words[name])} for name in _TEXTS}
    cells = []
    for name, (kind, _) in _COLUMNS.items():
        values = vars(readings)[name]
        if name in _TEXTS:
            values = [places[name][word] for word in values]
        cells.append(np.asarray(values, kind).tobytes())
    return b"".join(cells)


def unpack(data: bytes | bytearray, labels: int, words: dict[str, list[str]]) -> Readings:
    """What `pack` gave.

    Args:
        data: The bytes.
        labels: How many expressions there are.
        words: As for `pack`.

    Raises:
        ValueError: They are not such readings.
    """
    widths = {"": 1, "2": 2, "4": 4, "k": labels}
    sizes = [np.dtype(kind).itemsize * widths[width] for kind, width in _COLUMNS.values()]
    rows, rest = divmod(len(data), sum(sizes))
    if rest:
        raise ValueError("a row is incomplete")
    columns: dict[str, NDArray[Any]] = {}
    start = 0
    for (name, (kind, width)), size in zip(_COLUMNS.items(), sizes, strict=True):
        cells = np.frombuffer(data, kind, rows * widths[width], start)
        columns[name] = cells.reshape(rows, widths[width]) if width else cells
        start += rows * size
    for name in _TEXTS:
        known = np.array([*words[name], None], object)
        if not ((columns[name] >= -1) & (columns[name] < len(known) - 1)).all():
            raise ValueError("there is no such word")
        columns[name] = known[columns[name]]
    return Readings(**columns)
