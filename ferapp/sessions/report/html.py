"""A session as a self-contained HTML report, to send or print."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
import plotly.io
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from ferapp.labels import UNSURE, face_title, label_text
from ferapp.sessions.lengths import length_s, of_session, seen_s
from ferapp.sessions.report import charts as figures
from ferapp.sessions.report.affect import affect_text, has_affect
from ferapp.sessions.report.baseline import baseline_text
from ferapp.sessions.report.summary import Summary, summary
from ferapp.sessions.report.times import read_text, seen_text
from ferapp.sessions.session import Provenance, Readings, SessionInfo
from ferapp.wording import clock, counted, duration_text, seconds_text, zone_text

MOST_FACES: Final = 6
"""Maximum number of faces, those seen longest; a browser takes seconds for each."""

LIMITS: Final = (
    "An expression is not a feeling: the model says what people who look at the face would have "
    "called it, as far as it has learnt that from web photos.\n"
    "Disgust, fear and contempt are recognised poorly, and sadness is often taken for neutral: on "
    "3,153 faces of the FER+ test set half of disgust and fear and under a third of contempt were "
    "recognised, and seven in ten of sadness.\n"
    "Faces that are turned away, half hidden, badly lit or small get worse answers. How well the "
    "models do for different ages, skin colours and cultures has not been measured."
)
"""Limits from the model cards that every reader of a report should know."""

_MOST_ROWS: Final = 200
_MOST_MARKERS: Final = 100
_CLEAR: Final = "rgba(0,0,0,0)"
_GREY: Final = "rgba(128,128,128,0.3)"
_SOURCES: Final = {"live": "Live camera", "video": "Video file", "pictures": "Pictures"}


@dataclass(frozen=True)
class _Chart:
    title: str
    drawing: Markup | None
    note: str = ""


@dataclass(frozen=True)
class _Part:
    title: str
    caption: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    charts: list[_Chart]


def to_html(
    recording: SessionInfo,
    readings: Readings,
    *,
    limits: str = LIMITS,
    faces: Sequence[int] | None = None,
) -> bytes:
    """One HTML file with tables, charts, settings and models; it loads no other files.

    Args:
        recording: The description of the session.
        readings: All its readings.
        limits: What the models can't do, one paragraph per line.
        faces: Numbers of the faces to include; None for all.
    """
    readings = of_session(recording, readings)
    whole_s, seen = length_s(recording, readings), seen_s(readings)
    if faces is not None:
        readings = readings.at(np.isin(readings.face, list(faces)))
    draw = _Drawing()
    if recording.source == "pictures":
        parts = [_pictures(draw, recording, readings)] if len(readings) else []
        extent = f"{counted(len(readings), 'face')} on {counted(round(whole_s), 'picture')}"
        omission = _omission_text(len(readings), _MOST_ROWS, "faces have a bar: the first")
    else:
        face_numbers, counts = np.unique(readings.face, return_counts=True)
        longest = face_numbers[np.argsort(-counts, kind="stable")[:MOST_FACES]]
        parts = [
            _face(draw, recording, readings.of(face), face, whole_s)
            for face in sorted(longest.tolist())
        ]
        found = f"{counted(len(readings), 'reading')} of {counted(len(face_numbers), 'face')}"
        extent = f"{found if len(readings) else 'no face'} {seen_text(whole_s, seen)}"
        omission = _omission_text(
            len(face_numbers), MOST_FACES, "faces are shown: those that were seen longest"
        )
    text = _template().render(
        recording=recording,
        source=_SOURCES[recording.source],
        started=_date_text(recording.started),
        extent=extent,
        limits=[line for line in limits.splitlines() if line.strip()],
        left_out=omission,
        parts=parts,
        has_charts=draw.has_drawn,
        markers=[(clock(m.at_s), m.name) for m in recording.markers[:_MOST_MARKERS]],
        more_markers=max(len(recording.markers) - _MOST_MARKERS, 0),
        facts=[
            *_flatten("", recording.models),
            *_flatten("", recording.settings),
            *_source_facts(recording.provenance),
        ],
    )
    return text.encode("utf-8", "replace")


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


class _Drawing:
    """Charts as parts of a page, with Plotly's script in the first of them."""

    def __init__(self) -> None:
        self.has_drawn = False

    def __call__(self, figure: go.Figure) -> Markup:
        """The chart on the page's background; a script of the page sets its text colour."""
        figure.update_layout(
            paper_bgcolor=_CLEAR, plot_bgcolor=_CLEAR, margin={"l": 48, "r": 16, "t": 24, "b": 40}
        )
        figure.update_xaxes(gridcolor=_GREY, zerolinecolor=_GREY, automargin=True)
        figure.update_yaxes(gridcolor=_GREY, zerolinecolor=_GREY, automargin=True)
        html: str = plotly.io.to_html(
            figure,
            config={"displaylogo": False, "responsive": True},
            include_plotlyjs=not self.has_drawn,
            full_html=False,
        )
        self.has_drawn = True
        return Markup(html)


def _face(
    draw: _Drawing, recording: SessionInfo, readings: Readings, face: int, whole_s: float
) -> _Part:
    labels, its, title = recording.labels, summary(readings), face_title(face, recording.names)
    affect = figures.affect_curve(readings, labels) if has_affect(labels) else None
    charts: list[tuple[str, go.Figure | None, str]] = [
        (
            "Expressions over time",
            figures.timeline(readings, labels, markers=recording.markers[:_MOST_MARKERS]),
            "Smoothed probabilities. Drag the handles below the chart to look closer.",
        ),
        ("Share of time read", figures.shares({title: its}, labels), ""),
        ("Valence and arousal", affect, affect_text(labels)),
    ]
    if its.transitions:
        charts.append(
            (
                "What followed what",
                figures.transition_map(its, labels),
                "How often one expression (row) turned into another (column).",
            )
        )
    return _Part(
        title=title,
        caption=f"{read_text(its, whole_s)} {baseline_text(readings)}".strip(),
        headings=("Expression", "Share", "Time", "Readings", "First at", "Longest"),
        rows=[_row(its, name) for name in (*labels, None) if name in its.seconds],
        charts=[
            _Chart(name, None if figure is None else draw(figure), note)
            for name, figure, note in charts
        ],
    )


def _row(its: Summary, expression: str | None) -> tuple[str, ...]:
    first, longest = its.first(expression), its.longest(expression)
    return (
        label_text(expression),
        f"{its.share(expression) * 100:.0f} %",
        duration_text(its.seconds[expression], its.total_s),
        f"{its.counts.get(expression, 0):,}",
        clock(first.start_s) if first else "",
        f"{seconds_text(longest.duration_s)} at {clock(longest.start_s)}" if longest else "",
    )


def _pictures(draw: _Drawing, recording: SessionInfo, readings: Readings) -> _Part:
    counts = {name: int((readings.expression == name).sum()) for name in recording.labels}
    is_read = readings.is_read
    unsure = int(is_read.sum()) - sum(counts.values())
    first = readings.at(np.arange(min(len(readings), _MOST_ROWS)))
    bars = figures.picture_bars(first, recording.labels, names=recording.names)
    rows = {**counts, UNSURE: unsure, "could not be read": int((~is_read).sum())}
    return _Part(
        title="Pictures",
        caption="Faces on all pictures",
        headings=("Expression", "Faces", "Share"),
        rows=[
            (name, f"{count:,}", f"{count / len(readings) * 100:.0f} %")
            for name, count in rows.items()
            if count
        ],
        charts=[_Chart("Each face", draw(bars), "Probabilities as the classifier gave them.")],
    )


def _flatten(path: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Nested settings as pairs of name and value."""
    for name, value in values.items():
        place = f"{path} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flatten(place, value)
        elif isinstance(value, list | tuple):
            yield place, ", ".join(map(str, value)) or "none"
        else:
            yield place, "none" if value is None else str(value)


def _date_text(moment: datetime | None) -> str:
    """A date and time with its offset, if it has one; empty for None."""
    return f"{moment.day} {moment:%B %Y, %H:%M} ({zone_text(moment)})" if moment else ""


def _source_facts(source: Provenance | None) -> list[tuple[str, str]]:
    """The file that was read, as pairs of name and value; none if it is unknown."""
    if source is None:
        return []
    return [
        ("source file", source.name or "none"),
        ("source sha256", source.sha256),
        ("source size", f"{source.size_bytes:,} bytes"),
        ("source recorded", _date_text(source.content_date) or "date unknown"),
        ("source read by", f"ferapp {source.version}".strip()),
    ]


def _omission_text(count: int, most: int, what: str) -> str:
    return f"{most} of {count:,} {what}." if count > most else ""
