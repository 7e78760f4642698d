"""What was read from a video, kept as a session."""

from datetime import datetime

import streamlit as st

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import Clip, recording_of_clip
from ferapp.settings import ClipSettings
from ferapp.ui.shared import resources
from ferapp.ui.shared.consent import begin_recording
from ferapp.ui.shared.owner import owner
from ferapp.ui.shared.page import PAGES


def clip_controls(key: str, clip: Clip, analyzer: Analyzer, settings: ClipSettings) -> None:
    """The button that keeps what was read from a video as a session.

    Args:
        key: Of the analysis; another one may be kept again.
        clip: What was read.
        analyzer: Which read it.
        settings: As they were for it.
    """

    def start(consent: str, keep_days: int | None) -> None:
        title = f"Video, {datetime.now():%d %B %Y %H:%M}"
        recording = recording_of_clip(title, clip, analyzer, settings, consent=consent)
        resources.store().enter(
            recording, clip.readings, owner(), keep_days=keep_days, duration_s=clip.duration_s
        )
        st.session_state["recorded-clip"] = key
        st.session_state["next-session"] = recording.id

    if st.session_state.get("recorded-clip") == key:
        st.success("Kept as a session.", icon=":material/check:")
        st.page_link(PAGES / "dashboard.py", label="Open the dashboard")
    elif st.button(
        "Keep as a session",
        icon=":material/save:",
        help="Keep the numbers for the dashboard; no picture and no file name is kept.",
    ):
        begin_recording(start, asks_always=True)
