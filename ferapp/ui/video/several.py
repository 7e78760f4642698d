"""Several videos: what is known of each, and a table over all that have been read."""

from collections.abc import Sequence

import streamlit as st

from ferapp.system.csv_tables import csv_bytes
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.sources import Source
from ferapp.ui.video import analysis, jobs, results, state
from ferapp.ui.video.state import Order, VideoState
from ferapp.ui.video.totals import Totals, shown_table, totals_table
from ferapp.wording import counted, duration_text


def show_list(sources: Sequence[Source], wanted: Order) -> None:
    """Show what is known of each video, with buttons to open or cancel it, and to start.

    Args:
        sources: The videos.
        wanted: What an analysis has to do now.
    """
    states = {source.id: state.state_of(source.id) for source in sources}
    with st.container(border=True):
        st.caption(
            "They are analysed one after the other, whole. To read a part of one, upload it alone."
        )
        for number, source in enumerate(sources, 1):
            _show_row(number, source, states[source.id])
    missing = [
        source
        for source in sources
        if _can_be_read(states[source.id])
        and (states[source.id].clip is None or states[source.id].order != wanted)
    ]
    busy = [job for kept in states.values() if (job := kept.job) is not None and not job.is_over]
    with st.container(horizontal=True):
        if missing:
            again = "" if all(states[source.id].job is None for source in missing) else " again"
            label = f"Analyse {counted(len(missing), 'video')}{again}"
            if st.button(
                label, icon=":material/play_arrow:", type="secondary" if busy else "primary"
            ):
                for source in missing:
                    analysis.start(source, wanted)
                st.rerun()
        if busy:
            st.button("Cancel all", icon=":material/stop:", on_click=jobs.end, args=(busy,))


def _can_be_read(kept: VideoState) -> bool:
    return kept.info is not None and not kept.is_busy


def _show_row(number: int, source: Source, kept: VideoState) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{number}. {source.name}\n{_state_text(source, kept)}", width="stretch")
        if kept.is_busy and kept.job is not None:
            st.button(
                f"Cancel {number}",
                icon=":material/stop:",
                key=f"cancel-{source.id}",
                on_click=jobs.end,
                args=([kept.job],),
            )
        elif kept.clip is not None:
            st.button(
                f"Open {number}",
                icon=":material/open_in_full:",
                key=f"open-{source.id}",
                on_click=session_keys.SELECTED_VIDEO.set,
                args=(source.id,),
            )


def _state_text(source: Source, kept: VideoState) -> str:
    """How far the analysis of a video is, in a few words."""
    if kept.info is None:
        return f"Can't be read: {kept.problem}"
    length = duration_text(kept.info.duration_s) if kept.info.duration_s else "unknown length"
    if kept.job is None:
        return f"{length}, not analysed yet"
    match kept.job.state:
        case "waiting":
            return f"{length}, waiting"
        case "running":
            return f"{length}, being analysed"
        case "cancelled":
            return f"{length}, cancelled"
        case "failed":
            return f"Failed: {kept.job.failure}"
    assert kept.clip is not None
    count = len(results.tracks_in(source.id, kept.clip))
    return f"{length}, {counted(count, 'face') if count else 'no face'}"


def show_totals(sources: Sequence[Source]) -> None:
    """A table over all videos that have been read, and the same as a file.

    Args:
        sources: These videos.
    """
    rows = []
    for source in sources:
        kept = state.state_of(source.id)
        assert kept.clip is not None
        tracks = results.tracks_in(source.id, kept.clip)
        rows.append(Totals.of(source.name, kept.clip.duration_s, tracks))
    labels = list(dict.fromkeys(label for row in rows for label in row.seconds))
    st.markdown(f"**{counted(len(rows), 'video')} together**")
    st.dataframe(shown_table(rows, labels), hide_index=True)
    st.download_button(
        "Download the table (CSV)",
        csv_bytes(totals_table(rows, labels)),
        file_name="ferapp-videos.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption("Shares are of the time in which faces were read, over all faces of a video.")
