"""Faces with 68 landmarks, read from tables of points, and which people are held out."""

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import read_picture
from ferapp.evaluation.sources import Files, open_files
from ferapp.vision.crops import Image

POINTS: Final = 68

Part = Literal["train", "valid", "test", "seen"]
"""People to learn from, to choose by, and to measure on. ``seen`` are frames of the table test.csv,
also of people to learn from: easier, but what others measure on."""

# One person in eight each. Their frames in both tables are held out: in the data set that this was
# written for, every person in test.csv is also in training.csv, in other frames of the same clips.
_HELD_OUT: Final = 8
_NUMBER: Final = re.compile(r"_\d+\.\w+$")
_TABLES: Final = ("training", "test")
# Nobody learns from a frame of the table test.csv.
_TABLES_OF: Final = {"train": ("training",), "seen": ("test",)}
_MOST_TABLE_BYTES: Final = 2**26


@dataclass(frozen=True, eq=False)
class LandmarkedFaces:
    """Pictures with one labelled face each.

    Attributes:
        images_rgb: Each HWC uint8.
        points: Of the face in each, (n, 68, 2) float32, px, in the order of iBUG 300-W.
        sha256: Identifies pictures and points.
    """

    images_rgb: Sequence[Image]
    points: NDArray[np.float32]
    sha256: str

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.images_rgb)


def load_landmarked(data: Path, part: Part) -> LandmarkedFaces:
    """Read pictures with landmarks.

    Args:
        data: Folder, zip or tar with ``training.csv`` and ``test.csv`` (``image, x0, y0, ...,
            x67, y67`` in px) and the pictures in folders of the same names, called
            ``person_number.jpg``; all of it may lie in one folder.
        part: Whose pictures.

    Raises:
        DataError: Another layout, or a picture can't be read.
    """
    images: list[Image] = []
    points: list[NDArray[np.float32]] = []
    digest = hashlib.sha256()
    with open_files(data) as files:
        for table in _TABLES_OF.get(part, _TABLES):
            for name, marks in _rows(files, table):
                if part not in ("seen", part_of(name.rsplit("/", 1)[-1])):
                    continue
                content = files.read(name)
                images.append(read_picture(content, name))
                points.append(marks)
                digest.update(hashlib.sha256(content).digest() + marks.tobytes())
    if not images:
        raise DataError(f"{data}: no picture of the part {part}.")
    return LandmarkedFaces(images, np.stack(points), digest.hexdigest())


def part_of(image: str) -> Part:
    """The part of a picture, decided by the person in its name.

    Example:
        >>> {part_of(f"Somebody_{number}.jpg") for number in range(60)}
        {'train'}
    """
    person = _NUMBER.sub("", image)
    number = hashlib.sha256(person.encode()).digest()[0] % _HELD_OUT
    return "valid" if number == 0 else "test" if number == 1 else "train"


def _rows(files: Files, table: str) -> list[tuple[str, NDArray[np.float32]]]:
    """Path of each picture of a table, and its points, (68, 2)."""
    path = next((name for name in files.names if f"/{name}".endswith(f"/{table}.csv")), None)
    if path is None:
        raise DataError(f"{files.source}: expected a table {table}.csv.")
    text = files.read(path, most=_MOST_TABLE_BYTES).decode("utf-8", "replace")
    rows = list(csv.reader(io.StringIO(text)))
    folder = f"{path.removesuffix('.csv')}/"
    try:
        marks = [np.array(row[1:], np.float32).reshape(POINTS, 2) for row in rows[1:]]
    except ValueError as exc:
        raise DataError(
            f"{files.source}: {path}: expected an image and {POINTS} points in every line: {exc}."
        ) from exc
    return [(folder + row[0], points) for row, points in zip(rows[1:], marks, strict=True)]
