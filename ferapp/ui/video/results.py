"""The results of one video: the player, its faces, the views below it, and what is kept."""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas
import streamlit as st

from ferapp.labels import face_phrase, label_text
from ferapp.media.video import VideoInfo
from ferapp.pipeline.analyzer import Analyzer
from ferapp.pipeline.clip import Clip, recording_of_clip
from ferapp.pipeline.record import Track, tracks_of
from ferapp.serving.video_jobs import Portrait, VideoAnalysisJob
from ferapp.sessions.face_edits import FaceEdits
from ferapp.sessions.session import Readings
from ferapp.sessions.store import Overview
from ferapp.ui.server.private_parts import media_address
from ferapp.ui.shared import session_files, session_keys, session_views
from ferapp.ui.shared.faces.editing import edit_faces
from ferapp.ui.shared.sources import Source
from ferapp.ui.video import copying, state
from ferapp.ui.video.copying import CopyState, copy_controls
from ferapp.ui.video.player import Faces, Playing, show_player
from ferapp.ui.video.recording import clip_controls
from ferapp.wording import counted, duration_text

# A browser that asks for all of a file at once gets a copy of it.
_MOST_PLAYED: Final = 200_000_000
_MOST_ROWS: Final = 1_000
# Containers that some browsers play, and their media types; what is in them may still be unknown.
_PLAYED: Final = {"mov": "video/mp4", "matroska": "video/webm", "ogg": "video/ogg"}


def show(source: Source, analyzer: Analyzer) -> None:
    """Show all results of a video whose analysis is done.

    Args:
        source: The video.
        analyzer: The one that was used.
    """
    kept = state.state_of(source.id)
    clip, order, job = kept.clip, kept.order, kept.job
    assert clip is not None and order is not None and job is not None and job.work is not None
    if clip.damage:
        st.warning(f"**Partial.** {clip.damage}", icon=":material/broken_image:")
    if clip.notes:
        st.caption(" ".join(clip.notes))
    edits = kept.edits
    readings = edits.apply(clip.readings)
    extent = duration_text(clip.duration_s)
    if clip.cuts_s:
        extent += f", {len(clip.cuts_s) + 1} scenes"
    if not len(readings):
        st.info(f"No face was found in {extent}.", icon=":material/no_accounts:")
        _show_details(clip)
        return
    tracks = tracks_in(source.id, clip)
    st.subheader(f"{counted(len(tracks), 'face')} in {extent}", anchor=False)
    session = _session(source.id, clip, analyzer)
    if session_keys.COPY_VIDEO.get() != source.id:
        forget()
        session_keys.COPY_VIDEO.set(source.id)
    copy = copy_controls(source.id, source.read, clip, edits)
    playing, note = _what_is_played(source, kept.info, clip, copy)
    faces = Faces(tracks, _portraits(job.work, edits), copy.hidden)
    face = show_player(session, clip, readings, faces, playing, note)
    edit_faces(
        session,
        readings,
        change=lambda edit: state.change(
            source.id, edits=edits.add(edit, clip.readings.at_s, clip.readings.face), tracks=None
        ),
        undo=lambda: state.change(source.id, edits=edits.undo(), tracks=None),
    )
    _show_views(session, readings, face)
    clip_controls(source.id, clip, analyzer, order.settings)
    _show_details(clip)


def forget() -> None:
    """Drop what was made for the video that was shown before."""
    copying.forget()
    session_keys.COPY_FACES.clear()
    session_keys.COPY_VIDEO.clear()


def tracks_in(id: str, clip: Clip) -> list[Track]:
    """The faces of a video after all changes, the one seen longest first.

    Args:
        id: Of the video.
        clip: What was read.
    """
    kept = state.state_of(id)
    if kept.tracks is None:
        tracks = tracks_of(kept.edits.apply(clip.readings))
        kept = state.change(id, tracks=sorted(tracks, key=lambda track: -track.readings))
    assert kept.tracks is not None
    return list(kept.tracks)


def _session(id: str, clip: Clip, analyzer: Analyzer) -> Overview:
    """The clip as a session that is not stored; its id is the same at each rerun."""
    kept = state.state_of(id)
    if kept.session is None:
        assert kept.order is not None
        whole = recording_of_clip("Video", clip, analyzer, kept.order.settings)
        session = Overview(whole, clip.duration_s, len(clip.readings), None, False)
        kept = state.change(id, session=session)
    assert kept.session is not None
    recording = replace(kept.session.recording, names=kept.edits.names)
    return replace(kept.session, recording=recording, edits=kept.edits)


def _what_is_played(
    source: Source, info: VideoInfo | None, clip: Clip, copy: CopyState
) -> tuple[Playing | None, str]:
    """What the player plays; where it plays nothing, None and the reason."""
    has_sound = clip.info.has_sound
    if copy.mp4:
        if len(copy.mp4) > _MOST_PLAYED:
            return None, "The copy is too large to play here; download it."
        address = media_address(copy.mp4, "video/mp4", "copy")
        return Playing(address, clip.part.from_s, has_sound, has_boxes=True), ""
    if copy.hides:
        return None, "The copy, in which faces are blurred, is being made; the video is not shown."
    mime = _PLAYED.get(clip.info.container)
    data = source.read()
    if mime is None or (info is not None and clip.info.track != info.track):
        return None, (
            "Browsers can't play this kind of video, so you see the boxes on an empty frame. They "
            "can play the annotated copy, which you can make above."
        )
    if len(data) > _MOST_PLAYED:
        return None, "The video is too large to play here, so you see the boxes on an empty frame."
    return Playing(media_address(data, mime, "video"), 0.0, has_sound, has_boxes=False), ""


def _show_details(clip: Clip) -> None:
    """Numbers that few people need."""
    with st.expander("Details", icon=":material/info:"):
        st.markdown(
            f"**{counted(clip.frames, 'frame')}** read over {duration_text(clip.duration_s)}"
        )


def _portraits(reading: VideoAnalysisJob, edits: FaceEdits) -> dict[int, Portrait]:
    """The best portrait of each face after the changes; none of a part without one."""
    best: dict[int, Portrait] = {}
    for recorded, portrait in reading.portraits.items():
        face = int(edits.renumber(np.array([portrait.at_s]), np.array([recorded]))[0])
        if face not in best or portrait.side_px > best[face].side_px:
            best[face] = portrait
    return best


def _show_views(session: Overview, readings: Readings, face: int) -> None:
    """What there is below the player, of the face that is chosen in it."""
    view = st.segmented_control(
        "More",
        ["Summary", "Chart", "Table", "Files"],
        default="Summary",
        required=True,
        key="video-view",
        persist_state="session",
    )
    match view:
        case "Summary":
            session_views.summary_of(session, readings.of(face))
        case "Chart":
            session_views.curves_of(session, readings.of(face))
        case "Table":
            _show_table(session, readings.of(face), face)
        case _:
            session_files.downloads(session, readings)


def _show_table(session: Overview, readings: Readings, face: int) -> None:
    """The curve of a face as numbers."""
    shown = readings.at(np.arange(min(len(readings), _MOST_ROWS)))
    columns = {
        "time (s)": shown.at_s.round(2),
        "label": [
            label_text(expression, flaw)
            for expression, flaw in zip(shown.expression, shown.flaw, strict=True)
        ],
    }
    shares = {
        f"{name} (%)": (100 * shown.smoothed[:, column]).round(1)
        for column, name in enumerate(session.recording.labels)
    }
    st.dataframe(pandas.DataFrame({**columns, **shares}), hide_index=True)
    title = face_phrase(face, session.recording.names)
    what = (
        "The readings of"
        if len(shown) == len(readings)
        else f"The first {_MOST_ROWS:,} readings of"
    )
    st.text(f"{what} {title}, smoothed. The files have those of all faces.")
