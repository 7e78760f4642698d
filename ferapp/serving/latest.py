"""Where the frame thread and the page's thread meet."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from ferapp.pipeline.stream import StreamFrame
from ferapp.temporal.rolling import RollingWindow, Series

# Rates and delays are measured over this many frames, a few seconds.
_RECENT_FRAMES: Final = 90


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the page shows, all from the same moment.

    Attributes:
        frame: The last analysed frame; None before the first.
        series: The last minute of every face, by id.
        camera_fps: Frames per second that arrived, analysed or not.
        analysed_fps: Analysed frames per second.
        delay_ms: Median and 95th percentile of the delay of analysed frames, measured from the
            earliest time at which a frame could have arrived; network latency is not included.
        dropped: Frames replaced by newer ones since the start.
        analysed: Frames analysed since the start.
        message: Why frames come back unannotated, in a sentence; None if they are analysed.
    """

    frame: StreamFrame | None
    series: dict[int, Series]
    camera_fps: float
    analysed_fps: float
    delay_ms: tuple[float, float]
    dropped: int
    analysed: int
    message: str | None


class _Shown(NamedTuple):
    """An analysed frame: its time at the source, its delay, and how many were dropped before."""

    at_s: float
    delay_s: float
    dropped: int


@dataclass
class _Counts:
    analysed: int = 0
    dropped: int = 0
    frames: deque[_Shown] = field(default_factory=lambda: deque(maxlen=_RECENT_FRAMES))
    offset_s: float = float("inf")


class Latest:
    """The last analysed frame with its history; newer replaces older, nothing queues.

    The frame thread calls `add_arrival`, `add_frame` and `set_message`, the thread that receives
    frames calls `add_drop`, and the page's thread `snapshot` and `clear`. Each holds the lock for
    microseconds.

    Args:
        clock: Returns seconds on the machine that analyses.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._frame: StreamFrame | None = None
        self._window = RollingWindow()
        self._counts = _Counts()
        self._message: str | None = None

    def add_arrival(self, at_s: float) -> None:
        """Count a frame that is about to be analysed; ``at_s`` is its time at the source."""
        now_s = self._clock()
        with self._lock:
            counts = self._counts
            if counts.frames and at_s <= counts.frames[-1].at_s:  # the source restarted
                self._counts = counts = _Counts(counts.analysed, counts.dropped)
            counts.offset_s = min(counts.offset_s, now_s - at_s)

    def add_drop(self) -> None:
        """Count a frame that a newer one has replaced before it was analysed."""
        with self._lock:
            self._counts.dropped += 1

    def add_frame(self, frame: StreamFrame) -> None:
        """Take an analysed frame; its readings become part of the history."""
        now_s = self._clock()
        with self._lock:
            counts = self._counts
            counts.analysed += 1
            delay_s = now_s - frame.at_s - counts.offset_s
            counts.frames.append(_Shown(frame.at_s, delay_s, counts.dropped))
            self._frame, self._message = frame, None
            for face in frame.faces:
                if face.probabilities is not None and face.smoothed is not None:
                    self._window.add(
                        face.id, face.smoothed, frame.at_s, is_corrected=face.is_corrected
                    )

    def frames_per_second(self) -> float:
        """Analysed frames per second over the last few seconds; 0 with less than two."""
        with self._lock:
            return _rate(self._counts)

    def set_message(self, message: str) -> None:
        """Say why a frame could not be analysed and goes back as it came."""
        with self._lock:
            self._message = message

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._frame, self._message = None, None
            self._window.clear()
            self._counts = _Counts()

    def snapshot(self) -> Snapshot:
        """What the page shows now."""
        with self._lock:
            counts = self._counts
            delays = [frame.delay_s * 1000 for frame in counts.frames]
            span_s = _span_s(counts)
            replaced = counts.frames[-1].dropped - counts.frames[0].dropped if span_s else 0
            median, p95 = np.percentile(delays, (50, 95)) if delays else (0.0, 0.0)
            return Snapshot(
                self._frame,
                self._window.series(),
                camera_fps=(len(counts.frames) - 1 + replaced) / span_s if span_s else 0.0,
                analysed_fps=_rate(counts),
                delay_ms=(float(median), float(p95)),
                dropped=counts.dropped,
                analysed=counts.analysed,
                message=self._message,
            )


def _span_s(counts: _Counts) -> float:
    """From the first of the recent frames to the last, s."""
    return counts.frames[-1].at_s - counts.frames[0].at_s if len(counts.frames) > 1 else 0.0


def _rate(counts: _Counts) -> float:
    """Analysed frames per second of the source's time."""
    span_s = _span_s(counts)
    return (len(counts.frames) - 1) / span_s if span_s else 0.0
