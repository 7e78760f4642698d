"""Charts that compare conditions and average events, as pure functions of their statistics."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ferapp.labels import label_colours
from ferapp.sessions.report.charts import TITLE_COLOURS, escape_text
from ferapp.sessions.report.curves import LEGEND_ABOVE, NO_MARGIN, TimeAxis
from ferapp.sessions.statistics.bootstrap import Interval
from ferapp.sessions.statistics.conditions import Comparison
from ferapp.sessions.statistics.event_averages import EventAverage

_ROW_PX: Final = 18
_MULTIPLE_PX: Final = 130


def means_chart(comparison: Comparison) -> go.Figure:
    """A dot with its interval for each condition and expression."""
    return _dots(comparison.means, comparison.classes, tickformat=".0%")


def differences_chart(comparison: Comparison) -> go.Figure:
    """The differences from the first condition, with their intervals; not for one condition."""
    figure = _dots(comparison.differences, comparison.classes, tickformat="+.0%", first=1)
    figure.add_vline(x=0, line={"width": 1, "color": "rgba(127, 127, 127, 0.8)"})
    return figure


def multiples_chart(
    curves: Mapping[str, Mapping[str, NDArray[np.float64]]],
    edges_s: NDArray[np.float64],
    counts: Mapping[str, int],
) -> go.Figure:
    """The mean curves of each condition, one below the other on one axis of time.

    Args:
        curves: By condition and class, (b,) each; NaN without a face.
        edges_s: Where the parts of the time begin and end, (b + 1,), s since each session's start.
        counts: How many faces each condition has.
    """
    axis = TimeAxis(float(edges_s[-1]))
    at_s = (edges_s[:-1] + edges_s[1:]) / 2
    places = axis.places(at_s)
    classes = list(dict.fromkeys(name for its in curves.values() for name in its))
    colours = label_colours(tuple(classes))
    count = len(curves)
    figure = go.Figure()
    notes: list[dict[str, Any]] = []
    for row, (condition, its) in enumerate(curves.items()):
        top = 1 - row / count
        y_axis = f"y{row + 1 if row else ''}"
        for name, values in its.items():
            figure.add_scatter(
                x=places,
                y=[None if v != v else round(v, 3) for v in values.tolist()],
                mode="lines",
                name=escape_text(name),
                legendgroup=escape_text(name),
                showlegend=name not in {n for c in list(curves)[:row] for n in curves[c]},
                line={"color": colours[name], "width": 1.8},
                yaxis=y_axis,
            )
        figure.update_layout(
            {
                f"yaxis{row + 1 if row else ''}": {
                    "domain": [top - 0.8 / count, top],
                    "range": [0, 1],
                    "tickformat": ".0%",
                    "nticks": 3,
                }
            }
        )
        notes.append(
            {
                "text": f"{escape_text(condition)} (n = {counts[condition]})",
                "x": 0,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
    figure.update_layout(
        xaxis=axis.layout() | {"anchor": f"y{count if count > 1 else ''}"},
        height=_MULTIPLE_PX * count + 90,
        margin={"l": 0, "r": 8, "t": 40, "b": 8},
        legend={**LEGEND_ABOVE, "y": 1 + 22 / (_MULTIPLE_PX * count)},
        annotations=notes,
        hovermode="x unified",
    )
    return figure


def average_chart(average: EventAverage, labels: Sequence[str]) -> go.Figure:
    """The mean curve around an event, with a band where there are two events or more."""
    colours = label_colours(tuple(labels))
    at_s = average.offset_s.round(3).tolist()
    figure = go.Figure()
    for column, name in enumerate(labels):
        low, mean, high = (
            _plain(values[:, column])
            for values in (average.curve.low, average.curve.mean, average.curve.high)
        )
        safe = escape_text(name)
        shared = {"legendgroup": safe, "x": at_s, "mode": "lines"}
        if any(value is not None for value in low):
            edge = {"width": 0, "color": colours[name]}
            figure.add_scatter(**shared, y=low, line=edge, showlegend=False, hoverinfo="skip")
            figure.add_scatter(
                **shared,
                y=high,
                line=edge,
                showlegend=False,
                hoverinfo="skip",
                fill="tonexty",
                fillcolor=_faint(colours[name]),
            )
        figure.add_scatter(**shared, y=mean, name=safe, line={"color": colours[name], "width": 2})
    figure.add_vline(x=0, line={"width": 1, "dash": "dot"})
    figure.update_xaxes(ticksuffix=" s", hoverformat=".1f")
    figure.update_yaxes(range=[0, 1], tickformat=".0%", hoverformat=".0%", automargin=True)
    figure.update_layout(height=360, margin=NO_MARGIN, legend=LEGEND_ABOVE, hovermode="x unified")
    return figure


def _dots(
    intervals: Mapping[str, Interval], classes: Sequence[str], *, tickformat: str, first: int = 0
) -> go.Figure:
    """A row for each class, in which each condition has a place of its own."""
    figure = go.Figure()
    count = len(intervals)
    rows = np.arange(len(classes), dtype=np.float64)
    for place, (name, its) in enumerate(intervals.items()):
        shift = 0.0 if count == 1 else 0.6 * (place / (count - 1) - 0.5)
        bars = {
            "type": "data",
            "symmetric": False,
            "array": _plain(its.high - its.mean),
            "arrayminus": _plain(its.mean - its.low),
            "thickness": 1.5,
            "width": 3,
        }
        figure.add_scatter(
            x=_plain(its.mean),
            y=(rows + shift).tolist(),
            mode="markers",
            name=escape_text(name),
            marker={"size": 9, "color": TITLE_COLOURS[(place + first) % len(TITLE_COLOURS)]},
            error_x=bars,
            customdata=its.n.tolist(),
            hovertemplate=f"%{{x:{tickformat}}}, n = %{{customdata}}",
        )
    figure.update_xaxes(tickformat=tickformat)
    figure.update_yaxes(
        tickmode="array",
        tickvals=rows.tolist(),
        ticktext=[escape_text(name) for name in classes],
        range=[len(classes) - 0.4, -0.6],
        automargin=True,
    )
    figure.update_layout(
        height=_ROW_PX * len(classes) * max(count, 2) + 90, margin=NO_MARGIN, legend=LEGEND_ABOVE
    )
    return figure


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [None if v != v else round(v, 4) for v in values.tolist()]


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.15)"
