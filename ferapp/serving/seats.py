"""Seats for a limited number of visitors, and the queue for them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_GONE_AFTER_S: Final = 6.0
"""A visitor who has not asked for this long has left.

Pages ask every second, streams with every frame.
"""

_FORGOTTEN_AFTER_S: Final = 3600.0


@dataclass
class _Visit:
    """One visitor in the seats or in the queue.

    Attributes:
        asked_s: When the visitor last asked.
        used_s: When the seat was last used, or given; None in the queue.
    """

    asked_s: float
    used_s: float | None = None


class Seats:
    """A number of seats and a queue for them; called from every visitor's thread.

    Args:
        count: How many seats there are.
        clock: Returns seconds.
        max_idle_s: How long a seat may stay unused while others wait; then it is lost, and the
            visitor has to `rejoin`. None for as long as the visitor asks.
    """

    def __init__(
        self, count: int, clock: Callable[[], float], max_idle_s: float | None = None
    ) -> None:
        self.count = count
        self._clock = clock
        self._max_idle_s = max_idle_s
        self._lock = threading.Lock()
        # In order of arrival; the first `count` have a seat.
        self._visits: dict[str, _Visit] = {}
        # When each visitor lost a seat.
        self._lost_s: dict[str, float] = {}

    def place(self, visitor: str) -> int:
        """0 for a visitor with a seat, else the position in the queue, from 1; ask again later.

        One who has lost the seat gets the position that `rejoin` would give, and does not take it.
        """
        return self._ask(visitor, is_used=False)

    def use(self, visitor: str) -> int:
        """The same as `place`, for a visitor who is using the seat right now."""
        return self._ask(visitor, is_used=True)

    def has_lost(self, visitor: str) -> bool:
        """Whether the visitor left a seat unused while others waited."""
        with self._lock:
            return visitor in self._lost_s

    def rejoin(self, visitor: str) -> int:
        """Join the end of the queue after a loss; see `place`."""
        with self._lock:
            self._lost_s.pop(visitor, None)
        return self.place(visitor)

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
            return sum(now_s - v.asked_s <= _GONE_AFTER_S for v in self._visits.values())

    def leave(self, visitor: str) -> None:
        """Give the seat or the position in the queue back; may be called twice."""
        with self._lock:
            self._visits.pop(visitor, None)
            self._lost_s.pop(visitor, None)

    def _ask(self, visitor: str, *, is_used: bool) -> int:
        now_s = self._clock()
        with self._lock:
            self._forget_who_left(visitor, now_s)
            if visitor not in self._lost_s:
                visit = self._visits.setdefault(visitor, _Visit(now_s))
                visit.asked_s = now_s
                if is_used and visit.used_s is not None:
                    visit.used_s = now_s
            self._hand_out(now_s)
            if visitor in self._lost_s:
                return max(len(self._visits) + 1 - self.count, 1)
            return max(list(self._visits).index(visitor) + 1 - self.count, 0)

    def _forget_who_left(self, visitor: str, now_s: float) -> None:
        self._visits = {
            other: visit
            for other, visit in self._visits.items()
            if now_s - visit.asked_s <= _GONE_AFTER_S or other == visitor
        }
        for other in [v for v, s in self._lost_s.items() if now_s - s > _FORGOTTEN_AFTER_S]:
            del self._lost_s[other]

    def _hand_out(self, now_s: float) -> None:
        """Give free seats to those who wait, and seats that nobody uses as well."""
        while True:
            seated = list(self._visits.items())[: self.count]
            for _, visit in seated:
                visit.used_s = now_s if visit.used_s is None else visit.used_s
            idle = [v for v, visit in seated if self._is_idle(visit, now_s)]
            if not idle or len(self._visits) <= self.count:
                return
            del self._visits[idle[0]]
            self._lost_s[idle[0]] = now_s

    def _is_idle(self, visit: _Visit, now_s: float) -> bool:
        if self._max_idle_s is None or visit.used_s is None:
            return False
        return now_s - visit.used_s > self._max_idle_s


class OneAfterTheOther:
    """The turns of one visitor who has several jobs: only the first of them asks for a seat.

    So a visitor with many goes to the end of the queue after each, and holds up the others no
    longer than one who comes again.

    Args:
        seats: Those of all visitors.
        clock: Returns seconds.
    """

    def __init__(self, seats: Seats, clock: Callable[[], float]) -> None:
        self._seats = seats
        self._own = Seats(1, clock)

    def place(self, job: str) -> int:
        """0 for a job with a seat, else a position, from 1: its own or that of the visitor."""
        return self._own.place(job) or self._seats.place(job)

    def leave(self, job: str) -> None:
        """Give the seat or the position back; may be called twice."""
        self._own.leave(job)
        self._seats.leave(job)
