"""The figures by which models are judged. All take classes, (n,), and probabilities, (n, k)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ferapp.types import Faces
from ferapp.vision.boxes import iou

Classes = NDArray[np.intp]
Probabilities = NDArray[np.float32]


def accuracy(classes: Classes, probabilities: Probabilities) -> float:
    """Share of rows whose top probability is on their class."""
    return float((probabilities.argmax(axis=1) == classes).mean())


def confusion(classes: Classes, probabilities: Probabilities) -> NDArray[np.intp]:
    """How often each class (row) was taken for each (column), (k, k)."""
    k = probabilities.shape[1]
    pairs = classes * k + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=k * k).reshape(k, k)


def recalls(classes: Classes, probabilities: Probabilities) -> NDArray[np.float64]:
    """Share of each class that was found, (k,); NaN for a class without rows."""
    matrix = confusion(classes, probabilities)
    counts = matrix.sum(axis=1)
    shares = np.divide(
        matrix.diagonal(), counts, where=counts > 0, out=np.full(len(counts), np.nan)
    )
    return np.asarray(shares, np.float64)


def macro_recall(classes: Classes, probabilities: Probabilities) -> float:
    """Mean recall of the classes that occur, each counting the same."""
    return float(np.nanmean(recalls(classes, probabilities)))


def expected_calibration_error(
    classes: Classes, probabilities: Probabilities, *, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy over bins of equal width, weighted by their size.

    Guo et al., 2017, "On Calibration of Modern Neural Networks", equation 5.
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
    """The lowest threshold at which labels are right often enough, and its coverage.

    A label is given only where the top probability reaches the threshold; coverage is the share of
    rows that then have one (Geifman and El-Yaniv, 2017, "Selective Classification for Deep Neural
    Networks", section 2).

    Args:
        classes: True classes, (n,), n at least 1.
        probabilities: (n, k).
        least_accuracy: How many of the labels that are given have to be right.

    Returns:
        Threshold in whole hundredths and coverage, both in [0, 1]; if none is good enough, the one
        at which they are best.
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
        counts: Which of them a detector has to find, (n,) bool; a detection that falls on another
            one is neither a hit nor a miss.
    """

    xyxy: NDArray[np.float32]
    counts: NDArray[np.bool_]


def average_precision(
    detections: Sequence[Faces], labels: Sequence[LabelledBoxes], *, iou_threshold: float = 0.5
) -> float:
    """Area under the precision-recall curve by the rules of WIDER FACE.

    Detections are taken best score first within each picture and belong to the box that they
    overlap most. On an ignored box they don't count; the first one on a counting box is a hit, each
    further one a false alarm. The area is that of the monotone envelope, as in Pascal VOC 2010.

    Args:
        detections: Detections of each picture.
        labels: True boxes of each picture.
        iou_threshold: A detection with less overlap is a false alarm.

    Returns:
        Average precision in [0, 1]; NaN where no box counts.
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
