"""Percentile bootstrap intervals of means and of differences between means.

Efron, 1979, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1-26. What
is drawn are whole faces, sessions or events, never readings: the readings of one face follow each
other within a tenth of a second and are no independent observations.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.statistics.bins import quotient

DRAWS: Final = 2000
"""How often is drawn with replacement."""

LEVEL: Final = 0.95
"""How much of the drawn means an interval holds."""

LEAST: Final = 2
"""With fewer observations there is no interval."""

# The same input has the same intervals, each time and in each program.
_SEED: Final = 20_261_129


@dataclass(frozen=True, eq=False)
class Interval:
    """Means, each with its interval; all of one shape, without the axis that was averaged.

    Attributes:
        mean: The mean of the observations that are not NaN; NaN if there are none.
        low: Lower end of the interval; NaN with fewer than `LEAST` observations.
        high: Upper end.
        n: How many observations each mean rests on.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]


def mean_interval(observations: NDArray[np.float64]) -> Interval:
    """The mean over the first axis, with its interval.

    Args:
        observations: (n, ...); NaN is no observation.

    Example:
        >>> one = mean_interval(np.array([[0.25]]))
        >>> one.mean.tolist(), one.low.tolist(), one.n.tolist()
        ([0.25], [nan], [1])
    """
    drawn = _drawn_means(observations, np.random.default_rng(_SEED))
    count = (~np.isnan(observations)).sum(axis=0)
    return Interval(mean_of(observations), *_ends(drawn, count >= LEAST), count)


def difference_interval(
    observations: NDArray[np.float64], reference: NDArray[np.float64]
) -> Interval:
    """The mean of one group minus that of another; both are drawn from independently.

    Args:
        observations: (n, ...); NaN is no observation.
        reference: (m, ...), of the other group.

    Returns:
        The differences; `n` is the smaller of both numbers.
    """
    rng = np.random.default_rng(_SEED)
    drawn = _drawn_means(observations, rng) - _drawn_means(reference, rng)
    counts = [(~np.isnan(group)).sum(axis=0) for group in (observations, reference)]
    n = np.minimum(*counts)
    return Interval(mean_of(observations) - mean_of(reference), *_ends(drawn, n >= LEAST), n)


def mean_of(observations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the first axis without NaN; NaN where there is nothing else."""
    is_there = ~np.isnan(observations)
    return quotient(np.where(is_there, observations, 0.0).sum(axis=0), is_there.sum(axis=0))


def _drawn_means(
    observations: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The mean of each draw, (draws, ...)."""
    n, shape = len(observations), observations.shape[1:]
    if not n:
        return np.full((DRAWS, *shape), np.nan)
    # How often each observation is in each draw.
    times = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)
    flat = observations.reshape(n, -1)
    is_there = ~np.isnan(flat)
    means = quotient(times @ np.where(is_there, flat, 0.0), times @ is_there)
    return means.reshape(DRAWS, *shape)


def _ends(
    drawn: NDArray[np.float64], is_enough: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of the interval, where there are enough observations."""
    flat = drawn.reshape(len(drawn), -1)
    ends = np.full((2, flat.shape[1]), np.nan)
    wanted = np.flatnonzero(is_enough.ravel())
    if len(wanted):
        tail = (1 - LEVEL) / 2
        # Draws of missing observations alone have no mean.
        ends[:, wanted] = np.nanquantile(flat[:, wanted], [tail, 1 - tail], axis=0)
    low, high = ends.reshape(2, *drawn.shape[1:])
    return low, high
