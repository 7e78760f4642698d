"""Means over parts of the time, the strip of all faces and the curve of the group."""

from dataclasses import replace

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.sessions.session import Readings
from ferapp.sessions.statistics.bins import means_by_bin, values_of
from ferapp.sessions.statistics.group import MOST_ROWS, group_curve, strip
from tests.support.sessions import face_readings, some_readings, some_recording

JOY, OTHER = 0.9, 0.1 / 7
HAPPINESS = EXPRESSIONS.index("happiness")


def lasting(readings: Readings, *seconds: float) -> Readings:
    return replace(readings, duration_s=np.array(seconds))


def test_a_reading_counts_for_as_long_as_its_frame_was_shown() -> None:
    its = lasting(face_readings((0, "happiness"), (1, "neutral")), 1.0, 3.0)
    means, seconds = means_by_bin(
        its, values_of(its, EXPRESSIONS, "probability"), np.array([0.0, 4.0])
    )
    assert means[0, HAPPINESS] == pytest.approx((1 * JOY + 3 * OTHER) / 4)
    assert seconds.tolist() == [4.0]


def test_a_part_of_a_reading_counts_for_that_part() -> None:
    its = lasting(face_readings((0, "happiness"), (1, "neutral")), 1.0, 1.0)
    means, seconds = means_by_bin(
        its, values_of(its, EXPRESSIONS, "label"), np.array([0.5, 1.25, 5.0, 6.0])
    )
    assert means[:2, HAPPINESS] == pytest.approx([0.5 / 0.75, 0])
    assert seconds == pytest.approx([0.75, 0.75, 0]) and np.isnan(means[2]).all()


def test_what_could_not_be_read_is_no_reading_of_zero() -> None:
    its = lasting(face_readings((0, "fear"), (1, None), flaws={1: "dark"}), 1.0, 9.0)
    for measure in ("probability", "label"):
        means, seconds = means_by_bin(
            its, values_of(its, EXPRESSIONS, measure), np.array([0.0, 10.0])
        )
        assert means[0].max() == pytest.approx(0.9 if measure == "probability" else 1)
        assert seconds.tolist() == [1.0]


def test_the_label_unsure_is_a_column_of_its_own() -> None:
    its = lasting(face_readings((0, "fear"), (1, None)), 1.0, 1.0)
    means, _ = means_by_bin(its, values_of(its, EXPRESSIONS, "label"), np.array([0.0, 2.0]))
    assert means[0, -1] == 0.5 and means[0].sum() == pytest.approx(1)


def two_faces() -> Readings:
    """Face 1 is happy for 10 s; face 2 is neutral from 5 s on."""
    one = lasting(face_readings(*((float(n), "happiness") for n in range(10))), *[1.0] * 10)
    other = face_readings(*((5.0 + n, "neutral") for n in range(5)), face=2)
    both = Readings.join([one, lasting(other, *[1.0] * 5)])
    return both.at(np.argsort(both.at_s, kind="stable"))


def test_the_group_curve_is_the_mean_of_the_faces_in_view_and_says_how_many() -> None:
    recording = some_recording(duration_s=12.0)
    curve = group_curve(recording, two_faces(), np.array([0.0, 5.0, 10.0, 12.0]))
    assert curve.faces.tolist() == [1, 2, 0]
    assert curve.mean[:2, HAPPINESS] == pytest.approx([JOY, (JOY + OTHER) / 2])
    assert np.isnan(curve.mean[2]).all() and curve.at_s.tolist() == [2.5, 7.5, 11.0]


def test_a_face_with_many_readings_counts_no_more_than_another_in_the_group() -> None:
    rare = lasting(face_readings((0.0, "happiness"), (5.0, "happiness")), 5.0, 5.0)
    often = some_readings(300, rate=30.0)
    often = replace(
        often, face=np.full(300, 2), smoothed=np.tile(face_readings((0, "fear")).smoothed, (300, 1))
    )
    both = Readings.join([rare, often])
    both = both.at(np.argsort(both.at_s, kind="stable"))
    curve = group_curve(some_recording(duration_s=10.0), both, np.array([0.0, 10.0]))
    assert curve.mean[0, HAPPINESS] == pytest.approx((JOY + OTHER) / 2)


def test_the_strip_has_a_stretch_for_each_label_and_nothing_in_gaps() -> None:
    rows = face_readings((0, "fear"), (1, "fear"), (2, None), (6, "anger"), (7, None))
    its = lasting(rows, *[1.0] * 5)
    found = strip(some_recording(duration_s=8.0), its)
    assert [(s.face, s.expression) for s in found] == [
        (1, "fear"),
        (1, None),
        (1, "anger"),
        (1, None),
    ]
    times = [(round(s.start_s, 1), round(s.end_s, 1)) for s in found]
    assert times == [(0.0, 2.0), (2.0, 3.0), (6.0, 7.0), (7.0, 8.0)]


def test_the_strip_stays_small_in_an_hour_of_flicker_with_many_faces() -> None:
    names = ["fear", "anger"]
    parts = [
        face_readings(*((n * 5.0, names[n % 2]) for n in range(720)), face=face)
        for face in range(1, 51)
    ]
    whole = Readings.join(parts)
    whole = whole.at(np.argsort(whole.at_s, kind="stable"))
    found = strip(some_recording(duration_s=3600.0), whole)
    assert len({s.face for s in found}) == MOST_ROWS and len(found) <= 8000


def test_a_part_of_a_video_has_the_times_of_the_video() -> None:
    recording = some_recording(source="video", settings={"part": {"from_s": 100.0}}, duration_s=2.0)
    its = lasting(face_readings((100.0, "fear"), (101.0, "fear")), 1.0, 1.0)
    [stretch] = strip(recording, its)
    assert (stretch.start_s, stretch.end_s) == (100.0, 102.0)
    assert group_curve(recording, its).edges_s[[0, -1]].tolist() == [100.0, 102.0]
