"""Charts of the report as SVG: small, without a script, and the same on the screen and on paper.

Colours of text and rules come from the page's style, so that they follow light and dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ferapp.sessions.report.curves import line_points
from ferapp.sessions.session import Marker
from ferapp.sessions.statistics.group import Stretch
from ferapp.wording import clock

WIDTH: Final = 720
"""Of every chart, in its own units."""

_LEFT: Final = 84
_RIGHT: Final = 8
_TOP: Final = 16
_AXIS: Final = 22
_ROW: Final = 20
_MOST_POINTS: Final = 600
_MOST_TICKS: Final = 8
_LEAST_BETWEEN_NAMES: Final = 70
_MOST_LETTERS: Final = 22
_STEPS_S: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Span:
    """The times that a chart shows, s.

    Attributes:
        begin_s: The first.
        end_s: The last, which is later.
    """

    begin_s: float
    end_s: float

    def x(self, at_s: float) -> float:
        """Where a time is in a chart."""
        share = (at_s - self.begin_s) / (self.end_s - self.begin_s)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def ticks_s(self) -> list[float]:
        """Times for the axis, at round numbers."""
        length_s = self.end_s - self.begin_s
        days = (n * _DAY_S / 4 for n in (1, 2, 4, 8, 20, 40, 120, 400, 1200, 4000))
        step = next((s for s in (*_STEPS_S, *days) if length_s / s <= _MOST_TICKS), length_s)
        first = np.ceil(self.begin_s / step - 1e-9)
        count = int(np.floor(self.end_s / step + 1e-9) - first) + 1
        return [float((first + n) * step) for n in range(max(count, 0))]


def strip_chart(
    stretches: Sequence[Stretch],
    titles: dict[int, str],
    colours: dict[str | None, str],
    span: Span,
    events: Sequence[Marker] = (),
) -> str:
    """One row for each face, in which each stretch has the colour of its label.

    Args:
        stretches: Of all faces.
        titles: What each face is called, by number, from top to bottom.
        colours: Of each label; None for unsure.
        span: The times to show.
        events: Drawn over it.
    """
    height = _TOP + _ROW * len(titles) + _AXIS
    bottom = height - _AXIS
    parts = []
    for row, (face, title) in enumerate(titles.items()):
        y = _TOP + row * _ROW
        parts.append(_text(_LEFT - 6, y + 14, _short(title, 13), "end"))
        parts += [
            f'<rect x="{span.x(s.start_s):.1f}" y="{y + 2}" '
            f'width="{max(span.x(s.end_s) - span.x(s.start_s), 0.5):.1f}" height="{_ROW - 4}" '
            f'fill="{colours[s.expression]}"/>'
            for s in stretches
            if s.face == face
        ]
    return _svg(height, [*_events(events, span, bottom), *parts, *_time_axis(span, bottom)])


def line_chart(
    at_s: NDArray[np.float64],
    values: NDArray[np.float32],
    colours: Sequence[str],
    span: Span,
    *,
    low: float = 0.0,
    events: Sequence[Marker] = (),
    shaded: Sequence[tuple[float, float]] = (),
    height: int = 190,
) -> str:
    """A line for each column, with breaks at gaps.

    Args:
        at_s: Seconds since the start, (n,), ascending.
        values: (n, k), from `low` to 1; a row with NaN is no reading.
        colours: Of the columns.
        span: The times to show.
        low: The lowest value of the axis: 0 for shares, which are shown in percent, or -1.
        events: Drawn behind the lines.
        shaded: From when to when the background is grey.
        height: Of the chart.
    """
    bottom = height - _AXIS
    scale = (bottom - _TOP) / (1 - low)
    parts = [_area(span, start, end, bottom, "shade") for start, end in shaded]
    parts += _events(events, span, bottom)
    for value in np.linspace(low, 1, 5):
        y = bottom - (value - low) * scale
        text = f"{value * 100:.0f} %" if low == 0 else f"{value:.1f}"
        parts.append(f'<path class="rule" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 6, y + 4, text, "end"))
    for (x, y), colour in zip(line_points(at_s, values, _MOST_POINTS), colours, strict=True):
        parts.append(
            f'<path class="line" stroke="{colour}" d="{_path(x, y, span, bottom, scale, low)}"/>'
        )
    return _svg(height, [*parts, *_time_axis(span, bottom)])


def count_chart(counts: NDArray[np.int64], edges_s: NDArray[np.float64], span: Span) -> str:
    """How many faces were in view, as an area with steps.

    Args:
        counts: (b,).
        edges_s: Where the parts of the time begin and end, (b + 1,), s.
        span: The times to show.
    """
    height, most = 66, max(int(counts.max(initial=0)), 1)
    bottom = height - _AXIS
    scale = (bottom - _TOP) / most
    path = f"M{span.x(edges_s[0]):.1f} {bottom}"
    before = -1
    for place, count in enumerate(counts.tolist()):
        if count != before:
            path += f"H{span.x(edges_s[place]):.1f}V{bottom - count * scale:.1f}"
            before = count
    path += f"H{span.x(edges_s[-1]):.1f}V{bottom}Z"
    parts = [
        f'<path class="count" d="{path}"/>',
        _text(_LEFT - 6, _TOP + 4, f"{most} faces" if most > 1 else "1 face", "end"),
        _text(_LEFT - 6, bottom + 4, "0", "end"),
    ]
    return _svg(height, [*parts, *_time_axis(span, bottom)])


def stacked_rows(titles: Sequence[str], shares: NDArray[np.float64], colours: Sequence[str]) -> str:
    """One bar for each row, divided as the shares say.

    Args:
        titles: Of the rows, (n,).
        shares: (n, k), in [0, 1]; a row of NaN has no bar.
        colours: Of the columns, (k,).
    """
    left = 260
    parts = []
    for row, (title, its) in enumerate(zip(titles, shares, strict=True)):
        parts.append(_text(left - 6, _ROW * row + 14, _short(title, 40), "end"))
        at = float(left)
        for share, colour in zip(np.nan_to_num(its).tolist(), colours, strict=True):
            width = share * (WIDTH - left - _RIGHT)
            if width >= 0.5:
                parts.append(
                    f'<rect x="{at:.1f}" y="{_ROW * row + 2}" width="{width:.1f}" '
                    f'height="{_ROW - 4}" fill="{colour}"/>'
                )
            at += width
    return _svg(_ROW * len(titles), parts)


def _path(
    at_s: NDArray[np.float64],
    values: NDArray[np.float32],
    span: Span,
    bottom: float,
    scale: float,
    low: float,
) -> str:
    parts: list[str] = []
    command = "M"
    for time_s, value in zip(at_s.tolist(), values.tolist(), strict=True):
        if value != value:
            command = "M"
            continue
        parts.append(f"{command}{span.x(time_s):.1f} {bottom - (value - low) * scale:.1f}")
        command = "L"
    # A reading between two gaps is a dot, which a line of no length with round ends draws.
    return "".join(
        part + "h0" if part[0] == "M" and (n + 1 == len(parts) or parts[n + 1][0] == "M") else part
        for n, part in enumerate(parts)
    )


def _events(events: Sequence[Marker], span: Span, bottom: float) -> list[str]:
    parts, free_from = [], float(_LEFT)
    for event in events:
        x = span.x(event.at_s)
        if event.end_s is not None:
            parts.append(_area(span, event.at_s, event.end_s, bottom, "interval"))
        parts.append(f'<path class="event" d="M{x:.1f} {_TOP - 4}V{bottom}"/>')
        if x >= free_from and x < WIDTH - _LEAST_BETWEEN_NAMES / 2:
            parts.append(_text(x + 2, 10, _short(event.name, _MOST_LETTERS), "start"))
            letters = min(len(event.name), _MOST_LETTERS)
            free_from = x + max(_LEAST_BETWEEN_NAMES, 7 * letters)
    return parts


def _area(span: Span, start_s: float, end_s: float, bottom: float, kind: str) -> str:
    x = span.x(start_s)
    width = max(span.x(end_s) - x, 0.5)
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{_TOP}" width="{width:.1f}" '
        f'height="{bottom - _TOP:.1f}"/>'
    )


def _time_axis(span: Span, bottom: float) -> list[str]:
    ticks_s = span.ticks_s()
    has_tenths = len(ticks_s) > 1 and ticks_s[1] - ticks_s[0] < 1
    parts = [f'<path class="axis" d="M{_LEFT} {bottom}H{WIDTH - _RIGHT}"/>']
    for at_s in ticks_s:
        x = span.x(at_s)
        anchor = "end" if x > WIDTH - 24 else "middle"
        parts.append(f'<path class="axis" d="M{x:.1f} {bottom}v4"/>')
        parts.append(_text(x, bottom + 17, clock(at_s, with_tenths=has_tenths), anchor))
    return parts


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text, quote=False)}</text>'
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _svg(height: float, parts: Sequence[str]) -> str:
    """The chart; what it says is in the text beside it, so that it is hidden from readers of it."""
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" aria-hidden="true">{inside}</svg>'
