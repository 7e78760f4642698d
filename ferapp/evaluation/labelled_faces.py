"""Labelled faces for the expression classifier: FER+ in its official layout, or a folder per class.

FER+ has one folder per split (``FER2013Train``, ``FER2013Valid``, ``FER2013Test``), each with its
pictures and a ``label.csv`` without a header: file name, box, then the votes of ten taggers for
neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown and not-a-face.

If ``fer2013new.csv`` is beside the three folders, its votes are used instead: it is the table that
FER+ publishes, and the ``label.csv`` files in circulation differ from it in 3 to 8 % of rows.
"""

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import EXPRESSIONS
from ferapp.errors import DataError, ImageError
from ferapp.media.images import read_image
from ferapp.media.pictures.formats import ENDINGS

Split = Literal["Train", "Valid", "Test"]
SPLITS: Final[tuple[Split, ...]] = ("Train", "Valid", "Test")

_USAGE: Final[dict[Split, str]] = {
    "Train": "Training",
    "Valid": "PublicTest",
    "Test": "PrivateTest",
}
_VOTES: Final = len(EXPRESSIONS) + 2  # the last two are "unknown" and "not a face"


@dataclass(frozen=True)
class LabelledFaces:
    """Faces with the share of votes that each class got.

    Attributes:
        images_rgb: One picture per face, each HWC uint8.
        targets: Shares of votes, (n, len(labels)) float32; each row sums to 1.
        labels: Class names in column order.
        sha256: Hash of the label rows and the picture bytes; identifies the data set.
    """

    images_rgb: list[NDArray[np.uint8]]
    targets: NDArray[np.float32]
    labels: tuple[str, ...]
    sha256: str

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.targets)

    @property
    def classes(self) -> NDArray[np.intp]:
        """Index of the class with most votes, (n,)."""
        return np.asarray(self.targets.argmax(axis=1))


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


def load_ferplus(source: str | Path, split: Split, *, majority_only: bool) -> LabelledFaces:
    """Read one split of FER+ from a folder or a zip.

    Single votes are dropped. With ``majority_only`` (for evaluation) a face is kept if its top
    class is an expression with over half of the votes; without it (for training) if its top class
    is an expression. The targets are the votes for the eight expressions, normalised.

    Raises:
        DataError: The layout differs, a picture is missing or a row is malformed.
    """
    with _Tree(Path(source)) as tree:
        folder = f"FER2013{split}"
        names, votes = _published_votes(tree, split) or _folder_votes(tree, folder)
        votes = drop_single_votes(votes)
        if majority_only:
            keep = has_majority(votes)
        else:
            keep = (votes.argmax(axis=1) < len(EXPRESSIONS)) & (votes.max(axis=1, initial=0) > 0)
        digest = hashlib.sha256()
        images = []
        for index in np.flatnonzero(keep):
            name = f"{folder}/{names[index]}"
            data = tree.read(name)
            digest.update(votes[index].tobytes() + data)
            images.append(read_picture(data, name))
    expressions = votes[keep, : len(EXPRESSIONS)]
    targets = expressions / np.maximum(expressions.sum(axis=1, keepdims=True), 1)
    return LabelledFaces(images, targets, EXPRESSIONS, digest.hexdigest())


def load_folders(source: str | Path) -> LabelledFaces:
    """Read faces from one folder per class, named after the class, e.g. ``happiness/1.jpg``.

    The classes of FER+ come first, in its order, then the others by name.

    Raises:
        DataError: There are fewer than two folders, one is empty, or a picture is damaged.
    """
    root = Path(source)
    entries = [p for p in root.iterdir() if not p.name.startswith(".")] if root.is_dir() else []
    folders = {p.name: p for p in entries if p.is_dir()}
    if len(folders) < 2:
        raise DataError(
            f"{root}: expected at least two folders, one per class, with face pictures in each."
        )
    labels = tuple(n for n in EXPRESSIONS if n in folders) + tuple(
        sorted(set(folders) - set(EXPRESSIONS))
    )
    images: list[NDArray[np.uint8]] = []
    classes: list[int] = []
    digest = hashlib.sha256()
    for index, label in enumerate(labels):
        files = sorted(p for p in folders[label].iterdir() if p.suffix.lower() in ENDINGS)
        if not files:
            raise DataError(f"{folders[label]}: expected face pictures, found none.")
        for file in files:
            data = file.read_bytes()
            digest.update(label.encode() + data)
            images.append(read_picture(data, f"{label}/{file.name}"))
            classes.append(index)
    return LabelledFaces(
        images, np.eye(len(labels), dtype=np.float32)[classes], labels, digest.hexdigest()
    )


def is_folder_per_class(source: str | Path) -> bool:
    """Whether a data set has one folder per class in each split, not the layout of FER+."""
    return (Path(source) / "Train").is_dir()


def has_split(source: str | Path, split: Split) -> bool:
    """Whether a data set has this split."""
    if is_folder_per_class(source):
        return (Path(source) / split).is_dir()
    with _Tree(Path(source)) as tree:
        return tree.has(f"FER2013{split}/label.csv")


def load_split(
    source: str | Path, split: Split, *, majority_only: bool, classes: tuple[str, ...] = ()
) -> LabelledFaces:
    """Read one split in either layout; with ``classes``, keep only these.

    With one folder per class, the splits are the folders ``Train``, ``Valid`` and ``Test`` above.

    Raises:
        DataError: See `load_ferplus` and `load_folders`; or a class is unknown, or no face is left.
    """
    own = Path(source) / split
    faces = (
        load_folders(own)
        if own.is_dir() or is_folder_per_class(source)
        else load_ferplus(source, split, majority_only=majority_only)
    )
    faces = keep_classes(faces, classes) if classes else faces
    if not len(faces):
        raise DataError(f"{source}: the split {split} has no face with such a label.")
    return faces


def keep_classes(faces: LabelledFaces, classes: tuple[str, ...]) -> LabelledFaces:
    """Keep the faces whose top class is among ``classes``, and only the shares of these classes.

    Raises:
        DataError: A class is unknown.
    """
    unknown = [c for c in classes if c not in faces.labels]
    if unknown:
        raise DataError(f"Unknown classes {unknown}; the data has {list(faces.labels)}.")
    labels = tuple(c for c in faces.labels if c in classes)
    columns = [faces.labels.index(c) for c in labels]
    keep = np.isin(faces.classes, columns)
    shares = faces.targets[keep][:, columns]
    return LabelledFaces(
        [image for image, kept in zip(faces.images_rgb, keep, strict=True) if kept],
        shares / shares.sum(axis=1, keepdims=True),
        labels,
        faces.sha256,
    )


_Votes = tuple[list[str], NDArray[np.float32]]


def _folder_votes(tree: "_Tree", folder: str) -> _Votes:
    """Names and votes of the split's own ``label.csv``: name, box, votes; no header."""
    where = f"{folder}/label.csv"
    rows = [(i, row) for i, row in enumerate(tree.rows(where), 1) if row]
    votes = [_parse_votes(row[2:], len(row), f"{where}, line {i}", "name, box") for i, row in rows]
    return [row[0] for _, row in rows], np.array(votes, np.float32).reshape(-1, _VOTES)


def _published_votes(tree: "_Tree", split: Split) -> _Votes | None:
    """Names and votes of ``fer2013new.csv``: a header, then usage, name, votes.

    Rows without a name have no picture.
    """
    where = "fer2013new.csv"
    if not tree.has(where):
        return None
    rows = [
        (i, row)
        for i, row in enumerate(tree.rows(where), 1)
        if len(row) > 1 and row[0] == _USAGE[split] and row[1]
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


def read_picture(source: Path | bytes, name: str) -> NDArray[np.uint8]:
    """Read a picture of a data set, (h, w, 3) RGB uint8.

    Raises:
        DataError: It can't be read; the message contains its name.
    """
    try:
        return read_image(source)
    except ImageError as exc:
        raise DataError(f"{name}: {exc}") from exc


class _Tree:
    """A folder or a zip that holds the three FER+ folders at any level."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._zip: zipfile.ZipFile | None = None
        self._prefix = ""

    def __enter__(self) -> "_Tree":
        if not self._source.exists():
            raise DataError(f"{self._source}: there is no such folder or zip file.")
        if self._source.is_file():
            try:
                self._zip = zipfile.ZipFile(self._source)
            except zipfile.BadZipFile as exc:
                raise DataError(f"{self._source}: not a zip file that can be read.") from exc
        paths = sorted((n for n in self._names() if n.endswith("label.csv")), key=len)
        parents = [n.rsplit("FER2013", 1)[0] for n in paths if "FER2013" in n]
        if not parents:
            raise DataError(
                f"{self._source}: expected the folders FER2013Train, FER2013Valid and FER2013Test, "
                "each with a label.csv; found none of them."
            )
        self._prefix = parents[0]
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip:
            self._zip.close()

    def _names(self) -> Iterator[str]:
        if self._zip:
            yield from self._zip.namelist()
        else:
            for path in self._source.glob("**/label.csv"):
                yield path.relative_to(self._source).as_posix()

    def read(self, name: str) -> bytes:
        """Read one file below the folder that holds the splits."""
        try:
            if self._zip:
                return self._zip.read(self._prefix + name)
            return (self._source / self._prefix / name).read_bytes()
        except (KeyError, FileNotFoundError) as exc:
            raise DataError(f"{self._source}: {name} is missing.") from exc
        except (zipfile.BadZipFile, zlib.error, OSError) as exc:
            raise DataError(f"{self._source}: {name} can't be read: {exc}.") from exc

    def has(self, name: str) -> bool:
        """Whether there is a file with this name."""
        if self._zip:
            return self._prefix + name in self._zip.namelist()
        return (self._source / self._prefix / name).is_file()

    def rows(self, name: str) -> list[list[str]]:
        """Read one file as rows of CSV."""
        try:
            text = self.read(name).decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise DataError(f"{self._source}: {name} is not UTF-8 text.") from exc
        return list(csv.reader(io.StringIO(text)))
