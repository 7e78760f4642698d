"""Exact means over parts of the time: each reading counts for as long as its frame was shown."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.lengths import ends_s
from ferapp.sessions.session import Readings

Measure = Literal["probability", "label"]
"""The mean of the classifier's probabilities, or the share of time with each label."""


def values_of(readings: Readings, labels: Sequence[str], measure: Measure) -> NDArray[np.float64]:
    """What is averaged, one row for each reading; NaN where the face could not be read.

    Args:
        readings: Of one face or of several, n of them.
        labels: Names of the expressions, k of them.
        measure: With "probability" the probabilities, before smoothing, (n, k); with "label" 1 for
            the label and 0 for the others, (n, k + 1), the last column being "unsure".
    """
    if measure == "probability":
        return readings.probabilities.astype(np.float64)
    columns = [readings.expression == name for name in labels]
    is_unsure = ~np.logical_or.reduce(columns, axis=0)
    values = np.stack([*columns, is_unsure], axis=1).astype(np.float64)
    values[~readings.is_read] = np.nan
    return values


def means_by_bin(
    readings: Readings, values: NDArray[np.float64], edges_s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean of each column over each stretch of time, weighted with the time.

    Args:
        readings: Of one face, n of them.
        values: One row for each reading, (n, k); rows with NaN don't count.
        edges_s: Where the stretches begin and end, (b + 1,), s, ascending.

    Returns:
        The means, (b, k), NaN where nothing was read, and how long the face was read in each
        stretch, (b,), s.

    Example:
        A reading of 1 that lasts for 1 s, and one of 0 that lasts for 3 s:

        >>> from dataclasses import replace
        >>> two = Readings.empty(1)
        >>> two = Readings(
        ...     **{name: np.zeros((2, *column.shape[1:]), column.dtype)
        ...        for name, column in vars(two).items()}
        ... )
        >>> two = replace(two, at_s=np.array([0.0, 1.0]), duration_s=np.array([1.0, 3.0]))
        >>> means, seconds = means_by_bin(two, np.array([[1.0], [0.0]]), np.array([0.0, 2, 4, 6]))
        >>> means.ravel().tolist(), seconds.tolist()
        ([0.5, 0.0, nan], [2.0, 2.0, 0.0])
    """
    count, columns = len(edges_s) - 1, values.shape[1]
    is_read = ~np.isnan(values).any(axis=1)
    start_s, end_s = readings.at_s[is_read], ends_s(readings)[is_read]
    if not len(start_s):
        return np.full((count, columns), np.nan), np.zeros(count)
    # Up to each start and end, the integral over time grows in straight lines.
    times_s = np.stack([start_s, end_s], axis=1).ravel()
    weighted = np.column_stack([values[is_read], np.ones(len(start_s))])
    grown = np.cumsum(weighted * (end_s - start_s)[:, None], axis=0)
    before = np.vstack([np.zeros(columns + 1), grown[:-1]])
    integral = np.stack([before, grown], axis=1).reshape(-1, columns + 1)
    at_edges = np.column_stack(
        [np.interp(edges_s, times_s, integral[:, column]) for column in range(columns + 1)]
    )
    parts = np.diff(at_edges, axis=0)
    # What is left by rounding is no time.
    seconds = np.where(parts[:, -1] > 1e-9, parts[:, -1], 0.0)
    return quotient(parts[:, :-1], seconds[:, None]), seconds


def mean_of_faces(
    faces: Iterable[tuple[Readings, NDArray[np.float64]]],
    edges_s: NDArray[np.float64],
    columns: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The mean over the faces that were read in each stretch of time, each counting the same.

    Args:
        faces: The readings of each face and what is averaged of them; see `means_by_bin`.
        edges_s: Where the stretches begin and end, (b + 1,), s, ascending.
        columns: How many columns are averaged, k.

    Returns:
        The means, (b, k), NaN without a face, and on how many faces they rest, (b,).
    """
    total = np.zeros((len(edges_s) - 1, columns))
    count = np.zeros(len(edges_s) - 1, np.int64)
    for readings, values in faces:
        means, seconds = means_by_bin(readings, values, edges_s)
        total += np.nan_to_num(means)
        count += seconds > 0
    return quotient(total, count[:, None]), count


def quotient(total: NDArray[np.float64], count: NDArray[Any]) -> NDArray[np.float64]:
    """A total by how much it is made of; NaN where that is nothing."""
    out = np.full(total.shape, np.nan)
    np.divide(total, count, out=out, where=count > 0)
    return out
