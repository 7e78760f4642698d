"""Long work that continues while its visitor has the app open."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import streamlit as st

from ferapp.serving.job import Job, Queue, Work
from ferapp.serving.seats import OneAfterTheOther, Seats
from ferapp.system import scratch
from ferapp.ui.server import metrics
from ferapp.ui.server.private_parts import presence_check
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.session_keys import SessionKey
from ferapp.wording import clock

_GONE_S: Final = 3.0
_LOOK_S: Final = 0.5

W = TypeVar("W", bound=Work)


@st.cache_resource(show_spinner=False)
def _seats() -> Seats:
    """One video at a time in the whole process: it uses every core.

    What a crashed process has left of its videos is removed first.
    """
    scratch.clear()
    return metrics.watch_queue("video", Seats(1, time.monotonic))


def start(key: SessionKey[Job[W]], begin: Callable[[], W], *, name: str) -> Job[W]:
    """Start a job in place of the one that this visitor has under the key.

    Args:
        key: Where the visitor's session keeps it.
        begin: Makes the work.
        name: Its name in the metrics.

    Returns:
        The job; it waits in the queue until its turn.
    """
    stop(key)
    job = _begin(begin, _seats(), name)
    key.set(job)
    return job


def queue(begin: Callable[[], W], *, name: str) -> Job[W]:
    """Start a job that waits for all others which this visitor has queued; see `start`."""
    turns = session_keys.VIDEO_TURNS.setdefault(OneAfterTheOther(_seats(), time.monotonic))
    return _begin(begin, turns, name)


def _begin(begin: Callable[[], W], seats: Queue, name: str) -> Job[W]:
    def count(state: str) -> None:
        metrics.VIDEO_JOBS.labels(name, state).inc()

    return Job(begin, seats, is_wanted=_presence(), on_end=count)


def end(started: Sequence[Job[Any]]) -> None:
    """End jobs, the last one first, so that none begins when the one before it ends.

    Ending takes a moment; the page does not wait for it.
    """

    def cancel_all() -> None:
        for job in reversed(started):
            job.cancel()

    if started:
        threading.Thread(target=cancel_all, name="job-end", daemon=True).start()


def stop(key: SessionKey[Job[W]]) -> None:
    """End this visitor's job, if there is one, and forget it."""
    job = key.pop()
    if job is not None:
        end([job])


def cancel(key: SessionKey[Job[W]]) -> None:
    """End this visitor's job but keep its state."""
    job = key.get()
    if job is not None:
        end([job])


def _presence() -> Callable[[], bool]:
    """A function that says, on any thread, whether this visitor is still there."""
    is_connected = presence_check()
    last_s = time.monotonic()

    def is_present() -> bool:
        nonlocal last_s
        now_s = time.monotonic()
        if is_connected():
            last_s = now_s
        # A connection that drops for a moment comes back under the same session.
        return now_s - last_s < _GONE_S

    return is_present


def watch(
    job: Job[Any], progress_text: Callable[[Job[Any]], str], preview: Callable[[Any], bytes]
) -> None:
    """Show the progress of a job: a bar, the time left, and a picture of it.

    Args:
        job: The job.
        progress_text: Returns what it is doing, in a few words.
        preview: Returns a JPEG picture of its work; empty if there is none.
    """
    st.fragment(_watch, run_every=_LOOK_S)(job, progress_text, preview)


def _watch(
    job: Job[Any], progress_text: Callable[[Job[Any]], str], preview: Callable[[Any], bytes]
) -> None:
    if job.is_over:
        st.rerun()
    if job.state == "waiting":
        line = f"You are number {job.place} in the queue." if job.place else "Starting …"
        st.progress(0.0, text=f"{line} Videos are analysed one at a time.")
        return
    words = progress_text(job)
    if job.remaining_s is not None:
        words += f" · {clock(job.remaining_s + 1)} left"
    st.progress(job.share or 0.0, text=words)
    picture = preview(job.work) if job.work is not None else b""
    if picture:
        st.image(picture, width=480, alt="The last frame that was analysed")
