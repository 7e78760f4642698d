"""Compares conditions: groups of faces or of sessions that their owner has named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas
from numpy.typing import NDArray

from ferapp.sessions.statistics.bins import Measure
from ferapp.sessions.statistics.bootstrap import (
    Interval,
    difference_interval,
    mean_interval,
    mean_of,
)
from ferapp.sessions.statistics.profiles import FaceProfile, classes_of
from ferapp.system.csv_tables import csv_bytes

Unit = Literal["face", "session"]
"""What counts as one observation, and is drawn by the bootstrap."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Means of several conditions, and their differences from the first one.

    Attributes:
        measure: What was averaged.
        unit: What counts as one observation.
        classes: The expressions, and unsure where labels are compared, k of them.
        means: By condition, (k,).
        differences: By condition except the first: its mean minus that of the first, (k,).
    """

    measure: Measure
    unit: Unit
    classes: tuple[str, ...]
    means: dict[str, Interval]
    differences: dict[str, Interval]

    @property
    def reference(self) -> str:
        """The condition with which the others are compared."""
        return next(iter(self.means))


def compare_conditions(
    conditions: Mapping[str, Sequence[FaceProfile]],
    *,
    measure: Measure = "probability",
    unit: Unit = "face",
) -> Comparison:
    """Compare at least one condition, each with at least one face.

    The mean of a session is that of its faces, each counting the same, however long it was seen.
    Whether two faces are the same person is unknown, so observations are taken as unpaired.

    Args:
        conditions: The faces of each, by name; the first one is the reference.
        measure: What is averaged.
        unit: What counts as one observation.
    """
    everyone = [profile for faces in conditions.values() for profile in faces]
    classes = tuple(classes_of(everyone, measure))
    observed = {
        name: _observations(faces, classes, measure, unit) for name, faces in conditions.items()
    }
    first, *others = observed
    return Comparison(
        measure,
        unit,
        classes,
        {name: mean_interval(values) for name, values in observed.items()},
        {name: difference_interval(observed[name], observed[first]) for name in others},
    )


def condition_curves(
    conditions: Mapping[str, Sequence[FaceProfile]],
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """The mean curve over the faces of each condition, by class, (b,); NaN without a face."""
    curves: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, faces in conditions.items():
        classes = classes_of(list(faces), "probability")
        curves[name] = {
            one: mean_of(np.array([face.curve[one] for face in faces if one in face.curve]))
            for one in classes
        }
    return curves


def comparison_table(comparison: Comparison) -> pandas.DataFrame:
    """One row for each condition and expression.

    Columns: condition, expression, mean, low, high (ends of the 95 % bootstrap interval; NaN with
    one observation), n (observations); and compared with the first condition, which has none of
    them: difference, difference_low, difference_high.
    """
    rows = []
    for name, its in comparison.means.items():
        difference = comparison.differences.get(name)
        for place, one in enumerate(comparison.classes):
            row = [name, one, its.mean[place], its.low[place], its.high[place], int(its.n[place])]
            if difference is None:
                row += [np.nan] * 3
            else:
                row += [difference.mean[place], difference.low[place], difference.high[place]]
            rows.append(row)
    columns = ["condition", "expression", "mean", "low", "high", "n"]
    columns += ["difference", "difference_low", "difference_high"]
    return pandas.DataFrame(rows, columns=columns)


def to_comparison_csv(comparison: Comparison) -> bytes:
    """The table as CSV with what was averaged and drawn, safe to open in a spreadsheet."""
    table = comparison_table(comparison)
    table.insert(0, "measure", comparison.measure)
    table.insert(1, "unit", comparison.unit)
    table.insert(2, "reference", comparison.reference)
    return csv_bytes(table)


def _observations(
    faces: Sequence[FaceProfile], classes: Sequence[str], measure: Measure, unit: Unit
) -> NDArray[np.float64]:
    """One row for each observation, (n, k); NaN where its model does not know the class."""
    rows = np.array([[face.means[measure].get(one, np.nan) for one in classes] for face in faces])
    if unit == "face":
        return rows.reshape(-1, len(classes))
    sessions = np.array([face.session for face in faces])
    return np.array([mean_of(rows[sessions == one]) for one in dict.fromkeys(sessions.tolist())])
