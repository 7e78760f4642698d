"""Long work on a thread of its own, which a page watches and may cancel."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Final, Generic, Literal, Protocol, TypeVar

from ferapp.errors import UserError

State = Literal["waiting", "running", "done", "failed", "cancelled"]

_LOOK_S: Final = 0.5
_logger = logging.getLogger(__name__)


class Work(Protocol):
    """What a job does: iterated over on the job's thread, closed from any thread to end it."""

    @property
    def total(self) -> float:
        """The progress at the end; 0 if unknown."""
        ...

    def __iter__(self) -> Iterator[float]:
        """Do the work and yield the progress."""
        ...

    def close(self) -> None:
        """Stop at once; may be called twice."""
        ...


class Queue(Protocol):
    """What a job waits in, such as `Seats`."""

    def place(self, visitor: str, /) -> int:
        """0 for one with a seat, else a position, from 1; asked twice a second."""
        ...

    def leave(self, visitor: str, /) -> None:
        """Give the seat or the position back; may be called twice."""
        ...


W = TypeVar("W", bound=Work)


class Job(Generic[W]):
    """Waits for a seat, then works.

    The page's thread makes it, reads its attributes and calls `cancel`. The work runs on a thread
    of its own; a second thread keeps the seat and cancels the work once nobody wants it any more.

    Args:
        begin: Makes the work, on the job's thread.
        seats: Limits how many jobs of this process work at once.
        is_wanted: Called twice a second; the job is cancelled once it returns false.
        on_end: Called with the final state, on the job's thread.
        clock: Returns seconds.

    Attributes:
        state: The last three states are final.
        place: Position in the queue, from 1; 0 with a seat.
        done: Progress, from 0 to `total`.
        work: The work, once it has begun.
        failure: Why it failed, in a sentence.
    """

    def __init__(
        self,
        begin: Callable[[], W],
        seats: Queue,
        *,
        is_wanted: Callable[[], bool] = lambda: True,
        on_end: Callable[[State], object] = lambda state: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state: State = "waiting"
        self.place = 0
        self.done = 0.0
        self.work: W | None = None
        self.failure = ""
        self._begin = begin
        self._seats = seats
        self._is_wanted = is_wanted
        self._on_end = on_end
        self._clock = clock
        self._began_s = clock()
        self._id = uuid.uuid4().hex
        self._over = threading.Event()
        self._has_seat = threading.Event()
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, name="job-watch", daemon=True).start()
        self._thread = threading.Thread(target=self._run, name="job", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether its state is final."""
        return self._over.is_set()

    @property
    def total(self) -> float:
        """The value of `done` at the end; 0 if unknown."""
        return self.work.total if self.work else 0.0

    @property
    def share(self) -> float | None:
        """Progress in [0, 1]; None if unknown."""
        return min(self.done / self.total, 1.0) if self.total else None

    @property
    def remaining_s(self) -> float | None:
        """About how long it will still take; None if unknown."""
        if not self.share or self.state != "running":
            return None
        return (self._clock() - self._began_s) * (1 - self.share) / self.share

    def cancel(self) -> None:
        """Stop at once; may be called twice, and after the end."""
        self._cancelled.set()
        with self._lock:
            work = self.work
        if work is not None:
            work.close()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is over; return whether it is."""
        return self._over.wait(timeout_s)

    def _run(self) -> None:
        state: State = "failed"
        try:
            while not self._has_seat.wait(_LOOK_S):
                if self._cancelled.is_set():
                    break
            if not self._cancelled.is_set():
                self._work()
            state = "cancelled" if self._cancelled.is_set() else "done"
        except UserError as exc:
            self.failure = str(exc)
        except Exception:
            # Work that is closed while it runs may fail in any way.
            if not self._cancelled.is_set():
                _logger.exception("a job failed")
            self.failure = "This failed because of an error in the app; see its log."
        finally:
            if self._cancelled.is_set():
                state, self.failure, self.work = "cancelled", "", None
            self.state = state
            self._over.set()
            self._seats.leave(self._id)
            self._on_end(state)

    def _work(self) -> None:
        self.state, self._began_s = "running", self._clock()
        with closing(self._begin()) as work:
            with self._lock:
                self.work = work
            # Checked after `work` is set, or a cancellation in between would be missed.
            if self._cancelled.is_set():
                return
            for self.done in work:
                if self._cancelled.is_set():
                    return

    def _watch(self) -> None:
        """Keep the position in the queue, and cancel the job once nobody wants it."""
        while True:
            self.place = self._seats.place(self._id)
            if self.place == 0:
                self._has_seat.set()
            if not self._is_wanted():
                self.cancel()
            if self._over.wait(_LOOK_S):
                # `place` may have been called again after the seat was given back.
                self._seats.leave(self._id)
                return
