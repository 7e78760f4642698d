"""Metrics of models.

Those of classifiers take the true classes, (n,) int, and the probabilities, (n, k) float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferapp.types import Faces
from ferapp.vision.boxes import iou

Classes = NDArray[np.intp]
Probabilities = NDArray[np.float32]


def accuracy(classes: Classes, probabilities: Probabilities) -> float:
    """Share of rows whose most probable class is the true one, in [0, 1].

    Example:
        >>> accuracy(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]], np.float32))
        0.5
    """
    return float((probabilities.argmax(axis=1) == classes).mean())


def confusion(classes: Classes, probabilities: Probabilities) -> NDArray[np.intp]:
    """Confusion matrix, (k, k): how often each true class (row) was read as each class (column)."""
    k = probabilities.shape[1]
    pairs = classes * k + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


def recalls(classes: Classes, probabilities: Probabilities) -> NDArray[np.float64]:
    """Recall of each class, (k,) in [0, 1]; NaN for a class without rows."""
    matrix = confusion(classes, probabilities)
    counts = matrix.sum(axis=1)
    shares = np.divide(
        matrix.diagonal(), counts, where=counts > 0, out=np.full(len(counts), np.nan)
    )
    return np.asarray(shares, np.float64)


def macro_recall(classes: Classes, probabilities: Probabilities) -> float:
    """Mean recall of the classes that occur; rare classes count as much as common ones.

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]], np.float32)
        >>> macro_recall(np.array([0, 0, 1, 1]), probabilities)
        0.75
    """
    return float(np.nanmean(recalls(classes, probabilities)))


def expected_calibration_error(
    classes: Classes, probabilities: Probabilities, *, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over bins of equal width, weighted by their size.

    Guo et al., 2017, "On Calibration of Modern Neural Networks", equation 5.

    Args:
        classes: True classes, (n,).
        probabilities: (n, k).
        bins: Number of bins over [0, 1].

    Returns:
        The error, in [0, 1]; 0 without rows.

    Example:
        >>> probabilities = np.array([[0.75, 0.25]] * 4, np.float32)
        >>> expected_calibration_error(np.array([0, 0, 0, 1]), probabilities)
        0.0
        >>> expected_calibration_error(np.array([0, 0, 1, 1]), probabilities)
        0.25
    """
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == classes
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    right = np.bincount(bin_of, weights=is_right, minlength=bins)
    confident = np.bincount(bin_of, weights=confidence, minlength=bins)
    return float(np.abs(right - confident).sum() / max(counts.sum(), 1))


def unsure_threshold(
    classes: Classes, probabilities: Probabilities, *, least_accuracy: float
) -> tuple[float, float]:
    """The lowest threshold at which enough labels are right, and its coverage.

    A label is shown only if the top probability reaches the threshold; coverage is the share of
    rows that then have one (Geifman and El-Yaniv, 2017, "Selective Classification for Deep Neural
    Networks", section 2).

    Args:
        classes: True classes, (n,), n at least 1.
        probabilities: (n, k).
        least_accuracy: Share of the shown labels that have to be right.

    Returns:
        Threshold, a multiple of 0.01, and coverage, both in [0, 1]; if no threshold is good enough,
        the one with the highest accuracy.
    """
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == classes
    rows = []
    for hundredth in range(100):
        is_given = confidence >= hundredth / 100
        if is_given.any():
            rows.append((hundredth / 100, is_right[is_given].mean(), is_given.mean()))
    good = [row for row in rows if row[1] >= least_accuracy]
    threshold, _, coverage = good[0] if good else max(rows, key=lambda row: row[1])
    return threshold, float(coverage)


# WIDER FACE counts the last pixel as part of a box, which matters for faces of ten pixels.
_LAST_PIXEL = np.array([0, 0, 1, 1], np.float32)


@dataclass(frozen=True, eq=False)
class LabelledBoxes:
    """The true faces of one picture.

    Attributes:
        xyxy: Boxes, (n, 4) float32, px.
        counts: Which of them a detector has to find, (n,) bool; a detection on one of the others
            is neither a hit nor a false detection.
    """

    xyxy: NDArray[np.float32]
    counts: NDArray[np.bool_]


def average_precision(
    detections: Sequence[Faces], labels: Sequence[LabelledBoxes], *, iou_threshold: float = 0.5
) -> float:
    """Area under the precision-recall curve by the rules of WIDER FACE.

    Within each picture, detections are matched in the order of their score to the box that they
    overlap most. A detection on an ignored box does not count; the first one on a box that counts
    is a hit, each further one a false detection. The area is that of the monotone envelope, as in
    Pascal VOC 2010.

    Args:
        detections: Detections of each picture.
        labels: True boxes of each picture.
        iou_threshold: A detection with a lower IoU is a false detection.

    Returns:
        Average precision in [0, 1]; NaN if no box counts.

    Example:
        >>> true = LabelledBoxes(np.array([[0, 0, 10, 10]], np.float32), np.array([True]))
        >>> xyxy = np.array([[50, 50, 60, 60], [0, 0, 10, 9]], np.float32)
        >>> average_precision([Faces(xyxy, np.array([0.9, 0.8], np.float32))], [true])
        0.5
    """
    scores, hits = [], []
    total = 0
    for faces, boxes in zip(detections, labels, strict=True):
        total += int(boxes.counts.sum())
        overlap = iou(faces.xyxy + _LAST_PIXEL, boxes.xyxy + _LAST_PIXEL)
        is_taken = np.zeros(len(boxes.counts), bool)
        for index in np.argsort(-faces.score, kind="stable"):
            best = int(overlap[index].argmax()) if overlap.shape[1] else -1
            is_on_a_box = best >= 0 and overlap[index, best] >= iou_threshold
            if is_on_a_box and not boxes.counts[best]:
                continue
            hits.append(is_on_a_box and not is_taken[best])
            scores.append(float(faces.score[index]))
            if is_on_a_box:
                is_taken[best] = True
    if not total:
        return float("nan")
    is_hit = np.array(hits, bool)[np.argsort(-np.array(scores), kind="stable")]
    recall = np.concatenate([[0], np.cumsum(is_hit) / total])
    precision = np.cumsum(is_hit) / np.arange(1, len(is_hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall) * envelope).sum())
