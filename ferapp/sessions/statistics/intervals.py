"""Statistics by interval: what each face showed between the beginning and the end of an event."""

from typing import Any

import numpy as np
import pandas

from ferapp.labels import UNSURE
from ferapp.sessions.session import Marker, Readings, SessionInfo
from ferapp.sessions.statistics.bins import means_by_bin, values_of
from ferapp.system.csv_tables import csv_bytes


def intervals(recording: SessionInfo) -> list[Marker]:
    """The markers that have an end."""
    return [marker for marker in recording.markers if marker.end_s is not None]


def interval_table(recording: SessionInfo, readings: Readings) -> pandas.DataFrame:
    """One row for each interval and face that was in view, by time, then by face.

    Columns: event, begin_s, end_s, face, name (missing if it has none), readings (those that could
    be read and begin in the interval), read_s (how long it was read in it, s), then `mean_` (mean
    of the probabilities before smoothing, weighted with the time) and `share_` (share of the time
    read) of each expression, and `share_unsure`.

    Args:
        recording: The session.
        readings: All its readings.
    """
    labels = recording.labels
    columns = ["event", "begin_s", "end_s", "face", "name", "readings", "read_s"]
    columns += [f"mean_{name}" for name in labels]
    columns += [f"share_{name}" for name in (*labels, UNSURE)]
    rows = []
    by_face = {face: readings.of(face) for face in readings.faces}
    for event in intervals(recording):
        edges_s = np.array([event.at_s, event.until_s])
        for face, its in by_face.items():
            means, seconds = means_by_bin(its, values_of(its, labels, "probability"), edges_s)
            if not seconds[0]:
                continue
            shares, _ = means_by_bin(its, values_of(its, labels, "label"), edges_s)
            begins = (its.at_s >= event.at_s) & (its.at_s < event.until_s) & its.is_read
            row: list[Any] = [event.name, event.at_s, event.until_s, face]
            row += [recording.names.get(face), int(begins.sum()), float(seconds[0])]
            rows.append([*row, *means[0].tolist(), *shares[0].tolist()])
    return pandas.DataFrame(rows, columns=columns)


def to_intervals_csv(recording: SessionInfo, readings: Readings) -> bytes:
    """The table as CSV, safe to open in a spreadsheet; see `interval_table`."""
    return csv_bytes(interval_table(recording, readings))
