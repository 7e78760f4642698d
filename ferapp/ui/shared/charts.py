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


_ONE_FACE_PX: Final = 210
_EACH_FACE_PX: Final = 110
_LEGEND_PX: Final = 90
# More points than the chart is wide cannot be seen.
_MOST_POINTS: Final = 300


def last_minute(labels: Sequence[str], series: Series | None, *, window_s: float) -> dict[str, Any]:
    """One face over the last seconds, a line an expression, as a Plotly figure.

    Args:
        labels: Names of the expressions.
        series: Its readings; None where there are none.
        window_s: How far back the axis goes; it ends at the last reading.
    """
    return last_minutes(labels, {} if series is None else {"": series}, window_s=window_s)


def last_minutes(
    labels: Sequence[str], faces: Mapping[str, Series], *, window_s: float
) -> dict[str, Any]:
    """Several faces over the last seconds, one below the other on one axis of time.

    Args:
        labels: Names of the expressions.
        faces: The readings of each, by its title; of one face alone the title is not shown.
        window_s: How far back the axis goes; it ends at the last reading of all.
    """
    series = [each for each in faces.values() if len(each.at_s)]
    end_s = max((float(each.at_s[-1]) for each in series), default=0.0)
    count = max(len(series), 1)
    height = _ONE_FACE_PX if count == 1 else _EACH_FACE_PX * count
    layout: dict[str, Any] = {
        "height": height + _LEGEND_PX,
        "margin": {"l": 40, "r": 12, "t": 8 if count == 1 else 24, "b": _LEGEND_PX},
        "uirevision": "live",
        "showlegend": True,
        "legend": {"orientation": "h", "y": -30 / height, "yanchor": "top"},
        "xaxis": {"range": [-window_s, 0], "ticksuffix": " s", "fixedrange": True},
    }
    if count > 1:
        layout["xaxis"]["anchor"] = f"y{count}"
    data: list[dict[str, Any]] = []
    drawn: dict[str, list[dict[str, Any]]] = {"shapes": [], "annotations": []}
    titles = [title for title, each in faces.items() if len(each.at_s)]
    for place, (title, each) in enumerate(zip(titles, series, strict=True)):
        if count > 1:
            drawn["annotations"].append(_row_title(title, 1 - place / count))
        spans = uncorrected_spans(each.at_s, each.is_corrected)
        shaded = without_baseline([(round(a - end_s, 1), round(b - end_s, 1)) for a, b in spans])
        for kind, notes in shaded.items():
            drawn[kind] += [
                note | {"yref": f"y{place + 1 if place else ''} domain"} for note in notes
            ]
        data += _lines(labels, each, end_s=end_s, place=place)
    for place in range(count):
        layout[f"yaxis{place + 1 if place else ''}"] = {
            "range": [0, 1],
            "tickformat": ".0%",
            "fixedrange": True,
            "nticks": 6 if count == 1 else 3,
            "domain": [1 - (place + (1 if count == 1 else 0.82)) / count, 1 - place / count],
        }
    return {"data": data, "layout": layout | drawn}


def _lines(
    labels: Sequence[str], series: Series, *, end_s: float, place: int
) -> list[dict[str, Any]]:
    """A line an expression; those of the first face alone are in the legend."""
    at_s, shares = _with_gaps(*_thin(series.at_s, series.probabilities))
    before = np.round(at_s - end_s, 1).tolist()
    lines = []
    for column, (name, colour) in enumerate(zip(labels, _colours(labels), strict=True)):
        values = [None if np.isnan(v) else round(float(v), 3) for v in shares[:, column]]
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": escape(name, quote=False),
                "x": before,
                "y": values,
                "line": {"color": colour, "width": 2},
                **({"yaxis": f"y{place + 1}", "showlegend": False} if place else {}),
            }
        )
    return lines


def _row_title(title: str, y: float) -> dict[str, Any]:
    return {
        "text": escape(title, quote=False),
        "x": 0,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


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
