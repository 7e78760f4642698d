"""Deleting sessions: the question before, and the message after, with which it can be undone."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.sessions.discards import UNDO_S
from ferapp.sessions.store import Listing, Overview, Store, Unreadable
from ferapp.ui.server.session_erasure import erase_soon
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.page import errors_as_sentences
from ferapp.wording import counted

_MOST_UNREADABLE: Final = 20
# Buttons that delete have keys that begin with this.
_RED: Final = """<style>
[class*="st-key-delete-"] [data-testid="stBaseButton-primary"] {
  background-color: #c62828; border-color: #c62828; color: #ffffff;
}
[class*="st-key-delete-"] [data-testid="stBaseButton-primary"]:hover { background-color: #a81f1f; }
</style>"""


@dataclass(frozen=True)
class Deletion:
    """Sessions that were deleted together.

    Attributes:
        ids: Of the sessions, or keys of those that can't be read.
        text: What was deleted, in a sentence.
        until_s: Until when it can be undone, s of the monotonic clock.
    """

    ids: tuple[str, ...]
    text: str
    until_s: float


def delete_button(
    row: DeltaGenerator, store: Store, me: str, session: Overview, faces: int | None
) -> None:
    """The button that asks whether to delete a session, by name.

    Args:
        row: Where it goes.
        store: The sessions.
        me: Their owner.
        session: The session.
        faces: How many faces it has; None if that is not known yet.
    """
    recording = session.recording
    # With the key of another session this is another popover, which is closed.
    with row.popover("Delete", icon=":material/delete:", key=f"delete-popover-{recording.id}"):
        st.markdown("**Delete this session?**")
        st.text(recording.title)
        st.caption(_facts(session, faces))
        if st.button("Delete this session", type="primary", key=f"delete-{recording.id}"):
            _delete(store, me, [session], f"“{recording.title}” ({_facts(session, faces)})")


def delete_all_button(store: Store, me: str, listing: Listing) -> None:
    """The button that asks whether to delete all of somebody's sessions."""
    total = len(listing.sessions) + len(listing.unreadable)
    count = counted(total, "session")
    # Another session makes it another question, in a popover that is closed.
    key = f"delete-all-popover-{total}"
    with st.popover("Delete all my sessions", icon=":material/delete_forever:", key=key):
        st.markdown(f"**Delete {count}?**")
        st.caption(_dates_text(listing.sessions))
        if st.button("Delete all", type="primary", key="delete-all"):
            _note(store.discards.add_all(me), count)


def show_unreadable(store: Store, me: str, sessions: Sequence[Unreadable]) -> None:
    """The sessions that can't be read, each with a button that asks whether to delete it."""
    if not sessions:
        return
    with st.container(border=True):
        count = counted(len(sessions), "session")
        st.markdown(f":material/warning: **{count} can't be read**")
        st.caption(
            "The database is damaged, or another program has changed it. All other sessions can be "
            "used and exported. A backup may still have these."
        )
        for session in sessions[:_MOST_UNREADABLE]:
            row = st.container(horizontal=True, vertical_alignment="center")
            row.text(f"Session {session.name}", width="stretch")
            with row.popover("Delete", icon=":material/delete:", key=f"unread-{session.key}"):
                st.markdown("**Delete this session?**")
                st.text(f"Session {session.name}, which can't be read")
                if st.button("Delete this session", type="primary", key=f"delete-{session.key}"):
                    if store.discards.add([session.key], me):
                        _note([session.key], f"session {session.name}")
                    st.rerun()
        if len(sessions) > _MOST_UNREADABLE:
            st.caption("More follow when these are deleted.")


def show_deletions(store: Store, me: str) -> None:
    """What was deleted a moment ago, with a button to undo it."""
    st.html(_RED)
    if _pending():
        _show_pending(store, me)


def start_text(session: Overview) -> str:
    """When a session was recorded or, where that is unknown, when it was added."""
    if session.recording.started is None:
        return f"Date unknown, added {session.listed:%d %B %Y, %H:%M}"
    return f"{session.recording.started:%d %B %Y, %H:%M}"


def _dates_text(sessions: Sequence[Overview]) -> str:
    """When several sessions were recorded, in a sentence."""
    known = [s.recording.started for s in sessions if s.recording.started]
    unknown = len(sessions) - len(known)
    if not sessions:
        return "None of them can be read."
    if not known:
        return "When they were recorded is unknown."
    first, last = min(known), max(known)
    more = f"; of {unknown:,} the date is unknown" if unknown else ""
    if first.date() == last.date():
        return f"Recorded on {first:%d %B %Y}{more}."
    return f"Recorded from {first:%d %B %Y} to {last:%d %B %Y}{more}."


def _facts(session: Overview, faces: int | None) -> str:
    facts = [start_text(session), session.length_text]
    if faces is not None:
        facts.append(counted(faces, "face"))
    return " · ".join(facts)


def _delete(store: Store, me: str, sessions: Sequence[Overview], text: str) -> None:
    ids = [session.recording.id for session in sessions]
    _note(ids if store.discards.add(ids, me) else [], text)


def _note(ids: Sequence[str], text: str) -> None:
    """Show what was deleted, if anything, with a button to undo it."""
    if ids:
        erase_soon()
        deletion = Deletion(tuple(ids), f"Deleted: {text}.", time.monotonic() + UNDO_S)
        session_keys.DELETIONS.set([*_pending(), deletion])
    session_keys.READINGS.clear()
    st.rerun()


def _pending() -> list[Deletion]:
    deletions: list[Deletion] = session_keys.DELETIONS.get() or []
    return [deletion for deletion in deletions if deletion.until_s > time.monotonic()]


@st.fragment(run_every=1.0)
def _show_pending(store: Store, me: str) -> None:
    with errors_as_sentences():
        for deletion in _pending():
            place = st.empty()
            with place.container(border=True, horizontal=True, vertical_alignment="center"):
                st.text(deletion.text, width="stretch")
                left_s = math.ceil(deletion.until_s - time.monotonic())
                st.caption(f"{left_s} s left", width="content")
                is_undone = st.button("Undo", icon=":material/undo:", key=f"undo-{deletion.ids[0]}")
            if is_undone:
                place.empty()
                _undo(store, me, deletion)


def _undo(store: Store, me: str, deletion: Deletion) -> None:
    session_keys.DELETIONS.set([other for other in _pending() if other != deletion])
    if not store.discards.restore(deletion.ids, me):
        st.toast("It was too late to undo the deletion.", icon=":material/error:")
        return
    session_keys.NEXT_SESSION.set(deletion.ids[0])
    st.rerun()
