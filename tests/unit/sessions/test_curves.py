"""Curves over time: gaps, thinning, markers, valence and arousal."""

import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from ferapp.emotions import COLOURS, EXPRESSIONS
from ferapp.sessions.report.charts import MOST_POINTS, affect_curve, timeline
from ferapp.sessions.session import Marker, Readings
from tests.support.sessions import face_readings, some_readings

NONE = Readings.empty(8)
HOUR = some_readings(54_000)
JOY, SAD = "happiness", "sadness"
VIEWS = ["lines", "stacked"]


def line(figure: go.Figure, name: str) -> dict[float, float | None]:
    """One curve by the seconds since the start."""
    (trace,) = [trace for trace in figure.data if trace.name == name]
    seconds = np.array(trace.x, "datetime64[ms]").astype(np.int64) / 1000
    return dict(zip(seconds.tolist(), trace.y, strict=True))


def with_peak(place: int, column: int) -> Readings:
    """An hour of low values but for one reading of 0.97."""
    smoothed = np.random.default_rng(0).uniform(0.1, 0.15, (len(HOUR), 8)).astype(np.float32)
    smoothed[place, column] = 0.97
    return replace(HOUR, smoothed=smoothed)


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_timeline_has_all_lines_and_no_points(view: str) -> None:
    figure = timeline(NONE, EXPRESSIONS, view=view)
    assert [trace.name for trace in figure.data] == list(EXPRESSIONS)
    assert all(trace.x == () and trace.y == () for trace in figure.data)
    assert figure.layout.xaxis.type == "date" and figure.layout.annotations == ()


@pytest.mark.parametrize("view", VIEWS)
def test_a_timeline_shows_the_chosen_values_in_the_colours_of_the_expressions(view: str) -> None:
    readings = replace(
        face_readings((0, JOY), (0.25, SAD)), smoothed=np.full((2, 8), 0.125, np.float32)
    )
    figure = timeline(readings, EXPRESSIONS, view=view)
    assert line(figure, JOY) == {0: 0.125, 0.25: 0.125}
    raw = timeline(readings, EXPRESSIONS, values="raw", view=view)
    assert line(raw, JOY) == {0: 0.9, 0.25: 0.014}
    colours = [t.line.color if view == "lines" else t.fillcolor for t in figure.data]
    assert colours == list(COLOURS.values())
    assert figure.layout.yaxis.range == (0, 1) and figure.layout.xaxis.rangeslider.visible


def test_only_areas_are_stacked() -> None:
    groups = [{t.stackgroup for t in timeline(HOUR, EXPRESSIONS, view=view).data} for view in VIEWS]
    assert groups == [{None}, {"all"}]


@pytest.mark.parametrize(
    ("last_s", "form"), [(3599.9, "%M:%S"), (3600, "%H:%M:%S")], ids=["minutes", "an hour"]
)
def test_hours_are_shown_from_one_hour_on(last_s: float, form: str) -> None:
    figure = timeline(face_readings((0, JOY), (last_s, JOY)), EXPRESSIONS)
    assert figure.layout.xaxis.tickformat == form
    assert figure.layout.xaxis.hoverformat.startswith(form)


FLAW = {1: "small"}
GAPS = {
    "no reading": (face_readings(), {}),
    "as long as a pause may be": (face_readings((0, JOY), (1.5, JOY)), {0: 0.9, 1.5: 0.9}),
    "a pause": (
        face_readings((0, JOY), (1, JOY), (5, JOY), (6, JOY)),
        {0: 0.9, 1: 0.9, 1.001: None, 4.999: None, 5: 0.9, 6: 0.9},
    ),
    "a flaw": (
        face_readings((0, JOY), (0.5, None), (1, JOY), flaws=FLAW),
        {0: 0.9, 0.001: None, 0.999: None, 1: 0.9},
    ),
    "flaws at both ends": (
        face_readings((0, None), (1, JOY), (2, None), flaws={0: "small", 2: "small"}),
        {1: 0.9},
    ),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("readings", "expected"), GAPS.values(), ids=GAPS)
def test_curves_break_at_gaps(readings: Readings, expected: dict[float, float], view: str) -> None:
    assert line(timeline(readings, EXPRESSIONS, view=view), JOY) == expected


@pytest.mark.parametrize("view", VIEWS)
def test_the_readings_beside_a_gap_survive_thinning(view: str) -> None:
    at_s = HOUR.at_s + 7 * (np.arange(len(HOUR)) // 5400)
    curve = line(timeline(replace(HOUR, at_s=at_s), EXPRESSIONS, view=view), JOY)
    breaks = [at for (at, y), (_, after) in pairwise(curve.items()) if y is None and after is None]
    borders_s = [(5400 * i - 1) / 15 + 7 * (i - 1) for i in range(1, 10)]
    np.testing.assert_allclose(breaks, np.add(borders_s, 0.001), atol=0.001)
    for border_s in borders_s:
        assert curve[round(border_s, 3)] is not None
        assert curve[round(border_s + 7 + 1 / 15, 3)] is not None


@pytest.mark.parametrize("view", VIEWS)
def test_only_the_longest_of_many_gaps_are_shown(view: str) -> None:
    at_s = HOUR.at_s + 2 * (np.arange(len(HOUR)) // 20)
    at_s[30_000:] += 60
    figure = timeline(replace(HOUR, at_s=at_s), EXPRESSIONS, view=view)
    curve = line(figure, JOY)
    assert max(len(trace.x) for trace in figure.data) <= MOST_POINTS
    assert curve[round(at_s[29_999], 3) + 0.001] is None
    assert sum(y is not None for y in curve.values()) >= MOST_POINTS // 2


@pytest.mark.parametrize("view", VIEWS)
def test_a_long_session_is_thinned(view: str) -> None:
    figure = timeline(HOUR, EXPRESSIONS, view=view)
    counts = [len(trace.x) for trace in figure.data]
    assert MOST_POINTS // 2 < min(counts) <= max(counts) <= MOST_POINTS
    first, *_, last = line(figure, JOY)
    assert (first, last) == (0, 3599.933)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("place", [1, 12_345, 53_998])
def test_the_peak_of_one_reading_survives_thinning(place: int, view: str) -> None:
    figure = timeline(with_peak(place, 6), EXPRESSIONS, view=view)
    assert line(figure, "fear")[round(place / 15, 3)] == 0.97


def test_areas_fill_everything() -> None:
    data = timeline(HOUR, EXPRESSIONS, view="stacked").data
    assert len({trace.x for trace in data}) == 1
    np.testing.assert_allclose(np.sum([trace.y for trace in data], axis=0), 1, atol=0.004)


def test_a_timeline_of_an_hour_is_fast() -> None:
    timeline(face_readings((0, JOY)), EXPRESSIONS)  # Plotly loads its parts at first use.
    start_s = time.process_time()
    timeline(HOUR, EXPRESSIONS)
    # Ten times what was measured, for slow machines; with every point it takes twenty times that.
    assert time.process_time() - start_s < 0.6


def test_a_marker_is_a_line_with_an_escaped_name() -> None:
    markers = [Marker(61.5, '<b>x</b> & "y"'), Marker(70, "end")]
    layout = timeline(face_readings((0, JOY)), EXPRESSIONS, markers=markers).layout
    assert [note.text for note in layout.annotations] == ['&lt;b&gt;x&lt;/b&gt; &amp; "y"', "end"]
    moments = ["1970-01-01T00:01:01.500", "1970-01-01T00:01:10.000"]
    assert [note.x for note in layout.annotations] == moments
    assert [(shape.x0, shape.x1) for shape in layout.shapes] == [(at, at) for at in moments]


@pytest.mark.parametrize("values", ["smoothed", "raw"])
def test_an_empty_affect_curve_has_two_lines_without_points(values: str) -> None:
    figure = affect_curve(NONE, EXPRESSIONS, values=values)
    assert [(t.name, t.x, t.y) for t in figure.data] == [("valence", (), ()), ("arousal", (), ())]


def test_affect_curves_break_at_gaps_and_are_thinned() -> None:
    readings = face_readings((0, JOY), (1, None), (2, JOY), flaws=FLAW, labels=(JOY, "neutral"))
    figure = affect_curve(readings, (JOY, "neutral"))
    assert line(figure, "valence") == {0: 0.729, 0.001: None, 1.999: None, 2: 0.729}
    assert line(figure, "arousal") == {0: 0.459, 0.001: None, 1.999: None, 2: 0.459}
    assert figure.layout.yaxis.range == (-1, 1)
    assert {len(trace.x) for trace in affect_curve(HOUR, EXPRESSIONS).data} == {MOST_POINTS}


def test_affect_curves_use_the_chosen_values() -> None:
    neutral = np.eye(8, dtype=np.float32)[[0]]
    readings = replace(face_readings((0, JOY)), smoothed=neutral)
    assert line(affect_curve(readings, EXPRESSIONS), "valence") == {0: 0}
    assert line(affect_curve(readings, EXPRESSIONS, values="raw"), "valence")[0] > 0.6


def test_the_colours_of_affect_differ_in_lightness() -> None:
    """WCAG 2.2, relative luminance and contrast ratio."""
    colours = [trace.line.color for trace in affect_curve(NONE, EXPRESSIONS).data]
    dark, light = sorted(luminance(colour) for colour in colours)
    assert (light + 0.05) / (dark + 0.05) > 1.5
    assert 1.05 / (light + 0.05) > 3 and (dark + 0.05) / (luminance("#0e1117") + 0.05) > 3


def luminance(colour: str) -> float:
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
