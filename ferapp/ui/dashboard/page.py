"""The dashboard: choosing a session, its views, and what is stored where."""

from typing import Final

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.errors import StoreError
from ferapp.inference.manifest import manifest
from ferapp.sessions.discards import UNDO_S
from ferapp.sessions.session import MOST_TITLE, Readings
from ferapp.sessions.store import LOCAL_OWNER, Listing, Overview, Store
from ferapp.temporal.rolling import WINDOW_S, Series
from ferapp.ui.dashboard.deleting import (
    delete_all_button,
    delete_button,
    show_deletions,
    show_unreadable,
    start_text,
)
from ferapp.ui.shared import resources, session_files, session_keys, session_views
from ferapp.ui.shared.charts import last_minute
from ferapp.ui.shared.consent import KEEP
from ferapp.ui.shared.faces.editing import edit_faces
from ferapp.ui.shared.live_chart import live_chart
from ferapp.ui.shared.owner import owner
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.wording import clock, counted

_LIVE_S: Final = 1.0
# So many sessions' readings stay in memory for a visitor: the one shown and one beside it.
_MOST_LOADED: Final = 2

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
    sessions = listing.sessions
    show_deletions(store, me)
    show_unreadable(store, me, listing.unreadable)
    if not sessions:
        if not listing.unreadable:
            with st.container(border=True):
                st.markdown(_NOTHING)
        session_files.import_file(store, me)
        _show_storage(store, me, listing)
        return
    if next_session := session_keys.NEXT_SESSION.pop():
        session_keys.SELECTED_SESSION.set(next_session)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        chosen = _select_session("Session", sessions, key=session_keys.SELECTED_SESSION)
    _show_head(store, me, chosen, row)
    session_files.show_import_notes(chosen.recording.id)
    if chosen.is_running:
        delete_button(row, store, me, chosen, None)
        _show_recording(store, me, chosen.recording.id)
        _show_storage(store, me, listing)
        return
    try:
        readings = _load_readings(store, me, chosen)
    except StoreError as exc:
        # So that it can still be deleted.
        delete_button(row, store, me, chosen, None)
        st.warning(str(exc), icon=":material/warning:")
        session_files.import_file(store, me)
        _show_storage(store, me, listing)
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
        id = chosen.recording.id
        edit_faces(
            chosen,
            readings,
            change=lambda edit: store.faces.edit(id, me, edit),
            undo=lambda: store.faces.undo(id, me),
            forget_names=lambda: store.faces.forget_names(id, me),
        )
        _show_views(store, me, chosen, sessions, readings)
    st.divider()
    session_files.import_file(store, me)
    _show_storage(store, me, listing)


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
    names = ["Over time", "Summary", "Compare", "Replay", "Files"]
    if chosen.recording.source == "pictures":
        names = ["Faces", "Files"]
    view = st.segmented_control(
        "Show", names, default=names[0], required=True, key=f"view-{len(names)}"
    )
    if view != "Replay":
        session_views.stop_replay()
    match view:
        case "Faces":
            session_views.pictures(chosen, readings)
        case "Over time":
            session_views.over_time(store, me, chosen, readings)
        case "Summary":
            session_views.summary_of(chosen, readings)
        case "Compare":
            # The next session first: most people want to compare two different ones.
            place = sessions.index(chosen)
            rotated = [*sessions[place + 1 :], *sessions[: place + 1]]
            others = [s for s in rotated if s.recording.source != "pictures" and not s.is_running]
            other = _select_session("With", others, key=session_keys.OTHER_SESSION)
            session_views.compare(chosen, readings, other, _load_readings(store, me, other))
        case "Replay":
            session_views.replay(chosen, readings)
        case _:
            session_files.downloads(chosen, readings)


def _select_session(label: str, sessions: list[Overview], *, key: SessionKey[str]) -> Overview:
    by_id = {s.recording.id: s for s in sessions}
    # The widget distinguishes options by their text.
    texts: dict[str, str] = {}
    for id, session in by_id.items():
        text = _option_text(session)
        same = sum(other == text or other.startswith(f"{text} · ") for other in texts.values())
        texts[id] = f"{text} · {same + 1}" if same else text
    if key.get() not in by_id:
        # It was deleted. Without a value that is set, the browser goes on showing its name.
        key.set(sessions[0].recording.id)
    picked = st.selectbox(label, list(by_id), key=key.name, format_func=texts.__getitem__)
    return by_id.get(picked, sessions[0])


def _option_text(session: Overview) -> str:
    status = "being recorded" if session.is_running else session.length_text
    return f"{session.recording.title} ({status})"


def _show_head(store: Store, me: str, session: Overview, row: DeltaGenerator) -> None:
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


def _load_readings(store: Store, me: str, session: Overview) -> Readings:
    """The readings of a session, loaded again only when it has changed."""
    kept = session_keys.READINGS.setdefault({})
    key = (session.recording.id, session.readings, session.edits)
    if key not in kept:
        with st.spinner("Reading the session …"):
            kept[key] = store.readings(session.recording.id, me)
        while len(kept) > _MOST_LOADED:
            del kept[next(iter(kept))]
    return kept[key]


@st.fragment(run_every=_LIVE_S)
def _show_recording(store: Store, me: str, session: str) -> None:
    """The last minute of a session that is being recorded, perhaps in another tab."""
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


def _show_storage(store: Store, me: str, listing: Listing) -> None:
    sessions = listing.sessions
    with st.expander("What is stored", icon=":material/database:"):
        readings = counted(sum(s.readings for s in sessions), "reading")
        st.markdown(
            f"You have {counted(len(sessions), 'session')} with {readings}: only numbers, and the "
            "titles, markers and names that you typed in; no pictures. Of a file that was read, "
            "size, date and hash are kept, and its name if it was imported. The database takes up "
            f"{store.size_bytes() / 1e6:.1f} MB"
            f"{' and is stored here:' if me == LOCAL_OWNER else '.'}"
        )
        if me == LOCAL_OWNER:
            # Visitors from elsewhere learn no folder and no server.
            st.code(store.place, language=None, wrap_lines=True)
        if quota := store.entries.usage_text(me):
            st.markdown(quota)
        st.markdown(
            "Sessions that have expired are deleted while the app runs. Your own deletion can be "
            f"undone for {UNDO_S:.0f} seconds; then, in a SQLite file, the data is overwritten. A "
            "PostgreSQL server reuses the space; clearing its logs and backups is up to the "
            "operator."
        )
        if sessions or listing.unreadable:
            delete_all_button(store, me, listing)
