"""Charts of values over time with breaks at gaps and no more points than a screen shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from ferapp.sessions.lengths import pause_s
from ferapp.wording import clock

MOST_POINTS: Final = 2000
"""Maximum number of points of a curve, including those that break it at gaps."""

LEGEND_ABOVE: Final = dict(orientation="h", x=0, xanchor="left", y=1.02, yanchor="bottom")
"""Position of the legend in all charts."""

NO_MARGIN: Final = {"l": 0, "r": 0, "t": 8, "b": 8}
"""Margins in px; Plotly adds room for legends and axis labels."""

# Each gap takes four points. Only the longest gaps are shown, so that half of the points are left
# for the curve; in a session with so many, the others are about one pixel wide.
_MOST_GAPS: Final = MOST_POINTS // 8
_ROWS_PER_GAP: Final = 2
# Distance of a break from the reading beside it, small so that stacked areas fall steeply.
_EDGE_S: Final = 0.001
# Both ends and one point in between; the algorithm requires these.
_LEAST_POINTS: Final = 3
_HOUR_S: Final = 3600
_DAY_S: Final = 24 * _HOUR_S


@dataclass(frozen=True)
class TimeAxis:
    """The axis of the seconds since the start.

    Plotly knows clocks, but no lengths of time: its hours begin again after a day. From a day on
    the axis is therefore one of hours.

    Args:
        end_s: The last of the times.
    """

    end_s: float

    @classmethod
    def of(cls, at_s: NDArray[np.float64]) -> Self:
        """The axis for some times, (n,), s."""
        return cls(float(at_s.max(initial=0.0)))

    @property
    def is_long(self) -> bool:
        """Whether the times reach a day."""
        return self.end_s >= _DAY_S

    def places(self, at_s: NDArray[np.float64]) -> list[str] | list[float]:
        """Where some times are on the axis, (n,)."""
        return (
            [round(hours, 6) for hours in (at_s / _HOUR_S).tolist()]
            if self.is_long
            else _dates(at_s)
        )

    def layout(self) -> dict[str, Any]:
        """The options of the axis."""
        if self.is_long:
            return {
                "type": "linear",
                "ticksuffix": " h",
                "hoverformat": ".2f",
            }
        form = "%H:%M:%S" if self.end_s >= _HOUR_S else "%M:%S"
        return {
            "type": "date",
            "tickformat": form,
            # Where ticks are closer than a second, they would all read alike.
            "tickformatstops": [{"dtickrange": [None, 999], "value": f"{form}.%1f"}],
            "hoverformat": f"{form}.%1f",
        }

    def hover_texts(self, at_s: NDArray[np.float64]) -> dict[str, Any]:
        """What a curve says where it is pointed at: also the time, as the tables write it."""
        if not self.is_long:
            return {}
        return {
            "customdata": [clock(s) for s in at_s.tolist()],
            "hovertemplate": "%{y} at %{customdata}",
        }


def curves(
    at_s: NDArray[np.float64],
    values: NDArray[np.float32],
    names: Sequence[str],
    colours: Sequence[str],
    *,
    is_stacked: bool = False,
) -> go.Figure:
    """A line or an area for each column.

    Args:
        at_s: Seconds since the start, (n,), ascending.
        values: (n, k); a row with NaN is no reading.
        names: Names of the columns, already escaped.
        colours: Colours of the columns, sRGB hex.
        is_stacked: Draw stacked areas, which fall to zero at a gap: Plotly can't break them
            (https://github.com/plotly/plotly.js/issues/3244).
    """
    series = _Series.of(at_s, values)
    every = range(len(names))
    if is_stacked:
        # Stacked areas need the same points in time; separate lines may have more points each.
        shared_s, shared = series.thin(every)
        parts = [(shared_s, shared[:, column]) for column in every]
        looks = [
            {"stackgroup": "all", "stackgaps": "infer zero", "line": {"width": 0}, "fillcolor": c}
            for c in colours
        ]
    else:
        parts = [(x, y[:, 0]) for x, y in (series.thin([column]) for column in every)]
        looks = [{"line": {"width": 2, "color": c}} for c in colours]
    axis = TimeAxis.of(at_s)
    figure = go.Figure(
        [
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": axis.places(x),
                "y": _round_values(y),
            }
            | axis.hover_texts(x)
            | look
            for name, (x, y), look in zip(names, parts, looks, strict=True)
        ]
    )
    figure.update_xaxes(**axis.layout(), rangeslider_visible=True)
    figure.update_layout(height=420, hovermode="x unified", legend=LEGEND_ABOVE, margin=NO_MARGIN)
    figure.update_yaxes(automargin=True)
    return figure


def points(
    at_s: NDArray[np.float64], values: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The points of curves that share their times, at most about `MOST_POINTS`.

    Args:
        at_s: Seconds since the start, (n,), ascending.
        values: (n, k); a row with NaN is no reading.

    Returns:
        Times, (m,), and values, (m, k); rows of NaN break the curves at gaps.
    """
    return _Series.of(at_s, values).thin(range(values.shape[1]))


def line_points(
    at_s: NDArray[np.float64], values: NDArray[np.float32], most: int
) -> list[tuple[NDArray[np.float64], NDArray[np.float32]]]:
    """The points of a line for each column: times, (m,), s, and values, (m,), NaN at gaps.

    Args:
        at_s: Seconds since the start, (n,), ascending.
        values: (n, k); a row with NaN is no reading.
        most: Maximum number of points of a line; a few more where it has many gaps.
    """
    series = _Series.of(at_s, values)
    lines = (series.thin([column], most) for column in range(values.shape[1]))
    return [(x, y[:, 0]) for x, y in lines]


def _dates(at_s: NDArray[np.float64]) -> list[str]:
    """Seconds since the start as what Plotly's time axis takes: dates, counted from 1970.

    They are text because Plotly takes numbers of milliseconds for local time, and some for years,
    and is slower with arrays of dates.
    """
    since = np.rint(at_s * 1000).astype("timedelta64[ms]")
    return [str(t) for t in np.datetime_as_string(np.datetime64(0, "ms") + since, unit="ms")]


def _round_values(values: NDArray[np.float32]) -> list[float | None]:
    """With three digits, to keep the page small; None for NaN."""
    return [None if v != v else v for v in values.astype(np.float64).round(3).tolist()]


@dataclass(frozen=True, eq=False)
class _Series:
    """The rows that were read, and where there is a gap between them.

    Attributes:
        at_s: Seconds, (n,), ascending.
        values: (n, k), no NaN.
        gaps: The first row after each gap that is shown, (g,).
    """

    at_s: NDArray[np.float64]
    values: NDArray[np.float32]
    gaps: NDArray[np.intp]

    @classmethod
    def of(cls, at_s: NDArray[np.float64], values: NDArray[np.float32]) -> Self:
        """From readings: a gap is a pause (`pause_s`), or rows of NaN."""
        rows = np.flatnonzero(~np.isnan(values).any(axis=1))
        at_s = at_s[rows]
        lengths_s = np.diff(at_s)
        gaps = np.flatnonzero((lengths_s > pause_s(at_s)) | (np.diff(rows) > 1)) + 1
        longest = np.argsort(lengths_s[gaps - 1], kind="stable")[-_MOST_GAPS:]
        return cls(at_s, values[rows], np.sort(gaps[longest]))

    def thin(
        self, columns: Sequence[int], most: int = MOST_POINTS
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Thin out some columns to the same points in time, (m,) and (m, len(columns)).

        Each column chooses its points with MinMaxLTTB (Steinarsson, 2013, "Downsampling Time Series
        for Visual Representation"; Van Der Donckt et al., 2023, "MinMaxLTTB: Leveraging
        MinMax-Preselection to Scale LTTB"). The readings beside a gap are kept, and rows of NaN
        break the curve there.
        """
        edges = np.concatenate([self.gaps - 1, self.gaps])
        left = most - len(edges) - _ROWS_PER_GAP * len(self.gaps)
        each = max(left // max(len(columns), 1), _LEAST_POINTS)
        by_column = [_downsample(self.at_s, self.values[:, column], each) for column in columns]
        keep = np.unique(np.concatenate([edges, *by_column]))
        places = np.repeat(np.searchsorted(keep, self.gaps), _ROWS_PER_GAP)
        sides_s = [self.at_s[self.gaps - 1] + _EDGE_S, self.at_s[self.gaps] - _EDGE_S]
        return (
            np.insert(self.at_s[keep], places, np.stack(sides_s, axis=1).ravel()),
            np.insert(self.values[keep][:, list(columns)], places, np.nan, axis=0),
        )


def _downsample(
    at_s: NDArray[np.float64], values: NDArray[np.float32], most: int
) -> NDArray[np.intp]:
    """Indices of the readings that preserve the shape of a column."""
    if len(at_s) <= most:
        return np.arange(len(at_s))
    thinner = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
    return np.asarray(thinner.downsample(at_s, np.ascontiguousarray(values), n_out=most), np.intp)
