"""How many work at once, and who is next: first come, first served."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ferapp.errors import TooBusy

_LOOK_S: Final = 0.5


class Turns:
    """So many at work; the others wait in line. Called from every visitor's thread.

    Args:
        count: How many work at once.
        most_waiting: A visitor who finds so many waiting is turned away.
    """

    def __init__(self, count: int, most_waiting: int) -> None:
        self._count = count
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        # In the order in which they came; the first `count` work.
        self._line: list[object] = []

    @property
    def served(self) -> int:
        """How many are at work."""
        return min(len(self._line), self._count)

    @property
    def waiting(self) -> int:
        """How many wait in the queue."""
        return max(len(self._line) - self._count, 0)

    @contextmanager
    def taken(self, report: Callable[[int], None] | None = None) -> Iterator[None]:
        """Wait for a turn, and have it for as long as the block lasts.

        Args:
            report: Gets the position in the queue, from 1, again and again while waiting. It may
                raise, as a page does whose visitor has left; the place is given up then.

        Raises:
            TooBusy: The line is too long.
        """
        me = object()
        with self._changed:
            if len(self._line) >= self._count + self._most_waiting:
                raise TooBusy(
                    f"The server is full: {self.waiting} are waiting already. "
                    "Try again in a minute."
                )
            self._line.append(me)
        try:
            while place := self._place(me):
                if report:
                    report(place)
                with self._changed:
                    if self._place(me) == place:
                        self._changed.wait(_LOOK_S)
            yield
        finally:
            with self._changed:
                self._line.remove(me)
                self._changed.notify_all()

    def _place(self, who: object) -> int:
        with self._changed:
            return max(self._line.index(who) + 1 - self._count, 0)
