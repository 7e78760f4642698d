"""The system's clock, which is not believed at once when it is suddenly ahead."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

BELIEVED_AFTER_S: Final = 24 * 3600.0
"""For how long the clock has to stay ahead before what it says is believed, s."""

_MOST_AHEAD_S: Final = 3600.0


class CautiousClock:
    """Tells what may be deleted for good because of its age; may be used from several threads.

    The clock of a machine may be wrong for a moment: set by hand, or by a time server that errs.
    Whatever would have expired by then must not be gone when it is right again. A machine that has
    slept looks the same, and then the deletion waits too.

    Args:
        clock: Returns seconds, and never jumps.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: tuple[datetime, float] | None = None
        self._ahead_since_s: float | None = None

    def believed(self, now: datetime) -> datetime:
        """What time it is at least: that of the system, or what it would be without the jump.

        Args:
            now: The time of the system; the first one is believed.
        """
        with self._lock:
            now_s = self._clock()
            if self._seen is None:
                self._seen = now, now_s
            earlier, earlier_s = self._seen
            expected = earlier + timedelta(seconds=now_s - earlier_s)
            if (now - expected).total_seconds() > _MOST_AHEAD_S:
                if self._ahead_since_s is None:
                    self._ahead_since_s = now_s
                if now_s - self._ahead_since_s < BELIEVED_AFTER_S:
                    return expected
            self._seen, self._ahead_since_s = (now, now_s), None
            return now
