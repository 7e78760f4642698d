"""The one place where the frame thread and the page's thread meet."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ferapp.pipeline.stream import StreamFrame
from ferapp.temporal.rolling import RollingWindow, Series

# Rates and delays are told over this many frames, a few seconds.
_RECENT_FRAMES: Final = 90
_RECENT_INTERVALS: Final = 300


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the page shows, all of one moment.

    Attributes:
        frame: The last frame that was analysed; None before the first.
        series: The last minute of every face, by id.
        camera_fps: Frames a second that the source sent.
        analysed_fps: Frames a second that were analysed.
        delay_ms: Median and 95th percentile of how much later an analysed frame was ready than the
            fastest one could have arrived; the way through the network is not in it.
        dropped: Frames that newer ones replaced, since the start.
        analysed: Frames that were analysed, since the start.
        message: Why frames come back as they are, in a sentence; None while all is well.
    """

    frame: StreamFrame | None
    series: dict[int, Series]
    camera_fps: float
    analysed_fps: float
    delay_ms: tuple[float, float]
    dropped: int
    analysed: int
    message: str | None


@dataclass
class _Counts:
    analysed: int = 0
    dropped: int = 0
    frames: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_RECENT_FRAMES))
    intervals_s: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT_INTERVALS))
    offset_s: float = float("inf")


class Latest:
    """The last analysed frame with its history; newer replaces older, nothing queues.

    The frame thread calls `arrived`, `analysed` and `failed`; the page's thread calls `snapshot`
    and `clear`. Each holds the lock for microseconds.

    Args:
        clock: Tells seconds on the machine that analyses.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._frame: StreamFrame | None = None
        self._window = RollingWindow()
        self._counts = _Counts()
        self._message: str | None = None

    def arrived(self, at_s: float) -> None:
        """A frame of the source's time ``at_s`` is about to be analysed."""
        now_s = self._clock()
        with self._lock:
            counts = self._counts
            if counts.frames and at_s <= counts.frames[-1][0]:  # the source began anew
                self._counts = counts = _Counts(counts.analysed, counts.dropped)
            if counts.frames:
                passed = at_s - counts.frames[-1][0]
                counts.intervals_s.append(passed)
                counts.dropped += max(round(passed / _interval_s(counts)) - 1, 0)
            counts.offset_s = min(counts.offset_s, now_s - at_s)

    def analysed(self, frame: StreamFrame) -> None:
        """A frame is ready; its readings become part of the history."""
        now_s = self._clock()
        with self._lock:
            counts = self._counts
            counts.analysed += 1
            counts.frames.append((frame.at_s, now_s - frame.at_s - counts.offset_s))
            self._frame, self._message = frame, None
            for face in frame.faces:
                if face.probabilities is not None and face.smoothed is not None:
                    self._window.add(face.id, face.smoothed, frame.at_s)

    def failed(self, message: str) -> None:
        """A frame could not be analysed and goes back as it came."""
        with self._lock:
            self._message = message

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._frame, self._message = None, None
            self._window.clear()
            self._counts = _Counts()

    def snapshot(self) -> Snapshot:
        """All of this moment."""
        with self._lock:
            counts = self._counts
            times = [at_s for at_s, _ in counts.frames]
            delays = [delay * 1000 for _, delay in counts.frames]
            spent = times[-1] - times[0] if len(times) > 1 else 0.0
            median, p95 = np.percentile(delays, (50, 95)) if delays else (0.0, 0.0)
            return Snapshot(
                self._frame,
                self._window.series(),
                camera_fps=1 / _interval_s(counts) if counts.intervals_s else 0.0,
                analysed_fps=(len(times) - 1) / spent if spent else 0.0,
                delay_ms=(float(median), float(p95)),
                dropped=counts.dropped,
                analysed=counts.analysed,
                message=self._message,
            )


def _interval_s(counts: _Counts) -> float:
    """Time between two frames of the source, s.

    Frames that were dropped make longer intervals and jitter makes shorter ones, so that neither
    the mean nor the shortest tells it.
    """
    return float(np.percentile(counts.intervals_s, 5))
