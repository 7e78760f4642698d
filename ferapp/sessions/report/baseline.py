"""From when to when a neutral baseline counted, as the readings say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.session import Readings
from ferapp.wording import clock


@dataclass(frozen=True)
class BaselineSpan:
    """A time in which the readings of one face were corrected by a neutral baseline.

    Attributes:
        face: Number of the face.
        from_s: Its first corrected reading, seconds since the start.
        until_s: Its first reading without; None if it counted until the face's last reading.
    """

    face: int
    from_s: float
    until_s: float | None

    def to_json(self) -> dict[str, Any]:
        """As plain values; the keys are a contract."""
        return {"face": self.face, "from_s": self.from_s, "until_s": self.until_s}


def baseline_spans(readings: Readings) -> list[BaselineSpan]:
    """When a baseline counted, by face and time; none for most sessions."""
    spans = []
    for face in np.unique(readings.face[readings.is_corrected]):
        its = readings.of(int(face))
        for start, end in _runs(its.is_corrected):
            until_s = float(its.at_s[end]) if end < len(its) else None
            spans.append(BaselineSpan(int(face), float(its.at_s[start]), until_s))
    return spans


def uncorrected_spans(
    at_s: NDArray[np.float64], is_corrected: NDArray[np.bool_]
) -> list[tuple[float, float]]:
    """From when to when one face was read without the baseline that it had at other times, s.

    Args:
        at_s: Times of its readings, (n,), s, ascending.
        is_corrected: Whether the baseline was applied, (n,).

    Example:
        >>> uncorrected_spans(np.arange(5.0), np.array([False, False, True, True, True]))
        [(0.0, 2.0)]
    """
    if not is_corrected.any():
        return []
    return [
        (float(at_s[start]), float(at_s[min(end, len(at_s) - 1)]))
        for start, end in _runs(~is_corrected)
    ]


def baseline_text(readings: Readings) -> str:
    """From when the baseline of one face counts, in a sentence; empty without one."""
    parts = []
    for span in baseline_spans(readings):
        if span.from_s <= readings.at_s[0]:
            start = "from the start"
        else:
            start = f"from {clock(span.from_s)}"
        parts.append(start if span.until_s is None else f"{start} until {clock(span.until_s)}")
    if not parts:
        return ""
    without = " What was read without it is shaded." if not readings.is_corrected.all() else ""
    return f"The neutral baseline counts {', and '.join(parts)}.{without}"


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where the mask is true: the first index of each run, and the first after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
