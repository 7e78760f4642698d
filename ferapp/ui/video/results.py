"""The results for a video: its faces, their curves, the files, and the annotated copy."""

from collections.abc import Callable
from typing import Final

import numpy as np
import streamlit as st

from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip, recording_of_clip
from ferapp.pipeline.record import tracks_of
from ferapp.serving.video_jobs import VideoAnalysisJob, VideoCopyJob
from ferapp.sessions.store import Overview
from ferapp.settings import ClipSettings
from ferapp.ui.shared import session_files, session_keys, session_views
from ferapp.ui.video import jobs
from ferapp.ui.video.recording import clip_controls
from ferapp.vision.annotate import percent
from ferapp.wording import clock, counted

_MOST_CARDS: Final = 12
_CARD_PX: Final = 120
# The browser has to hold in memory what it plays.
_MOST_PLAYED: Final = 200_000_000


def show(
    key: str,
    read: Callable[[], bytes],
    reading: VideoAnalysisJob,
    analyzer: Analyzer,
    settings: ClipSettings,
) -> None:
    """Show all results.

    Args:
        key: Of the video.
        read: Returns the bytes of its file.
        reading: The finished analysis.
        analyzer: The one that was used.
        settings: Those that were used.
    """
    clip = reading.clip
    assert clip is not None
    if clip.damage:
        st.warning(f"**Partial.** {clip.damage}", icon=":material/broken_image:")
    if clip.notes:
        st.caption(" ".join(clip.notes))
    faces = clip.readings.faces
    extent = f"{clip.frames:,} frames over {clock(clip.duration_s)}"
    if clip.cuts_s:
        extent += f" in {len(clip.cuts_s) + 1} scenes"
    if not faces:
        st.info(f"{extent}: no face was found.", icon=":material/no_accounts:")
        return
    count = counted(len(faces), "face")
    st.subheader(f"{count} in {extent}", anchor=False)
    session = _session(clip, analyzer, settings)
    _show_cards(clip, reading)
    view = st.segmented_control(
        "Show",
        ["Over time", "Summary", "Replay", "Annotated copy", "Files"],
        default="Over time",
        required=True,
        key="video-view",
        persist_state="session",
    )
    if view != "Replay":
        session_views.stop_replay()
    match view:
        case "Over time":
            session_views.curves_of(session, clip.readings)
        case "Summary":
            session_views.summary_of(session, clip.readings)
        case "Replay":
            session_views.replay(session, clip.readings)
        case "Annotated copy":
            _show_copy_view(key, read, clip)
        case _:
            session_files.downloads(session, clip.readings)
    clip_controls(session.recording.id, clip, analyzer, settings)


def forget() -> None:
    """Drop the results of a video."""
    jobs.stop(session_keys.COPY_JOB)
    for key in (session_keys.VIDEO_SESSION, session_keys.COPY_ORDER, session_keys.COPY_FACES):
        key.clear()


def _session(clip: Clip, analyzer: Analyzer, settings: ClipSettings) -> Overview:
    """The clip as a session that is not stored; the same at each rerun."""
    kept = session_keys.VIDEO_SESSION.get()
    if kept is None or kept[0] is not clip:
        title = "Video"
        whole = recording_of_clip(title, clip, analyzer, settings)
        # A replay runs up to the end of the part, in the times of the video.
        end_s = clip.part.from_s + clip.duration_s
        kept = (clip, Overview(whole, end_s, len(clip.readings), None, False))
        session_keys.VIDEO_SESSION.set(kept)
    return kept[1]


def _show_cards(clip: Clip, reading: VideoAnalysisJob) -> None:
    tracks = sorted(tracks_of(clip.readings), key=lambda track: -track.readings)
    row = st.container(horizontal=True)
    for track in tracks[:_MOST_CARDS]:
        face = track.face
        # A face that was seen once has no duration.
        total = sum(track.seconds.values()) or 1.0
        tops = [
            f"{name} {percent(seconds / total)} of the time"
            for name, seconds in list(track.seconds.items())[:2]
        ]
        card = row.container(width=_CARD_PX)
        portrait = reading.portraits.get(face)
        if portrait is not None:
            card.image(portrait.jpeg, width=_CARD_PX, alt=f"Face {face}")
        card.markdown(f"**Face {face}**")
        card.caption(
            f"{clock(track.first_s)} to {clock(track.last_s)}  \n"
            + ("  \n".join(tops) or "not readable")
        )
    if len(tracks) > _MOST_CARDS:
        st.caption(f"{len(tracks) - _MOST_CARDS} more faces, seen for a shorter time.")


def _show_copy_view(key: str, read: Callable[[], bytes], clip: Clip) -> None:
    """Make and show an MP4 file with boxes and labels, in which only chosen faces can be seen."""
    st.markdown(
        "The video with boxes, labels and its sound, as MP4 (H.264). Faces that you do not "
        "choose are blurred, and so is anything that may be a face."
    )
    faces, counts = np.unique(clip.readings.face, return_counts=True)
    options = [int(face) for face in faces[np.argsort(-counts, kind="stable")]]
    shown = st.multiselect(
        "Faces to show",
        options,
        default=options[:1],
        key=session_keys.COPY_FACES.name,
        persist_state="session",
        format_func=lambda face: f"Face {face}",
        placeholder="None: all are blurred",
    )
    blurs = st.toggle("Blur all others", value=True, key="copy-blur", persist_state="session")
    order = (key, tuple(shown), blurs)
    job = session_keys.COPY_JOB.get()
    if job is not None and not job.is_over:
        st.button(
            "Cancel", icon=":material/stop:", on_click=jobs.cancel, args=(session_keys.COPY_JOB,)
        )
        jobs.watch(job, lambda job: f"{clock(job.done)} of {clock(job.total)} copied", _no_picture)
        return
    is_made = job is not None and job.state == "done" and session_keys.COPY_ORDER.get() == order
    if not is_made and st.button("Make the copy", icon=":material/movie_edit:", type="primary"):
        visible = frozenset(shown) if blurs or len(shown) < len(options) else None
        overlay = Overlay.of_clip(clip, visible, hides_others=blurs)
        session_keys.COPY_ORDER.set(order)
        jobs.start(
            session_keys.COPY_JOB,
            lambda: VideoCopyJob(read(), overlay, clip.duration_s, clip.part),
            name="copy",
        )
        st.rerun()
    if job is None:
        return
    if job.state == "cancelled":
        st.caption("Cancelled.")
    elif job.work is None or not job.work.mp4:
        st.markdown("**This did not work**")
        st.text(job.failure)
    elif session_keys.COPY_ORDER.get() == order:
        _show_finished_copy(job.work)
    else:
        st.caption("Your choice has changed since the last copy was made.")


def _show_finished_copy(copying: VideoCopyJob) -> None:
    if copying.note:
        st.warning(copying.note, icon=":material/info:")
    if len(copying.mp4) <= _MOST_PLAYED:
        st.video(copying.mp4, alt="The annotated copy")
    else:
        st.caption("The copy is too large to play here; download it.")
    st.download_button(
        f"Download the copy ({len(copying.mp4) / 1e6:.1f} MB)",
        copying.mp4,
        file_name="ferapp-annotated.mp4",
        mime="video/mp4",
        icon=":material/download:",
        on_click="ignore",
    )
    st.caption(
        "Faces that the detector missed are not blurred: check the copy before you share it."
    )


def _no_picture(work: object) -> bytes:
    return b""
