"""Where videos come from: uploads, or the demo clip."""

from pathlib import Path
from typing import Final

import streamlit as st

from ferapp.errors import VideoError
from ferapp.media.encoder import Encoder
from ferapp.media.video import ENDINGS, Video, VideoInfo
from ferapp.serving.video_jobs import open_unnamed_file
from ferapp.system import scratch
from ferapp.system.text import one_line
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.demo_clip import demo_frame
from ferapp.ui.shared.sources import Source
from ferapp.ui.video import state
from ferapp.ui.video.state import VideoState
from ferapp.wording import clock, counted, duration_text

MAX_MB: Final = 500
MAX_HOURS: Final = 4
"""How long all videos of a visitor may be together: their results are held in memory."""

MAX_VIDEOS: Final = 20
_DEMO_S: Final = 24
_DEMO_RATE: Final = 15


def choose_videos() -> list[Source]:
    """Let the visitor choose videos, and return them.

    Raises:
        VideoError: They are too many or too large.
    """
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
        return [Source("demo", "Demo clip", lambda: _demo_bytes())]
    st.file_uploader(
        "Videos",
        type=[ending.removeprefix(".") for ending in ENDINGS],
        key=session_keys.VIDEO_FILES.name,
        on_change=_remember,
        accept_multiple_files=True,
        max_upload_size=MAX_MB,
        help=f"MP4, MOV, MKV, WebM, AVI, MPEG, WMV, FLV and more, up to {MAX_MB} MB each; several "
        f"are analysed one after the other, up to {MAX_VIDEOS} and {MAX_HOURS} hours together. "
        "`python -m ferapp video` has no such limits.",
    )
    files = session_keys.VIDEO_UPLOADS.get() or []
    if files and not session_keys.VIDEO_FILES.get():
        st.button(
            f"Remove {counted(len(files), 'uploaded video')}",
            icon=":material/delete:",
            on_click=session_keys.VIDEO_UPLOADS.clear,
        )
    if len(files) > MAX_VIDEOS:
        raise VideoError(
            f"This page takes up to {MAX_VIDEOS} videos at a time, and these are {len(files)}; "
            "`python -m ferapp batch` has no such limit."
        )
    if any(file.size > MAX_MB * 1_000_000 for file in files):
        raise VideoError(f"The file is larger than {MAX_MB} MB; `python -m ferapp video` reads it.")
    return [Source(file.file_id, one_line(file.name), file.getvalue) for file in files]


def _remember() -> None:
    """Keep the uploads themselves: the widget forgets them when another page is opened."""
    session_keys.VIDEO_UPLOADS.set(session_keys.VIDEO_FILES.get() or [])


def open_videos(sources: list[Source]) -> dict[str, VideoState]:
    """What is kept of each video, after each has been opened once, by its id.

    Raises:
        VideoError: Together they are too long.
    """
    opened = {source.id: _open(source) for source in sources}
    infos = [each.info for each in opened.values() if each.info is not None]
    total_s = sum(info.duration_s or 0.0 for info in infos)
    if total_s > MAX_HOURS * 3600:
        what = "The video lasts" if len(sources) == 1 else "Together, the videos last"
        raise VideoError(
            f"{what} {clock(total_s)}, and this page reads up to {MAX_HOURS} hours; "
            "`python -m ferapp video` has no such limit."
        )
    return opened


def _open(source: Source) -> VideoState:
    kept = state.state_of(source.id)
    if kept.info is not None or kept.problem:
        return kept
    try:
        with (
            st.spinner("Opening the video …"),
            open_unnamed_file(source.read()) as file,
            Video(file) as video,
        ):
            return state.change(source.id, info=video.info)
    except VideoError as exc:
        return state.change(source.id, problem=str(exc))


def show_facts(info: VideoInfo) -> None:
    """Show how long a video is, and on request what else its container claims."""
    width, height = info.size_wh
    rate = info.frames_per_second
    length = f"**{duration_text(info.duration_s)}** long" if info.duration_s else "unknown length"
    sound = "with sound" if info.has_sound else "no sound"
    with st.expander(f"{length}, {sound}", icon=":material/movie:"):
        facts = (
            f"**{rate:.3g}** frames a second" if rate else "unknown frame rate",
            f"**{width} × {height}** pixels",
            f"codec **{info.codec}**",
        )
        st.markdown(" · ".join(facts))


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
