"""Smoothed probabilities and labels of a whole video, in which both directions are known."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.session import Readings
from ferapp.settings import StreamSettings
from ferapp.temporal.both_directions import best_labels, needed_s, segments, smooth
from ferapp.types import LEAST_KEPT

Floats = NDArray[np.float64]


def relabelled(
    readings: Readings,
    labels: Sequence[str],
    frame_times_s: Floats,
    *,
    every_s: float,
    unsure_below: float,
    settings: StreamSettings,
    share_kept: Floats | None = None,
) -> Readings:
    """The same readings, with smoothed probabilities and labels that look ahead as well as back.

    Each face is smoothed by itself. A cut gives every face a new number, and a face that could not
    be read for a while begins anew.

    Args:
        readings: Of all faces, in the order of time.
        labels: The expressions in column order.
        frame_times_s: Times of all frames that were read, (m,) s, ascending.
        every_s: Seconds from one frame to the next, for a video of one frame.
        unsure_below: A face with a lower top probability is unsure.
        settings: The time constant and the hold time.
        share_kept: Share of the probability on the requested expressions, (n,); NaN where all were
            requested.
    """
    names = np.array([*labels, None], object)  # -1 for unsure
    wanted_s = needed_s(settings.time_constant_s, settings.hold_s)
    smoothed, expression = readings.smoothed.copy(), readings.expression.copy()
    # NaN is not under the limit.
    is_left_out = np.zeros(len(readings), bool) if share_kept is None else share_kept < LEAST_KEPT
    order = np.flatnonzero(readings.is_read)
    order = order[np.argsort(readings.face[order], kind="stable")]
    starts = np.flatnonzero(np.diff(readings.face[order])) + 1
    for rows in np.split(order, starts):
        at_s, shares = readings.at_s[rows], readings.probabilities[rows]
        spans = _spans(at_s, frame_times_s, every_s)
        for part in segments(at_s, spans, wanted_s):
            smoothed[rows[part]] = smooth(
                shares[part], at_s[part], spans[part], settings.time_constant_s
            )
            # Where the requested expressions are improbable, "unsure" leads by far.
            told = np.where(is_left_out[rows[part], None], np.float32(0), shares[part])
            best = best_labels(told, spans[part], unsure_below=unsure_below, needed_s=wanted_s)
            expression[rows[part]] = names[best]
    return replace(readings, smoothed=smoothed, expression=expression)


def _spans(at_s: Floats, frame_times_s: Floats, every_s: float) -> Floats:
    """When the time that each reading stands for begins and ends, (n, 2) s.

    That is half the way to the frames before and after its own, whether or not they show the face.
    """
    if len(frame_times_s) > 1:
        halves = np.diff(frame_times_s) / 2
        before, after = np.r_[halves[:1], halves], np.r_[halves, halves[-1:]]
    else:
        before = after = np.full(len(frame_times_s), every_s / 2)
    frames = np.searchsorted(frame_times_s, at_s)
    return np.stack([at_s - before[frames], at_s + after[frames]], axis=1)
