"""The readings of the last minute, for each face."""

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
        at_s: Time of each reading, (n,), s, ascending.
        probabilities: (n, k) float32.
        is_corrected: Whether a neutral baseline was applied, (n,).
    """

    at_s: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    is_corrected: NDArray[np.bool_]


class RollingWindow:
    """The latest readings, limited in time and number. Not thread-safe.

    Args:
        window_s: How far back it reaches, s.

    Example:
        >>> window = RollingWindow(window_s=60)
        >>> for at_s in (0, 30, 90):
        ...     window.add(1, np.array([0.8, 0.2], np.float32), at_s)
        >>> window.series()[1].at_s
        array([30, 90])
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._readings: deque[tuple[float, int, NDArray[np.float32], bool]] = deque(
            maxlen=_MOST_READINGS
        )

    def add(
        self,
        face: int,
        probabilities: NDArray[np.float32],
        at_s: float,
        *,
        is_corrected: bool = False,
    ) -> None:
        """Add one reading, (k,), and drop those that are too old."""
        self._readings.append((at_s, face, probabilities, is_corrected))
        while self._readings and self._readings[0][0] < at_s - self._window_s:
            self._readings.popleft()

    def series(self) -> dict[int, Series]:
        """The series of each face in the window, by its id."""
        faces: dict[int, tuple[list[float], list[NDArray[np.float32]], list[bool]]] = {}
        for at_s, face, probabilities, is_corrected in self._readings:
            times, rows, corrected = faces.setdefault(face, ([], [], []))
            times.append(at_s)
            rows.append(probabilities)
            corrected.append(is_corrected)
        return {
            face: Series(np.array(times), np.stack(rows), np.array(corrected, np.bool_))
            for face, (times, rows, corrected) in faces.items()
        }

    def clear(self) -> None:
        """Drop all readings."""
        self._readings.clear()
