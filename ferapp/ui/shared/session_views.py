"""The views of a session: over time, summary, replay."""

import math
import time
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas
import streamlit as st

from ferapp.labels import UNSURE, face_caption, face_phrase, face_title, label_colour, label_text
from ferapp.sessions.report import charts as figures
from ferapp.sessions.report.affect import affect_text, has_affect
from ferapp.sessions.report.baseline import baseline_text
from ferapp.sessions.report.summary import Summary, summary
from ferapp.sessions.report.times import read_text
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.faces.bars import MOST_CARDS, FaceBars, show_bars
from ferapp.ui.shared.faces.selection import list_faces, select_face
from ferapp.ui.shared.live_chart import live_chart
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.vision.annotate import percent
from ferapp.wording import clock, counted, duration_text, seconds_text

_CHART: Final = {"displaylogo": False, "scrollZoom": False}
_LEAST_DRAWN_S: Final = 0.1
_PLAY_S: Final = 0.2
_MOST_FACES: Final = 200


def curves_of(session: Overview, readings: Readings) -> None:
    """The curves of one face, and valence and arousal."""
    recording = session.recording
    with st.container(horizontal=True, vertical_alignment="bottom"):
        face = _select_face(recording.id, readings, recording.names)
        view, values = _choose_values()
    title = face_phrase(face, recording.names)
    st.plotly_chart(
        figures.timeline(
            readings.of(face),
            recording.labels,
            values=values,
            view=view,
            markers=recording.markers,
        ),
        config=_CHART,
        key="timeline",
        alt=f"Probabilities of {title} over {clock(session.duration_s)}",
    )
    st.caption(
        f"At most {figures.MOST_POINTS:,} points per line, chosen by MinMaxLTTB so that peaks "
        "stay; summaries and files use every reading. Pauses appear as gaps."
    )
    _note_baseline(readings.of(face))
    if st.toggle("Valence and arousal (derived)", key="with-affect"):
        if has_affect(recording.labels):
            st.plotly_chart(
                figures.affect_curve(readings.of(face), recording.labels, values=values),
                config=_CHART,
                key="affect",
                alt=f"Derived valence and arousal of {title}",
            )
            st.caption(affect_text(recording.labels))
        else:
            st.text(affect_text(recording.labels))


def _note_baseline(readings: Readings) -> None:
    if text := baseline_text(readings):
        st.caption(text)


def _choose_values() -> tuple[Any, Any]:
    view = st.segmented_control(
        "View", ["lines", "stacked"], default="lines", required=True, key="timeline-view"
    )
    values = st.segmented_control(
        "Values",
        ["smoothed", "raw"],
        default="smoothed",
        required=True,
        key="timeline-values",
        help="Raw: each frame on its own. Smoothed: what the label is based on.",
    )
    return view, values


def _select_face(session: str, readings: Readings, names: Mapping[int, str]) -> int:
    """Let the visitor select a face; those seen longest come first. Of one, there is no widget."""
    counts = list_faces(readings)
    if len(counts) == 1:
        return next(iter(counts))
    return select_face("Face", counts, names, key=session_keys.face_of(session).name)


def summary_of(session: Overview, readings: Readings) -> None:
    """Share of time, spells and transitions of one face."""
    labels = session.recording.labels
    names = session.recording.names
    face = _select_face(session.recording.id, readings, names)
    totals = summary(readings.of(face))
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Share of time read**")
        st.plotly_chart(
            figures.shares({face_title(face, names): totals}, labels),
            config=_CHART,
            key="shares",
            alt=_alt_text(totals),
        )
    with right:
        st.markdown("**Transitions**")
        if totals.transitions:
            st.plotly_chart(
                figures.transition_map(totals, labels),
                config=_CHART,
                key="transitions",
                alt="How often one expression followed another",
            )
        else:
            st.caption("The expression never changed without a pause.")
    st.dataframe(_spells(totals), hide_index=True)
    st.caption(
        f"{read_text(totals, session.duration_s)} A spell is a time in which the face was read and "
        "one label held."
    )
    _note_baseline(readings.of(face))


def _spells(totals: Summary) -> pandas.DataFrame:
    rows = []
    for expression in sorted(totals.seconds, key=totals.share, reverse=True):
        first, longest = totals.first(expression), totals.longest(expression)
        rows.append(
            {
                "expression": expression or UNSURE,
                "share": percent(totals.share(expression)),
                "time": duration_text(totals.seconds[expression], totals.total_s),
                "readings": totals.counts.get(expression, 0),
                "spells": sum(spell.expression == expression for spell in totals.spells),
                "first at": clock(first.start_s) if first else "",
                "longest": seconds_text(longest.duration_s) if longest else "",
                "longest at": clock(longest.start_s) if longest else "",
            }
        )
    return pandas.DataFrame(rows)


def _alt_text(totals: Summary) -> str:
    order = sorted(totals.seconds, key=totals.share, reverse=True)
    return ", ".join(f"{name or UNSURE} {percent(totals.share(name))}" for name in order)


def replay(session: Overview, readings: Readings) -> None:
    """A slider through the session, and a button that plays it."""
    position = session_keys.replay_position(session.recording.id)
    end_s = max(math.floor(session.end_s * 10) / 10, 0.1)
    playing = session_keys.REPLAY.get()
    if playing and playing[0] != position.name:
        stop_replay()
        playing = None
    st.button(
        "Pause" if playing else "Play",
        icon=":material/pause:" if playing else ":material/play_arrow:",
        on_click=_toggle,
        args=(position, end_s),
        key="replay-button",
    )
    st.fragment(_replay, run_every=_PLAY_S if playing else None)(session, readings, position, end_s)


def _replay(
    session: Overview, readings: Readings, position: SessionKey[float], end_s: float
) -> None:
    if since := session_keys.REPLAY.get():
        _, clock_s, from_s = since
        at_s = from_s + time.monotonic() - clock_s
        position.set(round(min(at_s, end_s), 1))
        if at_s >= end_s:
            stop_replay()
            st.rerun()
    at_s = st.slider(
        "Seconds from the start",
        0.0,
        end_s,
        step=0.1,
        format="%.1f",
        key=position.name,
        on_change=_continue_from,
        args=(position,),
    )
    now = _state_at(readings, at_s)
    left, right = st.columns([3, 2], gap="medium")
    labels, names = session.recording.labels, session.recording.names
    with left:
        live_chart(
            figures.empty_frame(now, labels, names=names),
            key="replay-frame",
            alt=f"{counted(len(now), 'face')} at {clock(at_s)}",
        )
    with right:
        faces = [
            FaceBars(
                f"{face_caption(face, names)} {label_text(expression, flaw)}",
                label_colour(expression, flaw, labels=labels),
                None if np.isnan(shares).any() else shares,
            )
            for face, expression, flaw, shares in zip(
                now.face.tolist(), now.expression, now.flaw, now.smoothed, strict=True
            )
        ]
        show_bars(labels, faces, key="replay-bars")
        if len(faces) > MOST_CARDS:
            st.caption(f"Bars of the first {MOST_CARDS} of {len(faces)} faces.")
        st.caption("Boxes on an empty frame, because no picture is kept.")


def _toggle(position: SessionKey[float], end_s: float) -> None:
    if session_keys.REPLAY.get():
        stop_replay()
        return
    at_s = position.get() or 0.0
    start_s = 0.0 if at_s >= end_s else at_s
    session_keys.REPLAY.set((position.name, time.monotonic(), start_s))


def _continue_from(position: SessionKey[float]) -> None:
    if session_keys.REPLAY.get():
        session_keys.REPLAY.set((position.name, time.monotonic(), position.get() or 0.0))


def stop_replay() -> None:
    """Pause the replay where it is."""
    session_keys.REPLAY.clear()


def _state_at(readings: Readings, at_s: float) -> Readings:
    """The last reading of each face, unless frames after it have shown no face."""
    until_s = readings.at_s + np.maximum(readings.duration_s, _LEAST_DRAWN_S)
    recent = readings.at((readings.at_s <= at_s + 1e-3) & (until_s > at_s - 1e-3))
    last = {int(face): place for place, face in enumerate(recent.face)}
    return recent.at(np.array(sorted(last.values()), np.intp))


def pictures(session: Overview, readings: Readings) -> None:
    """All faces of a session of pictures."""
    shown = readings.at(np.arange(min(len(readings), _MOST_FACES)))
    if len(readings) > len(shown):
        st.caption(
            f"The first {_MOST_FACES} of {len(readings):,} faces; the files have all of them."
        )
    st.plotly_chart(
        figures.picture_bars(shown, session.recording.labels, names=session.recording.names),
        config=_CHART,
        key="picture-bars",
        alt=f"Probabilities of {len(readings)} faces",
    )
