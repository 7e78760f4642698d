"""Summary of one face over a session: spells, their lengths and transitions."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.session import Readings

GAP_S: Final = 1.5
"""Time without a reading that counts as a pause at the usual frame rates; see `pause_s`."""

# If a video is read only every few seconds, this interval is not a pause, provided that there are
# enough intervals to know what is usual.
PAUSE_INTERVALS: Final = 3
_LEAST_INTERVALS: Final = 4


@dataclass(frozen=True)
class Spell:
    """A time without pause in which one label held, and a neutral baseline counted or not.

    Attributes:
        expression: The label; None for unsure.
        start_s: Its first reading, seconds since the start.
        end_s: Start of the next spell, or a little after the last reading.
        is_corrected: Whether a neutral baseline was applied.
    """

    expression: str | None
    start_s: float
    end_s: float
    is_corrected: bool = False

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Summary:
    """Summary of one face; the label None stands for unsure.

    Attributes:
        seconds: How long each expression that occurred held, s.
        total_s: How long the face was read, s.
        spells: In the order of time.
        transitions: How often one spell followed another without a pause, by (from, to). Where a
            neutral baseline begins or ends to count, the face did not change.
    """

    seconds: dict[str | None, float]
    total_s: float
    spells: tuple[Spell, ...]
    transitions: dict[tuple[str | None, str | None], int]

    def share(self, expression: str | None) -> float:
        """Share of the time in which an expression held, in [0, 1]; 0 if `total_s` is 0."""
        return self.seconds.get(expression, 0.0) / self.total_s if self.total_s else 0.0

    def first(self, expression: str | None) -> Spell | None:
        """The first spell of an expression; None if it never held."""
        return next((spell for spell in self.spells if spell.expression == expression), None)

    def longest(self, expression: str | None) -> Spell | None:
        """The longest spell of an expression, of several the first; None if it never held."""
        its = [spell for spell in self.spells if spell.expression == expression]
        return max(its, key=lambda spell: spell.duration_s, default=None)


def pause_s(at_s: NDArray[np.float64]) -> float:
    """A longer time between two readings is a pause, s.

    Args:
        at_s: Times of the readings, (n,), s, ascending.

    Example:
        >>> pause_s(np.array([0.0, 0.1, 0.2, 5.0])), pause_s(np.arange(0, 20, 2.0))
        (1.5, 6.0)
    """
    usual = usual_interval_s(at_s, least=_LEAST_INTERVALS)
    return GAP_S if usual is None else max(GAP_S, PAUSE_INTERVALS * usual)


def usual_interval_s(at_s: NDArray[np.float64], *, least: int = 1) -> float | None:
    """The usual time from one reading to the next, s.

    Args:
        at_s: Times of the readings, (n,), s, ascending; several faces may share one.
        least: The result is None if there are fewer intervals.

    Example:
        >>> usual_interval_s(np.array([0.0, 0.5, 0.5, 1.0, 9.0]))
        0.5
    """
    intervals = np.diff(at_s)
    intervals = intervals[intervals > 0]
    if len(intervals) < least:
        return None
    # Not the median: a face that was often away may have more long intervals than short ones.
    return float(np.quantile(intervals, 0.25, method="lower"))


def spells(readings: Readings) -> list[Spell]:
    """The spells of one face.

    A reading lasts until the next one. Before a pause, and at the end, it lasts for the median
    interval without pauses, or for no time if there is no such interval.

    Args:
        readings: Readings of one face. Rows without probabilities are ignored.
    """
    is_read = ~np.isnan(readings.probabilities).any(axis=1)
    at_s, expression = readings.at_s[is_read], readings.expression[is_read]
    corrected = readings.is_corrected[is_read]
    if not len(at_s):
        return []
    intervals = np.diff(at_s)
    is_pause = intervals > pause_s(at_s)
    usual = float(np.median(intervals[~is_pause])) if not is_pause.all() else 0.0
    until_s = np.append(np.where(is_pause, at_s[:-1] + usual, at_s[1:]), at_s[-1] + usual)
    is_other = (expression[1:] != expression[:-1]) | (corrected[1:] != corrected[:-1])
    is_first = np.append(True, is_pause | is_other)
    starts = np.flatnonzero(is_first)
    lasts = np.append(starts[1:], len(at_s)) - 1
    return [
        Spell(expression[start], float(at_s[start]), float(until_s[last]), bool(corrected[start]))
        for start, last in zip(starts, lasts, strict=True)
    ]


def summary(readings: Readings) -> Summary:
    """Summarise the readings of one face."""
    all_spells = spells(readings)
    seconds: dict[str | None, float] = {}
    for spell in all_spells:
        seconds[spell.expression] = seconds.get(spell.expression, 0.0) + spell.duration_s
    # Without a pause, the end is exactly the start of the next spell.
    transitions = Counter(
        (one.expression, other.expression)
        for one, other in pairwise(all_spells)
        if one.end_s == other.start_s and one.is_corrected == other.is_corrected
    )
    return Summary(seconds, sum(seconds.values()), tuple(all_spells), dict(transitions))
