"""Faces to train the expression classifier on: those of a data set, and of others mixed in."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ferapp.emotions import class_of
from ferapp.errors import DataError
from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.labelled_faces import (
    LabelledFaces,
    Omission,
    data_text,
    keep_classes,
    left_out_error,
)
from ferapp.vision.preprocess import InputSpec, batch


@dataclass(frozen=True)
class OtherData:
    """Faces of another source, which are mixed into Train.

    Attributes:
        path: The data set: folders of classes, or a table.
        padding: See `ferapp.evaluation.layouts.face_table.load_face_table`.
    """

    path: Path
    padding: float = 0.0


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a run learns from and is judged by.

    Attributes:
        train: Faces of the split Train.
        others: Faces of each other source, with the columns of `train`.
        valid: Faces of the split Valid.
        left_out: What of them can't be used.
    """

    train: LabelledFaces
    others: list[LabelledFaces]
    valid: LabelledFaces
    left_out: list[Omission]

    @property
    def sha256(self) -> str:
        """Identifies the training data."""
        if not self.others:
            return self.train.sha256
        hashes = [faces.sha256 for faces in (self.train, *self.others)]
        return hashlib.sha256(" ".join(hashes).encode()).hexdigest()

    def text(self) -> str:
        """What was read, for people."""
        more = {f"Other source {i}": faces for i, faces in enumerate(self.others, 1)}
        return data_text({"Train": self.train, **more, "Valid": self.valid}, self.left_out)

    def faces(self, spec: InputSpec, balance: float) -> "TrainingFaces":
        """All training faces as tensors.

        Args:
            spec: Input of the network.
            balance: See `ferapp.training.train.ExpressionRecipe`.
        """
        parts = [self.train, *self.others]
        return TrainingFaces(
            torch.from_numpy(np.concatenate([_grey_pixels(part, spec) for part in parts])),
            torch.from_numpy(np.concatenate([part.targets for part in parts])),
            torch.eye(len(parts)).repeat_interleave(torch.tensor([len(p) for p in parts]), dim=0),
            torch.cat([_sampling_weights(part, balance) for part in parts]),
        )


@dataclass(frozen=True, eq=False)
class TrainingFaces:
    """The faces as tensors.

    Attributes:
        pixels: Grey faces, (n, 1, h, w) uint8.
        targets: Shares of votes, (n, classes) float32.
        sources: One for the data set that each comes from, (n, sources) float32; Train is first.
        weights: How often each is drawn, (n,) float64.
    """

    pixels: Tensor
    targets: Tensor
    sources: Tensor
    weights: Tensor

    def __len__(self) -> int:
        """Number of faces."""
        return len(self.pixels)


def training_data(
    data: str | Path,
    others: Sequence[OtherData] = (),
    *,
    classes: tuple[str, ...] = (),
    key: Mapping[str, str] | None = None,
    may_leave_out: bool = False,
) -> TrainingData:
    """Read Train and Valid, and all faces of the other sources, of the same classes.

    Raises:
        DataError: The layout is wrong, or pictures can't be used and may not be left out.
    """
    train = load_split(data, "Train", majority_only=False, classes=classes, key=key)
    valid = load_split(data, "Valid", majority_only=True, key=key)
    left_out = [*train.left_out, *valid.left_out]
    for name, count in zip(valid.labels, np.bincount(valid.classes), strict=False):
        if not classes and name not in train.labels:
            left_out.append(Omission(f"Valid/{name}", int(count), "Train has no such class"))
    mixed_in = []
    for other in others:
        faces = load_split(
            other.path,
            "Train",
            majority_only=False,
            key=key,
            may_lack_splits=True,
            padding=other.padding,
        )
        mixed_in.append(_with_columns(faces, train.labels))
        left_out += mixed_in[-1].left_out
    if left_out and not may_leave_out:
        raise left_out_error(data, left_out)
    if len(train.labels) < 2:
        raise DataError(f"{data}: expected at least two classes, found {', '.join(train.labels)}.")
    return TrainingData(train, mixed_in, keep_classes(valid, train.labels), left_out)


def _with_columns(faces: LabelledFaces, labels: tuple[str, ...]) -> LabelledFaces:
    """The faces of these classes, with their columns; the others are left out.

    Raises:
        DataError: No face is of one of these classes.
    """
    columns = {class_of(name): column for column, name in enumerate(labels)}
    places = [columns.get(class_of(name), -1) for name in faces.labels]
    counts = np.bincount(faces.classes, minlength=len(faces.labels))
    unknown = [
        Omission(name, int(count), "Train has no such class")
        for name, place, count in zip(faces.labels, places, counts, strict=True)
        if place < 0 and count
    ]
    kept = faces.at(np.flatnonzero(np.array(places)[faces.classes] >= 0))
    if not len(kept):
        raise DataError(f"None of the labels {list(faces.labels)} is one of {list(labels)}.")
    targets = np.zeros((len(kept), len(labels)), np.float32)
    for share, place in zip(kept.targets.T, places, strict=True):
        if place >= 0:
            targets[:, place] += share
    targets /= targets.sum(axis=1, keepdims=True)
    left_out = (*kept.left_out, *unknown)
    return replace(kept, targets=targets, labels=labels, left_out=left_out)


def _grey_pixels(faces: LabelledFaces, spec: InputSpec) -> NDArray[np.uint8]:
    plain = InputSpec(size_wh=spec.size_wh, colour="grey", mean=0, std=1)
    return batch(faces.images_rgb, plain).astype(np.uint8)


def _sampling_weights(faces: LabelledFaces, balance: float) -> Tensor:
    """How often each face is drawn, so that a data set is drawn as often as it has faces."""
    counts = np.bincount(faces.classes, minlength=len(faces.labels))
    weights = (1.0 / counts[faces.classes]) ** balance
    return torch.from_numpy(weights * len(faces) / weights.sum())
