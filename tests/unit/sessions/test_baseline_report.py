"""From when a neutral baseline counts: in charts, summaries and reports."""

import numpy as np
import pytest

from ferapp.emotions import EXPRESSIONS
from ferapp.sessions.report.baseline import (
    BaselineSpan,
    baseline_spans,
    baseline_text,
    uncorrected_spans,
)
from ferapp.sessions.report.charts import affect_curve, timeline
from ferapp.sessions.report.html import to_html
from ferapp.sessions.report.summary import summary
from ferapp.sessions.session import Marker, Readings
from tests.support.sessions import face_readings, some_readings, some_recording, with_baseline

SECONDS = face_readings(*((float(second), "neutral") for second in range(10)))
NEVER = SECONDS
FROM_3 = with_baseline(SECONDS, from_s=3)
FROM_3_TO_6 = with_baseline(SECONDS, from_s=3, until_s=6)
ALWAYS = with_baseline(SECONDS, from_s=0)


@pytest.mark.parametrize(
    ("readings", "spans", "shaded", "text"),
    [
        pytest.param(Readings.empty(8), [], [], "", id="no reading"),
        pytest.param(NEVER, [], [], "", id="never"),
        pytest.param(FROM_3, [(3, None)], [(0, 3)], "from 00:03. What was", id="later"),
        pytest.param(
            FROM_3_TO_6,
            [(3, 6)],
            [(0, 3), (6, 9)],
            "from 00:03 until 00:06. What was read without it is shaded.",
            id="for a while",
        ),
        pytest.param(ALWAYS, [(0, None)], [], "counts from the start.", id="always"),
    ],
)
def test_when_the_baseline_counts(
    readings: Readings,
    spans: list[tuple[float, float | None]],
    shaded: list[tuple[float, float]],
    text: str,
) -> None:
    assert baseline_spans(readings) == [BaselineSpan(1, *span) for span in spans]
    assert uncorrected_spans(readings.at_s, readings.is_corrected) == shaded
    assert text in baseline_text(readings) and bool(text) == bool(baseline_text(readings))


def test_each_face_has_its_own_baseline() -> None:
    other = face_readings((0, "fear"), (1, "fear"), face=2)
    both = Readings.join([FROM_3, other])
    in_time = both.at(np.argsort(both.at_s, kind="stable"))
    assert baseline_spans(in_time) == [BaselineSpan(1, 3.0, None)]


@pytest.mark.parametrize("draw", [timeline, affect_curve])
def test_charts_shade_what_was_read_without_the_baseline(draw: object) -> None:
    figure = draw(FROM_3, EXPRESSIONS)
    (area,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (area.x0, area.x1) == ("1970-01-01T00:00:00.000", "1970-01-01T00:00:03.000")
    assert [note.text for note in figure.layout.annotations] == ["without baseline"]
    assert not draw(NEVER, EXPRESSIONS).layout.shapes


def test_markers_stay_beside_the_shading() -> None:
    figure = timeline(FROM_3, EXPRESSIONS, markers=[Marker(3.0, "Neutral baseline of face 1")])
    assert [shape.type for shape in figure.layout.shapes] == ["rect", "line"]


def test_the_begin_of_a_baseline_is_no_change_of_expression() -> None:
    rows = face_readings(*((float(s), "sadness" if s < 3 else "neutral") for s in range(6)))
    assert summary(rows).transitions == {("sadness", "neutral"): 1}
    found = summary(with_baseline(rows, from_s=3))
    assert found.transitions == {} and len(found.spells) == 2
    assert found.total_s == summary(rows).total_s


def test_the_report_says_from_when_the_baseline_counts() -> None:
    readings = with_baseline(some_readings(200, rate=10.0), from_s=12.5)
    page = to_html(some_recording(), readings).decode()
    assert "The neutral baseline counts from 00:12. What was read without it is shaded." in page
    assert 'class="shade"' in page and "Grey: without the baseline." in page
    assert "neutral baseline" not in to_html(some_recording(), some_readings(20)).decode()
