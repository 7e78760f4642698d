"""Event-locked averages: the mean curve around all events of one name."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas
from numpy.typing import NDArray

from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.statistics.bins import mean_of_faces, values_of
from ferapp.sessions.statistics.bootstrap import Interval, mean_interval
from ferapp.system.csv_tables import csv_bytes

MOST_WINDOW_S: Final = 60.0
"""How far before and after an event the average goes at most."""

_BINS: Final = 80


@dataclass(frozen=True, eq=False)
class EventAverage:
    """The mean curve around the events of one name.

    Attributes:
        name: The name of the events.
        offset_s: Middle of each part of the time, seconds from the beginning of the event, (m,).
        curve: Mean of the probabilities over the events, its bootstrap interval (drawn by event)
            and the number of events with a face at that time, (m, k).
        events: How many events have a face somewhere around them.
    """

    name: str
    offset_s: NDArray[np.float64]
    curve: Interval
    events: int


def event_names(recording: SessionInfo) -> list[str]:
    """The names of the events, the most frequent first."""
    counts = Counter(marker.name for marker in recording.markers)
    return [name for name, _ in counts.most_common()]


def event_average(
    recording: SessionInfo,
    readings: Readings,
    name: str,
    *,
    before_s: float = 2.0,
    after_s: float = 5.0,
) -> EventAverage:
    """Average the probabilities, before smoothing, around all events of a name.

    Around each event the mean over the faces in view is taken first, so that each event counts the
    same.

    Args:
        recording: The session.
        readings: All its readings, or those of one face.
        name: The name of the events.
        before_s: How far before their beginning the curve goes, s, at least 0.
        after_s: How far after it, s, more than 0.
    """
    offsets = np.linspace(-before_s, after_s, _BINS + 1)
    each = (readings.of(face) for face in readings.faces)
    faces = [(its, values_of(its, recording.labels, "probability")) for its in each]
    curves = []
    for marker in recording.markers:
        if marker.name != name:
            continue
        curve, seen = mean_of_faces(faces, marker.at_s + offsets, len(recording.labels))
        if seen.any():
            curves.append(curve)
    observations = np.array(curves).reshape(-1, _BINS, len(recording.labels))
    middles = (offsets[:-1] + offsets[1:]) / 2
    return EventAverage(name, middles, mean_interval(observations), len(curves))


def average_table(recording: SessionInfo, average: EventAverage) -> pandas.DataFrame:
    """One row for each time and expression.

    Columns: event, offset_s (seconds from the beginning of the event), expression, mean, low, high
    (ends of the 95 % bootstrap interval, drawn by event; NaN with one event), events (how many
    have a face at that time).
    """
    return pandas.DataFrame(
        [
            (average.name, round(offset_s, 6), label, *cells)
            for offset_s, *columns in zip(
                average.offset_s.tolist(),
                *(vars(average.curve)[key] for key in ("mean", "low", "high", "n")),
                strict=True,
            )
            for label, *cells in zip(recording.labels, *columns, strict=True)
        ],
        columns=["event", "offset_s", "expression", "mean", "low", "high", "events"],
    )


def to_averages_csv(
    recording: SessionInfo, readings: Readings, *, before_s: float = 2.0, after_s: float = 5.0
) -> bytes:
    """The averages of all names as one CSV, safe to open in a spreadsheet; see `average_table`."""
    tables = [
        average_table(
            recording,
            event_average(recording, readings, name, before_s=before_s, after_s=after_s),
        )
        for name in sorted(event_names(recording))
    ]
    empty = EventAverage("", np.empty(0), mean_interval(np.empty((0, 0, 0))), 0)
    whole = pandas.concat(tables) if tables else average_table(recording, empty)
    return csv_bytes(whole)
