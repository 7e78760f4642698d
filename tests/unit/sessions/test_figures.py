"""Bars, transitions and frames of a session, value by value."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from ferapp.emotions import COLOURS, EXPRESSIONS
from ferapp.sessions.report.charts import empty_frame, picture_bars, shares, transition_map
from ferapp.sessions.report.summary import summary
from ferapp.sessions.session import Readings
from tests.support.sessions import face_readings

NONE = Readings.empty(8)
JOY, SAD = "happiness", "sadness"
LABELS = ("<b>mine</b>", "neutral")
ESCAPED = "&lt;b&gt;mine&lt;/b&gt;"


def test_shares_without_faces_or_readings() -> None:
    assert shares({}, EXPRESSIONS).data == ()
    (bars,) = shares({"A talk": summary(NONE)}, EXPRESSIONS).data
    assert bars.x == (0,) * 9


def test_shares_of_one_have_the_colours_of_the_expressions() -> None:
    session = face_readings(
        (0, "neutral"), (1, LABELS[0]), (2, LABELS[0]), (3, None), labels=LABELS
    )
    figure = shares({"A talk": summary(session)}, LABELS)
    (bars,) = figure.data
    assert bars.y == (ESCAPED, "neutral", "unsure") and bars.x == (0.5, 0.25, 0.25)
    assert bars.text == ("50 %", "25 %", "25 %") and bars.orientation == "h"
    assert bars.marker.color[1] == COLOURS["neutral"] and len(set(bars.marker.color)) == 3
    assert not figure.layout.showlegend


def test_shares_of_several_have_a_colour_each() -> None:
    session = summary(face_readings((0, JOY), (1, SAD)))
    figure = shares({"<i>a</i>": session, "b": session}, EXPRESSIONS)
    assert [bars.name for bars in figure.data] == ["&lt;i&gt;a&lt;/i&gt;", "b"]
    assert len({bars.marker.color for bars in figure.data}) == 2 and figure.layout.showlegend


def test_of_two_sessions_names_for_one_class_share_a_row() -> None:
    ours = summary(face_readings((0, JOY), (1, JOY)))
    others = summary(face_readings((0, "happy"), (1, "happy"), labels=("happy", "boredom")))
    one, other = shares({"a": ours, "b": others}, (JOY, SAD, "happy", "boredom")).data
    assert one.y == other.y == (JOY, SAD, "boredom", "unsure")
    assert one.x == other.x == (1, 0, 0, 0)


def test_of_one_session_every_label_has_its_row() -> None:
    labels = ("happy", "joy", "boredom")
    (bars,) = shares({"a": summary(face_readings((0, "joy"), labels=labels))}, labels).data
    assert bars.y == (*labels, "unsure") and len({*bars.marker.color}) == 4


def test_transitions_of_nothing() -> None:
    (heatmap,) = transition_map(summary(NONE), EXPRESSIONS).data
    assert len(heatmap.z) == len(heatmap.x) == len(heatmap.y) == 0


def test_transitions_go_from_rows_to_columns() -> None:
    session = face_readings((0, SAD), (1, JOY), (2, SAD), (3, JOY), (4, None))
    figure = transition_map(summary(session), EXPRESSIONS)
    (heatmap,) = figure.data
    assert heatmap.x == heatmap.y == (JOY, SAD, "unsure")
    assert [list(row) for row in heatmap.z] == [[None, 1, 1], [2, None, None], [None] * 3]
    assert "%{z}" in heatmap.texttemplate
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text) == ("from", "to")


def test_no_pictures_have_no_rows() -> None:
    assert all(bars.x == bars.y == () for bars in picture_bars(NONE, EXPRESSIONS).data)


def test_pictures_have_a_row_for_each_face() -> None:
    readings = face_readings(
        (0, LABELS[0]), (0, None), (4, None), flaws={1: "<too small>"}, labels=LABELS
    )
    unlike = np.zeros((3, 2), np.float32)
    figure = picture_bars(replace(readings, face=np.array([1, 2, 1]), smoothed=unlike), LABELS)
    mine, neutral = figure.data
    rows = ("picture 1, face 1", "picture 1, face 2: &lt;too small&gt;", "picture 5, face 1")
    assert mine.y == neutral.y == rows and mine.name == ESCAPED
    assert mine.x == (0.9, 0, 0.5) and neutral.x == (0.1, 0, 0.5)
    assert figure.layout.barmode == "stack" and figure.layout.yaxis.autorange == "reversed"


def test_a_frame_without_faces_says_so() -> None:
    frame = go.Figure(empty_frame(NONE, EXPRESSIONS))
    assert [note.text for note in frame.layout.annotations] == ["No face at this time"]
    assert corners(frame) == [(0, 0, 640, 480)]
    assert frame.layout.yaxis.range == (480, 0) and frame.layout.yaxis.scaleanchor == "x"
    assert frame.layout.height == 360 and not frame.layout.xaxis.visible


def test_a_frame_shows_each_face_in_the_colour_of_its_expression() -> None:
    names = [(2.0, "neutral"), (2.0, None), (2.0, None), (2.0, LABELS[0])]
    boxes = np.arange(16, dtype=np.float32).reshape(4, 4)
    readings = replace(
        face_readings(*names, flaws={2: "<small>"}, labels=LABELS),
        face=np.array([1, 2, 3, 4]),
        xyxy=boxes,
        size_wh=np.tile([320, 200], (4, 1)),
    )
    frame = go.Figure(empty_frame(readings, LABELS))
    assert corners(frame) == [(0, 0, 320, 200), *map(tuple, boxes.tolist())]
    assert frame.layout.xaxis.range == (0, 320) and frame.layout.yaxis.range == (200, 0)
    said = ["1 neutral", "2 unsure", "3 &lt;small&gt;", f"4 {ESCAPED}"]
    assert [note.text for note in frame.layout.annotations] == said
    assert [(note.x, note.y) for note in frame.layout.annotations] == [
        *[(0, 1), (4, 5), (8, 9), (12, 13)]
    ]
    colours = [shape.line.color for shape in frame.layout.shapes]
    assert colours[1] == COLOURS["neutral"] and colours[2] == colours[3] != colours[4]
    (middles,) = frame.data
    assert middles.x == (1, 5, 9, 13) and middles.y == (2, 6, 10, 14)
    assert middles.hovertext[0] == f"{ESCAPED} 10 %<br>neutral 90 %" and middles.hovertext[2] == ""


def corners(frame: go.Figure) -> list[tuple[float, ...]]:
    return [(shape.x0, shape.y0, shape.x1, shape.y1) for shape in frame.layout.shapes]


def test_a_frame_calls_named_faces_by_name() -> None:
    readings = Readings.join([face_readings((0, "fear")), face_readings((0, None), face=2)])
    frame = empty_frame(readings, EXPRESSIONS, names={2: "<b>Ada & Eve</b>"})
    texts = [note["text"] for note in frame["layout"]["annotations"]]
    assert texts == ["1 fear", "&lt;b&gt;Ada &amp; Eve&lt;/b&gt; unsure"]
