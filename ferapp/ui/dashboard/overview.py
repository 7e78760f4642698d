"""The overview of a session: all faces in one strip, the mean over those in view, and a table."""

from functools import partial
from typing import Any, Final

import pandas
import streamlit as st

from ferapp.labels import UNSURE, face_title, label_text
from ferapp.sessions.report.overview_chart import overview_chart
from ferapp.sessions.report.summary import Summary, summary
from ferapp.sessions.session import Readings, SessionInfo
from ferapp.sessions.statistics import group
from ferapp.sessions.store import Overview
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.vision.annotate import percent
from ferapp.wording import counted, duration_text

FACE_VIEW: Final = "Over time"
"""The view in which one face is shown."""

_CHART: Final = {"displaylogo": False, "displayModeBar": False}


def show_overview(session: Overview, readings: Readings, *, view: SessionKey[str]) -> None:
    """All faces of a session; a click on one opens its curve.

    Args:
        session: The session.
        readings: All its readings, at least one.
        view: Of the widget that chooses the view.
    """
    recording = session.recording
    faces = sorted(group.faces_by_time(readings)[: group.MOST_ROWS])
    summaries = {face: summary(readings.of(face)) for face in faces}
    curve = group.group_curve(recording, readings)
    stretches = group.strip(recording, readings, faces)
    open_face = partial(_open_face, recording.id, faces, view)
    if stretches:
        st.plotly_chart(
            overview_chart(recording, readings, stretches, curve),
            config=_CHART,
            key=session_keys.STRIP.name,
            on_select=partial(open_face, _bar_face),
            selection_mode="points",
            alt=_alt_text(recording, summaries),
        )
    else:
        st.info("No face could be read in this session.", icon=":material/visibility_off:")
    st.caption(
        "Each row is a face, each colour a label; where there is no colour, the face was not read. "
        "The curves are the mean of the smoothed probabilities over the faces in view, each "
        "counting the same. Click a bar, or select a row below, to see one face."
        + (" All events, with their whole names, are in **Events**." if recording.markers else "")
    )
    st.dataframe(
        _table(recording, readings, summaries, session.duration_s),
        hide_index=True,
        key=session_keys.STRIP_TABLE.name,
        on_select=partial(open_face, _row_face),
        selection_mode="single-row",
    )
    more = len(readings.faces) - len(faces)
    if more:
        st.caption(f"{counted(more, 'more face')}, seen for a shorter time, can be chosen there.")


def _open_face(session: str, faces: list[int], view: SessionKey[str], chosen: Any) -> None:
    """Show the face that was clicked, if one was; runs before the page does."""
    face = chosen(faces)
    if face is not None:
        session_keys.face_of(session).set(face)
        view.set(FACE_VIEW)


def _bar_face(_: list[int]) -> int | None:
    points = (session_keys.STRIP.get() or {}).get("selection", {}).get("points", [])
    given = next((point.get("customdata") for point in points if point.get("customdata")), None)
    return None if given is None else int(given[0])


def _row_face(faces: list[int]) -> int | None:
    rows = (session_keys.STRIP_TABLE.get() or {}).get("selection", {}).get("rows", [])
    return faces[rows[0]] if rows and rows[0] < len(faces) else None


def _table(
    recording: SessionInfo, readings: Readings, summaries: dict[int, Summary], whole_s: float
) -> pandas.DataFrame:
    """One row for each face: how long it was read, and the share of each label that occurs."""
    held = {name for its in summaries.values() for name in its.seconds}
    labels = [name for name in (*recording.labels, None) if name in held]
    rows = [
        {
            "face": face_title(face, recording.names),
            "readings": int((readings.face == face).sum()),
            "read for": duration_text(its.total_s, whole_s),
        }
        | {label_text(name): f"{its.share(name) * 100:.0f} %" for name in labels}
        for face, its in summaries.items()
    ]
    return pandas.DataFrame(rows)


def _alt_text(recording: SessionInfo, summaries: dict[int, Summary]) -> str:
    """What each face showed longest, in words."""
    parts = []
    for face, its in summaries.items():
        title = face_title(face, recording.names)
        longest = max(its.seconds, key=its.share, default=None)
        if its.seconds:
            parts.append(f"{title}: {longest or UNSURE} {percent(its.share(longest))}")
        else:
            parts.append(f"{title}: not readable")
    return f"Labels of all faces over time. Most of the time: {'; '.join(parts)}"
