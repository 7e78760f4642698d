"""Recording a stream: the button, the red mark while it runs, and how it ended."""

from datetime import datetime

import streamlit as st

from ferapp.pipeline.record import new_recording
from ferapp.sessions.recorder import Recorder
from ferapp.settings import StreamSettings
from ferapp.ui.live.webcam import Viewer
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.consent import begin_recording, dashboard_link
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.owner import owner
from ferapp.wording import clock, counted


def live_controls(viewer: Viewer, choice: Choice, settings: StreamSettings, *, is_on: bool) -> None:
    """The buttons that begin or end the recording of a stream, and mark a moment of it."""
    if viewer.recorder and viewer.recorder.is_running:
        st.button("Stop recording", icon=":material/stop_circle:", on_click=_stop, args=(viewer,))
        st.button(
            "Mark",
            icon=":material/bookmark_add:",
            on_click=mark_now,
            args=(viewer,),
            help="Mark this moment in the recording (key M). Name it on the dashboard.",
        )
        return

    def start(consent: str, keep_days: int | None) -> None:
        analyzer = resources.analyzer(choice.models)
        recording = new_recording(
            f"Live, {datetime.now():%d %B %Y %H:%M}",
            "live",
            labels=choice.settings.chosen(analyzer.labels),
            unsure_below=choice.settings.threshold(analyzer.unsure_below),
            settings=settings,
            detector=choice.models.detector,
            classifier=choice.models.classifier,
            consent=consent,
        )
        store = resources.store()
        store.begin(recording, owner(), keep_days=keep_days)
        session_keys.MARKS.clear()
        viewer.record(Recorder(store, recording.id), recording.labels)

    if st.button(
        "Record",
        icon=":material/radio_button_checked:",
        disabled=not is_on,
        help="Keep the numbers of this stream as a session; no picture is kept.",
    ):
        begin_recording(start)
    if viewer.recorder:
        # Not in the panel, which changes too often to be clicked.
        dashboard_link()


def mark_now(viewer: Viewer) -> None:
    """Mark the moment of the last frame in the recording, if there is one."""
    count = (session_keys.MARKS.get() or 0) + 1
    if viewer.mark(f"Mark {count}"):
        session_keys.MARKS.set(count)


def live_mark(viewer: Viewer) -> None:
    """The red mark and the clock, or how the last recording ended; for a fragment."""
    recorder = viewer.recorder
    if recorder is None:
        return
    was_running = session_keys.RECORDING_SHOWN.get() == recorder.session
    if was_running and not recorder.is_running:
        # The button on the page has to change as well.
        session_keys.RECORDING_SHOWN.clear()
        st.rerun()
    if recorder.is_running:
        session_keys.RECORDING_SHOWN.set(recorder.session)
        marks = session_keys.MARKS.get()
        marked = f" · {counted(marks, 'mark')}" if marks else ""
        st.markdown(f":red[**● Recording {clock(recorder.duration_s)}**] · numbers only{marked}")
        st.caption("Leaving or closing this page ends the recording and saves it.")
    elif recorder.failure:
        with st.container(border=True):
            st.markdown("**The recording ended**")
            st.text(recorder.failure)
            st.caption(f"What was recorded until then is kept: {clock(recorder.duration_s)}.")
    else:
        st.caption(f"A session of {clock(recorder.duration_s)} was recorded.")


def _stop(viewer: Viewer) -> None:
    if viewer.recorder:
        viewer.recorder.stop()
        session_keys.RECORDING_SHOWN.clear()
