"""The last minute of every face."""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

WINDOW_S: Final = 60.0
_MOST_READINGS: Final = 40_000


@dataclass(frozen=True, eq=False)
class Series:
    """One face over time.

    Attributes:
        at_s: Time of each reading, (n,), ascending.
        probabilities: (n, k) float32.
    """

    at_s: NDArray[np.float64]
    probabilities: NDArray[np.float32]


class RollingWindow:
    """Readings of the last seconds, bounded in time and number. Not thread-safe.

    Args:
        window_s: How far back it reaches.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._readings: deque[tuple[float, int, NDArray[np.float32]]] = deque(maxlen=_MOST_READINGS)

    def add(self, face: int, probabilities: NDArray[np.float32], at_s: float) -> None:
        """Add one reading, (k,), and drop what is too old."""
        self._readings.append((at_s, face, probabilities))
        while self._readings and self._readings[0][0] < at_s - self._window_s:
            self._readings.popleft()

    def series(self) -> dict[int, Series]:
        """Every face of the window by its id."""
        faces: dict[int, tuple[list[float], list[NDArray[np.float32]]]] = {}
        for at_s, face, probabilities in self._readings:
            times, rows = faces.setdefault(face, ([], []))
            times.append(at_s)
            rows.append(probabilities)
        return {
            face: Series(np.array(times), np.stack(rows)) for face, (times, rows) in faces.items()
        }

    def clear(self) -> None:
        """Forget everything."""
        self._readings.clear()
