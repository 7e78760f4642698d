"""Probabilities that don't flicker, and labels that a single frame can't flip, live.

Only the past is known here, so both come late: a change from one clear expression to another shows
in the label after about `label_delay_s`. Files are smoothed without delay
(`ferapp.temporal.both_directions`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Over a pause of this many hold times no label is held.
_REACH: Final = 2.0


def label_delay_s(time_constant_s: float, hold_s: float) -> float:
    """How long a label lags behind a clear change of the face, s, at a usual frame rate.

    After a full step, another label leads once its share has reached one half.

    Example:
        >>> round(label_delay_s(time_constant_s=0.5, hold_s=0.4), 2)
        0.75
    """
    return time_constant_s * float(np.log(2)) + hold_s


class Smoother:
    """Exponential smoothing with a time constant in seconds, whatever the frame rate.

    Args:
        time_constant_s: Time in which a step reaches 63 % of its height; 0 for no smoothing.

    Example:
        >>> smoother = Smoother(time_constant_s=0.5)
        >>> smoother.update(np.array([1, 0], np.float32), at_s=0.0)
        array([1., 0.], dtype=float32)
        >>> smoother.update(np.array([0, 1], np.float32), at_s=0.5).round(2)
        array([0.37, 0.63], dtype=float32)
    """

    def __init__(self, time_constant_s: float) -> None:
        self.time_constant_s = time_constant_s
        self._value: Floats | None = None
        self._at_s = 0.0

    def update(self, probabilities: Floats, at_s: float) -> Floats:
        """Add probabilities, (k,), and return the smoothed ones; sums of 1 are preserved."""
        if self._value is None or self.time_constant_s <= 0:
            self._value = probabilities
        else:
            share = 1 - np.exp(-(at_s - self._at_s) / self.time_constant_s)
            self._value = (self._value + share * (probabilities - self._value)).astype(np.float32)
        self._at_s = at_s
        return self._value


class LabelHold:
    """Changes a label only after another one has led without a break for some time.

    The first label counts at once, and so does the first one after a pause of twice the hold time
    or longer: where readings are rare, each speaks for itself. None, for unsure, is a label like
    any other.

    Args:
        hold_s: How long another label has to lead, s.

    Example:
        >>> hold = LabelHold(hold_s=0.4)
        >>> labels = ["neutral", "fear", "neutral", "fear", "fear", "fear"]
        >>> [hold.update(label, index / 4) for index, label in enumerate(labels)]
        ['neutral', 'neutral', 'neutral', 'neutral', 'neutral', 'fear']
    """

    def __init__(self, hold_s: float) -> None:
        self.hold_s = hold_s
        self._held: str | None = None
        self._rival: str | None = None
        self._since_s: float | None = None
        self._last_s = 0.0
        self._is_new = True

    def update(self, label: str | None, at_s: float) -> str | None:
        """The label to show, given the one that leads at this time."""
        is_rare = at_s - self._last_s >= _REACH * self.hold_s
        self._last_s = at_s
        if self._is_new or label == self._held or is_rare:
            self._held, self._since_s, self._is_new = label, None, False
        elif self._since_s is None or label != self._rival:
            self._rival, self._since_s = label, at_s
        if self._since_s is not None and at_s - self._since_s >= self.hold_s:
            self._held, self._since_s = self._rival, None
        return self._held
