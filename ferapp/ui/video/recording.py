"""Keeping the readings of a video as a session."""

from datetime import datetime

import streamlit as st

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import Clip, recording_of_clip
from ferapp.sessions.face_edits import FaceEdits
from ferapp.settings import ClipSettings
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.consent import keep_button
from ferapp.ui.shared.owner import owner


def clip_controls(
    key: str, clip: Clip, edits: FaceEdits, analyzer: Analyzer, settings: ClipSettings
) -> None:
    """The button that keeps the readings of a video as a session.

    Args:
        key: Of the analysis; another analysis can be kept again.
        clip: What was read.
        edits: What the visitor changed about its faces.
        analyzer: The one that read it.
        settings: With which it was read.
    """

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
        session_keys.SAVED_VIDEO.set((key, edits))
        session_keys.NEXT_SESSION.set(recording.id)

    kept = session_keys.SAVED_VIDEO.get()
    if kept is not None and kept[0] == key and kept[1] != edits:
        st.caption(
            "You have changed faces since you kept this video; keep it again, or change them "
            "on the dashboard."
        )
    keep_button(start, is_kept=kept == (key, edits))
