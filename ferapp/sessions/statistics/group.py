"""All faces of a session at once: what each showed when, and the mean of those in view."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.lengths import length_s
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.statistics.bins import mean_of_faces, means_by_bin, values_of

MOST_ROWS: Final = 40
"""How many faces the strip shows, those that were read longest."""

_MOST_CELLS: Final = 8000
_MOST_BINS: Final = 600
_LEAST_BINS: Final = 120
_CURVE_BINS: Final = 300


@dataclass(frozen=True)
class Stretch:
    """A time in which one label of a face prevailed; between two of them it was not read.

    Attributes:
        face: Number of the face.
        expression: The label; None for unsure.
        start_s: Begin, seconds since the start.
        end_s: End.
    """

    face: int
    expression: str | None
    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class GroupCurve:
    """The mean over the faces in view, each of them counting the same.

    Attributes:
        edges_s: Where the parts of the time begin and end, (b + 1,), s.
        mean: Mean of the smoothed probabilities in each part, (b, k); NaN without a face.
        faces: On how many faces it rests, (b,).
    """

    edges_s: NDArray[np.float64]
    mean: NDArray[np.float64]
    faces: NDArray[np.int64]

    @property
    def at_s(self) -> NDArray[np.float64]:
        """The middle of each part, (b,), s."""
        return (self.edges_s[:-1] + self.edges_s[1:]) / 2


def faces_by_time(readings: Readings) -> list[int]:
    """The faces, those with the most readings first."""
    faces, counts = np.unique(readings.face, return_counts=True)
    return [int(face) for face in faces[np.argsort(-counts, kind="stable")]]


def strip(
    recording: SessionInfo, readings: Readings, faces: Sequence[int] | None = None
) -> list[Stretch]:
    """What each face showed when, with as many stretches as a screen can show.

    Where a label changes more often than that, the one that held longest is shown.

    Args:
        recording: The session.
        readings: All its readings.
        faces: Which faces; by default the first `MOST_ROWS` of `faces_by_time`.
    """
    chosen = faces_by_time(readings)[:MOST_ROWS] if faces is None else faces
    bins = int(np.clip(_MOST_CELLS // max(len(chosen), 1), _LEAST_BINS, _MOST_BINS))
    edges_s = time_edges(recording, readings, bins)
    names: list[str | None] = [*recording.labels, None]
    found = []
    for face in chosen:
        its = readings.of(face)
        shares, seconds = means_by_bin(its, values_of(its, recording.labels, "label"), edges_s)
        codes = np.where(seconds > 0, np.nan_to_num(shares).argmax(axis=1), -1)
        starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
        ends = np.append(starts[1:], len(codes))
        found += [
            Stretch(face, names[codes[start]], float(edges_s[start]), float(edges_s[end]))
            for start, end in zip(starts, ends, strict=True)
            if codes[start] >= 0
        ]
    return found


def group_curve(
    recording: SessionInfo,
    readings: Readings,
    edges_s: NDArray[np.float64] | None = None,
) -> GroupCurve:
    """The mean over the faces in view.

    Args:
        recording: The session.
        readings: All its readings.
        edges_s: Where the parts of the time begin and end, s; by default 300 parts.
    """
    edges_s = time_edges(recording, readings, _CURVE_BINS) if edges_s is None else edges_s
    each = (readings.of(face) for face in readings.faces)
    smoothed = ((its, its.smoothed.astype(np.float64)) for its in each)
    return GroupCurve(edges_s, *mean_of_faces(smoothed, edges_s, len(recording.labels)))


def time_edges(recording: SessionInfo, readings: Readings, bins: int) -> NDArray[np.float64]:
    """The ends of equal parts of a session, (bins + 1,), s."""
    begin_s = recording.begins_s
    return np.linspace(begin_s, begin_s + max(length_s(recording, readings), 0.1), bins + 1)
