"""The analysis of videos as jobs: starting it, its progress, and how it ended."""

from typing import Any

import streamlit as st

from ferapp.errors import VideoError
from ferapp.serving.job import Job
from ferapp.serving.video_jobs import VideoAnalysisJob
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.face_labels import draw_labels
from ferapp.ui.shared.sources import Source
from ferapp.ui.video import jobs, results, state
from ferapp.ui.video.state import Order


def start(source: Source, order: Order) -> None:
    """Queue the analysis of a video; what was made of it before is dropped."""
    analyzer = resources.analyzer(order.choice.models)
    if session_keys.COPY_VIDEO.get() == source.id:
        results.forget()
    job = jobs.queue(
        lambda: VideoAnalysisJob(source.read(), analyzer, order.settings, draw_labels), name="read"
    )
    state.begin(source.id, order, job)


def watch(job: Job[VideoAnalysisJob]) -> None:
    """Show the progress of an analysis and its last frame."""
    jobs.watch(job, _progress_text, lambda work: work.preview)


def show_results(source: Source, wanted: Order) -> None:
    """Show how the analysis of a video ended, or its results.

    Args:
        source: The video.
        wanted: What an analysis would have to do now.

    Raises:
        VideoError: It failed.
    """
    kept = state.state_of(source.id)
    if kept.job is None or kept.order is None:
        return
    if kept.job.state == "cancelled":
        st.info("Cancelled; nothing was kept.", icon=":material/cancel:")
    elif kept.clip is None:
        raise VideoError(kept.job.failure)
    else:
        if kept.order != wanted:
            st.caption("The settings have changed since these results were made.")
        results.show(source, resources.analyzer(kept.order.choice.models))


def _progress_text(job: Job[Any]) -> str:
    return "Reading …" if job.share is None else f"{100 * job.share:.0f} % read"
