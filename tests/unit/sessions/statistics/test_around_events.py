"""Statistics by interval and averages around events, against values computed by hand."""

import io
from dataclasses import replace

import numpy as np
import pandas
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.sessions.session import Marker, Readings
from ferapp.sessions.statistics.event_averages import (
    average_table,
    event_average,
    event_names,
    to_averages_csv,
)
from ferapp.sessions.statistics.intervals import interval_table, to_intervals_csv
from tests.support.sessions import face_readings, some_recording

JOY, OTHER = 0.9, 0.1 / 7
HAPPINESS = EXPRESSIONS.index("happiness")


def seconds(*names: str | None, face: int = 1) -> Readings:
    """One reading a second."""
    its = face_readings(*((float(n), name) for n, name in enumerate(names)), face=face)
    return replace(its, duration_s=np.ones(len(names)))


def together(*parts: Readings) -> Readings:
    whole = Readings.join(parts)
    return whole.at(np.argsort(whole.at_s, kind="stable"))


def test_an_interval_counts_what_is_in_it_and_weights_it_with_the_time() -> None:
    readings = seconds("happiness", "happiness", "neutral", None)
    recording = some_recording(markers=(Marker(0.5, "film", 3.0), Marker(1.0, "moment")))
    [row] = interval_table(recording, readings).to_dict("records")
    assert (row["event"], row["begin_s"], row["end_s"], row["face"]) == ("film", 0.5, 3.0, 1)
    # Readings begin at 1 and 2; half a second of the first one is in it as well.
    assert row["readings"] == 2 and row["read_s"] == pytest.approx(2.5)
    assert row["mean_happiness"] == pytest.approx((1.5 * JOY + OTHER) / 2.5)
    assert row["share_happiness"] == pytest.approx(0.6) and row["share_unsure"] == 0
    assert row["share_neutral"] == pytest.approx(0.4)


def test_each_face_in_view_has_a_row_and_others_have_none() -> None:
    readings = together(
        seconds("fear", "fear"), seconds(None, None, None, "anger", face=2), seconds("fear", face=3)
    )
    recording = some_recording(
        markers=(Marker(0.0, "a", 1.0), Marker(2.0, "b", 4.0)), names={2: "A"}
    )
    table = interval_table(recording, readings)
    found = list(zip(table["event"], table["face"], table["name"].fillna(""), strict=True))
    assert found == [("a", 1, ""), ("a", 2, "A"), ("a", 3, ""), ("b", 2, "A")]


def test_the_csv_of_intervals_is_safe_in_a_spreadsheet() -> None:
    recording = some_recording(markers=(Marker(0.0, "=1+1", 2.0),))
    table = pandas.read_csv(io.BytesIO(to_intervals_csv(recording, seconds("fear", "fear"))))
    assert table["event"].tolist() == ["'=1+1"] and table["mean_fear"][0] == pytest.approx(0.9)
    nothing = pandas.read_csv(io.BytesIO(to_intervals_csv(some_recording(), seconds("fear"))))
    assert nothing.empty and "mean_fear" in nothing.columns


def test_the_average_around_events_is_that_of_the_events() -> None:
    """Two events: after one the face smiles, after the other it does not."""
    names = ["neutral"] * 4 + ["happiness"] * 4 + ["neutral"] * 12
    recording = some_recording(markers=(Marker(4.0, "go"), Marker(14.0, "go"), Marker(1.0, "x")))
    found = event_average(recording, seconds(*names), "go", before_s=2.0, after_s=2.0)
    before, after = found.offset_s < 0, found.offset_s > 0
    joy = found.curve.mean[:, HAPPINESS]
    assert found.events == 2 and joy[before] == pytest.approx(OTHER)
    assert joy[after] == pytest.approx((JOY + OTHER) / 2)
    # Drawn by event: both events smile, or none does.
    assert found.curve.low[after, HAPPINESS] == pytest.approx(OTHER)
    assert found.curve.high[after, HAPPINESS] == pytest.approx(JOY)


def test_faces_in_view_are_averaged_before_events_are() -> None:
    """Else an event before a crowd would count more than one before a single face."""
    crowd = [seconds(*["fear"] * 4, face=face) for face in (2, 3, 4)]
    alone = seconds(*["anger"] * 4, *["happiness"] * 4)
    recording = some_recording(markers=(Marker(0.0, "go"), Marker(4.0, "go")))
    found = event_average(recording, together(alone, *crowd), "go", before_s=0.0, after_s=3.0)
    fear = found.curve.mean[:, EXPRESSIONS.index("fear")]
    first = (3 * JOY + OTHER) / 4
    assert fear == pytest.approx((first + OTHER) / 2)


def test_one_event_has_no_band_and_an_event_without_a_face_does_not_count() -> None:
    recording = some_recording(markers=(Marker(1.0, "go"), Marker(500.0, "go")))
    found = event_average(recording, seconds("fear", "fear", "fear"), "go")
    assert found.events == 1 and found.curve.n.max() == 1 and np.isnan(found.curve.low).all()
    nobody = event_average(recording, Readings.empty(8), "go")
    assert nobody.events == 0 and np.isnan(nobody.curve.mean).all()


def test_before_the_session_there_is_no_value_and_the_number_of_events_says_so() -> None:
    recording = some_recording(markers=(Marker(0.5, "go"), Marker(3.0, "go")))
    found = event_average(recording, seconds(*["fear"] * 9), "go", before_s=2.0, after_s=1.0)
    assert found.curve.n[0].tolist() == [1] * 8 and found.curve.n[-1].tolist() == [2] * 8


def test_the_csv_of_averages_has_all_names_with_their_number() -> None:
    recording = some_recording(markers=(Marker(1.0, "b"), Marker(2.0, "b"), Marker(3.0, "a")))
    assert event_names(recording) == ["b", "a"]
    readings = seconds(*["fear"] * 9)
    table = pandas.read_csv(
        io.BytesIO(to_averages_csv(recording, readings, before_s=1.0, after_s=1.0))
    )
    assert table.groupby("event")["events"].max().to_dict() == {"a": 1, "b": 2}
    assert table["offset_s"].between(-1, 1).all() and {*table["expression"]} == {*EXPRESSIONS}
    one = average_table(recording, event_average(recording, readings, "a"))
    assert one["low"].isna().all()
    empty = pandas.read_csv(io.BytesIO(to_averages_csv(some_recording(), readings)))
    assert empty.empty and list(empty.columns)[:2] == ["event", "offset_s"]
