"""The annotated copy of a video: made by one button, with the choice of who can be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import streamlit as st

from ferapp.labels import face_phrase, face_title
from ferapp.pipeline.annotated_copy.overlay import Overlay
from ferapp.pipeline.clip import Clip
from ferapp.serving.job import Job
from ferapp.serving.video_jobs import VideoCopyJob
from ferapp.sessions.face_edits import FaceEdits
from ferapp.system.text import to_ascii
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.faces.selection import show_again
from ferapp.ui.video import jobs
from ferapp.wording import clock

MAKE: Final = "Make an annotated copy"
_NO_FACES: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True)
class CopyState:
    """What the player has to know of the copy.

    Attributes:
        mp4: The copy; empty if there is none yet.
        hidden: Numbers of the faces that are blurred in it, or will be: while there are any, the
            video itself is not shown.
        hides: Whether anything is blurred in it, or will be.
    """

    mp4: bytes = b""
    hidden: frozenset[int] = _NO_FACES
    hides: bool = False


@dataclass(frozen=True)
class _Choice:
    """Who can be seen in a copy.

    Attributes:
        options: Numbers of all faces.
        shown: Those with a box and a label.
        blurs: Whether all others are blurred.
    """

    options: tuple[int, ...]
    shown: tuple[int, ...]
    blurs: bool


def copy_controls(key: str, read: Callable[[], bytes], clip: Clip, edits: FaceEdits) -> CopyState:
    """The button that makes an MP4 file with boxes and labels, its progress, and the download.

    Args:
        key: Of the video.
        read: Returns the bytes of its file.
        clip: What was read; at least one face.
        edits: Changes of its faces.
    """
    job = session_keys.COPY_JOB.get()
    if job is not None and not job.is_over:
        with st.container(border=True):
            st.markdown("**Making the annotated copy**")
            jobs.watch(job, _progress_text, lambda work: b"")
            st.button(
                "Cancel",
                icon=":material/stop:",
                key="cancel-copy",
                on_click=jobs.cancel,
                args=(session_keys.COPY_JOB,),
            )
        return _state(job, edits, clip)
    with st.container(horizontal=True, vertical_alignment="center"):
        make = st.empty()
        with st.popover("Who can be seen", icon=":material/visibility:"):
            choice = _choose_faces(clip, edits)
        order = (key, choice.shown, choice.blurs, edits)
        is_made = job is not None and job.state == "done" and session_keys.COPY_ORDER.get() == order
        if job is not None and job.work is not None and job.work.mp4:
            if is_made:
                _download_button(job.work)
            st.button("Discard the copy", icon=":material/delete:", on_click=forget)
    if not is_made and make.button(MAKE, icon=":material/movie_edit:"):
        _start(order, choice, read, clip)
        st.rerun()
    if job is not None:
        _say_how_it_went(job, is_made=is_made)
    return _state(job, edits, clip)


def forget() -> None:
    """Drop the copy, or stop making it; the choice of faces stays."""
    jobs.stop(session_keys.COPY_JOB)
    session_keys.COPY_ORDER.clear()


def _choose_faces(clip: Clip, edits: FaceEdits) -> _Choice:
    st.markdown(
        "The copy is the video with boxes, labels and its sound, as MP4 (H.264). Faces that you do "
        "not choose are blurred, and so is anything that may be a face."
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
    return _Choice(tuple(options), tuple(shown), blurs)


def _start(
    order: tuple[str, tuple[int, ...], bool, FaceEdits],
    choice: _Choice,
    read: Callable[[], bytes],
    clip: Clip,
) -> None:
    _, shown, blurs, edits = order
    visible = frozenset(shown) if blurs or len(shown) < len(choice.options) else None
    overlay = Overlay.of_clip(clip, visible, hides_others=blurs, edits=edits)
    session_keys.COPY_ORDER.set(order)
    jobs.start(
        session_keys.COPY_JOB,
        lambda: VideoCopyJob(read(), overlay, clip.duration_s, clip.read_part),
        name="copy",
    )


def _say_how_it_went(job: Job[VideoCopyJob], *, is_made: bool) -> None:
    if job.state == "cancelled":
        st.caption("Cancelled.")
    elif job.work is None or not job.work.mp4:
        st.markdown("**This did not work**")
        st.text(job.failure)
    elif not is_made:
        st.caption("Your choice has changed since the last copy was made.")
    else:
        if job.work.note:
            st.warning(job.work.note, icon=":material/info:")
        st.caption(
            "Faces that the detector missed are not blurred: check the copy before you share it."
        )


def _download_button(copying: VideoCopyJob) -> None:
    st.download_button(
        f"Download the copy ({len(copying.mp4) / 1e6:.1f} MB)",
        copying.mp4,
        file_name="ferapp-annotated.mp4",
        mime="video/mp4",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
    )


def _state(job: Job[VideoCopyJob] | None, edits: FaceEdits, clip: Clip) -> CopyState:
    """What the player has to know; a copy that failed or was cancelled hides nothing."""
    order = session_keys.COPY_ORDER.get()
    if job is None or order is None or job.state in ("failed", "cancelled"):
        return CopyState()
    _, shown, blurs, _ = order
    everyone = frozenset(edits.apply(clip.readings).faces)
    hidden = everyone - frozenset(shown) if blurs else _NO_FACES
    return CopyState(job.work.mp4 if job.work is not None else b"", hidden, blurs)


def _progress_text(job: Job[VideoCopyJob]) -> str:
    return f"{clock(job.done)} of {clock(job.total)} copied"
