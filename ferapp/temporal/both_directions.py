"""Smoothing and labels of a recorded face: what follows a moment is known as well as what precedes.

Live there is only the past, and a label comes late (`ferapp.temporal.smoothing`). Here a label
changes when the face does.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# A face that was not read for longer than this may have done anything meanwhile.
_MISSING_S: Final = 0.5
# Over more of its own times nothing is held.
_REACH: Final = 2.0
# A label that trails by this is plainly wrong; trailing by less counts in proportion.
_FULL_LEAD: Final = 0.45
# A reading that stands for the needed time or longer speaks for itself: another label is shown if
# it leads by so much there.
_LONE_LEAD: Final = 0.4
# So many readings are worked on at a time; hours of video are many more. What is further away than
# so many time constants has no weight.
_BLOCK: Final = 20_000
_FAR: Final = 16.0


def needed_s(time_constant_s: float, hold_s: float) -> float:
    """How long an expression has to last to be shown, s: exactly as long as live.

    There, an expression of length L leads in the smoothed probabilities from T ln 2 after its start
    to T ln(2 (1 - exp(-L / T))) after its end, T being the time constant. Both are as far apart as
    the hold time if L = T ln(1 + exp(hold / T)).

    Example:
        >>> round(needed_s(time_constant_s=0.5, hold_s=0.4), 2)
        0.59
    """
    if time_constant_s <= 0:
        return hold_s
    return time_constant_s * float(np.logaddexp(0, hold_s / time_constant_s))


def segments(at_s: Floats, spans: Floats, needed_s: float) -> Iterator[slice]:
    """The stretches of readings within which one is compared with the next.

    Args:
        at_s: Times of the readings of one face, (n,) s, ascending.
        spans: When the time that each one stands for begins and ends, (n, 2) s.
        needed_s: As from `needed_s`.

    Example:
        >>> at_s = np.array([0.0, 0.1, 2.0])
        >>> spans = np.stack([at_s - 0.05, at_s + 0.05], axis=1)
        >>> list(segments(at_s, spans, needed_s=0.4))
        [slice(0, 2, None), slice(2, 3, None)]
    """
    if not len(at_s):
        return
    is_missing = spans[1:, 0] - spans[:-1, 1] > _MISSING_S
    ends = np.flatnonzero(is_missing | (np.diff(at_s) > _REACH * needed_s)) + 1
    edges = [0, *ends.tolist(), len(at_s)]
    yield from (slice(first, last) for first, last in pairwise(edges))


def smooth(
    probabilities: NDArray[np.float32], at_s: Floats, spans: Floats, time_constant_s: float
) -> NDArray[np.float32]:
    """Smooth one segment without delay: exponentially, as far ahead as back.

    Each direction gets half of the time constant, so that as much noise is taken away as by
    `ferapp.temporal.smoothing.Smoother` with the whole of it. A step comes half before its time and
    half after it.

    Args:
        probabilities: (n, k).
        at_s: Times, (n,) s, ascending.
        spans: When the time that each reading stands for begins and ends, (n, 2) s.
        time_constant_s: Of the smoothing; 0 for none.

    Returns:
        (n, k); sums of 1 are preserved.

    Example:
        >>> at_s = np.arange(6) / 2
        >>> spans = np.stack([at_s - 0.25, at_s + 0.25], axis=1)
        >>> step = np.array([[1, 0]] * 3 + [[0, 1]] * 3, np.float32)
        >>> smooth(step, at_s, spans, time_constant_s=0.5)[:, 1].round(2)
        array([0.  , 0.03, 0.18, 0.82, 0.97, 1.  ], dtype=float32)
    """
    if time_constant_s <= 0:
        return probabilities
    one_way = time_constant_s / 2
    smoothed = np.empty_like(probabilities)
    for start in range(0, len(at_s), _BLOCK):
        end = min(start + _BLOCK, len(at_s))
        near_s = (at_s[start] - _FAR * one_way, at_s[end - 1] + _FAR * one_way)
        first, last = np.searchsorted(at_s, near_s).tolist()
        part = np.s_[first:last]
        total = _both_ways(probabilities[part], at_s[part], spans[part], one_way)
        smoothed[start:end] = total[start - first : end - first]
    return smoothed


def _both_ways(
    probabilities: NDArray[np.float32], at_s: Floats, spans: Floats, one_way: float
) -> Floats:
    # The last column holds the weights themselves.
    weighted = np.concatenate([probabilities, np.ones((len(at_s), 1))], axis=1)
    before_s, after_s = at_s - spans[:, 0], spans[:, 1] - at_s
    past = _past(weighted, at_s, before_s, after_s, one_way)
    to_come = _past(weighted[::-1], -at_s[::-1], after_s[::-1], before_s[::-1], one_way)[::-1]
    total = past + to_come
    return np.asarray(total[:, :-1] / total[:, -1:])


def _past(
    values: Floats, at_s: Floats, before_s: Floats, after_s: Floats, one_way: float
) -> Floats:
    """The integral of each column up to each reading, with weights that fade into the past.

    Args:
        values: (n, c), which hold from ``before_s`` before their times to ``after_s`` after them.
        at_s: Times, (n,) s, ascending.
        before_s: (n,) s.
        after_s: (n,) s.
        one_way: Time constant, s.
    """
    passed = np.diff(at_s, prepend=at_s[0])
    fading = np.exp(-passed / one_way)
    own = values * (1 - np.exp(-before_s / one_way))[:, None]
    # What the reading before adds after its own time.
    left_s = np.maximum(passed[1:] - after_s[:-1], 0)
    own[1:] += values[:-1] * (np.exp(-left_s / one_way) - fading[1:])[:, None]
    for i in range(1, len(own)):
        own[i] += fading[i] * own[i - 1]
    return np.asarray(own, np.float64)


def best_labels(
    probabilities: NDArray[np.float32], spans: Floats, *, unsure_below: float, needed_s: float
) -> NDArray[np.int64]:
    """The labels of one segment that fit its readings best with as few changes as they deserve.

    A label that trails the leading one costs up to 1 for each second, and each change of the label
    costs half of ``needed_s`` and of one frame: an expression that leads by far is shown if it
    lasts for that long, from its first frame to its last. The cheapest sequence of all is found by
    dynamic programming (Viterbi, 1967; the price for a change is that of the Potts model).

    Args:
        probabilities: Not smoothed, (n, k).
        spans: When the time that each reading stands for begins and ends, (n, 2) s. A reading that
            stands for ``needed_s`` or longer is enough for a label of its own.
        unsure_below: "Unsure" competes with this probability.
        needed_s: As from `needed_s`.

    Returns:
        (n,) column of the label, or -1 for unsure.

    Example:
        >>> at_s = np.arange(5) / 10
        >>> spans = np.stack([at_s - 0.05, at_s + 0.05], axis=1)
        >>> readings = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [1, 0]], np.float32)
        >>> best_labels(readings, spans, unsure_below=0.5, needed_s=0.4)
        array([0, 0, 0, 0, 0])
    """
    labels = probabilities.shape[1]
    lasts_s = spans[:, 1] - spans[:, 0]
    # One frame more, because live the time counts from reading to reading.
    change_s = (needed_s + float(np.median(lasts_s))) / 2 if needed_s else 0.0
    lone_s = 2 * change_s * _FULL_LEAD / _LONE_LEAD or 1.0
    counts_s = np.where(lasts_s >= needed_s, lone_s, lasts_s)
    came_from = np.empty((len(probabilities), labels + 1), np.int16)
    columns = np.arange(labels + 1)
    total = np.zeros(labels + 1)
    for row, trails in enumerate(_trails(probabilities, unsure_below)):
        cheapest = int(total.argmin())
        price = total[cheapest] + change_s
        changes = total > price
        came_from[row] = np.where(changes, cheapest, columns)
        total = np.where(changes, price, total) + trails * counts_s[row]
    best = np.empty(len(probabilities), np.int64)
    label = int(total.argmin())
    for row in range(len(best) - 1, -1, -1):
        best[row] = label
        label = int(came_from[row, label])
    return np.where(best == labels, -1, best)


def _trails(probabilities: NDArray[np.float32], unsure_below: float) -> Iterator[Floats]:
    """By how much each label and "unsure" trail in each reading, (k + 1,): 0 to 1."""
    for start in range(0, len(probabilities), _BLOCK):
        part = probabilities[start : start + _BLOCK].astype(np.float64)
        scores = np.concatenate([part, np.full((len(part), 1), unsure_below)], axis=1)
        behind = scores.max(axis=1, keepdims=True) - scores
        yield from np.minimum(behind / _FULL_LEAD, 1.0)
