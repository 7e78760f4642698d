"""Summary of one face over a session: spells, their lengths and transitions."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ferapp.sessions.lengths import ends_s, pause_s
from ferapp.sessions.session import Readings


@dataclass(frozen=True)
class Spell:
    """A time in which a face was read, one label held, and a neutral baseline counted or not.

    Attributes:
        expression: The label; None for unsure.
        start_s: Its first reading, seconds since the start.
        end_s: When its last reading ends, which is later.
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
        transitions: How often a spell of another label followed without a pause, by (from, to).
            Where a neutral baseline begins or ends to count, the face did not change.
        unreadable_s: How long the face was there and could not be read, s.
        counts: How many readings had each expression.
    """

    seconds: dict[str | None, float]
    total_s: float
    spells: tuple[Spell, ...]
    transitions: dict[tuple[str | None, str | None], int]
    unreadable_s: float = 0.0
    counts: dict[str | None, int] = field(default_factory=dict)

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


def spells(readings: Readings) -> list[Spell]:
    """The spells of one face.

    A reading lasts as long as its frame was shown, or until the face's next reading if that comes
    first. A spell ends where the face can't be read, also for a moment.

    Args:
        readings: Readings of one face, in the order of time.
    """
    until_s = ends_s(readings)
    is_read = readings.is_read & (until_s > readings.at_s)
    at_s, until_s = readings.at_s[is_read], until_s[is_read]
    expression, corrected = readings.expression[is_read], readings.is_corrected[is_read]
    if not len(at_s):
        return []
    is_other = (expression[1:] != expression[:-1]) | (corrected[1:] != corrected[:-1])
    starts = np.flatnonzero(np.append(True, is_other | (until_s[:-1] < at_s[1:])))
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
    is_read = readings.is_read
    pause = pause_s(readings.at_s)
    transitions = Counter(
        (one.expression, other.expression)
        for one, other in pairwise(all_spells)
        if other.start_s - one.end_s < pause
        and one.expression != other.expression
        and one.is_corrected == other.is_corrected
    )
    return Summary(
        seconds,
        sum(seconds.values()),
        tuple(all_spells),
        dict(transitions),
        unreadable_s=float((ends_s(readings) - readings.at_s)[~is_read].sum()),
        counts=dict(Counter(readings.expression[is_read].tolist())),
    )
