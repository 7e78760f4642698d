"""An example session for visitors who have none: numbers that ship, which are never stored."""

import streamlit as st

from ferapp.sessions.formats.exchange import read
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.ui.dashboard import events
from ferapp.ui.dashboard.overview import show_overview
from ferapp.ui.shared import session_files, session_keys, session_views
from ferapp.ui.shared.samples import SAMPLES_FOLDER

_VIEWS = ("Overview", "Over time", "Summary", "Events", "Replay", "Files")


@st.cache_resource(show_spinner=False)
def load_example() -> tuple[Overview, Readings]:
    """The example session and its readings; see ``samples/README.md``."""
    file = SAMPLES_FOLDER / "example-session.parquet"
    recording, readings = read(file.name, file.read_bytes())
    duration_s = recording.duration_s or 0.0
    return Overview(recording, duration_s, len(readings), expires=None, is_running=False), readings


def is_shown() -> bool:
    """Whether the visitor looks at it."""
    return session_keys.EXAMPLE_SHOWN.get() is True


def offer_example() -> None:
    """The button that opens it."""
    st.button(
        "Look at an example session",
        icon=":material/preview:",
        on_click=session_keys.EXAMPLE_SHOWN.set,
        args=(True,),
        key="open-example",
    )


def show_example() -> None:
    """The views of the example, with a button that removes it."""
    session, readings = load_example()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            "**Example session**: the sample portraits, read by ferapp. It is not stored and not "
            "among your sessions.",
            width="stretch",
        )
        st.button("Remove the example", on_click=_remove, key="remove-example")
    key = session_keys.session_view(len(_VIEWS))
    view = st.segmented_control("Show", _VIEWS, default=_VIEWS[0], required=True, key=key.name)
    if view != "Replay":
        session_views.stop_replay()
    match view:
        case "Overview":
            show_overview(session, readings, view=key)
        case "Over time":
            session_views.curves_of(session, readings)
        case "Summary":
            session_views.summary_of(session, readings)
        case "Events":
            events.show_statistics(session, readings)
        case "Replay":
            session_views.replay(session, readings)
        case _:
            session_files.downloads(session, readings)
    st.divider()


def _remove() -> None:
    session_keys.EXAMPLE_SHOWN.clear()
    session_keys.session_view(len(_VIEWS)).clear()
