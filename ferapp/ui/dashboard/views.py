"""The views that every session with times has, one's own or the example."""

from collections.abc import Sequence

import streamlit as st

from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.ui.dashboard.overview import show_overview
from ferapp.ui.shared import session_files, session_keys, session_views


def choose_view(names: Sequence[str]) -> str:
    """Let the visitor choose one of some views."""
    key = session_keys.session_view(len(names))
    view: str = st.segmented_control("Show", names, default=names[0], required=True, key=key.name)
    if view != "Replay":
        session_views.stop_replay()
    return view


def show_view(view: str, session: Overview, readings: Readings, names: Sequence[str]) -> None:
    """Show one of the views.

    Args:
        view: Its name.
        session: The session.
        readings: All its readings, at least one.
        names: The views that can be chosen.
    """
    match view:
        case "Overview":
            show_overview(session, readings, view=session_keys.session_view(len(names)))
        case "Over time":
            session_views.curves_of(session, readings)
        case "Summary":
            session_views.summary_of(session, readings)
        case "Replay":
            session_views.replay(session, readings)
        case _:
            session_files.downloads(session, readings)
