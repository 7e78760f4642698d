"""In which frames of a stream faces are looked for, by what that costs."""

from typing import Final

import numpy as np

# Of the time between two frames, detection may take so much before it skips frames.
_DETECTION_SHARE: Final = 0.5
_MOST_SKIPPED: Final = 5
# Means over this many frames decide how often faces are looked for.
_COST_FRAMES: Final = 15


class DetectionRate:
    """Tells in which frames detection is due; for each frame, `advance` comes first."""

    def __init__(self) -> None:
        self._frames_since = 0
        self._cost_s = 0.0
        self._between_s = 0.0
        self._last_s: float | None = None

    def advance(self, at_s: float) -> None:
        """Count a new frame, which has this time, s."""
        if self._last_s is not None:
            self._between_s = _mean(self._between_s, at_s - self._last_s)
        self._last_s = at_s
        self._frames_since += 1

    def is_due(self, every: int | None = None) -> bool:
        """Whether faces are to be looked for in this frame.

        Args:
            every: In every which frame; None goes by the cost.
        """
        return self._frames_since >= (every or self._affordable())

    def add_cost(self, seconds: float) -> None:
        """Take in how long a detection took, s."""
        self._cost_s = _mean(self._cost_s, seconds)

    def restart(self) -> None:
        """Count again from this frame, whose faces are known."""
        self._frames_since = 0

    def _affordable(self) -> int:
        """In every which frame detection may run."""
        if not self._between_s:
            return 1
        wanted = self._cost_s / (_DETECTION_SHARE * self._between_s)
        return int(np.clip(np.ceil(wanted), 1, _MOST_SKIPPED))


def _mean(mean: float, value: float) -> float:
    """A running mean over about `_COST_FRAMES` values; the first counts as it is."""
    return value if not mean else mean + (value - mean) / _COST_FRAMES
