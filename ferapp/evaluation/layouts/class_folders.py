"""Labelled faces in one folder per class, such as ``happy/1.jpg``, under any of its usual names."""

import codecs
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import (
    KEYS,
    class_of,
    expression_of,
    in_usual_order,
    is_number,
    meaning_by_key,
)
from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import (
    LabelledFaces,
    Omission,
    labelled,
    listed,
    omission_text,
    omissions,
    read_picture,
    reason_of,
)
from ferapp.evaluation.room import Room
from ferapp.evaluation.sources import Files, path_start
from ferapp.evaluation.splits import Split, split_of
from ferapp.media.pictures.formats import ENDINGS, format_of
from ferapp.wording import counted

_NUMBER_REASON: Final = (
    "data sets number their classes differently; say which with --key "
    f"{', '.join([*KEYS][:-1])} or {[*KEYS][-1]}"
)
_HEAD_BYTES: Final = 1024


def folder_of_splits(files: Files) -> str:
    """The folder whose folders are the splits or the classes: the first with more than one."""
    return _descend(files, "")


def splits_in(files: Files, folder: str) -> dict[Split, str]:
    """The folders of the splits by their split; none if it has folders of classes.

    Raises:
        DataError: Two folders are the same split.
    """
    found: dict[Split, str] = {}
    for name in files.below(folder):
        split = split_of(name)
        if split is not None and split in found:
            raise DataError(
                f"{files.source}: {found[split]} and {name} both mean {split}; name one of them."
            )
        if split is not None:
            found[split] = name
    start = path_start(folder)
    return {split: _descend(files, start + name, past_splits=True) for split, name in found.items()}


def _descend(files: Files, folder: str, *, past_splits: bool = False) -> str:
    """The folder itself, or the one below that holds everything."""
    below = files.below(folder)
    if len(below) != 1 or expression_of(below[0]) or (split_of(below[0]) and not past_splits):
        return folder
    return _descend(files, path_start(folder) + below[0], past_splits=past_splits)


@dataclass
class _Findings:
    """What was found while the folders were read."""

    room: Room
    faces: list[tuple[str, NDArray[np.uint8]]] = field(default_factory=list)
    read_as: dict[str, str] = field(default_factory=dict)
    left_out: list[Omission] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    digest: Any = field(default_factory=hashlib.sha256)


def load_class_folders(files: Files, folder: str, key: Mapping[str, str]) -> LabelledFaces:
    """Read the faces of one folder per class, also from folders in these.

    The classes of FER+ come first, in its order, then the others by name. Folders that mean the
    same class become one. A file is a picture if its ending or its content says so.

    Args:
        files: The files of the data set.
        folder: The folder with the folders of the classes.
        key: What names and numbers mean, before their usual meaning.

    Raises:
        DataError: There are fewer than two folders, or no picture can be read.
    """
    start = path_start(folder)
    names = files.below(folder)
    if len(names) < 2:
        raise DataError(
            f"{files.source}: expected at least two folders, one per class, with face pictures in "
            f"each; found {', '.join(names) or 'none'}."
        )
    found = _Findings(files.room())
    loose = [n for n in files.names if n.startswith(start) and "/" not in n[len(start) :]]
    if pictures := [name for name in loose if _has_picture_ending(name)]:
        found.left_out.append(
            Omission(listed(pictures), len(pictures), "they are in no folder of a class")
        )
    classes: dict[str, list[str]] = {}
    for name in names:
        meaning = meaning_by_key(name, key) or expression_of(name)
        if meaning is None and is_number(name):
            count = len([n for n in files.names if n.startswith(f"{start}{name}/")])
            found.left_out.append(Omission(name, count, _number_reason(key)))
            continue
        own = next((c for c in classes if class_of(c) == class_of(meaning or name)), None)
        label = own or meaning or name
        classes.setdefault(label, []).append(name)
        if label != name:
            found.read_as[name] = label
    labels = in_usual_order(classes)
    for label in labels:
        for name in classes[label]:
            _read_folder(files, start, name, label, found)
        if len(classes[label]) > 1:
            found.notes.append(f"{' and '.join(classes[label])} are one class, {label}.")
    return _collected(files, labels, found)


def _number_reason(key: Mapping[str, str]) -> str:
    return "--key says nothing about it" if key else _NUMBER_REASON


def _read_folder(files: Files, start: str, name: str, label: str, found: _Findings) -> None:
    """Read all pictures of one folder of a class."""
    count = 0
    damaged: dict[str, list[str]] = {}
    for path in files.names:
        if not path.startswith(f"{start}{name}/"):
            continue
        shown = path[len(start) :]
        try:
            kind = _kind_of(files, path)
            if kind == "text":
                found.others.append(shown)
                continue
            if kind == "neither":
                raise DataError(f"{shown}: It is not a picture that can be read.")
            data = files.read(path)
            image = read_picture(data, shown)
        except DataError as exc:
            reason = reason_of(exc, f"{files.source}: ", f"{path} ", f"{shown}: ")
            damaged.setdefault(reason, []).append(shown)
            continue
        found.room.take(image.nbytes, packed_bytes=len(data))
        found.digest.update(label.encode() + data)
        found.faces.append((label, image))
        count += 1
    found.left_out += omissions(damaged)
    if not count and not damaged:
        found.left_out.append(Omission(name, 0, "there is no picture in it"))


def _collected(files: Files, labels: tuple[str, ...], found: _Findings) -> LabelledFaces:
    seen = {label for label, _ in found.faces}
    if not seen:
        raise DataError(
            f"{files.source}: expected face pictures in folders of classes, found none that can be "
            f"used.\n{omission_text(found.left_out)}"
        )
    if found.others:
        texts = counted(len(found.others), "text file")
        found.notes.append(f"{texts} passed over: {listed(found.others)}.")
    return labelled(
        found.faces,
        tuple(label for label in labels if label in seen),
        sha256=found.digest.hexdigest(),
        left_out=tuple(found.left_out),
        read_as=found.read_as,
        notes=tuple(found.notes),
    )


def has_pictures(files: Files, folder: str, *, is_here: bool = False) -> bool:
    """Whether there is a picture in a folder below this one, or in itself, by its ending."""
    start = path_start(folder)
    inside = (name[len(start) :] for name in files.names if name.startswith(start))
    return any((is_here or "/" in name) and _has_picture_ending(name) for name in inside)


def _has_picture_ending(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in ENDINGS


def _kind_of(files: Files, name: str) -> Literal["picture", "text", "neither"]:
    if _has_picture_ending(name):
        return "picture"
    head = files.read(name, most=_HEAD_BYTES)
    if format_of(head) is not None:
        return "picture"
    return "text" if _is_text(head) else "neither"


def _is_text(head: bytes) -> bool:
    """Whether a file is text, such as a list of labels, and so no picture in another format."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\0" not in head
