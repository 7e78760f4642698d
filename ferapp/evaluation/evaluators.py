"""Evaluate models on labelled data with the app's own runtime and preprocessing, without torch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import class_of, merged
from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import LabelledFaces, Omission, read_picture
from ferapp.evaluation.metrics import (
    LabelledBoxes,
    accuracy,
    average_precision,
    confusion,
    expected_calibration_error,
    macro_recall,
    recalls,
)
from ferapp.inference.classifiers import ExpressionClassifier
from ferapp.inference.detectors import Detector
from ferapp.settings import DetectionSettings
from ferapp.types import Faces, ProgressCallback, no_report

# WIDER FACE uses every box that a detector returns, for the whole precision-recall curve. Faces in
# crowds overlap: on mosaics of held-out photos 0.3 gave .704, 0.4 .710, 0.5 .713, 0.6 .714.
WIDER_SETTINGS: Final = DetectionSettings(confidence=0.01, iou=0.5, max_faces=750)
DIFFICULTIES: Final = ("easy", "medium", "hard")

_BATCH: Final = 64


@dataclass(frozen=True, eq=False)
class Comparison:
    """Labelled faces beside a classifier, both by what their classes mean, not by their names.

    Attributes:
        faces: The faces of classes that the classifier has.
        labels: The classifier's classes; of several that mean the same, the first.
        classes: Index among them of the true class of each face, (n,).
        left_out: Pictures that are not among the faces.
        notes: What else a reader of figures should know, one sentence each.
    """

    faces: LabelledFaces
    labels: list[str]
    classes: NDArray[np.intp]
    left_out: tuple[Omission, ...]
    notes: tuple[str, ...]
    _columns: list[list[int]]

    def probabilities(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Those of the classifier, (n, k), added where several of its classes mean the same."""
        return np.stack([shares[:, columns].sum(axis=1) for columns in self._columns], axis=1)

    def logits(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Those of the classifier, (n, k), as one where several of its classes mean the same."""
        groups = [np.logaddexp.reduce(values[:, columns], axis=1) for columns in self._columns]
        return np.stack(groups, axis=1).astype(np.float32)

    def about(self) -> dict[str, Any]:
        """What was compared, as values for JSON."""
        return {
            "n_left_out": sum(one.count for one in self.left_out),
            "is_partial": bool(self.left_out),
            "left_out": [one.to_json() for one in self.left_out],
            "read_as": dict(self.faces.read_as),
            "notes": list(self.notes),
        }


def compare(faces: LabelledFaces, labels: Sequence[str]) -> Comparison:
    """Match the classes of faces and of a classifier.

    Args:
        faces: The faces.
        labels: The classifier's classes in output order.

    Raises:
        DataError: They have no class in common.
    """
    columns: dict[str, list[int]] = {}
    for column, name in enumerate(labels):
        columns.setdefault(class_of(name), []).append(column)
    places = {meaning: place for place, meaning in enumerate(columns)}
    own = np.array([places.get(class_of(name), -1) for name in faces.labels], np.intp)
    classes = own[faces.classes]
    keep = np.flatnonzero(classes >= 0)
    if not len(keep):
        raise DataError(
            f"None of the labels {list(faces.labels)} is one of the classifier's: {list(labels)}. "
            "Say with --key NAME=CLASS what they mean."
        )
    counts = np.bincount(faces.classes, minlength=len(faces.labels))
    unknown = [
        Omission(name, int(count), "the classifier has no such class")
        for name, place, count in zip(faces.labels, own, counts, strict=True)
        if place < 0 and count
    ]
    notes = list(faces.notes)
    for meaning, names in merged(labels).items():
        notes.append(
            f"The classifier's {' and '.join(names)} are one class, {meaning}: their probabilities "
            "were added."
        )
    kept = [labels[places[0]] for places in columns.values()]
    seen = np.bincount(classes[keep], minlength=len(kept))
    if missing := [name for name, count in zip(kept, seen, strict=True) if not count]:
        notes.append(f"No picture is labelled {', '.join(missing)}: nothing is known about these.")
    return Comparison(
        faces.at(keep),
        kept,
        classes[keep],
        (*faces.left_out, *unknown),
        tuple(notes),
        list(columns.values()),
    )


def probabilities_of(
    compared: Comparison,
    classifier: ExpressionClassifier,
    *,
    report: ProgressCallback = no_report,
) -> NDArray[np.float32]:
    """What a classifier says about the faces that it was matched with, (n, labels)."""
    images = compared.faces.images_rgb
    parts = []
    for start in range(0, len(images), _BATCH):
        parts.append(classifier.classify(images[start : start + _BATCH]))
        report(min(start + _BATCH, len(images)), len(images))
    return compared.probabilities(np.concatenate(parts))


def evaluate_expressions(
    faces: LabelledFaces,
    classifier: ExpressionClassifier,
    *,
    report: ProgressCallback = no_report,
) -> dict[str, Any]:
    """Accuracy, recalls and calibration of a classifier on ready-cut faces.

    Classes are compared by their meaning: happy is happiness. Faces of a class that the classifier
    does not have are left out and counted, as are pictures that could not be used.

    Returns:
        ``n``, ``accuracy``, ``macro_recall``, ``ece``, ``labels``, ``recall`` of each label (None
        for one without faces), the ``confusion`` matrix, true classes in rows, and what
        `Comparison.about` says: ``n_left_out``, ``is_partial``, ``left_out``, ``read_as``,
        ``notes``.

    Raises:
        DataError: No face is left.
    """
    compared = compare(faces, classifier.labels)
    shares = probabilities_of(compared, classifier, report=report)
    classes = compared.classes
    recall = recalls(classes, shares)
    return {
        "n": len(classes),
        "accuracy": accuracy(classes, shares),
        "macro_recall": macro_recall(classes, shares),
        "ece": expected_calibration_error(classes, shares),
        "labels": compared.labels,
        "recall": [None if np.isnan(r) else float(r) for r in recall],
        "confusion": confusion(classes, shares).tolist(),
        **compared.about(),
    }


def evaluate_faces(
    data: Path, detector: Detector, *, report: ProgressCallback = no_report
) -> dict[str, Any]:
    """Average precision of a detector on a folder with ``images/`` and ``annotations.json``.

    The file holds one object per picture: ``image``, ``boxes_xyxy`` in px, and for each of easy,
    medium and hard the indices of the boxes that count; the others are ignored.

    Returns:
        ``n_images``, and for each difficulty ``ap_...`` and ``n_...``, the number of boxes.

    Raises:
        DataError: The folder has another layout, or a picture can't be read.
    """
    path = data / "annotations.json"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(rows, list):
            raise TypeError(f"found {type(rows).__name__}")
        labels = [(row["image"], _boxes(row["boxes_xyxy"]), row) for row in rows]
        counting = {
            name: [_labels(xyxy, row[name]) for _, xyxy, row in labels] for name in DIFFICULTIES
        }
    except OSError as exc:
        raise DataError(f"{path}: expected a file with the true boxes: {exc.strerror}.") from exc
    except (ValueError, KeyError, TypeError, IndexError) as exc:
        raise DataError(
            f"{path}: expected a list of objects with image, boxes_xyxy, easy, medium and hard "
            f"({type(exc).__name__}: {exc})."
        ) from exc
    detections: list[Faces] = []
    for image, _, _ in labels:
        pixels = read_picture(data / "images" / image, image)
        detections.append(detector.detect(pixels, WIDER_SETTINGS))
        report(len(detections), len(labels))
    out: dict[str, Any] = {"n_images": len(labels)}
    for name in DIFFICULTIES:
        out[f"ap_{name}"] = average_precision(detections, counting[name])
        out[f"n_{name}"] = int(sum(b.counts.sum() for b in counting[name]))
    return out


def _boxes(rows: list[list[float]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(rows, np.float32).reshape(-1, 4)


def _labels(xyxy: np.ndarray[Any, np.dtype[np.float32]], indices: list[int]) -> LabelledBoxes:
    counts = np.zeros(len(xyxy), bool)
    counts[indices] = True
    return LabelledBoxes(xyxy, counts)
