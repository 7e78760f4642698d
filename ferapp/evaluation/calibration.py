"""Calibration of classifiers that were added, and what they say about the pictures that ship."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.emotions import class_of
from ferapp.errors import DataError
from ferapp.evaluation.data_sets import load_split
from ferapp.evaluation.evaluators import compare
from ferapp.evaluation.metrics import Classes, accuracy, unsure_threshold
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.entry_parts import Calibration
from ferapp.inference.registry import load_detector
from ferapp.pipeline.analyzer import Analyzer
from ferapp.system.text import one_line

LABELS_RIGHT: Final = 0.9
"""Share of the labels that must be right where one is shown rather than "unsure"."""

FEW_FACES: Final = 100
"""With fewer faces a calibration is rough."""

_BATCH: Final = 64
# Logits of a thousandth of the usual size, and of a thousand times as much.
_BOUNDS: Final = (math.log(1e-3), math.log(1e3))
_STEPS: Final = 60
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
_SAMPLES: Final = Path(__file__).parents[1] / "samples"
_WITH_FACES: Final = ("astronaut.jpg", "grace-hopper.jpg", "mona-lisa.jpg", "three-portraits.jpg")
# No network is right as often as this says.
_TOO_SURE: Final = 0.999


@dataclass(frozen=True)
class Fit:
    """A calibration, and what it was fitted on.

    Attributes:
        calibration: For the manifest.
        faces: How many faces.
        accuracy: Share of them whose most probable class is the true one.
        left_out: How many faces have a label that the classifier does not know.
    """

    calibration: Calibration
    faces: int
    accuracy: float
    left_out: int


def calibrate(classifier: ExpressionClassifier, folder: Path) -> Fit:
    """Fit the temperature of a classifier, and its threshold for "unsure", on labelled faces.

    Args:
        classifier: Not calibrated yet.
        folder: Ready-cut faces: a folder per class; or a data set, of which the split Valid is
            read.

    Raises:
        DataError: The folder has another layout, or no face has a label that it knows.
    """
    if not folder.exists():
        raise DataError(f"{one_line(folder.name)}: there is no folder of that name.")
    faces = load_split(folder, "Valid", majority_only=True, may_lack_splits=True)
    compared = compare(faces, classifier.labels)
    images = compared.faces.images_rgb
    logits = np.concatenate(
        [
            classifier.logits(images[start : start + _BATCH])
            for start in range(0, len(images), _BATCH)
        ]
    )
    classes = compared.classes
    temperature = fit_temperature(compared.logits(logits), classes)
    all_shares = softmax((logits / temperature).astype(np.float32))
    shares = compared.probabilities(all_shares)
    threshold, coverage = unsure_threshold(classes, shares, least_accuracy=LABELS_RIGHT)
    meanings = [class_of(label) for label in compared.labels]
    is_neutral = np.array([name == "neutral" for name in meanings])[classes]
    calibration = Calibration(
        temperature=temperature,
        unsure_below=threshold,
        coverage=round(coverage, 4) or coverage,
        neutral_reference=neutral_reference(all_shares[is_neutral]),
        fitted_on=f"{one_line(folder.name)[:200]}, n = {len(images)}",
    )
    left_out = sum(one.count for one in compared.left_out)
    return Fit(calibration, len(images), accuracy(classes, shares), left_out)


def fit_temperature(logits: NDArray[np.float32], classes: Classes) -> float:
    """The temperature at which the true classes are most probable, from 0.001 to 1000.

    Golden-section search over its logarithm; the likelihood has a single maximum.

    Args:
        logits: (n, labels).
        classes: True classes, (n,), n at least 1.

    Example:
        >>> logits = np.log(np.array([[0.75, 0.25]] * 4, np.float32)) * 10
        >>> round(fit_temperature(logits, np.array([0, 0, 0, 1])), 2)
        10.0
    """
    wide = logits.astype(np.float64)
    rows = np.arange(len(classes))

    def loss(log_temperature: float) -> float:
        scaled = wide / math.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, classes]).mean())

    return round(math.exp(_lowest(loss, *_BOUNDS)), 4)


def _lowest(of: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum is lowest."""
    places = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    values = [of(place) for place in places]
    for _ in range(_STEPS):
        if values[0] <= values[1]:
            high, places[1], values[1] = places[1], places[0], values[0]
            places[0] = high - _GOLDEN * (high - low)
            values[0] = of(places[0])
        else:
            low, places[0], values[0] = places[0], places[1], values[1]
            places[1] = low + _GOLDEN * (high - low)
            values[1] = of(places[1])
    return (low + high) / 2


def neutral_reference(shares: NDArray[np.float32]) -> tuple[float, ...]:
    """Geometric mean of each probability over neutral faces, (n, k); empty if there are none."""
    if not len(shares):
        return ()
    means = np.exp(np.log(np.maximum(shares, 1e-6)).mean(axis=0))
    return tuple(round(float(m), 6) for m in means)


def doubts(classifier: ExpressionClassifier) -> str:
    """What is odd about the probabilities of a classifier on the pictures that ship.

    Returns:
        A sentence; empty if nothing is odd.
    """
    analyzer = Analyzer(load_detector(), classifier)
    analyses = [analyzer.analyze(_SAMPLES / name) for name in _WITH_FACES]
    tops = np.concatenate([each.confidence for each in analyses])
    if not len(tops):
        return ""
    text, hint = f"All {len(tops)} faces of the sample pictures", "logits of another scale"
    if all(each.is_unsure.all() for each in analyses):
        return (
            f"{text} are unsure, with a probability of {100 * tops.max():.0f} % at most: its "
            f"outputs may be {hint}, or its input is described wrongly."
        )
    if tops.min() > _TOO_SURE:
        return f"{text} get over {100 * _TOO_SURE:.1f} %: its outputs may be {hint}."
    return ""
