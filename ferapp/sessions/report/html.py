"""A session as a self-contained HTML report, to send or print: one page that says it all first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ferapp.labels import face_title
from ferapp.sessions.lengths import length_s, of_session, seen_s
from ferapp.sessions.report import parts
from ferapp.sessions.report.baseline import baseline_text
from ferapp.sessions.report.times import seen_text
from ferapp.sessions.session import Provenance, Readings, SessionInfo
from ferapp.sessions.statistics.group import faces_by_time
from ferapp.wording import clock, counted, zone_text

MOST_FACES: Final = 6
"""Maximum number of faces with details, those seen longest."""

LIMITS: Final = (
    "An expression is not a feeling: the model says what people who look at the face would have "
    "called it, as far as it has learnt that from web photos.\n"
    "Disgust, fear and contempt are recognised poorly, and sadness is often taken for neutral: on "
    "3,153 faces of the FER+ test set half of disgust and fear and under a third of contempt were "
    "recognised, and seven in ten of sadness.\n"
    "Faces that are turned away, half hidden, badly lit or small get worse answers."
)
"""Limits from the model cards that every reader of a report should know."""

_MOST_MARKERS: Final = 100
_SOURCES: Final = {"live": "Live camera", "video": "Video file", "pictures": "Pictures"}


def to_html(
    recording: SessionInfo,
    readings: Readings,
    *,
    limits: str = LIMITS,
    faces: Sequence[int] | None = None,
) -> bytes:
    """One HTML file with tables, charts, settings and models; it loads no other files.

    It has no script: charts are drawn as SVG, and details unfold by themselves.

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
    if recording.source == "pictures":
        extent = f"{counted(len(readings), 'face')} on {counted(round(whole_s), 'picture')}"
    else:
        found = f"{counted(len(readings), 'reading')} of {counted(len(readings.faces), 'face')}"
        extent = f"{found if len(readings) else 'no face'} {seen_text(whole_s, seen)}"
    overview: parts.Part | None = None
    details: list[parts.Part] = []
    omission = ""
    if len(readings) and recording.source == "pictures":
        overview = parts.pictures(recording, readings)
        details = [replace(overview, title="Each face", caption="", rows=[])]
        overview = replace(overview, charts=())
        omission = _omission_text(len(readings), parts.MOST_PICTURES, "faces have a bar: the first")
    elif len(readings):
        overview = parts.overview(recording, readings, whole_s)
        order = faces_by_time(readings)
        details = [
            parts.face(recording, readings.of(face), face, whole_s)
            for face in sorted(order[:MOST_FACES])
        ]
        omission = _omission_text(
            len(order), MOST_FACES, "faces have details: those that were seen longest"
        )
    text = _template().render(
        recording=recording,
        source=_SOURCES[recording.source],
        started=_date_text(recording.started),
        extent=extent,
        limits=[line for line in limits.splitlines() if line.strip()],
        overview=overview,
        method=_method(recording, readings),
        left_out=omission,
        details=details,
        intervals=parts.intervals(recording, readings),
        markers=[
            (clock(m.at_s), "" if m.end_s is None else clock(m.end_s), m.name)
            for m in recording.markers[:_MOST_MARKERS]
        ],
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


def _method(recording: SessionInfo, readings: Readings) -> list[str]:
    """How the readings were made, in sentences."""
    models = [
        f"{model.get('name', 'unnamed')} ({kind})" for kind, model in recording.models.items()
    ]
    baselines = [
        f"{face_title(face, recording.names)}: {text}"
        for face in np.unique(readings.face[readings.is_corrected]).tolist()
        if (text := baseline_text(readings.of(face)))
    ]
    sentences = [
        f"Models: {', '.join(models)}." if models else "",
        f"ferapp {recording.version}." if recording.version else "",
        f"A top probability under {recording.unsure_below * 100:.0f} % is shown as unsure.",
        *baselines,
        "This report holds numbers and no picture.",
    ]
    return [sentence for sentence in sentences if sentence]


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
