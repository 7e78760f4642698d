"""Erases recorded sessions that were deleted or have expired, while the app runs."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from ferapp.errors import UserError
from ferapp.ui.server.imports import importing

_EVERY_S: Final = 2.0
_RARELY_S: Final = 60.0
# Longer than a deletion can be undone, and then two more rounds.
_PENDING_S: Final = 15.0

_logger = logging.getLogger(__name__)


class Timetable:
    """When to look for sessions to erase: once a minute, and more often after a deletion.

    A page calls `expect_deletion`, the loop of the server `is_due`.

    Args:
        clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last_s = self._pending_until_s = float("-inf")

    def expect_deletion(self) -> None:
        """A session was just deleted; it is erased when that can't be undone any more."""
        self._pending_until_s = self._clock() + _PENDING_S

    def is_due(self) -> bool:
        """Whether to look now; the next time counts from here."""
        now_s = self._clock()
        if now_s > self._pending_until_s and now_s < self._last_s + _RARELY_S:
            return False
        self._last_s = now_s
        return True


_timetable: Final = Timetable(time.monotonic)
erase_soon: Final = _timetable.expect_deletion
"""To be called after a deletion that can be undone."""


async def erase_sessions() -> None:
    """Erase what is due, from the start of the app to its end.

    So a deletion happens even if its page is closed, or if the app was stopped meanwhile, and
    sessions expire though nobody opens the dashboard.
    """
    while True:
        await asyncio.sleep(_EVERY_S)
        if _timetable.is_due():
            await asyncio.to_thread(erase_due)


def erase_due() -> None:
    """Erase what is due; without a database there is nothing to do."""
    try:
        # Imported late: the server listens first.
        with importing:
            from ferapp.sessions.database import database_url, exists
            from ferapp.ui.shared.resources import store

        if exists(database_url()):
            store().purge()
    except UserError as exc:
        _logger.warning("sessions could not be erased: %s", type(exc).__name__)
    except Exception:
        _logger.exception("sessions could not be erased")
