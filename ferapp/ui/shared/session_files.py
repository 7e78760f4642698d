"""Sessions as files: exporting and importing them."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from ferapp.errors import UserError
from ferapp.pipeline.limits import limits_text
from ferapp.pipeline.session_import import import_session
from ferapp.sessions.formats.exchange import to_csv, to_json, to_parquet
from ferapp.sessions.formats.limits import OF_STRANGERS
from ferapp.sessions.formats.spells import to_events_csv, to_spells_csv
from ferapp.sessions.report.html import to_html
from ferapp.sessions.session import Provenance, Readings, SessionInfo
from ferapp.sessions.store import Overview, Store
from ferapp.ui.shared import session_keys
from ferapp.wording import counted, zone_text


def downloads(session: Overview, readings: Readings) -> None:
    """All formats; each file is made on demand."""
    recording = session.recording
    text = (
        "**CSV**, **Parquet** and **JSON** hold every reading, one row per face and time: time, "
        "number and name of the face, box, raw (`p_`) and smoothed (`s_`) probabilities, label, "
        "quality, and how long the frame was shown. Parquet and JSON also hold title, start, "
        "length, settings, models and events, which CSV can't. The **report** is one page with "
        "the charts, to share or print."
    )
    formats: list[tuple[str, str, str, Callable[[SessionInfo, Readings], bytes]]] = [
        ("CSV", "csv", "text/csv", to_csv),
        ("Parquet", "parquet", "application/vnd.apache.parquet", to_parquet),
        ("JSON", "json", "application/json", to_json),
        ("Report (HTML)", "html", "text/html", partial(to_html, limits=limits_text())),
    ]
    if recording.source != "pictures":
        text += (
            " **Spells** are a CSV file with one row for each time in which a face showed one "
            "expression: from when, until when, which, and whose."
        )
        formats.append(("Spells", "spells.csv", "text/csv", to_spells_csv))
    if recording.markers:
        text += (
            " **Events** are a CSV file with one row for each: time, name and end. The view "
            "**Events** adds them to another session."
        )
        formats.append(("Events", "events.csv", "text/csv", to_events_csv))
    st.markdown(text)
    row = st.container(horizontal=True)
    for label, ending, mime, make in formats:
        row.download_button(
            label,
            partial(make, recording, readings),
            file_name=f"ferapp-session-{session.listed:%Y%m%d-%H%M%S}.{ending}",
            mime=mime,
            icon=":material/download:",
            on_click="ignore",
            key=f"download-{ending}",
        )


def show_source(source: Provenance) -> None:
    """The file that a session was read from; its name is text."""
    st.markdown("**The file that was read**")
    if source.name:
        st.text(source.name)
    date = source.content_date
    recorded = "it does not say when it was recorded"
    if date is not None:
        recorded = f"recorded {date:%d %B %Y, %H:%M} ({zone_text(date)}), as the file says"
    st.caption(f"{source.size_bytes:,} bytes; {recorded}. SHA-256 of its content:")
    st.code(source.sha256, language=None, wrap_lines=True)


def import_file(store: Store, me: str) -> None:
    """Let the visitor import an exported file as a session."""
    number = session_keys.IMPORTS.setdefault(0)
    with st.expander("Open a file", icon=":material/folder_open:"):
        # Of any type: a message says what to do with an Excel workbook or a file of SPSS.
        file = st.file_uploader("CSV, Parquet or JSON of a session", key=f"import-{number}")
        if file is None:
            return
        if file.size > OF_STRANGERS.file_bytes:
            st.error("This file could not be opened.")
            st.text(f"It has {file.size:,} bytes; the limit is {OF_STRANGERS.file_bytes:,}.")
            return
        # The button of `_ask_about` sets it before the page runs again.
        again = session_keys.IMPORT_AGAIN.pop() == number
        bar = st.progress(0.0, "Reading the file …")

        def show_progress(stored: int, total: int) -> None:
            # Leaving the page ends it here, and nothing of the file stays.
            bar.progress(stored / max(total, 1), f"Storing {counted(total, 'reading')} …")

        try:
            notes: list[str] = []
            done = import_session(
                store,
                me,
                file.name,
                file.getvalue(),
                again=again,
                on_note=notes.append,
                on_progress=show_progress,
            )
        except UserError as exc:
            st.error("This file could not be opened.")
            st.text(str(exc))
            return
        finally:
            bar.empty()
        if done.earlier and not _ask_about(done.earlier, number):
            return
        # A new key empties the widget.
        session_keys.IMPORTS.set(number + 1)
        session_keys.NEXT_SESSION.set(done.session)
        session_keys.IMPORT_NOTES.set((done.session, [] if done.earlier else notes))
        st.rerun()


def show_import_notes(session: str) -> None:
    """What was ignored or guessed in the file of a session, if it was imported last."""
    imported, notes = session_keys.IMPORT_NOTES.get() or ("", [])
    if session != imported or not notes:
        return
    st.info("Not everything in the file was imported as it is:", icon=":material/info:")
    # As text: the file gives its headings.
    st.text("\n".join(notes))


def _ask_about(earlier: Overview, number: int) -> bool:
    """Say that a file is there already; whether the visitor wants to see that session."""
    st.info("This file is already there. It was not stored a second time.")
    st.text(earlier.recording.title)
    row = st.container(horizontal=True)
    wants = row.button("Show that session", type="primary", key=f"import-show-{number}")
    row.button(
        "Open it once more",
        key=f"import-again-{number}",
        on_click=session_keys.IMPORT_AGAIN.set,
        args=(number,),
    )
    return wants
