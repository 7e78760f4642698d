"""Probabilities that don't flicker, and labels that one frame never flips."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Smoother:
    """Exponential smoothing with a time constant in seconds, whatever the frame rate.

    Args:
        time_constant_s: After this time a step has reached 63 % of its height; 0 for no smoothing.
    """

    def __init__(self, time_constant_s: float) -> None:
        self.time_constant_s = time_constant_s
        self._value: Floats | None = None
        self._at_s = 0.0

    def update(self, probabilities: Floats, at_s: float) -> Floats:
        """The smoothed probabilities, (k,), which sum to 1 as those that came in do."""
        if self._value is None or self.time_constant_s <= 0:
            self._value = probabilities
        else:
            share = 1 - np.exp(-(at_s - self._at_s) / self.time_constant_s)
            self._value = (self._value + share * (probabilities - self._value)).astype(np.float32)
        self._at_s = at_s
        return self._value


class LabelHold:
    """Changes a label only when another has led without a break for a while.

    The first label counts at once. None, for unsure, is a label like any other.

    Args:
        hold_s: How long another label has to lead.
    """

    def __init__(self, hold_s: float) -> None:
        self.hold_s = hold_s
        self._held: str | None = None
        self._rival: str | None = None
        self._since_s: float | None = None
        self._is_new = True

    def update(self, label: str | None, at_s: float) -> str | None:
        """The label to show, given the one that leads now."""
        if self._is_new or label == self._held:
            self._held, self._since_s, self._is_new = label, None, False
        elif self._since_s is None or label != self._rival:
            self._rival, self._since_s = label, at_s
        if self._since_s is not None and at_s - self._since_s >= self.hold_s:
            self._held, self._since_s = self._rival, None
        return self._held
