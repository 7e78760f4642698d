"""Deleting sessions: the question before, and the message after, with which it can be undone."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.sessions.discards import UNDO_S
from ferapp.sessions.store import Overview, Store
from ferapp.ui.server.session_erasure import erase_soon
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.page import errors_as_sentences
from ferapp.wording import counted


@dataclass(frozen=True)
class Deletion:
    """Sessions that were deleted together.

    Attributes:
        ids: Of the sessions.
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


def delete_all_button(store: Store, me: str, sessions: Sequence[Overview]) -> None:
    """The button that asks whether to delete all of somebody's sessions."""
    count = counted(len(sessions), "session")
    # Another session makes it another question, in a popover that is closed.
    key = f"delete-all-popover-{len(sessions)}"
    with st.popover("Delete all my sessions", icon=":material/delete_forever:", key=key):
        st.markdown(f"**Delete {count}?**")
        st.caption(_dates_text(sessions))
        if st.button("Delete all", type="primary", key="delete-all"):
            _delete(store, me, sessions, count)


def show_deletions(store: Store, me: str) -> None:
    """What was deleted a moment ago, with a button to undo it."""
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
    ids = tuple(session.recording.id for session in sessions)
    if store.discards.add(ids, me):
        erase_soon()
        deletion = Deletion(ids, f"Deleted: {text}.", time.monotonic() + UNDO_S)
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
