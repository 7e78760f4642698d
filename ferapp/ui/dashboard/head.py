"""Choosing a session, and its head: facts, title, source and how long it is kept."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.inference.manifest import manifest
from ferapp.sessions.session import MOST_TITLE
from ferapp.sessions.store import Overview, Store
from ferapp.ui.dashboard.deleting import start_text
from ferapp.ui.shared import session_files, session_keys
from ferapp.ui.shared.consent import KEEP
from ferapp.wording import counted


def session_titles(sessions: Sequence[Overview]) -> dict[str, str]:
    """What lists call each session, by its id; all different, as widgets need them."""
    texts: dict[str, str] = {}
    for session in sessions:
        status = "being recorded" if session.is_running else session.length_text
        text = f"{session.recording.title} ({status})"
        same = sum(other == text or other.startswith(f"{text} · ") for other in texts.values())
        texts[session.recording.id] = f"{text} · {same + 1}" if same else text
    return texts


def select_session(sessions: Sequence[Overview]) -> Overview:
    """Let the visitor choose a session; at least one."""
    by_id, key = {s.recording.id: s for s in sessions}, session_keys.SELECTED_SESSION
    texts = session_titles(sessions)
    if key.get() not in by_id:
        # It was deleted. Without a value that is set, the browser goes on showing its name.
        key.set(sessions[0].recording.id)
    picked = st.selectbox("Session", list(by_id), key=key.name, format_func=texts.__getitem__)
    return by_id.get(picked, sessions[0])


def show_head(store: Store, me: str, session: Overview, row: DeltaGenerator) -> None:
    """Facts about a session, and in the row the buttons that change them."""
    recording = session.recording
    until = f"{session.expires:%d %B %Y}" if session.expires else "you delete it"
    # An imported file may name anything.
    known = {model.name for model in manifest().models}
    named = [str(model.get("name")) for model in recording.models.values()]
    models = " and ".join(
        name if name in known else "a model that is not installed" for name in named
    )
    st.caption(
        f"{start_text(session)} · {session.length_text} · "
        f"{counted(session.readings, 'reading')} "
        f"{f'with {models} ' if models else ''}· kept until {until}"
    )
    with row.popover("Rename", icon=":material/edit:"):
        key = f"title-{recording.id}"
        # The callback only notes the change: errors are shown where the page runs.
        title = st.text_input(
            "Title",
            recording.title,
            max_chars=MOST_TITLE,
            key=key,
            on_change=session_keys.RENAMED.set,
            args=(key,),
        ).strip()
        if session_keys.RENAMED.pop() == key and title:
            store.rename(recording.id, me, title)
            st.rerun()
    if recording.provenance:
        with row.popover("Source", icon=":material/description:"):
            session_files.show_source(recording.provenance)
    with row.popover("Keep", icon=":material/schedule:"):
        keep = st.selectbox("Keep from now on for", list(KEEP), index=1, key=f"keep-{recording.id}")
        if st.button("Set", key=f"set-{recording.id}"):
            store.keep(recording.id, me, KEEP[keep])
            st.rerun()
