"""What the page keeps of each of the visitor's videos, from run to run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ferapp.media.video import VideoInfo
from ferapp.pipeline.clip import Clip
from ferapp.pipeline.record import Track
from ferapp.serving.job import Job
from ferapp.serving.video_jobs import VideoAnalysisJob
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.store import Overview
from ferapp.settings import ClipSettings
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.controls import Choice
from ferapp.ui.video import jobs


@dataclass(frozen=True)
class Order:
    """What an analysis has to do.

    Attributes:
        choice: Models and settings from the sidebar.
        settings: Those of the analysis.
    """

    choice: Choice
    settings: ClipSettings


@dataclass(frozen=True, eq=False)
class VideoState:
    """What is kept of one video; a change gives another state, see `change`.

    Attributes:
        info: What its container claims; None if it has not been opened or can't be.
        problem: Why it can't be opened, in a sentence.
        order: What its last analysis has to do.
        job: Its last analysis.
        session: What was read, as a session that is not stored.
        edits: What the visitor changed about its faces.
        tracks: Its faces after these changes, the one seen longest first.
        kept: The changes with which it was kept as a session.
    """

    info: VideoInfo | None = None
    problem: str = ""
    order: Order | None = None
    job: Job[VideoAnalysisJob] | None = None
    session: Overview | None = None
    edits: FaceEdits = field(default_factory=FaceEdits)
    tracks: Sequence[Track] | None = None
    kept: FaceEdits | None = None

    @property
    def is_busy(self) -> bool:
        """Whether its analysis waits or runs."""
        return self.job is not None and not self.job.is_over

    @property
    def clip(self) -> Clip | None:
        """What was read; None if there is nothing."""
        if self.job is None or self.job.state != "done" or self.job.work is None:
            return None
        return self.job.work.clip


def state_of(id: str) -> VideoState:
    """What is kept of a video."""
    states: dict[str, VideoState] = session_keys.VIDEO_STATES.get() or {}
    return states.get(id) or VideoState()


def change(id: str, **values: Any) -> VideoState:
    """Replace some of what is kept of a video, and return all of it."""
    changed = replace(state_of(id), **values)
    session_keys.VIDEO_STATES.set({**(session_keys.VIDEO_STATES.get() or {}), id: changed})
    return changed


def begin(id: str, order: Order, job: Job[VideoAnalysisJob]) -> None:
    """Note that an analysis was started: the results of the one before are gone."""
    state = state_of(id)
    states = session_keys.VIDEO_STATES.get() or {}
    session_keys.VIDEO_STATES.set({**states, id: VideoState(state.info, order=order, job=job)})


def keep_only(ids: Collection[str]) -> bool:
    """End the analyses of all other videos and forget them; return whether there were any."""
    states: dict[str, VideoState] = session_keys.VIDEO_STATES.get() or {}
    gone = [id for id in states if id not in ids]
    jobs.end([job for id in gone if (job := states[id].job) is not None])
    if gone:
        left = {id: state for id, state in states.items() if id in ids}
        session_keys.VIDEO_STATES.set(left)
    return bool(gone)
