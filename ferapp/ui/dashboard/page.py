"""The dashboard: choosing a session, its views, and what is stored where."""

from functools import partial
from typing import Final

import streamlit as st

from ferapp.errors import StoreError
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Listing, Overview, Store
from ferapp.ui.dashboard import events, example
from ferapp.ui.dashboard.comparing import show_comparison
from ferapp.ui.dashboard.deleting import delete_button, show_deletions, show_unreadable
from ferapp.ui.dashboard.head import select_session, session_titles, show_head
from ferapp.ui.dashboard.running import show_recording
from ferapp.ui.dashboard.storage import show_storage
from ferapp.ui.dashboard.views import choose_view, show_view
from ferapp.ui.shared import resources, session_files, session_keys, session_views
from ferapp.ui.shared.faces.editing import edit_faces
from ferapp.ui.shared.owner import owner
from ferapp.wording import counted

VIEWS: Final = ("Overview", "Over time", "Summary", "Events", "Compare", "Replay", "Files")
"""Of a session with times."""

_NOTHING: Final = """
**Nothing is recorded yet.**

- Press **Record** on the live page while the camera runs, or **Keep as a session** below pictures
  or a video.
- Or open a file that was exported from a session.

Only numbers are stored, after you consent. Sessions are deleted after 30 days unless you choose
otherwise.
"""


def show() -> None:
    """The whole page below its heading."""
    me, store = owner(), resources.store()
    store.purge()
    listing = store.listing(me)
    show_deletions(store, me)
    show_unreadable(store, me, listing.unreadable)
    if listing.sessions:
        _show_sessions(store, me, listing)
    elif example.is_shown():
        example.show_example()
    elif not listing.unreadable:
        with st.container(border=True):
            st.markdown(_NOTHING)
            example.offer_example()
    session_files.import_file(store, me)
    show_storage(store, me, listing)


def _show_sessions(store: Store, me: str, listing: Listing) -> None:
    sessions = listing.sessions
    if next_session := session_keys.NEXT_SESSION.pop():
        session_keys.SELECTED_SESSION.set(next_session)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        chosen = select_session(sessions)
    show_head(store, me, chosen, row)
    session_files.show_import_notes(chosen.recording.id)
    if chosen.is_running:
        delete_button(row, store, me, chosen, None)
        show_recording(store, me, chosen.recording.id)
        return
    try:
        readings = _load_readings(store, me, chosen)
    except StoreError as exc:
        # So that it can still be deleted.
        delete_button(row, store, me, chosen, None)
        st.warning(str(exc), icon=":material/warning:")
        return
    delete_button(row, store, me, chosen, len(readings.faces))
    _show_left_out(chosen, readings)
    if not len(readings) and not chosen.readings:
        st.info(
            f"This session has no readings: no face was seen in {chosen.length_text}.",
            icon=":material/no_accounts:",
        )
        session_files.downloads(chosen, readings)
    elif len(readings):
        _show_views(store, me, chosen, sessions, readings)
        id = chosen.recording.id
        edit_faces(
            chosen,
            readings,
            change=lambda edit: store.faces.edit(id, me, edit),
            undo=lambda: store.faces.undo(id, me),
            forget_names=lambda: store.faces.forget_names(id, me),
        )
    st.divider()


def _show_left_out(session: Overview, readings: Readings) -> None:
    """How much of a session can't be read, if anything."""
    lost = max(session.readings - len(readings), 0)
    parts = [counted(lost, "reading")] if lost else []
    if session.left_out:
        parts.append(counted(session.left_out, "other value"))
    if parts:
        st.warning(
            f"{' and '.join(parts)} of this session can't be read and are left out: the database "
            "is damaged, or another program has changed it.",
            icon=":material/warning:",
        )


def _show_views(
    store: Store, me: str, chosen: Overview, sessions: list[Overview], readings: Readings
) -> None:
    names = VIEWS if chosen.recording.source != "pictures" else ("Faces", "Files")
    view = choose_view(names)
    match view:
        case "Faces":
            session_views.pictures(chosen, readings)
        case "Events":
            events.show_events(store, me, chosen, readings)
        case "Compare":
            show_comparison(store, me, chosen, sessions, session_titles(sessions))
        case _:
            show_view(view, chosen, readings, names)
    if view == "Replay":
        st.button(
            "Mark this moment",
            icon=":material/flag:",
            on_click=partial(_mark, store, me, chosen),
            key="mark-replay",
        )


def _mark(store: Store, me: str, session: Overview) -> None:
    position = session_keys.replay_position(session.recording.id)
    events.add_mark(store, me, session, position.get() or session.recording.begins_s)


def _load_readings(store: Store, me: str, session: Overview) -> Readings:
    """The readings of a session, loaded again only when it has changed."""
    kept = session_keys.READINGS.get() or {}
    key = (session.recording.id, session.readings, session.edits)
    if key not in kept:
        with st.spinner("Reading the session …"):
            kept = {key: store.readings(session.recording.id, me)}
        session_keys.READINGS.set(kept)
    return kept[key]
