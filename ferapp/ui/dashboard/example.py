"""An example session for visitors who have none: numbers that ship, which are never stored."""

import streamlit as st

from ferapp.sessions.formats.exchange import read
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.ui.dashboard import events
from ferapp.ui.dashboard.views import choose_view, show_view
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.sources import SAMPLES_FOLDER

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
    view = choose_view(_VIEWS)
    if view == "Events":
        events.show_statistics(session, readings)
    else:
        show_view(view, session, readings, _VIEWS)
    st.divider()


def _remove() -> None:
    session_keys.EXAMPLE_SHOWN.clear()
    session_keys.session_view(len(_VIEWS)).clear()
