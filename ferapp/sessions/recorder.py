"""Writes readings to the store from a background thread."""

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

import numpy as np

from ferapp.errors import StoreError
from ferapp.sessions.lengths import GAP_S, Pace
from ferapp.sessions.session import Marker, Readings

BATCH_S: Final = 0.5
"""Readings are written at this interval; a killed process loses no more than this."""

_IDLE_S: Final = 10.0
_MOST_WAITING: Final = 5000

_logger = logging.getLogger(__name__)


class Sink(Protocol):
    """Where readings go; see `ferapp.sessions.store.Store`."""

    def add(self, session: str, readings: Readings, duration_s: float) -> None:
        """Add readings, all or none, and the duration so far, s."""
        ...

    def add_marker(self, session: str, marker: Marker) -> None:
        """Add a marker to those of the session."""
        ...

    def finish(self, session: str, duration_s: float) -> None:
        """Mark the session as finished and store its duration, s."""
        ...


class Recorder:
    """Writes one session, twice a second, on a thread of its own.

    A reading stands until the next frame that was read. Its row is written when that frame comes.
    The session lasts until it is stopped, or, if the stream stood still before that, a moment
    longer than its last frame, which counts as long as is usual.

    The frame thread calls `add`, `mark` and `end`, which never wait for the database; the page's
    thread calls `stop` and reads `failure` and `duration_s`. If the database is busy, the recorder
    tries again; if it fails for too long or permanently, the recording stops and `failure` says
    why. It also stops when nothing has come for ten seconds, for example after the visitor has
    closed the page.

    Args:
        sink: Receives the readings; the session must have begun there.
        session: Id of the session.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, sink: Sink, session: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.session = session
        self.failure: str | None = None
        self.duration_s = 0.0
        self._sink = sink
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[Readings] = []
        self._markers: list[Marker] = []
        self._open: Readings | None = None
        self._read_s = 0.0
        self._paces = {"frames": Pace(), "readings": Pace()}
        self._start_s: float | None = None
        self._last_came_s = clock()
        self._until_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether further readings will be written."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def add(self, readings: Readings, at_s: float, *, is_read: bool = True) -> None:
        """Add the readings of one frame; times are stored relative to the first frame.

        Args:
            readings: All with the time of the frame; empty if there was no face.
            at_s: The time of the frame on the source's clock, s.
            is_read: Whether the expressions were read; if not, the earlier readings still stand.
        """
        with self._lock:
            if self._stopping.is_set():
                return
            if self._start_s is None:
                self._start_s = at_s
            else:
                self._paces["frames"].length_s(at_s - self._start_s - self.duration_s)
            self._last_came_s = self._clock()
            self.duration_s = at_s - self._start_s
            if is_read and self._open is not None:
                self._close(self._paces["readings"].length_s(self.duration_s - self._read_s))
            if is_read:
                self._open, self._read_s = readings, self.duration_s
            # Empty readings tell the database that the session goes on without a face.
            self._waiting.append(readings.at(np.zeros(len(readings), np.bool_)))

    def mark(self, name: str, at_s: float) -> None:
        """Name a moment, s on the source's clock; without a frame before it, nothing happens."""
        with self._lock:
            if self._start_s is not None and not self._stopping.is_set():
                self._markers.append(Marker(max(at_s - self._start_s, 0.0), name))

    def end(self, reason: str) -> None:
        """Write what is left and stop, without waiting; the reason becomes `failure`."""
        if not self._stopping.is_set():
            self.failure = reason
            self._note_end()
            self._stopping.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what is left and stop; may be called twice."""
        self._note_end()
        self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            # So that recorders that started together don't write at the same time.
            wait_s = BATCH_S * random.random()
            while not self._stopping.wait(wait_s):
                wait_s = BATCH_S
                self._flush()
                if self._clock() - self._last_came_s > _IDLE_S:
                    self._until_s = self._last_came_s
                    self.end(f"The recording ended: nothing came for {_IDLE_S:.0f} seconds.")
            self._finish_last_frame()
            self._flush()
            self._sink.finish(self.session, self.duration_s)
        except StoreError as exc:
            self.failure = self.failure or str(exc)
        except Exception:
            _logger.exception("the recorder failed")
            self.failure = "The recording ended because of an error in the app; see its log."
        finally:
            self._stopping.set()

    def _note_end(self) -> None:
        if self._until_s is None:
            self._until_s = self._clock()

    def _finish_last_frame(self) -> None:
        """Let the last frame, and the reading that stands then, last as long as is usual."""
        with self._lock:
            if self._start_s is None:
                return
            usual_s = self._paces["frames"].usual_s
            waited_s = min((self._until_s or self._last_came_s) - self._last_came_s, GAP_S)
            end_s = self.duration_s + usual_s
            self._close(min(end_s - self._read_s, max(self._paces["readings"].usual_s, usual_s)))
            self._open = None
            self.duration_s = max(end_s, self.duration_s + waited_s)

    def _close(self, length_s: float) -> None:
        """Pass on the readings of the last frame that was read: now their length is known."""
        if self._open is not None and len(self._open):
            lengths = np.full(len(self._open), length_s)
            at_s = np.full(len(self._open), self._read_s)
            self._waiting.append(replace(self._open, at_s=at_s, duration_s=lengths))

    def _flush(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
            markers, self._markers = self._markers, []
        try:
            if batch:
                self._sink.add(self.session, Readings.join(batch), self.duration_s)
                batch = []
            while markers:
                self._sink.add_marker(self.session, markers[0])
                markers = markers[1:]
        except StoreError as exc:
            with self._lock:
                self._waiting = [*batch, *self._waiting]
                self._markers = [*markers, *self._markers]
                is_over = self._stopping.is_set() or len(self._waiting) > _MOST_WAITING
            _logger.warning("a batch of readings could not be written")
            if is_over or not exc.may_pass:
                self.failure = str(exc)
                self._stopping.set()
                self._waiting, self._markers = [], []
