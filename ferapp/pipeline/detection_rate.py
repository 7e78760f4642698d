"""Chooses the frames of a stream in which faces are detected, by the cost of detection."""

from typing import Final

import numpy as np

# Detection may take up to this share of the time between two frames before frames are skipped.
_DETECTION_SHARE: Final = 0.5
_MOST_SKIPPED: Final = 5
# The averages are taken over this many frames.
_COST_FRAMES: Final = 15


class DetectionRate:
    """Says in which frames detection is due; call `advance` first for each frame."""

    def __init__(self) -> None:
        self._frames_since = 0
        self._cost_s = 0.0
        self._between_s = 0.0
        self._last_s: float | None = None

    def advance(self, at_s: float) -> None:
        """Count a new frame with this time, s."""
        if self._last_s is not None:
            self._between_s = _mean(self._between_s, at_s - self._last_s)
        self._last_s = at_s
        self._frames_since += 1

    def is_due(self, every: int | None = None) -> bool:
        """Whether to detect faces in this frame.

        Args:
            every: Detect in every Nth frame; None chooses N by the cost.
        """
        return self._frames_since >= (every or self._affordable())

    def add_cost(self, seconds: float) -> None:
        """Record how long a detection took, s."""
        self._cost_s = _mean(self._cost_s, seconds)

    def restart(self) -> None:
        """Start counting from this frame, whose faces are known."""
        self._frames_since = 0

    def _affordable(self) -> int:
        """The N of every Nth frame in which detection may run."""
        if not self._between_s:
            return 1
        wanted = self._cost_s / (_DETECTION_SHARE * self._between_s)
        return int(np.clip(np.ceil(wanted), 1, _MOST_SKIPPED))


def _mean(mean: float, value: float) -> float:
    """A running mean over about `_COST_FRAMES` values; the first counts as it is."""
    return value if not mean else mean + (value - mean) / _COST_FRAMES
