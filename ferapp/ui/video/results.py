"""The results for a video: its faces, their curves, the files, and the annotated copy."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import streamlit as st

from ferapp.labels import face_phrase, face_title
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip, recording_of_clip
from ferapp.pipeline.record import tracks_of
from ferapp.serving.video_jobs import Portrait, VideoAnalysisJob, VideoCopyJob
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.settings import ClipSettings
from ferapp.system.text import to_ascii
from ferapp.ui.shared import session_files, session_keys, session_views
from ferapp.ui.shared.faces.editing import edit_faces
from ferapp.ui.shared.faces.selection import show_again
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
    edits = _edits(clip)
    readings = edits.apply(clip.readings)
    faces = readings.faces
    extent = f"{clip.frames:,} frames over {clock(clip.duration_s)}"
    if clip.cuts_s:
        extent += f" in {len(clip.cuts_s) + 1} scenes"
    if not faces:
        st.info(f"{extent}: no face was found.", icon=":material/no_accounts:")
        return
    count = counted(len(faces), "face")
    st.subheader(f"{count} in {extent}", anchor=False)
    session = _session(clip, edits, analyzer, settings)
    _show_cards(readings, edits.names, _portraits(reading, edits))
    edit_faces(
        session,
        readings,
        change=lambda edit: session_keys.VIDEO_EDITS.set(
            (clip, edits.add(edit, clip.readings.at_s, clip.readings.face))
        ),
        undo=lambda: session_keys.VIDEO_EDITS.set((clip, edits.undo())),
    )
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
            session_views.curves_of(session, readings)
        case "Summary":
            session_views.summary_of(session, readings)
        case "Replay":
            session_views.replay(session, readings)
        case "Annotated copy":
            _show_copy_view(key, read, clip, edits)
        case _:
            session_files.downloads(session, readings)
    clip_controls(session.recording.id, clip, edits, analyzer, settings)


def forget() -> None:
    """Drop the results of a video."""
    jobs.stop(session_keys.COPY_JOB)
    for key in (
        session_keys.VIDEO_SESSION,
        session_keys.VIDEO_EDITS,
        session_keys.COPY_ORDER,
        session_keys.COPY_FACES,
    ):
        key.clear()


def _edits(clip: Clip) -> FaceEdits:
    """What the visitor changed about the faces of the clip."""
    kept = session_keys.VIDEO_EDITS.get()
    return kept[1] if kept is not None and kept[0] is clip else FaceEdits()


def _session(clip: Clip, edits: FaceEdits, analyzer: Analyzer, settings: ClipSettings) -> Overview:
    """The clip as a session that is not stored; its id is the same at each rerun."""
    kept = session_keys.VIDEO_SESSION.get()
    if kept is None or kept[0] is not clip:
        title = "Video"
        whole = recording_of_clip(title, clip, analyzer, settings)
        kept = (clip, Overview(whole, clip.duration_s, len(clip.readings), None, False))
        session_keys.VIDEO_SESSION.set(kept)
    session = kept[1]
    recording = replace(session.recording, names=edits.names)
    return replace(session, recording=recording, edits=edits)


def _portraits(reading: VideoAnalysisJob, edits: FaceEdits) -> dict[int, Portrait]:
    """The best portrait of each face after the changes; none of a part without one."""
    best: dict[int, Portrait] = {}
    for recorded, portrait in reading.portraits.items():
        face = int(edits.renumber(np.array([portrait.at_s]), np.array([recorded]))[0])
        if face not in best or portrait.side_px > best[face].side_px:
            best[face] = portrait
    return best


def _show_cards(
    readings: Readings, names: Mapping[int, str], portraits: Mapping[int, Portrait]
) -> None:
    tracks = sorted(tracks_of(readings), key=lambda track: -track.readings)
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
        portrait = portraits.get(face)
        if portrait is not None:
            card.image(portrait.jpeg, width=_CARD_PX, alt=face_title(face, names))
        card.markdown(f"**Face {face}**")
        if face in names:
            card.text(names[face])
        card.caption(
            f"{clock(track.first_s)} to {clock(track.last_s)}  \n"
            + ("  \n".join(tops) or "not readable")
        )
    if len(tracks) > _MOST_CARDS:
        st.caption(f"{len(tracks) - _MOST_CARDS} more faces, seen for a shorter time.")


def _show_copy_view(key: str, read: Callable[[], bytes], clip: Clip, edits: FaceEdits) -> None:
    """Make and show an MP4 file with boxes and labels, in which only chosen faces can be seen."""
    st.markdown(
        "The video with boxes, labels and its sound, as MP4 (H.264). Faces that you do not "
        "choose are blurred, and so is anything that may be a face."
    )
    names = edits.names
    faces, counts = np.unique(edits.apply(clip.readings).face, return_counts=True)
    options = [int(face) for face in faces[np.argsort(-counts, kind="stable")]]
    chosen = session_keys.COPY_FACES.get()
    # A face that was merged with another one is not shown unless the other is chosen.
    kept = options[:1] if chosen is None else [face for face in chosen if face in options]
    show_again(session_keys.COPY_FACES, kept, [face_title(face, names) for face in kept])
    shown = st.multiselect(
        "Faces to show",
        options,
        key=session_keys.COPY_FACES.name,
        persist_state="session",
        format_func=lambda face: face_title(face, names),
        placeholder="None: all are blurred",
    )
    blurs = st.toggle("Blur all others", value=True, key="copy-blur", persist_state="session")
    if plain := [face_phrase(face, {}) for face, name in names.items() if not to_ascii(name)]:
        st.caption(
            f"The font of the copy can't write the name of {', '.join(plain)}; the number stands "
            "there instead."
        )
    order = (key, tuple(shown), blurs, edits)
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
        overlay = Overlay.of_clip(clip, visible, hides_others=blurs, edits=edits)
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
