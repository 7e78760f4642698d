"""The video page: choosing a video and its settings, reading it, and the results."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from ferapp.errors import VideoError
from ferapp.media.encoder import Encoder
from ferapp.media.video import ENDINGS, Video, VideoInfo
from ferapp.pipeline.clip import wanted_frames
from ferapp.serving.job import Job
from ferapp.serving.video_jobs import VideoAnalysisJob, open_unnamed_file
from ferapp.settings import ClipSettings, StreamSettings, VideoPart
from ferapp.system import scratch
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.demo_clip import demo_frame
from ferapp.ui.shared.face_labels import draw_labels
from ferapp.ui.video import jobs, results
from ferapp.wording import clock

MAX_MB: Final = 500
MAX_HOURS: Final = 4
_RATES: Final[dict[str, float | None]] = {
    "Every frame": None,
    "15 a second": 15.0,
    "10 a second": 10.0,
    "5 a second": 5.0,
    "2 a second": 2.0,
    "1 a second": 1.0,
    "1 every 5 seconds": 0.2,
}
# Shorter videos are read whole; longer ones are cut to whole seconds.
_LEAST_CHOICE_S: Final = 1.0
_FINE_BELOW_S: Final = 600.0
_DEMO_S: Final = 24
_DEMO_RATE: Final = 15


@dataclass(frozen=True)
class Source:
    """A video to read.

    Attributes:
        id: Different for each upload, the same at each rerun.
        read: Returns the bytes of the file.
    """

    id: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class _Order:
    """What a job has to do."""

    source: str
    choice: Choice
    settings: ClipSettings


def show(choice: Choice) -> None:
    """The whole page below its heading."""
    source = _choose_video()
    order: _Order | None = session_keys.VIDEO_ORDER.get()
    if order is not None and (source is None or source.id != order.source):
        _forget()
        order = None
    if source is None:
        st.info(
            "Choose a video, or try the demo clip. It stays on the machine that runs ferapp, and "
            "nothing of it is stored. For many files, use `python -m ferapp batch`.",
            icon=":material/movie:",
        )
        return
    info = _load_info(source)
    settings = _choose_settings(choice, info, _choose_part(source, info))
    job = session_keys.VIDEO_JOB.get()
    wanted = _Order(source.id, choice, settings)
    _show_buttons(job, order, wanted, source)
    job = session_keys.VIDEO_JOB.get()
    order = session_keys.VIDEO_ORDER.get()
    if job is None or order is None:
        return
    if not job.is_over:
        jobs.watch(job, _progress_text, lambda work: work.preview)
        return
    if job.state == "cancelled":
        st.info("Cancelled; nothing was kept.", icon=":material/cancel:")
    elif job.work is None or job.work.clip is None:
        raise VideoError(job.failure)
    else:
        if order != wanted:
            st.caption("The settings have changed since these results were made.")
        analyzer = resources.analyzer(order.choice.models)
        results.show(source.id, source.read, job.work, analyzer, order.settings)


def _choose_video() -> Source | None:
    """Let the visitor choose a video."""
    where = st.segmented_control(
        "Source",
        ("Upload", "Demo clip"),
        default="Upload",
        required=True,
        key="video-where",
        persist_state="session",
        label_visibility="collapsed",
    )
    if where == "Demo clip":
        return Source("demo", lambda: _demo_bytes())
    st.file_uploader(
        "A video",
        type=[ending.removeprefix(".") for ending in ENDINGS],
        key=session_keys.VIDEO_FILE.name,
        on_change=_remember,
        max_upload_size=MAX_MB,
        help=f"MP4, MOV, MKV, WebM, AVI, MPEG, WMV, FLV and more, up to {MAX_MB} MB and "
        f"{MAX_HOURS} hours. `python -m ferapp video` has no such limit.",
    )
    file = session_keys.VIDEO_UPLOAD.get()
    if file is None:
        return None
    if session_keys.VIDEO_FILE.get() is None:
        st.button(
            "Remove the uploaded video",
            icon=":material/delete:",
            on_click=session_keys.VIDEO_UPLOAD.clear,
        )
    if file.size > MAX_MB * 1_000_000:
        raise VideoError(f"The file is larger than {MAX_MB} MB; `python -m ferapp video` reads it.")
    return Source(file.file_id, file.getvalue)


def _remember() -> None:
    """Keep the upload itself: the widget forgets it when another page is opened."""
    if file := session_keys.VIDEO_FILE.get():
        session_keys.VIDEO_UPLOAD.set(file)
    else:
        session_keys.VIDEO_UPLOAD.clear()


def _forget() -> None:
    """Drop what is kept of a video that is no longer there."""
    jobs.stop(session_keys.VIDEO_JOB)
    session_keys.VIDEO_ORDER.clear()
    session_keys.VIDEO_INFO.clear()
    results.forget()


def _load_info(source: Source) -> VideoInfo:
    """Show what the container claims about the video, read once per video, and return it."""
    known = session_keys.VIDEO_INFO.get()
    if known is None or known[0] != source.id:
        with (
            st.spinner("Opening the video …"),
            open_unnamed_file(source.read()) as file,
            Video(file) as video,
        ):
            known = (source.id, video.info)
        session_keys.VIDEO_INFO.set(known)
    info = known[1]
    if info.duration_s and info.duration_s > MAX_HOURS * 3600:
        raise VideoError(
            f"The video lasts {clock(info.duration_s)}, and this page reads up to {MAX_HOURS} "
            "hours; `python -m ferapp video` has no such limit."
        )
    width, height = info.size_wh
    rate = info.frames_per_second
    facts = (
        f"**{clock(info.duration_s)}** long" if info.duration_s else "unknown length",
        f"**{rate:.3g}** frames a second" if rate else "unknown frame rate",
        f"**{width} × {height}** pixels",
        f"codec **{info.codec}**",
        "with sound" if info.has_sound else "no sound",
    )
    st.markdown(" · ".join(facts))
    return info


def _choose_part(source: Source, info: VideoInfo) -> VideoPart:
    """Let the visitor choose a part of the time, and a track if there are several."""
    track: int | None = None
    if len(info.tracks) > 1:
        numbers = list(range(1, len(info.tracks) + 1))
        track = st.selectbox(
            "Video track",
            numbers,
            index=info.track - 1,
            key=f"video-track-{source.id}",
            format_func=lambda number: info.tracks[number - 1],
            width=300,
            help="The file has several. Players show the one that is chosen here at first.",
        )
    end_s = math.ceil(10 * (info.duration_s or 0)) / 10
    if end_s < _LEAST_CHOICE_S:
        return VideoPart(track)
    from_s, to_s = st.slider(
        "Part to read",
        0.0,
        end_s,
        (0.0, end_s),
        0.1 if end_s < _FINE_BELOW_S else 1.0,
        format="%.1f s",
        key=f"video-part-{source.id}",
        help="Times in the results stay those of the whole video. The annotated copy holds only "
        "this part.",
    )
    if to_s <= from_s:
        st.caption("The start and the end are the same: the video is read to its end.")
        return VideoPart(track, min(from_s, end_s - 0.1))
    return VideoPart(track, from_s, None if to_s >= end_s else to_s)


def _choose_settings(choice: Choice, info: VideoInfo, part: VideoPart) -> ClipSettings:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    rate = row.selectbox(
        "Frames to read",
        list(_RATES),
        key="video-rate",
        persist_state="session",
        width=200,
        help="Fewer are faster. Expressions change within tenths of a second; below five frames "
        "a second, short ones are missed.",
    )
    every = row.number_input(
        "Look for faces in every n-th frame",
        1,
        30,
        value=None,
        placeholder="15 times a second",
        key="video-every",
        persist_state="session",
        width=200,
        help="In between, faces are followed and read where they are expected: faster, but less "
        "reliable when they move.",
    )
    time_constant_s = row.slider(
        "Smoothing (time constant)",
        0.0,
        3.0,
        StreamSettings().time_constant_s,
        0.1,
        format="%.1f s",
        key="video-smoothing",
        persist_state="session",
        width=240,
        help="Longer: steadier curves and labels, but short expressions disappear. Smoothing looks "
        "ahead as well as back, so that changes are not late.",
    )
    per_second = _RATES[rate]
    frames = wanted_frames(info, per_second, part)
    if frames:
        st.caption(f"About {frames:,} frames will be read.")
    stream = StreamSettings(
        choice.settings, time_constant_s, detect_every=every, reads_followed=True
    )
    return ClipSettings(stream, per_second, part=part)


def _show_buttons(
    job: Job[VideoAnalysisJob] | None, order: _Order | None, wanted: _Order, source: Source
) -> None:
    if job is not None and not job.is_over:
        # Not in the fragment below, which changes too often to be clicked.
        st.button(
            "Cancel", icon=":material/stop:", on_click=jobs.cancel, args=(session_keys.VIDEO_JOB,)
        )
        return
    is_done = job is not None and job.state == "done" and order == wanted
    if is_done:
        return
    label = "Analyse" if job is None else "Analyse again"
    if st.button(label, icon=":material/play_arrow:", type="primary"):
        analyzer = resources.analyzer(wanted.choice.models)
        results.forget()
        session_keys.VIDEO_ORDER.set(wanted)
        jobs.start(
            session_keys.VIDEO_JOB,
            lambda: VideoAnalysisJob(source.read(), analyzer, wanted.settings, draw_labels),
            name="read",
        )
        st.rerun()


def _progress_text(job: Job[Any]) -> str:
    count = f"{job.done:,.0f} of {job.total:,.0f}" if job.total else f"{job.done:,.0f}"
    return f"{count} frames read"


@st.cache_resource(show_spinner="Making the demo clip …")
def _demo_bytes() -> bytes:
    """A clip of the sample portraits."""
    with scratch.scratch() as folder:
        out = Path(folder) / "demo.mp4"
        with Encoder(out, (640, 480)) as encoder:
            for number in range(_DEMO_S * _DEMO_RATE):
                at_s = number / _DEMO_RATE
                encoder.add(demo_frame(at_s), at_s)
        return out.read_bytes()
