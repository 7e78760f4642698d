"""Figures by source: where a classifier holds, and where it does not."""

from collections.abc import Mapping

import numpy as np

from ferapp.evaluation.reports.figures import Figures, figures
from ferapp.evaluation.reports.readings import SOURCE, Readings


def figures_by(readings: Readings, column: str, *, unsure_below: float) -> dict[str, Figures]:
    """Figures of the faces with each value of a column, in the order in which they come.

    Args:
        readings: The faces. Those without a value do not count.
        column: Name of the column.
        unsure_below: A lower top probability gives no label.
    """
    cells = np.array(readings.columns[column], dtype=object)
    out = {}
    for value in dict.fromkeys(readings.columns[column]):
        faces = np.flatnonzero(cells == value)
        if value:
            out[value] = figures(
                readings.classes[faces],
                readings.probabilities[faces],
                unsure_below=unsure_below,
                persons=readings.persons(faces),
            )
    return out


def figures_by_source(readings: Readings, *, unsure_below: float) -> Mapping[str, Figures]:
    """Figures of each source."""
    return figures_by(readings, SOURCE, unsure_below=unsure_below)
