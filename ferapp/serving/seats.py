"""Seats for a limited number of visitors, and the queue for them."""

import threading
from collections.abc import Callable
from typing import Final

_GONE_AFTER_S: Final = 6.0
"""A visitor who has not asked for this long has left.

Pages ask every second, streams with every frame.
"""


class Seats:
    """A number of seats and a queue for them; called from every visitor's thread.

    Args:
        count: How many seats there are.
        clock: Returns seconds.
    """

    def __init__(self, count: int, clock: Callable[[], float]) -> None:
        self.count = count
        self._clock = clock
        self._lock = threading.Lock()
        # When each visitor last asked, in order of arrival; the first `count` have a seat.
        self._asked_s: dict[str, float] = {}

    def place(self, visitor: str) -> int:
        """0 for a visitor with a seat, else the position in the queue, from 1; ask again later."""
        now_s = self._clock()
        with self._lock:
            self._asked_s = {
                other: at_s
                for other, at_s in self._asked_s.items()
                if now_s - at_s <= _GONE_AFTER_S or other == visitor
            }
            self._asked_s[visitor] = now_s
            return max(list(self._asked_s).index(visitor) + 1 - self.count, 0)

    @property
    def active_count(self) -> int:
        """How many seats are taken."""
        return min(self._present_count(), self.count)

    @property
    def waiting_count(self) -> int:
        """How many visitors wait in the queue."""
        return max(self._present_count() - self.count, 0)

    def _present_count(self) -> int:
        now_s = self._clock()
        with self._lock:
            return sum(now_s - at_s <= _GONE_AFTER_S for at_s in self._asked_s.values())

    def leave(self, visitor: str) -> None:
        """Give the seat or the position in the queue back; may be called twice."""
        with self._lock:
            self._asked_s.pop(visitor, None)
