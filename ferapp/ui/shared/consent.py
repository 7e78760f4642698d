"""The consent before a recording."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import streamlit as st

from ferapp.errors import StoreError
from ferapp.sessions.store import KEEP_DAYS
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.owner import owner
from ferapp.ui.shared.page import PAGES

_CONSENT_VERSION: Final = "2026-11-29"
WHO: Final = ("I am the only person shown", "Everyone shown has agreed")
"""Who is shown: one of these answers comes before anything is kept."""

KEEP: Final[dict[str, int | None]] = {
    "7 days": 7,
    f"{KEEP_DAYS} days": KEEP_DAYS,
    "90 days": 90,
    "1 year": 365,
    "until I delete it": None,
}
"""For how long a session is kept, in days."""

_PURPOSE: Final = """
**What is kept:** numbers only, for each face and frame: time, a number for the face, its box, the
probabilities of the expressions, why a face could not be read, and which models and settings
were used. **No picture, no video, no sound, nothing that could identify a face again.** A name of a
face is kept only if you type it in.

**Where:** in this app's database; the dashboard says where that is. Nothing is sent anywhere.

**What for:** to study expressions over time. Not to judge people and, in the EU, not at work or in
education. An expression is not a feeling.
"""

Start = Callable[[str, int | None], None]


def begin_recording(start: Start, *, asks_always: bool = False) -> None:
    """Start after consent, asked the first time or, where others may be shown each time, always."""
    try:
        owner()
        resources.store()
    except StoreError as exc:
        _show_refusal(str(exc))
        return
    given = session_keys.CONSENT.get()
    if given and not asks_always:
        start(*given)
        st.rerun()
    _ask_consent(start, is_remembered=not asks_always)


def dashboard_link() -> None:
    """The link to the recorded sessions."""
    st.page_link(PAGES / "dashboard.py", label="Open the dashboard")


def keep_button(start: Start, *, is_kept: bool) -> None:
    """The button that keeps the results as a session, or the news that they are kept."""
    if is_kept:
        st.success("Kept as a session.", icon=":material/check:")
        dashboard_link()
    elif st.button(
        "Keep as a session",
        icon=":material/save:",
        help="Keep the numbers for the dashboard; no picture and no file name is kept.",
    ):
        begin_recording(start, asks_always=True)


@st.dialog("Recording is not possible")
def _show_refusal(reason: str) -> None:
    st.text(reason)


@st.dialog("Before recording", width="medium")
def _ask_consent(start: Start, *, is_remembered: bool) -> None:
    st.markdown(_PURPOSE)
    who = st.radio("Who is shown?", WHO, index=None, key="consent-who")
    keep = st.selectbox("Keep it for", list(KEEP), index=1, key="consent-keep")
    st.caption("On the dashboard you can change this, and view and delete what is kept.")
    if st.button("Agree and record", type="primary", disabled=who is None):
        text = f"{_CONSENT_VERSION}: {who}; kept for {keep}; {datetime.now().astimezone():%c %z}"
        if is_remembered:
            session_keys.CONSENT.set((text, KEEP[keep]))
        try:
            start(text, KEEP[keep])
        except StoreError as exc:
            st.markdown("**This did not work**")
            st.text(str(exc))
            return
        st.rerun()
