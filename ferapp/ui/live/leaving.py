"""Leaving the live page while it records: the recording ends, is saved, and the next page says so.

The video belongs to its page: elsewhere the browser sends no frames, so that there is nothing to go
on with.
"""

import streamlit as st

from ferapp.ui.shared import session_keys
from ferapp.wording import clock


def end_left_recording() -> None:
    """End and save the recording whose page was left; for every page but the live one."""
    recorder = getattr(session_keys.VIEWER.get(), "recorder", None)
    if recorder is None or not recorder.is_running:
        return
    recorder.stop()
    session_keys.RECORDING_SHOWN.clear()
    if recorder.failure:
        # Its text is not markdown; the live page shows it.
        st.toast("The recording ended early; the live page says why.", icon=":material/error:")
        return
    st.toast(
        f"Recording saved: {clock(recorder.duration_s)}. It is on the dashboard.",
        icon=":material/save:",
        duration="long",
    )
