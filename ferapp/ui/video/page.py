"""The video page: choosing videos and settings, analysing them, and the results."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.errors import VideoError
from ferapp.settings import VideoPart
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.sources import Source
from ferapp.ui.video import analysis, jobs, results, state
from ferapp.ui.video.analysis_settings import choose_part, choose_settings
from ferapp.ui.video.several import show_list, show_totals
from ferapp.ui.video.sources import choose_videos, open_videos, show_facts
from ferapp.ui.video.state import Order


def show(choice: Choice) -> None:
    """The whole page below its heading."""
    sources = choose_videos()
    ids = {source.id for source in sources}
    state.keep_only(ids)
    if session_keys.COPY_VIDEO.get() not in ids:
        results.forget()
    if not sources:
        st.info(
            "Choose a video, or try the demo clip. It stays on the machine that runs ferapp, and "
            "nothing of it is stored. For many files, use `python -m ferapp batch`.",
            icon=":material/movie:",
        )
        return
    open_videos(sources)
    if len(sources) == 1:
        _show_one(choice, sources[0])
    else:
        _show_several(choice, sources)


def _settings_area(label: str, *, is_folded: bool) -> DeltaGenerator:
    """Where the settings are: folded once there are results, which come first then."""
    return st.expander(label, icon=":material/tune:") if is_folded else st.container()


def _show_one(choice: Choice, source: Source) -> None:
    """One video: of it, a part can be read."""
    kept = state.state_of(source.id)
    if kept.info is None:
        raise VideoError(kept.problem)
    show_facts(kept.info)
    with _settings_area("Read another part, or in another way", is_folded=kept.clip is not None):
        settings = choose_settings(choice, [kept.info], choose_part(source.id, kept.info))
    wanted = Order(choice, settings)
    if kept.is_busy and kept.job is not None:
        # Not in the fragment below, which changes too often to be clicked.
        st.button("Cancel", icon=":material/stop:", on_click=jobs.end, args=([kept.job],))
        analysis.watch(kept.job)
        return
    if kept.clip is None or kept.order != wanted:
        label = "Analyse" if kept.job is None else "Analyse again"
        if st.button(label, icon=":material/play_arrow:", type="primary"):
            analysis.start(source, wanted)
            st.rerun()
    analysis.show_results(source, wanted)


def _show_several(choice: Choice, sources: list[Source]) -> None:
    """Several videos: a list of them, and the results of the one that is open."""
    infos = [info for source in sources if (info := state.state_of(source.id).info)]
    done = [source for source in sources if state.state_of(source.id).clip is not None]
    with _settings_area("Read them in another way", is_folded=bool(done)):
        settings = choose_settings(choice, infos, VideoPart())
    wanted = Order(choice, settings)
    show_list(sources, wanted)
    busy = [job for s in sources if (job := state.state_of(s.id).job) and not job.is_over]
    if busy:
        running = next((job for job in busy if job.state == "running"), busy[0])
        analysis.watch(running)
    if not done:
        return
    show_totals(done)
    chosen = session_keys.SELECTED_VIDEO.get()
    shown = next((source for source in done if source.id == chosen), done[0])
    st.text(f"Results of {shown.name}")
    analysis.show_results(shown, wanted)
