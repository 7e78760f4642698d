"""Evaluate models on labelled data with the app's own runtime and preprocessing, without torch."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.evaluation.labelled_faces import LabelledFaces, read_picture
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


def evaluate_expressions(
    faces: LabelledFaces,
    classifier: ExpressionClassifier,
    *,
    report: ProgressCallback = no_report,
) -> dict[str, Any]:
    """Accuracy, recalls and calibration of a classifier on ready-cut faces.

    Faces whose label the classifier does not know are left out and counted.

    Returns:
        ``n``, ``n_left_out``, ``accuracy``, ``macro_recall``, ``ece``, ``labels``, ``recall`` of
        each label (None for one without faces) and the ``confusion`` matrix, true classes in rows.

    Raises:
        DataError: No face is left.
    """
    keep, classes = known_faces(faces, classifier.labels)
    parts = []
    for start in range(0, len(keep), _BATCH):
        images = [faces.images_rgb[i] for i in keep[start : start + _BATCH]]
        parts.append(classifier.classify(images))
        report(min(start + _BATCH, len(keep)), len(keep))
    shares = np.concatenate(parts)
    recall = recalls(classes, shares)
    return {
        "n": len(keep),
        "n_left_out": len(faces) - len(keep),
        "accuracy": accuracy(classes, shares),
        "macro_recall": macro_recall(classes, shares),
        "ece": expected_calibration_error(classes, shares),
        "labels": list(classifier.labels),
        "recall": [None if np.isnan(r) else float(r) for r in recall],
        "confusion": confusion(classes, shares).tolist(),
    }


def known_faces(
    faces: LabelledFaces, labels: tuple[str, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The faces whose label a classifier knows, and which of its classes each is.

    Returns:
        Their indices, (n,), and the indices of their classes in ``labels``, (n,).

    Raises:
        DataError: There is none.
    """
    is_known = [name in labels for name in faces.labels]
    keep = np.flatnonzero(np.array(is_known)[faces.classes])
    if not len(keep):
        raise DataError(
            f"None of the labels {list(faces.labels)} is one of the classifier's: {list(labels)}."
        )
    column = np.array(
        [labels.index(n) if k else -1 for n, k in zip(faces.labels, is_known, strict=True)]
    )
    return keep, column[faces.classes[keep]]


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
