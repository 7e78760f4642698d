"""Faces with labels, whatever data set they come from, and what of it could not be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import class_of
from ferapp.errors import DataError, ImageError
from ferapp.media.images import read_image
from ferapp.system.text import one_line
from ferapp.wording import counted, first_of

WHAT_TO_DO: Final = (
    "Mend or move these, or say with --key what a number or name means. With --ignore they are "
    "left out."
)
"""The end of a message about what was left out."""

_MOST_LINES: Final = 12
_MOST_NAMES: Final = 8


@dataclass(frozen=True)
class Omission:
    """Pictures of a data set that were left out.

    Attributes:
        what: Their folder, file, class or line.
        count: How many pictures.
        reason: Why, as the rest of a sentence.
    """

    what: str
    count: int
    reason: str

    def __str__(self) -> str:
        """One line."""
        return one_line(f"{self.what} ({counted(self.count, 'picture')}): {self.reason}")

    def to_json(self) -> dict[str, Any]:
        """As values for JSON."""
        return {"what": self.what, "count": self.count, "reason": self.reason}


@dataclass(frozen=True)
class LabelledFaces:
    """Faces with the share of votes that each class got.

    Attributes:
        images_rgb: One picture per face, each HWC uint8.
        targets: Shares of votes, (n, len(labels)) float32; each row sums to 1.
        labels: Class names in column order.
        sha256: Hash of the label rows and the picture bytes; identifies the data set.
        left_out: Pictures that are not among these faces though they should be.
        read_as: The class of each folder or number that is called something else.
        notes: What else a reader of figures should know, one sentence each.
        is_whole: Whether the data set has no splits, so that these are all of its faces.
        columns: What else a table says about the faces, one text per face, by name.
    """

    images_rgb: list[NDArray[np.uint8]]
    targets: NDArray[np.float32]
    labels: tuple[str, ...]
    sha256: str
    left_out: tuple[Omission, ...] = ()
    read_as: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_whole: bool = False
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.targets)

    @property
    def classes(self) -> NDArray[np.intp]:
        """Index of the class with most votes, (n,)."""
        return np.asarray(self.targets.argmax(axis=1))

    def at(self, indices: NDArray[np.intp]) -> "LabelledFaces":
        """The faces at these indices, in this order; `sha256` stays that of the data set."""
        return replace(
            self,
            images_rgb=[self.images_rgb[i] for i in indices],
            targets=self.targets[indices],
            columns={
                name: tuple(cells[i] for i in indices) for name, cells in self.columns.items()
            },
        )


def labelled(
    faces: Sequence[tuple[str, NDArray[np.uint8]]], labels: tuple[str, ...], **about: Any
) -> LabelledFaces:
    """Faces with one class each.

    Args:
        faces: Class and picture of each.
        labels: All classes in column order.
        about: The other attributes.
    """
    columns = [labels.index(name) for name, _ in faces]
    targets = np.eye(len(labels), dtype=np.float32)[columns].reshape(-1, len(labels))
    return LabelledFaces([image for _, image in faces], targets, labels, **about)


def keep_classes(faces: LabelledFaces, classes: tuple[str, ...]) -> LabelledFaces:
    """Keep the faces whose top class is among ``classes``, and only the shares of these classes.

    Raises:
        DataError: A class is unknown.
    """
    known = {class_of(name) for name in faces.labels}
    unknown = [c for c in classes if class_of(c) not in known]
    if unknown:
        raise DataError(f"Unknown classes {unknown}; the data has {list(faces.labels)}.")
    wanted = {class_of(c) for c in classes}
    labels = tuple(name for name in faces.labels if class_of(name) in wanted)
    columns = [faces.labels.index(c) for c in labels]
    kept = faces.at(np.flatnonzero(np.isin(faces.classes, columns)))
    shares = kept.targets[:, columns]
    return replace(kept, targets=shares / shares.sum(axis=1, keepdims=True), labels=labels)


def in_order_of(faces: LabelledFaces, labels: tuple[str, ...]) -> LabelledFaces:
    """The same faces with the columns of a network, under the names that it uses.

    Raises:
        DataError: The classes are not the same.
    """
    places = {class_of(name): place for place, name in enumerate(faces.labels)}
    if sorted(places) != sorted(map(class_of, labels)):
        raise DataError(f"Expected the classes {list(labels)}; the data has {list(faces.labels)}.")
    columns = [places[class_of(name)] for name in labels]
    return replace(faces, targets=faces.targets[:, columns], labels=labels)


def omission_text(left_out: Sequence[Omission]) -> str:
    """What was left out, one line for each reason, the largest first."""
    by_reason: dict[str, list[Omission]] = {}
    for one in left_out:
        by_reason.setdefault(one.reason, []).append(one)
    groups = [
        Omission(listed([one.what for one in group]), sum(one.count for one in group), reason)
        for reason, group in by_reason.items()
    ]
    groups.sort(key=lambda one: -one.count)
    lines = [str(one) for one in groups[:_MOST_LINES]]
    if rest := groups[_MOST_LINES:]:
        pictures = counted(sum(one.count for one in rest), "picture")
        lines.append(f"and {pictures} for {counted(len(rest), 'other reason')}")
    return "\n".join(lines)


def listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are.

    Example:
        >>> listed(["a", "b"]), listed([str(n) for n in range(12)])
        ('a, b', '0, 1, 2, 3, 4, 5, 6, 7 and 4 more')
    """
    return first_of(names, _MOST_NAMES)


def omissions(by_reason: Mapping[str, Sequence[str]]) -> tuple[Omission, ...]:
    """What was left out for each reason.

    Args:
        by_reason: The names of the pictures or lines, by the reason.
    """
    return tuple(Omission(listed(n), len(n), reason) for reason, n in by_reason.items())


def reason_of(error: DataError, *names: str) -> str:
    """What an error says, without the names with which it begins."""
    reason = str(error)
    for name in names:
        reason = reason.removeprefix(name)
    return reason


def data_text(splits: Mapping[str, LabelledFaces], left_out: Sequence[Omission]) -> str:
    """What was read from a data set, one line each.

    Args:
        splits: The faces of each split.
        left_out: What was left out of them.
    """
    lines = []
    for split, faces in splits.items():
        count = counted(len(faces), "face")
        lines.append(f"{split}: {count} of {', '.join(faces.labels)}.")
        if faces.read_as:
            lines.append(f"  {read_as_text(faces.read_as)}")
        lines += [f"  {note}" for note in faces.notes]
    if left_out:
        lines += ["Left out:", omission_text(left_out)]
    return "\n".join(lines)


def read_as_text(read_as: Mapping[str, str]) -> str:
    """A sentence that says what was taken for which class."""
    pairs = ", ".join(f"{name} = {label}" for name, label in read_as.items())
    return one_line(f"Read as: {pairs}.")


def left_out_error(source: str | Path, left_out: Sequence[Omission]) -> DataError:
    """The error for data of which something can't be used: what, and what to do."""
    return DataError(
        f"{source}: not all of it can be used.\n{omission_text(left_out)}\n{WHAT_TO_DO}"
    )


def read_picture(source: Path | bytes, name: str) -> NDArray[np.uint8]:
    """Read a picture of a data set, (h, w, 3) RGB uint8.

    Raises:
        DataError: It can't be read; the message contains its name.
    """
    try:
        return read_image(source)
    except ImageError as exc:
        raise DataError(f"{name}: {exc}") from exc
