"""A session that is being recorded, perhaps in another tab."""

from typing import Final

import numpy as np
import streamlit as st

from ferapp.sessions.store import Store
from ferapp.temporal.rolling import WINDOW_S, Series
from ferapp.ui.shared.charts import last_minute
from ferapp.ui.shared.live_chart import live_chart
from ferapp.wording import clock

_LIVE_S: Final = 1.0


@st.fragment(run_every=_LIVE_S)
def show_recording(store: Store, me: str, session: str) -> None:
    """The last minute of the session with this id."""
    now = next((s for s in store.overviews(me) if s.recording.id == session), None)
    if now is None or not now.is_running:
        st.rerun()
    st.markdown(f":red[**● Recording {clock(now.duration_s)}**] · the last minute")
    readings = store.readings(session, me, since_s=now.duration_s - WINDOW_S)
    for face in readings.faces[-3:]:
        one = readings.of(face)
        seen = one.at(np.flatnonzero(~np.isnan(one.smoothed).any(axis=1)))
        st.markdown(f"**Face {face}**")
        series = Series(seen.at_s, seen.smoothed, seen.is_corrected)
        live_chart(
            last_minute(now.recording.labels, series, window_s=WINDOW_S),
            key=f"recorded-{face}",
            alt=f"Face {face} over the last minute",
        )
    if not readings.faces:
        st.caption("No face in the last minute.")
