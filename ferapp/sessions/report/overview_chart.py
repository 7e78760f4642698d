"""All faces of a session in one chart: a strip of labels, and the mean over the faces in view."""

from typing import Any, Final

import numpy as np
import plotly.graph_objects as go

from ferapp.labels import UNSURE_COLOUR, face_title, label_colour, label_colours, label_text
from ferapp.sessions.report.charts import escape_text, event_marks
from ferapp.sessions.report.curves import LEGEND_ABOVE, TimeAxis
from ferapp.sessions.report.event_names import LINE_PX
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.statistics.group import GroupCurve, Stretch
from ferapp.wording import clock, duration_text

_ROW_PX: Final = 24
_CURVE_PX: Final = 200
_COUNT_PX: Final = 64
_BETWEEN_PX: Final = 26
_MOST_LETTERS: Final = 14
_MS: Final = 1000
_HOUR_S: Final = 3600


def overview_chart(
    recording: SessionInfo, readings: Readings, stretches: list[Stretch], curve: GroupCurve
) -> go.Figure:
    """The chart; a click on a bar gives the number of its face as ``customdata[0]``.

    Args:
        recording: The session.
        readings: All its readings.
        stretches: Those of the faces to show, as `ferapp.sessions.statistics.group.strip` gives
            them.
        curve: The mean over the faces in view.
    """
    axis = TimeAxis(float(curve.edges_s[-1]))
    faces = sorted({stretch.face for stretch in stretches})
    is_group = len(readings.faces) > 1
    strip_px = max(_ROW_PX * len(faces), _ROW_PX)
    heights = [strip_px, _CURVE_PX, *([_COUNT_PX] if is_group else [])]
    whole_px = sum(heights) + _BETWEEN_PX * (len(heights) - 1)
    figure = go.Figure([*_strip(recording, stretches, axis), *_mean(recording, curve, axis)])
    if is_group:
        figure.add_trace(_count(curve, axis))
    marks = event_marks(recording.markers, axis, *curve.edges_s[[0, -1]].tolist())
    lines = 1 + max((-name["yshift"] // LINE_PX for name in marks["annotations"]), default=0)
    below_px: int = LINE_PX * lines + 8 if recording.markers else 0
    whole_px += below_px
    for place, height in enumerate(heights):
        domain = [
            max(1 - (below_px + height) / whole_px, 0.0),
            1 - below_px / whole_px,
        ]
        below_px += height + _BETWEEN_PX
        figure.update_layout({f"yaxis{place + 1 if place else ''}": {"domain": domain}})
    figure.update_layout(
        xaxis=axis.layout() | {"anchor": f"y{len(heights)}", "range": _range(curve, axis)},
        yaxis={
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [_title(recording, face) for face in faces],
            "tickvals": [_title(recording, face) for face in faces],
            "ticktext": [_short_title(recording, face) for face in faces],
            "autorange": "reversed",
            "automargin": True,
        },
        yaxis2={"range": [0, 1], "tickformat": ".0%", "nticks": 4, "automargin": True},
        barmode="overlay",
        bargap=0.2,
        height=whole_px + 110,
        margin={"l": 0, "r": 8, "t": 8, "b": 8},
        legend=LEGEND_ABOVE,
        hovermode="closest",
        clickmode="event+select",
        dragmode="zoom",
        **marks,
    )
    if is_group:
        most = int(curve.faces.max(initial=1))
        figure.update_layout(
            yaxis3={"range": [0, most * 1.1], "nticks": min(most + 1, 3), "title": "faces"}
        )
    return figure


def _title(recording: SessionInfo, face: int) -> str:
    return escape_text(face_title(face, recording.names))


def _short_title(recording: SessionInfo, face: int) -> str:
    """What the row of a face is called: short, or nothing is left of the chart on a phone."""
    title = recording.names.get(face) or face_title(face, {})
    return escape_text(f"{title[: _MOST_LETTERS - 1]}…" if len(title) > _MOST_LETTERS else title)


def _strip(
    recording: SessionInfo, stretches: list[Stretch], axis: TimeAxis
) -> list[dict[str, Any]]:
    """A trace for each label that occurs, with a bar for each stretch."""
    unit = 1 / _HOUR_S if axis.is_long else _MS
    traces = []
    for label in (*recording.labels, None):
        its = [stretch for stretch in stretches if stretch.expression == label]
        if not its:
            continue
        texts = [f"{clock(s.start_s)}, for {duration_text(s.end_s - s.start_s)}" for s in its]
        name = escape_text(label_text(label))
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "legendgroup": name,
                "y": [_title(recording, s.face) for s in its],
                "base": axis.places(np.array([s.start_s for s in its])),
                "x": [round((s.end_s - s.start_s) * unit, 4) for s in its],
                "customdata": [[s.face, text] for s, text in zip(its, texts, strict=True)],
                "marker": {
                    "color": label_colour(label, labels=recording.labels),
                    "line": {"width": 0},
                },
                "hovertemplate": f"%{{y}}: {name}<br>%{{customdata[1]}}<extra></extra>",
                "unselected": {"marker": {"opacity": 1}},
            }
        )
    return traces


def _mean(recording: SessionInfo, curve: GroupCurve, axis: TimeAxis) -> list[dict[str, Any]]:
    colours = label_colours(recording.labels)
    places = axis.places(curve.at_s)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": escape_text(name),
            "legendgroup": escape_text(name),
            "showlegend": False,
            "x": places,
            "y": [None if v != v else round(v, 3) for v in curve.mean[:, column].tolist()],
            "yaxis": "y2",
            "line": {"color": colours[name], "width": 2},
            "hovertemplate": f"{escape_text(name)} %{{y:.0%}}<extra>mean</extra>",
        }
        for column, name in enumerate(recording.labels)
    ]


def _count(curve: GroupCurve, axis: TimeAxis) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": axis.places(curve.at_s),
        "y": curve.faces.tolist(),
        "yaxis": "y3",
        "fill": "tozeroy",
        "showlegend": False,
        "line": {"color": UNSURE_COLOUR, "width": 1, "shape": "hvh"},
        "hovertemplate": "%{y} in view<extra></extra>",
    }


def _range(curve: GroupCurve, axis: TimeAxis) -> list[Any]:
    return list(axis.places(curve.edges_s[[0, -1]]))
