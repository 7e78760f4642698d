"""The settings of an analysis: which part of a video is read, and how."""

import math
from collections.abc import Sequence
from typing import Final

import streamlit as st

from ferapp.media.video import VideoInfo
from ferapp.pipeline.clip import wanted_frames
from ferapp.settings import ClipSettings, StreamSettings, VideoPart
from ferapp.ui.shared.controls import Choice, choose_time_constant

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


def choose_part(id: str, info: VideoInfo) -> VideoPart:
    """Let the visitor choose a part of the time, and a track if there are several."""
    track: int | None = None
    if len(info.tracks) > 1:
        numbers = list(range(1, len(info.tracks) + 1))
        track = st.selectbox(
            "Video track",
            numbers,
            index=info.track - 1,
            key=f"video-track-{id}",
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
        key=f"video-part-{id}",
        help="Times in the results stay those of the whole video. The annotated copy holds only "
        "this part.",
    )
    if to_s <= from_s:
        st.caption("The start and the end are the same: the video is read to its end.")
        return VideoPart(track, min(from_s, end_s - 0.1))
    return VideoPart(track, from_s, None if to_s >= end_s else to_s)


def choose_settings(choice: Choice, infos: Sequence[VideoInfo], part: VideoPart) -> ClipSettings:
    """Let the visitor choose how videos are read.

    Args:
        choice: From the sidebar.
        infos: What their containers claim.
        part: Which part of each is read.
    """
    settings = st.expander("How it is read", icon=":material/tune:")
    row = settings.container(horizontal=True, vertical_alignment="bottom")
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
    time_constant_s = choose_time_constant(
        "video-smoothing",
        "Longer: steadier curves and labels, but short expressions disappear. Smoothing looks "
        "ahead as well as back, so that changes are not late.",
        place=row,
        width=240,
    )
    per_second = _RATES[rate]
    frames = [wanted_frames(info, per_second, part) for info in infos]
    if all(frames):
        settings.caption(f"About {sum(frames):,} frames will be read.")
    stream = StreamSettings(
        choice.settings, time_constant_s, detect_every=every, reads_followed=True
    )
    return ClipSettings(stream, per_second, part=part)
