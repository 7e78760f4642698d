"""What was found in pictures, kept as a session."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from ferapp.pipeline.record import new_recording, readings_of_pictures
from ferapp.ui.pictures.outcomes import Outcome
from ferapp.ui.shared import resources
from ferapp.ui.shared.consent import begin_recording
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.owner import owner
from ferapp.ui.shared.page import PAGES


def picture_controls(outcomes: Sequence[Outcome], choice: Choice) -> None:
    """The button that keeps what was found in pictures as a session."""
    analyses = [outcome.analysis for outcome in outcomes if outcome.analysis is not None]
    if not any(len(found) for found in analyses):
        return

    def start(consent: str, keep_days: int | None) -> None:
        first = analyses[0]
        recording = new_recording(
            f"Pictures, {datetime.now():%d %B %Y %H:%M}",
            "pictures",
            labels=first.labels,
            unsure_below=first.unsure_below,
            settings=choice.settings,
            detector=first.detector,
            classifier=first.classifier,
            consent=consent,
        )
        readings = readings_of_pictures(analyses)
        resources.store().enter(
            recording,
            readings,
            owner(),
            keep_days=keep_days,
            # Also those at the end without a face.
            duration_s=float(len(analyses) - 1),
        )
        st.session_state["recorded-pictures"] = {o.id for o in outcomes}

    if st.session_state.get("recorded-pictures") == {o.id for o in outcomes}:
        st.success("Kept as a session.", icon=":material/check:")
        st.page_link(PAGES / "dashboard.py", label="Open the dashboard")
    elif st.button(
        "Keep as a session",
        icon=":material/save:",
        help="Keep the numbers for the dashboard; no picture and no file name is kept.",
    ):
        begin_recording(start, asks_always=True)
