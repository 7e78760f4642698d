"""Charts of a session as pure functions of its readings; the page sets theme and background."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ferapp.emotions import class_of
from ferapp.labels import UNSURE_COLOUR, face_caption, face_phrase, label_colour, label_text
from ferapp.sessions.report.affect import valence_arousal
from ferapp.sessions.report.baseline import uncorrected_spans
from ferapp.sessions.report.curves import LEGEND_ABOVE, MOST_POINTS, NO_MARGIN, TimeAxis, curves
from ferapp.sessions.report.event_names import FONT_PX, LINE_PX, fitting_names
from ferapp.sessions.report.summary import Summary
from ferapp.sessions.session import Marker, Readings
from ferapp.vision.annotate import percent

__all__ = [
    "AFFECT_COLOURS",
    "MOST_POINTS",
    "TITLE_COLOURS",
    "affect_curve",
    "empty_frame",
    "escape_text",
    "event_marks",
    "picture_bars",
    "shares",
    "timeline",
    "transition_map",
    "without_baseline",
]

# Visible on white and on black, and different in lightness.
AFFECT_COLOURS: Final = {"valence": "#2f67b1", "arousal": "#cc8400"}
"""Of the two derived curves."""

# Okabe and Ito, 2008, "Color Universal Design".
TITLE_COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
"""Of things that are compared and are no expressions."""

_BEHIND_TEXT: Final = "rgba(127, 127, 127, 0.25)"
_INTERVAL: Final = "rgba(90, 120, 220, 0.14)"
_ROW_PX: Final = 26

Values = Literal["smoothed", "raw"]


def timeline(
    readings: Readings,
    labels: Sequence[str],
    *,
    values: Values = "smoothed",
    view: Literal["lines", "stacked"] = "lines",
    markers: Sequence[Marker] = (),
) -> go.Figure:
    """The expressions of one face over time, with markers as vertical lines.

    Args:
        readings: Readings of one face.
        labels: Names of the expressions.
        values: Smoothed probabilities, or those of the classifier.
        view: Lines, or stacked areas.
        markers: Named events; those that last are shaded.

    What was read without a neutral baseline that counts elsewhere is shaded.
    """
    figure = curves(
        readings.at_s,
        _columns(readings, values),
        [escape_text(name) for name in labels],
        [label_colour(name, labels=labels) for name in labels],
        is_stacked=view == "stacked",
    )
    figure.update_yaxes(range=[0, 1], tickformat=".0%", hoverformat=".0%")
    at_s = [*readings.at_s[[0, -1]].tolist()] if len(readings) else [0.0]
    at_s += [marker.at_s for marker in markers]
    shading = _shading(readings)
    drawn = event_marks(markers, TimeAxis.of(readings.at_s), min(at_s), max(at_s))
    figure.update_layout({kind: [*shading[kind], *drawn[kind]] for kind in drawn})
    return figure


def event_marks(
    markers: Sequence[Marker], axis: TimeAxis, begin_s: float, end_s: float
) -> dict[str, list[dict[str, Any]]]:
    """Shapes and annotations: a dotted line with its name for each event, a band if it lasts.

    Names never overlap, also on a phone: they are put on several lines and shortened, and left
    out where there is no room. Pointing at a shortened one shows all of it.

    Args:
        markers: The events, in the order of time.
        axis: That of the chart.
        begin_s: The first time that the chart shows, s.
        end_s: The last one, s.
    """
    starts = axis.places(np.array([marker.at_s for marker in markers]))
    ends = axis.places(np.array([marker.until_s for marker in markers]))
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 1, "dash": "dot"}}
    area = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    area |= {"fillcolor": _INTERVAL, "line": {"width": 0}}
    text: dict[str, Any] = {"yref": "paper", "y": 1, "yanchor": "top", "showarrow": False}
    text |= {"bgcolor": _BEHIND_TEXT, "font": {"size": FONT_PX}}
    shapes: list[dict[str, Any]] = []
    for start, end, marker in zip(starts, ends, markers, strict=True):
        if marker.end_s is not None:
            shapes.append({**area, "x0": start, "x1": end})
        shapes.append({**line, "x0": start, "x1": start})
    names = [
        {
            **text,
            "x": starts[name.place],
            "xanchor": "right" if name.is_before else "left",
            "yshift": -LINE_PX * name.line,
            "text": escape_text(name.text),
            "hovertext": escape_text(markers[name.place].name),
        }
        for name in fitting_names(markers, begin_s, end_s)
    ]
    return {"shapes": shapes, "annotations": names}


def without_baseline(spans: Sequence[tuple[Any, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Shapes and annotations that shade where a face was read without its neutral baseline.

    Args:
        spans: From where to where, as the chart's axis counts.
    """
    area = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    area |= {"fillcolor": "rgba(127, 127, 127, 0.18)", "line": {"width": 0}}
    # Half way up: most curves are at the bottom, markers have their names at the top.
    text: dict[str, Any] = {"yref": "paper", "y": 0.5, "xanchor": "left", "showarrow": False}
    text |= {"text": "without baseline", "font": {"size": 11}, "bgcolor": _BEHIND_TEXT}
    return {
        "shapes": [{**area, "x0": start, "x1": end} for start, end in spans],
        "annotations": [{**text, "x": start} for start, _ in spans],
    }


def _shading(readings: Readings) -> dict[str, list[dict[str, Any]]]:
    spans = uncorrected_spans(readings.at_s, readings.is_corrected)
    starts, ends = np.array(spans, np.float64).reshape(-1, 2).T
    axis = TimeAxis.of(readings.at_s)
    return without_baseline(list(zip(axis.places(starts), axis.places(ends), strict=True)))


def affect_curve(
    readings: Readings, labels: Sequence[str], *, values: Values = "smoothed"
) -> go.Figure:
    """Derived valence and arousal of one face over time; show `affect_text` beside it.

    Only for labels with `has_affect`.
    """
    positions = valence_arousal(labels, _columns(readings, values))
    figure = curves(readings.at_s, positions, list(AFFECT_COLOURS), list(AFFECT_COLOURS.values()))
    figure.update_yaxes(range=[-1, 1], hoverformat=".2f")
    figure.update_layout(**_shading(readings))
    return figure


def shares(summaries: Mapping[str, Summary], labels: Sequence[str]) -> go.Figure:
    """Share of time of each expression and of unsure, one bar for each summary, by title.

    Of several summaries, which may be of different classifiers, names for the same class share a
    row, such as happiness and happy.
    """
    groups: dict[str, list[str]] = {}
    for name in labels:
        meaning = class_of(name) if len(summaries) > 1 else name
        groups.setdefault(meaning, []).append(name)
    rows: list[str | None] = [
        names[0] if len(names) == 1 else meaning for meaning, names in groups.items()
    ]
    rows.append(None)
    colours = [label_colour(row, labels=labels) for row in rows]
    figure = go.Figure()
    for place, (title, summary) in enumerate(summaries.items()):
        parts = [sum(summary.share(name) for name in names) for names in groups.values()]
        parts.append(summary.share(None))
        own = TITLE_COLOURS[place % len(TITLE_COLOURS)]
        figure.add_bar(
            x=[round(part, 4) for part in parts],
            y=[escape_text(label_text(row)) for row in rows],
            orientation="h",
            name=escape_text(title),
            marker_color=colours if len(summaries) == 1 else own,
            text=[percent(part) if part else "0 %" for part in parts],
            textposition="outside",
            cliponaxis=False,
        )
    # The axis extends beyond 1 to leave room for the text of the longest bar.
    figure.update_xaxes(range=[0, 1.15], tickformat=".0%")
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    figure.update_layout(
        barmode="group",
        showlegend=len(summaries) > 1,
        height=_ROW_PX * len(rows) * max(len(summaries), 1) + 40,
        margin=NO_MARGIN,
        legend=LEGEND_ABOVE,
    )
    return figure


def transition_map(summary: Summary, labels: Sequence[str]) -> go.Figure:
    """How often one expression (row) turned into another (column), for those that occur."""
    names: list[str | None] = [name for name in (*labels, None) if name in summary.seconds]
    titles = [escape_text(label_text(name)) for name in names]
    counts = [[summary.transitions.get((one, other)) for other in names] for one in names]
    figure = go.Figure(
        go.Heatmap(
            z=counts,
            x=titles,
            y=titles,
            texttemplate="%{z}",
            textfont={"color": "#10182b"},
            hovertemplate="%{y} → %{x}: %{z}<extra></extra>",
            # Dark text is readable on all of them, on light and dark pages.
            colorscale=[[0, "#d5e0fb"], [1, "#7d9de8"]],
            showscale=False,
        )
    )
    figure.update_xaxes(type="category", title="to", side="top")
    figure.update_yaxes(type="category", title="from", autorange="reversed", automargin=True)
    figure.update_layout(margin=NO_MARGIN, height=_ROW_PX * len(names) + 160)
    return figure


def picture_bars(
    readings: Readings, labels: Sequence[str], *, names: Mapping[int, str] | None = None
) -> go.Figure:
    """The raw probabilities of each face of each picture, one row each, or its flaw.

    Args:
        readings: Readings of pictures: `at_s` is the number of the picture, from 0.
        labels: Names of the expressions.
        names: Names of faces by number.
    """
    names = names or {}
    rows = [
        escape_text(
            f"picture {int(at) + 1}, {face_phrase(face, names)}" + (f": {flaw}" if flaw else "")
        )
        for at, face, flaw in zip(readings.at_s, readings.face.tolist(), readings.flaw, strict=True)
    ]
    probabilities = np.nan_to_num(readings.probabilities).astype(np.float64).round(3)
    figure = go.Figure(
        [
            go.Bar(
                x=probabilities[:, column].tolist(),
                y=rows,
                orientation="h",
                name=escape_text(name),
                marker_color=label_colour(name, labels=labels),
            )
            for column, name in enumerate(labels)
        ]
    )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(type="category", autorange="reversed", automargin=True)
    figure.update_layout(
        barmode="stack",
        legend={**LEGEND_ABOVE, "traceorder": "normal"},
        height=_ROW_PX * len(rows) + 120,
        margin=NO_MARGIN,
    )
    return figure


def empty_frame(
    readings_now: Readings, labels: Sequence[str], *, names: Mapping[int, str] | None = None
) -> dict[str, Any]:
    """The boxes of the faces at one moment on an empty frame, as a Plotly figure.

    Args:
        readings_now: Readings of that moment, one per face.
        labels: Names of the expressions.
        names: Names of faces by number.
    """
    width, height = readings_now.size_wh[0].tolist() if len(readings_now) else (640, 480)
    shapes = [_rectangle((0, 0, width, height), UNSURE_COLOUR, 1)]
    annotations = []
    for box, face, name, flaw in zip(
        readings_now.xyxy.tolist(),
        readings_now.face.tolist(),
        readings_now.expression,
        readings_now.flaw,
        strict=True,
    ):
        shapes.append(_rectangle(box, label_colour(name, labels=labels), 3))
        text = escape_text(f"{face_caption(face, names or {})} {label_text(name, flaw)}")
        annotations.append(
            {"x": box[0], "y": box[1], "text": text, "xanchor": "left", "yanchor": "bottom"}
        )
    if not annotations:
        annotations.append({"x": width / 2, "y": height / 2, "text": "No face at this time"})
    axis = {"visible": False, "fixedrange": True, "constrain": "domain"}
    layout = {
        "height": 360,
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
        "showlegend": False,
        "xaxis": {**axis, "range": [0, width]},
        "yaxis": {**axis, "range": [height, 0], "scaleanchor": "x"},
        "shapes": shapes,
        "annotations": [{**annotation, "showarrow": False} for annotation in annotations],
    }
    # Invisible points whose hover text shows the probabilities.
    middles = {
        "type": "scatter",
        "mode": "markers",
        "marker": {"opacity": 0, "size": 40},
        "x": readings_now.xyxy[:, 0::2].mean(axis=1).tolist(),
        "y": readings_now.xyxy[:, 1::2].mean(axis=1).tolist(),
        "hovertext": [_hover_text(labels, row) for row in readings_now.smoothed],
        "hoverinfo": "text",
    }
    return {"data": [middles], "layout": layout}


def _columns(readings: Readings, values: Values) -> NDArray[np.float32]:
    return readings.smoothed if values == "smoothed" else readings.probabilities


def _rectangle(xyxy: Sequence[float], colour: str, width_px: int) -> dict[str, Any]:
    x0, y0, x1, y1 = xyxy
    line = {"color": colour, "width": width_px}
    return {"type": "rect", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": line}


def _hover_text(labels: Sequence[str], probabilities: NDArray[np.float32]) -> str:
    return "<br>".join(
        f"{escape_text(name)} {p * 100:.0f} %"
        for name, p in zip(labels, probabilities.tolist(), strict=True)
        if p == p
    )


def escape_text(text: str) -> str:
    """Escape untrusted text: Plotly interprets some HTML, but shows &quot; literally."""
    return escape(text, quote=False)
