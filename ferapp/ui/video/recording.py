"""Keeping the readings of a video as a session."""

from datetime import datetime

import streamlit as st

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import Clip, recording_of_clip
from ferapp.settings import ClipSettings
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.consent import keep_button
from ferapp.ui.shared.owner import owner
from ferapp.ui.video import state


def clip_controls(id: str, clip: Clip, analyzer: Analyzer, settings: ClipSettings) -> None:
    """The button that keeps the readings of a video as a session.

    Args:
        id: Of the video.
        clip: What was read.
        analyzer: The one that read it.
        settings: With which it was read.
    """
    edits, kept = state.state_of(id).edits, state.state_of(id).kept

    def start(consent: str, keep_days: int | None) -> None:
        title = f"Video, {datetime.now():%d %B %Y %H:%M}"
        recording = recording_of_clip(title, clip, analyzer, settings, consent=consent)
        resources.store().enter(
            recording,
            clip.readings,
            owner(),
            keep_days=keep_days,
            edits=edits,
        )
        state.change(id, kept=edits)
        session_keys.NEXT_SESSION.set(recording.id)

    if kept is not None and kept != edits:
        st.caption(
            "You have changed faces since you kept this video; keep it again, or change them "
            "on the dashboard."
        )
    keep_button(start, is_kept=kept == edits)
