"""Reads a split of labelled faces, whatever the layout: FER+, one folder per class, or tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import LabelledFaces, keep_classes, listed
from ferapp.evaluation.layouts.class_folders import (
    folder_of_splits,
    has_pictures,
    load_class_folders,
    splits_in,
)
from ferapp.evaluation.layouts.face_table import find_face_table, load_face_table
from ferapp.evaluation.layouts.ferplus import ferplus_folder, load_ferplus
from ferapp.evaluation.layouts.pixel_table import find_table, load_pixel_table, splits_of_table
from ferapp.evaluation.sources import Files, open_files, path_start
from ferapp.evaluation.splits import Split, split_of

LAYOUTS: Final = (
    "FER2013Train, FER2013Valid and FER2013Test with a label.csv each (FER+); train, valid and "
    "test, or a folder alone, with one folder per class, such as happy/1.jpg; labels.csv with the "
    "columns image and label; or a table with the columns emotion, pixels and Usage (fer2013.csv)"
)
"""What can be read, for sentences."""


@dataclass(frozen=True)
class _Layout:
    """How a data set is laid out.

    Attributes:
        kind: Which layout.
        place: Folder that holds the splits or classes, or one of the tables.
        splits: The splits there are, with their folders; none if it has no splits.
    """

    kind: Literal["ferplus", "labels", "folders", "table"]
    place: str
    splits: dict[Split, str]


def _layout(files: Files) -> _Layout:
    parent = ferplus_folder(files)
    if parent is not None:
        return _Layout("ferplus", parent, {})
    if (labels := find_face_table(files)) is not None:
        return _Layout("labels", labels, {})
    top = folder_of_splits(files)
    splits = splits_in(files, top)
    if splits or (len(files.below(top)) > 1 and has_pictures(files, top)):
        return _Layout("folders", top, splits)
    if (table := find_table(files)) is not None:
        return _Layout("table", table, dict.fromkeys(splits_of_table(files, table), ""))
    if len(files.below(top)) > 1:
        return _Layout("folders", top, {})
    kind = "" if files.source.is_dir() else "not a zip or tar archive that can be read. "
    raise DataError(f"{files.source}: {kind}Expected {LAYOUTS}; found none of them.")


def is_ferplus(source: str | Path) -> bool:
    """Whether a data set has the layout of FER+, with the votes of several taggers."""
    with open_files(Path(source)) as files:
        return ferplus_folder(files) is not None


def has_split(source: str | Path, split: Split) -> bool:
    """Whether a data set has this split."""
    with open_files(Path(source)) as files:
        layout = _layout(files)
        if layout.kind == "ferplus":
            return files.has(f"{path_start(layout.place)}FER2013{split}/label.csv")
        return split in layout.splits


def load_split(
    source: str | Path,
    split: Split,
    *,
    majority_only: bool,
    classes: tuple[str, ...] = (),
    key: Mapping[str, str] | None = None,
    may_lack_splits: bool = False,
    padding: float = 0.0,
) -> LabelledFaces:
    """Read one split; with ``classes``, keep only these.

    Args:
        source: A folder, a zip or tar archive, or a table; see `LAYOUTS`.
        split: Which split. Other usual names of its folder are understood, such as ``val``.
        majority_only: See `ferapp.evaluation.layouts.ferplus.load_ferplus`.
        classes: The classes to keep; all if empty.
        key: What names and numbers of classes mean; see `ferapp.emotions.KEYS`.
        may_lack_splits: Whether all of a data set without splits will do; a note says so.
        padding: See `ferapp.evaluation.layouts.face_table.load_face_table`.

    Raises:
        DataError: There is no such split or layout, a class is unknown, or no face is left.
    """
    with open_files(Path(source)) as files:
        layout = _layout(files)
        faces = _load(files, layout, split, key or {}, majority_only, may_lack_splits, padding)
    faces = keep_classes(faces, classes) if classes else faces
    if not len(faces):
        raise DataError(f"{source}: the split {split} has no face with such a label.")
    return faces


def _others(files: Files, place: str) -> list[str]:
    """Folders with pictures that are no splits, beside these."""
    start = path_start(place)
    names = [name for name in files.below(place) if split_of(name) is None]
    return [name for name in names if has_pictures(files, start + name, is_here=True)]


def _load(
    files: Files,
    layout: _Layout,
    split: Split,
    key: Mapping[str, str],
    majority_only: bool,
    may_lack_splits: bool,
    padding: float,
) -> LabelledFaces:
    if layout.kind == "ferplus":
        faces = load_ferplus(files, layout.place, split, majority_only=majority_only)
        note = "A key changes nothing here: FER+ has votes, no names or numbers of classes."
        return replace(faces, notes=(*faces.notes, note)) if key else faces
    if layout.splits and split not in layout.splits:
        raise DataError(
            f"{files.source}: it has no split {split}, only {' and '.join(sorted(layout.splits))}."
        )
    if not layout.splits and not may_lack_splits:
        raise DataError(
            f"{files.source}: it has no split {split}. Expected the folders Train and Valid, with "
            "one folder per class in each."
        )
    if layout.kind == "labels":
        faces = load_face_table(files, layout.place, key, padding=padding)
    elif layout.kind == "table":
        part = split if layout.splits else None
        faces = load_pixel_table(files, layout.place, part, key)
    else:
        faces = load_class_folders(files, layout.splits.get(split, layout.place), key)
    if layout.splits:
        others = _others(files, layout.place) if layout.kind == "folders" else []
        note = f"Beside the splits there are pictures that were not read: {listed(others)}."
        return replace(faces, notes=(*faces.notes, note)) if others else faces
    note = f"It has no splits: these are all of its faces, not only those of {split}."
    return replace(faces, notes=(*faces.notes, note), is_whole=True)
