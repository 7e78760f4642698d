"""Rows of a file that are there twice, as when files are put together."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ferapp.errors import DataError
from ferapp.sessions.formats.headings import CORNERS
from ferapp.sessions.session import Readings

_SAME_S: Final = 1e-7
"""Times this close are the same; R writes 15 digits, of which the last one may differ."""


def merge_repeats(
    readings: Readings, rows: NDArray[np.int64], labels: Sequence[str]
) -> tuple[Readings, int]:
    """Readings in the order of time, each face once at a time.

    Args:
        readings: In any order.
        rows: Number of the row of each reading in its file, (n,).
        labels: The expressions.

    Returns:
        The readings, and how many of them were there before.

    Raises:
        DataError: Two rows about the same face and time contradict each other.
    """
    order = np.lexsort((readings.at_s, readings.face))
    is_again = (np.diff(readings.face[order]) == 0) & (np.diff(readings.at_s[order]) <= _SAME_S)
    if not is_again.any():
        return _in_time(readings), 0
    first, again = order[:-1][is_again], order[1:][is_again]
    names_of = {
        "size_wh": ["width", "height"],
        "xyxy": [*CORNERS],
        "probabilities": [f"p_{label}" for label in labels],
        "smoothed": [f"s_{label}" for label in labels],
    }
    for field, values in vars(readings).items():
        if field in ("at_s", "face"):
            continue
        names = names_of.get(field, [field])
        differs = ~_equal(values[first], values[again]).reshape(len(first), len(names))
        if differs.any():
            pair, column = np.argwhere(differs)[0]
            one, other = sorted((rows[first[pair]], rows[again[pair]]))
            at_s = readings.at_s[first[pair]]
            raise DataError(
                f"its rows {one} and {other} are both about face {readings.face[first[pair]]} at "
                f"{at_s:.6g} s, but differ in {names[column]}"
            )
    # Of each, that which comes first in the file.
    starts = np.flatnonzero(np.append(True, ~is_again))
    once = readings.at(np.sort(np.minimum.reduceat(order, starts)))
    return _in_time(once), len(again)


def _in_time(readings: Readings) -> Readings:
    """In the order of time; without a copy if they are."""
    if (np.diff(readings.at_s) >= 0).all():
        return readings
    return readings.at(np.argsort(readings.at_s, kind="stable"))


def _equal(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (one == other) | ((one != one) & (other != other))
    return same
