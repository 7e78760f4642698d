"""The events of a session: editing and adding them, and what faces showed around them."""

from collections import Counter
from functools import partial
from typing import Final, Literal

import numpy as np
import pandas
import streamlit as st

from ferapp.errors import DataError
from ferapp.labels import face_title
from ferapp.sessions.events.reading import MOST_BYTES, merge_events, read_events
from ferapp.sessions.events.times import EventClock
from ferapp.sessions.report.comparison_charts import average_chart
from ferapp.sessions.session import MOST_TITLE, Marker, Readings
from ferapp.sessions.statistics.bootstrap import LEAST
from ferapp.sessions.statistics.event_averages import (
    MOST_WINDOW_S,
    average_table,
    event_average,
    event_names,
    to_averages_csv,
)
from ferapp.sessions.statistics.intervals import interval_table, to_intervals_csv
from ferapp.sessions.store import Overview, Store
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.faces.selection import list_faces
from ferapp.vision.annotate import percent
from ferapp.wording import counted, first_of

_CHART: Final = {"displaylogo": False, "displayModeBar": False}
_MOST_NAMED: Final = 5
_MOST_ROWS: Final = 500
_EXPECTED: Final = """
A table with the columns **time** and **name**, and **end** (or **duration**) for events that last:

```csv
time,name,end
12.5,film,40
1:05,question,
```

Times are seconds or a clock from the start of the session, or dates with times. Semicolons and
decimal commas are fine. Existing events stay.
"""


def show_events(store: Store, me: str, session: Overview, readings: Readings) -> None:
    """Everything about the events of a session of the visitor's own."""
    has_file = _add_file(store, me, session)
    _edit(store, me, session, is_main=not has_file)
    show_statistics(session, readings)


def show_statistics(session: Overview, readings: Readings) -> None:
    """Statistics by interval, and averages around events."""
    recording = session.recording
    if not recording.markers:
        st.info(
            "There are no events yet. Add a table, type them in, or press **Mark** while you "
            "record or replay.",
            icon=":material/flag:",
        )
        return
    _show_averages(session, readings)
    _show_intervals(session, readings)


def add_mark(store: Store, me: str, session: Overview, at_s: float) -> None:
    """Mark a moment with the next free number."""
    markers = session.recording.markers
    taken = {marker.name for marker in markers}
    name = next(text for n in range(1, len(taken) + 2) if (text := f"Mark {n}") not in taken)
    store.mark(session.recording.id, me, merge_events(markers, [Marker(round(at_s, 2), name)]))


def _add_file(store: Store, me: str, session: Overview) -> bool:
    """Let the visitor add a table of events; whether one is there that can be added."""
    number = session_keys.EVENT_FILES.setdefault(0)
    recording = session.recording
    with st.expander("Add events from a table (CSV)", icon=":material/upload_file:"):
        st.markdown(_EXPECTED)
        # Of any type: a message says what to do with a workbook.
        file = st.file_uploader("Table of events", key=f"events-{recording.id}-{number}")
        if file is None:
            return False
        try:
            if file.size > MOST_BYTES:
                raise DataError(f"It has {file.size:,} bytes; the limit is {MOST_BYTES:,}.")
            clock = EventClock.of(recording, session.end_s)
            found = read_events(file.name, file.getvalue(), clock)
            whole = merge_events(recording.markers, found)
        except DataError as exc:
            st.error("These events could not be added.")
            st.text(str(exc))
            return False
        added = len(whole) - len(recording.markers)
        counts = Counter(event.name for event in found)
        names = first_of([f"{name} ({n})" for name, n in counts.most_common()], _MOST_NAMED)
        st.text(f"{counted(len(found), 'event')}: {names}" if found else "The table has no event.")
        if added < len(found):
            st.caption(f"{counted(len(found) - added, 'event')} of these are there already.")
        label = f"Add {counted(added, 'event')}"
        if added and st.button(label, type="primary", key=f"add-events-{number}"):
            store.mark(recording.id, me, whole)
            session_keys.EVENT_FILES.set(number + 1)
            st.rerun()
        return added > 0


def _edit(store: Store, me: str, session: Overview, *, is_main: bool) -> None:
    """The table of events, in which they can be changed.

    Args:
        store: The sessions.
        me: Their owner.
        session: The session.
        is_main: Whether saving is the main action of the page.
    """
    recording = session.recording
    st.caption(
        "Name moments and intervals; they appear in the charts, the report and the files. Without "
        "an end, an event is a moment."
    )
    rows = pandas.DataFrame(
        {
            "at": [m.at_s for m in recording.markers],
            "end": [np.nan if m.end_s is None else m.end_s for m in recording.markers],
            "name": [m.name for m in recording.markers],
        }
    ).astype({"at": "float64", "end": "float64", "name": "str"})
    most_s = max(session.end_s, 0.1)
    seconds = partial(st.column_config.NumberColumn, min_value=0.0, max_value=most_s, format="%.1f")
    edited = st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        key=f"markers-{recording.id}-{hash(recording.markers)}",
        placeholder="",
        column_config={
            "at": seconds("from, s", required=True),
            "end": seconds("until, s"),
            "name": st.column_config.TextColumn("name", max_chars=MOST_TITLE, required=True),
        },
    )
    given = edited.dropna(subset=["at", "name"])
    kept = [
        Marker(float(at_s), str(name).strip(), None if pandas.isna(end_s) else float(end_s))
        for at_s, end_s, name in zip(given["at"], given["end"], given["name"], strict=True)
        if str(name).strip()
    ]
    if wrong := next((m for m in kept if m.end_s is not None and m.end_s <= m.at_s), None):
        st.warning("An event ends before it begins:", icon=":material/warning:")
        st.text(wrong.name)
        return
    events = tuple(sorted(kept, key=lambda marker: marker.at_s))
    kind: Literal["primary", "secondary"] = "primary" if is_main else "secondary"
    if events != recording.markers and st.button("Save events", type=kind):
        store.mark(recording.id, me, events)
        st.rerun()


def _show_averages(session: Overview, readings: Readings) -> None:
    recording = session.recording
    st.subheader("Around an event", anchor=False)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.selectbox("Event", event_names(recording), key=f"average-{recording.id}", width=240)
    faces = [0, *list_faces(readings)]
    face = row.selectbox(
        "Faces",
        faces,
        format_func=lambda one: face_title(one, recording.names) if one else "All faces in view",
        key=f"average-face-{recording.id}",
        width=240,
    )
    seconds = partial(row.number_input, max_value=MOST_WINDOW_S, step=1.0, width=140)
    before_s = seconds("Seconds before", min_value=0.0, value=2.0, key="average-before")
    after_s = seconds("Seconds after", min_value=0.5, value=5.0, key="average-after")
    its = readings.of(face) if face else readings
    average = event_average(recording, its, name, before_s=before_s, after_s=after_s)
    if not average.events:
        st.info("No face was read around these events.", icon=":material/visibility_off:")
        return
    table = average_table(recording, average)
    means = table.groupby("expression", sort=False)["mean"].mean().sort_values(ascending=False)
    st.plotly_chart(
        average_chart(average, recording.labels),
        config=_CHART,
        key="average",
        alt="Mean probabilities around the event: "
        + ", ".join(f"{one} {percent(value)}" for one, value in means.items() if value == value),
    )
    note = (
        "Bands are 95 % bootstrap intervals, drawn by event; with fewer than about ten events they "
        "are too narrow."
        if average.events >= LEAST
        else "With one event there is no interval."
    )
    st.caption(
        f"Mean of the probabilities before smoothing over {counted(average.events, 'event')}, from "
        f"the beginning of each. {note}"
    )
    with st.expander("As a table"):
        empty = ["event", *(["low", "high"] if average.events < LEAST else [])]
        st.dataframe(table.drop(columns=empty), hide_index=True)
    st.download_button(
        "Averages of all events (CSV)",
        partial(to_averages_csv, recording, its, before_s=before_s, after_s=after_s),
        file_name=f"ferapp-averages-{session.listed:%Y%m%d-%H%M%S}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _show_intervals(session: Overview, readings: Readings) -> None:
    recording = session.recording
    table = interval_table(recording, readings)
    st.subheader("During intervals", anchor=False)
    if table.empty:
        st.caption("No event with an end has a face in it.")
        return
    shown = table.head(_MOST_ROWS).drop(columns="name")
    shown["face"] = [face_title(face, recording.names) for face in shown["face"]]
    shown = shown.rename(columns=lambda name: name.replace("_", " "))
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            name: st.column_config.NumberColumn(name, format="percent")
            for name in shown.columns
            if name.startswith(("mean ", "share "))
        },
    )
    st.caption(
        "Means are those of the probabilities before smoothing, shares those of the labels; both "
        "are weighted with the time."
        + (f" The first {_MOST_ROWS} of {len(table):,} rows." if len(table) > _MOST_ROWS else "")
    )
    st.download_button(
        "Intervals (CSV)",
        partial(to_intervals_csv, recording, readings),
        file_name=f"ferapp-intervals-{session.listed:%Y%m%d-%H%M%S}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
