"""Calibration of classifiers that were added, and what they say about the pictures that ship."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.evaluation.evaluators import known_faces
from ferapp.evaluation.labelled_faces import (
    LabelledFaces,
    has_split,
    is_folder_per_class,
    load_folders,
    load_split,
)
from ferapp.evaluation.metrics import Classes, accuracy, unsure_threshold
from ferapp.inference.classifiers import ExpressionClassifier, softmax
from ferapp.inference.manifest import Calibration
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
    faces = _read_faces(folder)
    keep, classes = known_faces(faces, classifier.labels)
    logits = np.concatenate(
        [
            classifier.logits([faces.images_rgb[i] for i in keep[start : start + _BATCH]])
            for start in range(0, len(keep), _BATCH)
        ]
    )
    temperature = fit_temperature(logits, classes)
    shares = softmax((logits / temperature).astype(np.float32))
    threshold, coverage = unsure_threshold(classes, shares, least_accuracy=LABELS_RIGHT)
    calibration = Calibration(
        temperature=temperature,
        unsure_below=threshold,
        coverage=round(coverage, 4) or coverage,
        neutral_reference=neutral_reference(shares, classes, classifier.labels),
        fitted_on=f"{one_line(folder.name)[:200]}, n = {len(keep)}",
    )
    return Fit(calibration, len(keep), accuracy(classes, shares), len(faces) - len(keep))


def _read_faces(source: Path) -> LabelledFaces:
    name = one_line(source.name)
    if not source.exists():
        raise DataError(f"{name}: there is no folder of that name.")
    is_split = source.is_file() or any(source.glob("FER2013*")) or (source / "Valid").is_dir()
    if not is_split and not is_folder_per_class(source):
        return load_folders(source)
    if not has_split(source, "Valid"):
        raise DataError(f"{name} has no split Valid, on which models are calibrated.")
    return load_split(source, "Valid", majority_only=True)


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


def neutral_reference(
    shares: NDArray[np.float32], classes: Classes, labels: tuple[str, ...]
) -> tuple[float, ...]:
    """Geometric mean of each probability over the neutral faces; empty if there are none."""
    if "neutral" not in labels:
        return ()
    neutral = shares[classes == labels.index("neutral")]
    if not len(neutral):
        return ()
    means = np.exp(np.log(np.maximum(neutral, 1e-6)).mean(axis=0))
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
