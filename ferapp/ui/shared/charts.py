"""Figures, as pure functions of values.

Plotly interprets some HTML, so labels are escaped.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ferapp.labels import label_colour, label_colours
from ferapp.sessions.lengths import pause_s
from ferapp.sessions.report.baseline import uncorrected_spans
from ferapp.sessions.report.charts import without_baseline
from ferapp.temporal.rolling import Series
from ferapp.vision.annotate import percent


def count_bars(counts: Mapping[str, int], labels: Sequence[str]) -> go.Figure:
    """Horizontal bars, one a label, from top to bottom.

    Args:
        counts: How many faces have each label: an expression, "unsure" or a flaw.
        labels: Names of the expressions.
    """
    total = max(sum(counts.values()), 1)
    figure = go.Figure(
        go.Bar(
            x=list(counts.values()),
            y=[escape(label, quote=False) for label in counts],
            orientation="h",
            marker_color=[
                label_colour(label if label in labels else None, labels=labels) for label in counts
            ],
            text=[f"{count} ({percent(count / total)})" for count in counts.values()],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    # The axis goes on so that there is room for the number at the longest bar.
    longest = max(counts.values(), default=1)
    figure.update_xaxes(range=[0, 1.4 * longest], visible=False, fixedrange=True)
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, ticks="", title=None, automargin=True
    )
    figure.update_layout(
        height=26 * len(counts) + 10,
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        bargap=0.35,
        showlegend=False,
        dragmode=False,
    )
    return figure


MOST_SIDE_BY_SIDE: Final = 3
_BAR_PX: Final = 22
# More points than the chart is wide cannot be seen.
_MOST_POINTS: Final = 300


def faces_side_by_side(
    labels: Sequence[str],
    faces: Mapping[str, NDArray[np.float32] | None],
) -> dict[str, Any]:
    """The bars of the current faces, as a Plotly figure.

    Args:
        labels: Names of the expressions.
        faces: Probabilities, (len(labels),), by the title of each face; None for one that can't be
            read. Only the first `MOST_SIDE_BY_SIDE` are shown.
    """
    shown = list(faces.items())[:MOST_SIDE_BY_SIDE]
    count = max(len(shown), 1)
    layout: dict[str, Any] = {
        "height": _BAR_PX * len(labels) + 40,
        "margin": {"l": 76, "r": 8, "t": 28, "b": 8},
        "showlegend": False,
        "bargap": 0.3,
        "yaxis": {"autorange": "reversed", "fixedrange": True, "showgrid": False},
        "annotations": [],
    }
    data = []
    for place, (title, shares) in enumerate(shown):
        suffix = "" if place == 0 else str(place + 1)
        left, right = place / count, (place + 0.92) / count
        layout[f"xaxis{suffix}"] = {
            "range": [0, 1],
            "domain": [left, right],
            "fixedrange": True,
            "showticklabels": False,
        }
        layout["annotations"].append(
            {
                "text": escape(title, quote=False),
                "x": left,
                "y": 1,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
        values = np.zeros(len(labels), np.float32) if shares is None else shares
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": [round(float(v), 3) for v in values],
                "y": [escape(name, quote=False) for name in labels],
                "xaxis": f"x{suffix}",
                "marker": {"color": _colours(labels)},
            }
        )
    if not shown:
        nowhere = {"text": "No face", "x": 0, "y": 1, "xref": "paper", "yref": "paper"}
        layout["annotations"].append(nowhere | {"showarrow": False})
        layout["xaxis"] = layout["yaxis"] = {"visible": False}
    return {"data": data, "layout": layout}


def last_minute(labels: Sequence[str], series: Series | None, *, window_s: float) -> dict[str, Any]:
    """One face over the last seconds, a line an expression, as a Plotly figure.

    Args:
        labels: Names of the expressions.
        series: Its readings; None where there are none.
        window_s: How far back the axis goes; it ends at the last reading.
    """
    data = []
    shaded: list[tuple[float, float]] = []
    if series is not None and len(series.at_s):
        end_s = series.at_s[-1]
        spans = uncorrected_spans(series.at_s, series.is_corrected)
        shaded = [(round(a - end_s, 1), round(b - end_s, 1)) for a, b in spans]
        at_s, shares = _with_gaps(*_thin(series.at_s, series.probabilities))
        before = np.round(at_s - series.at_s[-1], 1).tolist()
        for column, (name, colour) in enumerate(zip(labels, _colours(labels), strict=True)):
            values = [None if np.isnan(v) else round(float(v), 3) for v in shares[:, column]]
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": escape(name, quote=False),
                    "x": before,
                    "y": values,
                    "line": {"color": colour, "width": 2},
                }
            )
    layout = {
        "height": 300,
        "margin": {"l": 40, "r": 12, "t": 8, "b": 90},
        "uirevision": "live",
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.15},
        "xaxis": {"range": [-window_s, 0], "ticksuffix": " s", "fixedrange": True},
        "yaxis": {"range": [0, 1], "tickformat": ".0%", "fixedrange": True},
        **without_baseline(shaded),
    }
    return {"data": data, "layout": layout}


def _colours(labels: Sequence[str]) -> list[str]:
    by_name = label_colours(tuple(labels))
    return [by_name[name] for name in labels]


def _thin(
    at_s: NDArray[np.float64], shares: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Every nth reading, always including the last."""
    step = max(-(-len(at_s) // _MOST_POINTS), 1)
    places = np.arange(len(at_s) - 1, -1, -step)[::-1]
    return at_s[places], shares[places]


def _with_gaps(
    at_s: NDArray[np.float64], shares: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """A row of NaN after each reading that is followed by a pause."""
    after = np.flatnonzero(np.diff(at_s) > pause_s(at_s)) + 1
    return (
        np.insert(at_s, after, at_s[after - 1] + 0.1),
        np.insert(shares, after, np.nan, axis=0),
    )


def alt_text(labels: Sequence[str], probabilities: NDArray[np.float32]) -> str:
    """The probabilities in words, for screen readers, the highest first."""
    # Of equal ones the first comes first, as in the label.
    order = np.argsort(-probabilities, kind="stable")
    return ", ".join(f"{labels[i]} {percent(float(probabilities[i]))}" for i in order)
