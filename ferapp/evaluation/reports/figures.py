"""How good a classifier is on some faces, with intervals that know who is in the pictures."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.evaluation.metrics import (
    Classes,
    Probabilities,
    accuracy,
    expected_calibration_error,
    macro_recall,
    recalls,
)

Interval = tuple[float, float]

_RESAMPLES: Final = 2000
_LEVEL: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Figures:
    """Figures of a classifier on some faces; shares are in [0, 1], intervals of 95 %.

    Attributes:
        n: Number of faces.
        persons: How many people they are of; None if that is not known.
        accuracy: Share of faces whose most probable class is the true one.
        accuracy_interval: Its interval.
        macro_recall: Mean recall of the classes that occur.
        macro_recall_interval: Its interval.
        recall: Recall of each class; None for one without faces.
        counts: How many faces of each class.
        ece: Expected calibration error over 15 bins.
        labelled: Share of faces that get a label and not "unsure".
        right_of_labelled: Share of these that are right; None if there are none.
    """

    n: int
    persons: int | None
    accuracy: float
    accuracy_interval: Interval
    macro_recall: float
    macro_recall_interval: Interval
    recall: tuple[float | None, ...]
    counts: tuple[int, ...]
    ece: float
    labelled: float
    right_of_labelled: float | None

    def to_json(self) -> dict[str, Any]:
        """As values for JSON."""
        return asdict(self)


def figures(
    classes: Classes,
    probabilities: Probabilities,
    *,
    unsure_below: float,
    persons: Sequence[str] | None = None,
) -> Figures:
    """Judge the probabilities of some faces.

    Args:
        classes: True classes, (n,), n at least 1.
        probabilities: (n, k).
        unsure_below: A lower top probability gives no label.
        persons: Who each face is of. Faces of one person are no independent evidence: with few
            people the intervals are wide, however many faces there are. None if not known.
    """
    recall = recalls(classes, probabilities)
    is_labelled = probabilities.max(axis=1) >= unsure_below
    is_right = probabilities.argmax(axis=1) == classes
    of_accuracy, of_macro_recall = intervals(classes, probabilities, persons)
    return Figures(
        n=len(classes),
        persons=None if persons is None else len(set(persons)),
        accuracy=accuracy(classes, probabilities),
        accuracy_interval=of_accuracy,
        macro_recall=macro_recall(classes, probabilities),
        macro_recall_interval=of_macro_recall,
        recall=tuple(None if np.isnan(r) else float(r) for r in recall),
        counts=tuple(np.bincount(classes, minlength=probabilities.shape[1]).tolist()),
        ece=expected_calibration_error(classes, probabilities),
        labelled=float(is_labelled.mean()),
        right_of_labelled=float(is_right[is_labelled].mean()) if is_labelled.any() else None,
    )


def intervals(
    classes: Classes, probabilities: Probabilities, persons: Sequence[str] | None = None
) -> tuple[Interval, Interval]:
    """Intervals of 95 % of accuracy and macro recall.

    They are percentiles over 2,000 samples, drawn with replacement and always the same (Efron and
    Tibshirani, 1993, "An Introduction to the Bootstrap", chapter 13). If it is known who the faces
    are of, people are drawn, with all their faces. The macro recall of a sample is over the classes
    that occur in it.

    Args:
        classes: True classes, (n,), n at least 1.
        probabilities: (n, k).
        persons: Who each face is of; None if not known.
    """
    k = probabilities.shape[1]
    drawn = range(len(classes)) if persons is None else persons
    _, unit = np.unique(np.array(drawn), return_inverse=True)
    units = int(unit.max()) + 1
    cells = np.zeros((units, k * k))
    np.add.at(cells, (unit, classes * k + probabilities.argmax(axis=1)), 1)
    rng = np.random.default_rng(0)
    times = rng.multinomial(units, np.full(units, 1 / units), size=_RESAMPLES)
    matrices = (times @ cells).reshape(-1, k, k)
    right, counts = matrices.diagonal(axis1=1, axis2=2), matrices.sum(axis=2)
    accuracies = right.sum(axis=1) / counts.sum(axis=1)
    recall = np.divide(right, counts, where=counts > 0, out=np.full(counts.shape, np.nan))
    return _interval(accuracies), _interval(np.nanmean(recall, axis=1))


def _interval(values: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(values, _LEVEL)
    return float(low), float(high)
