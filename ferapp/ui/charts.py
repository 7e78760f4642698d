"""Figures, as pure functions from values."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ferapp.emotions import COLOURS
from ferapp.vision.annotate import UNSURE_COLOUR, percent


def probability_bars(labels: Sequence[str], probabilities: NDArray[np.float32]) -> go.Figure:
    """Horizontal bars, one an expression, in the classifier's order from top to bottom.

    Args:
        labels: Names of the expressions.
        probabilities: Of one face, (len(labels),), in [0, 1].
    """
    figure = go.Figure(
        go.Bar(
            x=[round(float(p), 4) for p in probabilities],
            y=list(labels),
            orientation="h",
            marker_color=[COLOURS.get(name, UNSURE_COLOUR) for name in labels],
            text=[percent(float(p)) for p in probabilities],
            textposition="outside",
            cliponaxis=False,
            hoverinfo="skip",
        )
    )
    # The axis reaches past 1 so that the longest bar's figure has room.
    figure.update_xaxes(range=[0, 1.25], visible=False, fixedrange=True)
    figure.update_yaxes(
        autorange="reversed", fixedrange=True, ticks="", title=None, automargin=True
    )
    figure.update_layout(
        height=26 * len(labels) + 10,
        margin={"l": 0, "r": 0, "t": 4, "b": 4},
        bargap=0.35,
        showlegend=False,
        dragmode=False,
    )
    return figure


def spoken(labels: Sequence[str], probabilities: NDArray[np.float32]) -> str:
    """The same for those who can't see it, most probable first."""
    order = probabilities.argsort()[::-1]
    return ", ".join(f"{labels[i]} {percent(float(probabilities[i]))}" for i in order)
