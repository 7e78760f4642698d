"""The parts of the report: tables and charts of all faces, and of one."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup

from ferapp.labels import (
    UNSURE,
    UNSURE_COLOUR,
    face_phrase,
    face_title,
    label_colour,
    label_colours,
    label_text,
)
from ferapp.sessions.report import svg
from ferapp.sessions.report.affect import affect_text, has_affect, valence_arousal
from ferapp.sessions.report.baseline import baseline_text, uncorrected_spans
from ferapp.sessions.report.charts import AFFECT_COLOURS
from ferapp.sessions.report.summary import Summary, summary
from ferapp.sessions.report.times import read_text
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.statistics import group
from ferapp.sessions.statistics.intervals import interval_table
from ferapp.wording import clock, duration_text, first_of, seconds_text

MOST_PICTURES: Final = 200
"""How many faces of pictures have a bar."""

_MOST_EVENTS: Final = 100
_MOST_COLUMNS: Final = 9
_MOST_TRANSITIONS: Final = 12
_MOST_INTERVALS: Final = 60
_NAMED: Final = 3


@dataclass(frozen=True)
class Chart:
    """A drawing with its title.

    Attributes:
        title: Above it.
        drawings: SVG, from top to bottom; none if there is only the note.
        note: What it shows, below it.
        legend: Colours and what they stand for.
    """

    title: str
    drawings: tuple[Markup, ...]
    note: str = ""
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of the report.

    Attributes:
        title: Its heading.
        caption: What it is about, in a sentence.
        headings: Of its table.
        rows: Of its table; the first cell of each is its heading.
        charts: Its charts.
        notes: Sentences below the table.
    """

    title: str
    caption: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = ()


def overview(recording: SessionInfo, readings: Readings, whole_s: float) -> Part:
    """All faces: the strip, the mean over those in view, and a table.

    Args:
        recording: The session.
        readings: All its readings, at least one.
        whole_s: How long the session is, s.
    """
    faces = group.faces_by_time(readings)[: group.MOST_ROWS]
    summaries = {face: summary(readings.of(face)) for face in sorted(faces)}
    span = _span(recording, whole_s)
    colours = label_colours(recording.labels)
    by_label = {
        name: label_colour(name, labels=recording.labels) for name in (*recording.labels, None)
    }
    curve = group.group_curve(recording, readings)
    events = recording.markers[:_MOST_EVENTS]
    strip = svg.strip_chart(
        group.strip(recording, readings, list(summaries)),
        {face: face_title(face, recording.names) for face in summaries},
        by_label,
        span,
        events,
    )
    mean = svg.line_chart(
        curve.at_s, curve.mean.astype(np.float32), list(colours.values()), span, events=events
    )
    drawings = [Markup(strip), Markup(mean)]
    if len(readings.faces) > 1:
        drawings.append(Markup(svg.count_chart(curve.faces, curve.edges_s, span)))
    held = {name for its in summaries.values() for name in its.seconds}
    legend = tuple((text, colours[text]) for text in recording.labels)
    chart = Chart(
        "All faces over time",
        tuple(drawings),
        "Above: the label of each face; a gap means that it was not read. Below: the mean of the "
        "smoothed probabilities over the faces in view, each counting the same"
        + (", and how many these are." if len(readings.faces) > 1 else "."),
        (*legend, (UNSURE, UNSURE_COLOUR)) if None in held else legend,
    )
    shown = _columns(summaries, recording.labels)
    more = len(readings.faces) - len(summaries)
    return Part(
        title="Overview",
        caption="Share of the time read with each label",
        headings=("Face", "Read for", *(label_text(name) for name in shown)),
        rows=[
            (
                face_title(face, recording.names),
                duration_text(its.total_s, whole_s),
                *(f"{its.share(name) * 100:.0f} %" for name in shown),
            )
            for face, its in summaries.items()
        ],
        charts=(chart,),
        notes=(f"{more:,} more faces, seen for a shorter time, are left out.",) if more else (),
    )


def face(recording: SessionInfo, readings: Readings, number: int, whole_s: float) -> Part:
    """One face in detail.

    Args:
        recording: The session.
        readings: Those of the face.
        number: Its number.
        whole_s: How long the session is, s.
    """
    labels, its, span = recording.labels, summary(readings), _span(recording, whole_s)
    colours = label_colours(labels)
    shaded = uncorrected_spans(readings.at_s, readings.is_corrected)
    charts = [
        Chart(
            "Expressions over time",
            (
                Markup(
                    svg.line_chart(
                        readings.at_s,
                        readings.smoothed,
                        [colours[name] for name in labels],
                        span,
                        events=recording.markers[:_MOST_EVENTS],
                        shaded=shaded,
                    )
                ),
            ),
            "Smoothed probabilities." + (" Grey: without the baseline." if shaded else ""),
            tuple((name, colours[name]) for name in labels),
        ),
        _affect(recording, readings, span),
    ]
    return Part(
        title=face_title(number, recording.names),
        caption=f"{read_text(its, whole_s)} {baseline_text(readings)}".strip(),
        headings=("Expression", "Share", "Time", "Readings", "First at", "Longest"),
        rows=[_row(its, name) for name in (*labels, None) if name in its.seconds],
        charts=tuple(charts),
        notes=_transitions(its),
    )


def pictures(recording: SessionInfo, readings: Readings) -> Part:
    """All faces on all pictures.

    Args:
        recording: The session.
        readings: All its readings, at least one.
    """
    labels, colours = recording.labels, label_colours(recording.labels)
    counts = {name: int((readings.expression == name).sum()) for name in labels}
    is_read = readings.is_read
    unsure = int(is_read.sum()) - sum(counts.values())
    first = readings.at(np.arange(min(len(readings), MOST_PICTURES)))
    titles = [
        f"picture {int(at) + 1}, {face_phrase(face, recording.names)}"
        + (f": {flaw}" if flaw else "")
        for at, face, flaw in zip(first.at_s, first.face.tolist(), first.flaw, strict=True)
    ]
    bars = svg.stacked_rows(
        titles, first.probabilities.astype(np.float64), [colours[name] for name in labels]
    )
    rows = {**counts, UNSURE: unsure, "could not be read": int((~is_read).sum())}
    return Part(
        title="Pictures",
        caption="Faces on all pictures",
        headings=("Expression", "Faces", "Share"),
        rows=[
            (name, f"{count:,}", f"{count / len(readings) * 100:.0f} %")
            for name, count in rows.items()
            if count
        ],
        charts=(
            Chart(
                "Each face",
                (Markup(bars),),
                "Probabilities as the classifier gave them.",
                tuple((name, colours[name]) for name in labels),
            ),
        ),
    )


def intervals(recording: SessionInfo, readings: Readings) -> Part | None:
    """What each face showed in each interval; None without intervals."""
    table = interval_table(recording, readings)
    if not len(table):
        return None
    rows: list[tuple[str, ...]] = []
    for row in table.head(_MOST_INTERVALS).to_dict("records"):
        means = {name: float(row[f"mean_{name}"]) for name in recording.labels}
        highest = sorted(means, key=means.__getitem__, reverse=True)[:_NAMED]
        rows.append(
            (
                str(row["event"]),
                f"{clock(row['begin_s'])} to {clock(row['end_s'])}",
                face_title(row["face"], recording.names),
                f"{row['readings']:,}",
                ", ".join(f"{name} {means[name] * 100:.0f} %" for name in highest),
            )
        )
    more = len(table) - len(rows)
    return Part(
        title="By interval",
        caption="Mean of the probabilities before smoothing, weighted with the time: the highest",
        headings=("Event", "Time", "Face", "Readings", "Means"),
        rows=rows,
        notes=(f"{more:,} more rows are left out; the CSV file has them.",) if more else (),
    )


def _span(recording: SessionInfo, whole_s: float) -> svg.Span:
    return svg.Span(recording.begins_s, recording.begins_s + max(whole_s, 0.1))


def _affect(recording: SessionInfo, readings: Readings, span: svg.Span) -> Chart:
    labels = recording.labels
    if not has_affect(labels):
        return Chart("Valence and arousal", (), affect_text(labels))
    values = valence_arousal(labels, readings.smoothed)
    drawing = svg.line_chart(
        readings.at_s, values, list(AFFECT_COLOURS.values()), span, low=-1.0, height=150
    )
    legend = tuple(AFFECT_COLOURS.items())
    return Chart("Valence and arousal", (Markup(drawing),), affect_text(labels), legend)


def _columns(summaries: dict[int, Summary], labels: tuple[str, ...]) -> list[str | None]:
    """The labels that held longest, in their usual order, and unsure."""
    seconds = {
        name: sum(its.seconds.get(name, 0.0) for its in summaries.values()) for name in labels
    }
    kept = sorted(labels, key=seconds.__getitem__, reverse=True)[:_MOST_COLUMNS]
    return [*(name for name in labels if name in kept), None]


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


def _transitions(its: Summary) -> tuple[str, ...]:
    """What followed what, in a sentence."""
    if not its.transitions:
        return ()
    order = sorted(its.transitions.items(), key=lambda item: -item[1])
    found = [
        f"{label_text(one)} → {label_text(other)} ({times:,})" for (one, other), times in order
    ]
    return (f"What followed what, and how often: {first_of(found, _MOST_TRANSITIONS)}.",)
