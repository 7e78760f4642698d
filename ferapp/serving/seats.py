"""How many may watch at once, and who is next."""

import threading
from collections.abc import Callable
from typing import Final

_GONE_AFTER_S: Final = 6.0
"""Who has not asked for so long has left; pages ask every second, streams with every frame."""


class Seats:
    """A number of seats and a line before them; called from every visitor's thread.

    Args:
        count: How many seats there are.
        clock: Tells seconds.
    """

    def __init__(self, count: int, clock: Callable[[], float]) -> None:
        self.count = count
        self._clock = clock
        self._lock = threading.Lock()
        # In the order in which they came; the first `count` sit.
        self._asked_s: dict[str, float] = {}

    def place(self, visitor: str) -> int:
        """0 for a visitor with a seat, else the position in the queue, from 1; ask again later."""
        now_s = self._clock()
        with self._lock:
            self._asked_s = {
                who: at_s
                for who, at_s in self._asked_s.items()
                if now_s - at_s <= _GONE_AFTER_S or who == visitor
            }
            self._asked_s[visitor] = now_s
            return max(list(self._asked_s).index(visitor) + 1 - self.count, 0)

    @property
    def served(self) -> int:
        """How many seats are taken."""
        return min(self._here(), self.count)

    @property
    def waiting(self) -> int:
        """How many wait in the queue."""
        return max(self._here() - self.count, 0)

    def _here(self) -> int:
        now_s = self._clock()
        with self._lock:
            return sum(now_s - at_s <= _GONE_AFTER_S for at_s in self._asked_s.values())

    def leave(self, visitor: str) -> None:
        """Give the seat or the position in the queue back; may be called twice."""
        with self._lock:
            self._asked_s.pop(visitor, None)
