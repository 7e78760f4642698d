"""What is stored where, and deleting all of it."""

import streamlit as st

from ferapp.sessions.discards import UNDO_S
from ferapp.sessions.store import LOCAL_OWNER, Listing, Store
from ferapp.ui.dashboard.deleting import delete_all_button
from ferapp.wording import counted


def show_storage(store: Store, me: str, listing: Listing) -> None:
    """How much is stored and what of, with the button that deletes all of it."""
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
