"""Presentation times of video frames: ascending, with missing or wrong time stamps repaired."""

import math
from collections import deque
from statistics import median
from typing import Final

MAX_SECONDS: Final = 24 * 3600.0
"""Frames later than this are not read."""

MAX_FRAMES: Final = 5_000_000
"""Further frames are not read."""

# A time that is further back than this means that the clock was reset.
_BACK_S: Final = 0.5
_TICK_S: Final = 0.001
_REMEMBERED: Final = 101


class FrameClock:
    """Gives each frame a time later than that of the frame before.

    Args:
        start_s: The time stamp at which the file begins, s.
        step_s: Time from one frame to the next if a time stamp is missing, s.

    Attributes:
        last_s: The time of the last frame, s from the start; minus infinity before the first.
        count: Number of frames so far.

    Example:
        >>> clock = FrameClock(start_s=0.0, step_s=0.04)
        >>> [clock.advance(stamp_s) for stamp_s in (0.0, 0.04, None, 0.12)]
        [0.0, 0.04, 0.08, 0.12]
    """

    def __init__(self, *, start_s: float, step_s: float) -> None:
        self.last_s = -math.inf
        self.count = 0
        self._start_s = start_s
        self._step_s = step_s
        self._shift_s = 0.0
        self._passed_s: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def interval_s(self) -> float:
        """The usual time between two of the last frames, s; 0 before there are two."""
        return median(self._passed_s) if self._passed_s else 0.0

    @property
    def is_past_limits(self) -> bool:
        """Whether the last frame came later than `MAX_SECONDS`, or after `MAX_FRAMES`."""
        return self.last_s > MAX_SECONDS or self.count > MAX_FRAMES

    def advance(self, stamp_s: float | None) -> float:
        """The time of the next frame, s from the start.

        Args:
            stamp_s: Its time stamp in the file, s; None if it has none.
        """
        expected_s = self.last_s + self._step_s
        at_s = expected_s if stamp_s is None else stamp_s - self._start_s + self._shift_s
        if not math.isfinite(at_s):  # the first one, without a time
            at_s = 0.0
        if self.last_s - at_s > _BACK_S:  # a clock that was set back
            self._shift_s += expected_s - at_s
            at_s = expected_s
        # Of two frames with one time, the second comes a moment later; others are not shifted.
        before_s, self.last_s = self.last_s, max(at_s, 0.0, self.last_s + _TICK_S)
        if self.count:
            self._passed_s.append(self.last_s - before_s)
        self.count += 1
        return self.last_s


class Sampler:
    """Picks a number of evenly spaced frames per second.

    Args:
        per_second: Maximum number; None for all.
    """

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._last_slot = -1

    def takes(self, at_s: float) -> bool:
        """Whether to pick the frame at this time, s: it is the first in its slot.

        To be called once per frame, in the order of time.
        """
        if not self._per_second:
            return True
        slot = math.floor(at_s * self._per_second + 1e-6)
        if slot <= self._last_slot:
            return False
        self._last_slot = slot
        return True
