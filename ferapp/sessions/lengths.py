"""How long each reading stands for: as long as its own frame was shown."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.session import Readings, SessionInfo

GAP_S: Final = 1.5
"""Time without a reading that counts as a pause at the usual frame rates; see `pause_s`."""

PAUSE_INTERVALS: Final = 3
"""If frames come every few seconds, so many of these intervals are no pause yet."""

# So many intervals tell what is usual: a time-lapse may have three frames, and in a file, whose
# frames come by the clock, even two.
_LEAST_INTERVALS: Final = 2
_LEAST_IN_FILES: Final = 1
# What a frame lasts where nothing tells: that of a video at 25 frames a second.
_FRAME_S: Final = 0.04
# Tables that went through other programs are rounded to milliseconds.
_SAME_S: Final = 0.002


def pause_s(at_s: NDArray[np.float64], *, least: int = _LEAST_INTERVALS) -> float:
    """A longer time between two readings is a pause, s.

    Args:
        at_s: Times of the readings, (n,), s, ascending.
        least: With fewer intervals nothing is usual.

    Example:
        >>> pause_s(np.array([0.0, 0.1, 0.2, 5.0])), pause_s(np.arange(0, 20, 2.0))
        (1.5, 6.0)
    """
    usual = usual_interval_s(at_s, least=least)
    return GAP_S if usual is None else pause_after_s(usual)


def pause_after_s(usual_s: float) -> float:
    """A longer time is a pause if this interval is usual, s."""
    return max(GAP_S, PAUSE_INTERVALS * usual_s)


def usual_interval_s(at_s: NDArray[np.float64], *, least: int = 1) -> float | None:
    """The usual time from one reading to the next, s.

    Args:
        at_s: Times of the readings, (n,), s, ascending; several faces may share one.
        least: The result is None if there are fewer intervals.

    Example:
        >>> usual_interval_s(np.array([0.0, 0.5, 0.5, 1.0, 9.0]))
        0.5
    """
    intervals = np.diff(at_s)
    intervals = intervals[intervals > 0]
    return None if len(intervals) < least else _usual_of(intervals)


def _usual_of(intervals: NDArray[np.float64]) -> float:
    # Not the median: a face that was often away may have more long intervals than short ones.
    return float(np.quantile(intervals, 0.25, method="lower"))


def frame_lengths_s(
    frames_s: NDArray[np.float64],
    end_s: float | None = None,
    *,
    is_whole: bool = False,
    least: int = _LEAST_INTERVALS,
) -> NDArray[np.float64]:
    """How long each frame was shown, (m,), s, all above 0.

    Args:
        frames_s: Times of frames, (m,), s, ascending, each once.
        end_s: When the last of them ends at the latest; None if that is unknown.
        is_whole: Whether no frame is missing. If some may be, a frame before a pause lasts as long
            as is usual.
        least: As for `pause_s`.

    Example:
        >>> frame_lengths_s(np.array([0.0, 2.0, 4.0, 30.0]))
        array([2., 2., 2., 2.])
        >>> frame_lengths_s(np.array([0.0, 2.0, 4.0, 30.0]), 30.5, is_whole=True)
        array([ 2. ,  2. , 26. ,  0.5])
    """
    if not len(frames_s):
        return np.empty(0)
    intervals = np.diff(frames_s)
    pause = np.inf if is_whole else pause_s(frames_s, least=least)
    short = intervals[intervals <= pause]
    usual = _usual_of(short) if len(short) else _FRAME_S
    lengths = np.append(np.where(intervals <= pause, intervals, usual), usual)
    if end_s is not None and end_s > frames_s[-1]:
        left_s = end_s - frames_s[-1]
        lengths[-1] = left_s if is_whole else min(usual, left_s)
    return lengths


def last_frame_s(frames_s: Sequence[float] | NDArray[np.float64]) -> float:
    """How long the last of some frames was shown, s."""
    return float(frame_lengths_s(np.unique(frames_s), least=_LEAST_IN_FILES)[-1])


class Pace:
    """How long the frames of a live stream stand: until the next one, but not across a pause."""

    def __init__(self) -> None:
        self.usual_s = _FRAME_S
        self._is_known = False

    def length_s(self, interval_s: float) -> float:
        """How long a frame stands after which the next one came so much later, s."""
        longest_s = pause_after_s(self.usual_s)
        if interval_s > longest_s and self._is_known:
            return self.usual_s
        # The first interval may be that of a slow computer, or a pause.
        self.usual_s, self._is_known = min(interval_s, longest_s), True
        return self.usual_s


def with_lengths(
    readings: Readings,
    *,
    frames_s: NDArray[np.float64] | None = None,
    end_s: float | None = None,
    is_whole: bool = False,
    least: int = _LEAST_INTERVALS,
) -> Readings:
    """The readings, each with a length; lengths that are known stay.

    Args:
        readings: Of all faces, in the order of time.
        frames_s: Times of frames, also of those without a face, (m,), s; the times of the
            readings are added to them.
        end_s: As for `frame_lengths_s`.
        is_whole: The same.
        least: The same.
    """
    unknown = np.isnan(readings.duration_s)
    if not unknown.any():
        return readings
    known = readings.at_s if frames_s is None else np.concatenate([readings.at_s, frames_s])
    times_s = np.unique(known)
    lengths = frame_lengths_s(times_s, end_s, is_whole=is_whole, least=least)
    own = lengths[np.searchsorted(times_s, readings.at_s)]
    return replace(readings, duration_s=np.where(unknown, own, readings.duration_s))


def of_session(
    recording: SessionInfo, readings: Readings, *, frames_s: NDArray[np.float64] | None = None
) -> Readings:
    """The readings of a session, each with a length; pictures have none.

    Args:
        recording: The session.
        readings: All of them, or those from a time on.
        frames_s: As for `with_lengths`.
    """
    if recording.source == "pictures":
        return readings
    least = _LEAST_IN_FILES if recording.source == "video" else _LEAST_INTERVALS
    return with_lengths(readings, frames_s=frames_s, end_s=recording.end_s, least=least)


def ends_s(readings: Readings) -> NDArray[np.float64]:
    """When each reading of one face ends, (n,), s: never after its next reading."""
    until_s = readings.at_s + with_lengths(readings).duration_s
    following_s = np.append(readings.at_s[1:], np.inf)
    return np.where(until_s > following_s - _SAME_S, following_s, until_s)


def last_end_s(readings: Readings) -> float:
    """When the last reading ends, s; 0 without readings."""
    return float((readings.at_s + with_lengths(readings).duration_s).max(initial=0.0))


def length_s(recording: SessionInfo, readings: Readings) -> float:
    """How long a session is, s; for pictures, how many there are.

    Where the session doesn't know, it ends with its last reading.

    Args:
        recording: The session.
        readings: All its readings.
    """
    if recording.source == "pictures":
        return max(recording.duration_s or 0.0, float(readings.at_s.max(initial=-1.0)) + 1)
    return max(recording.duration_s or 0.0, last_end_s(readings) - recording.begins_s)


def seen_s(readings: Readings) -> float:
    """How long there was a face, readable or not, s."""
    readings = with_lengths(readings)
    until_s = readings.at_s + readings.duration_s
    # Up to when there was a face before each reading.
    before_s = np.append(-np.inf, np.maximum.accumulate(until_s))[:-1]
    return float(np.maximum(until_s - np.maximum(readings.at_s, before_s), 0).sum())
