"""Turns for a limited number of visitors at once: first come, first served."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ferapp.errors import TooBusy

_LOOK_S: Final = 0.5


class Turns:
    """Lets a few visitors work at once while the others queue; called from their threads.

    Args:
        count: How many may work at once.
        most_waiting: The maximum length of the queue; further visitors are turned away.
    """

    def __init__(self, count: int, most_waiting: int) -> None:
        self._count = count
        self._most_waiting = most_waiting
        self._changed = threading.Condition()
        # In order of arrival; the first `count` are at work.
        self._queue: list[object] = []

    @property
    def active_count(self) -> int:
        """How many visitors are at work."""
        return min(len(self._queue), self._count)

    @property
    def waiting_count(self) -> int:
        """How many visitors wait in the queue."""
        return max(len(self._queue) - self._count, 0)

    @contextmanager
    def hold_turn(self, report: Callable[[int], None] | None = None) -> Iterator[None]:
        """Wait for a turn, and hold it while the block runs.

        Args:
            report: Called repeatedly while waiting, with the position in the queue, from 1. If it
                raises, as a page does whose visitor has left, the position is given up.

        Raises:
            TooBusy: The queue is full.
        """
        turn = object()
        with self._changed:
            if len(self._queue) >= self._count + self._most_waiting:
                raise TooBusy(
                    f"The server is full: {self.waiting_count} visitors are already waiting. "
                    "Try again in a minute."
                )
            self._queue.append(turn)
        try:
            while place := self._place(turn):
                if report:
                    report(place)
                with self._changed:
                    if self._place(turn) == place:
                        self._changed.wait(_LOOK_S)
            yield
        finally:
            with self._changed:
                self._queue.remove(turn)
                self._changed.notify_all()

    def _place(self, turn: object) -> int:
        with self._changed:
            return max(self._queue.index(turn) + 1 - self._count, 0)
