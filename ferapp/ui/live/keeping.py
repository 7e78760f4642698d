"""Pictures that the visitor keeps: a snapshot, and a short clip, both as they are shown.

They are made after consent, stay in the memory of the app until the visitor discards them or
leaves, and reach a disk only as a download.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ferapp.media.images import png_bytes
from ferapp.serving.live_clip import MOST_S, ClipFormat, LiveClip
from ferapp.serving.live_pictures import LivePicture
from ferapp.ui.live.webcam import Viewer
from ferapp.ui.shared import session_keys
from ferapp.ui.shared.consent import WHO
from ferapp.wording import clock

FORMATS: Final[dict[str, ClipFormat]] = {"MP4 (H.264)": "mp4", "AVI (Motion JPEG)": "avi"}
_MIME: Final = {"mp4": "video/mp4", "avi": "video/x-msvideo"}

_PURPOSE: Final = f"""
**What is kept:** the picture as it is shown, with faces, boxes and labels: one frame as a
snapshot, or up to {MOST_S:.0f} seconds as a clip, without sound.

**Where:** in this app's memory, for you alone, until you discard it or close the page; on a disk
only if you download it. It is no part of a recorded session. Nothing is sent anywhere.
"""


@dataclass(frozen=True)
class Snapshot:
    """A picture that the visitor keeps.

    Attributes:
        png: The file.
        name: Its name.
    """

    png: bytes
    name: str


def keep_buttons(row: DeltaGenerator, viewer: Viewer, format: ClipFormat, *, is_on: bool) -> None:
    """The buttons that take a snapshot, and begin or end a clip."""
    picture = viewer.pictures.last
    if row.button(
        "Snapshot",
        icon=":material/photo_camera:",
        disabled=not is_on,
        help="Keep the picture as it is now, with its labels, to download it as PNG.",
    ):
        # The picture of this moment, not of when the visitor has agreed.
        _after_consent(lambda: _take(picture))
    clip = viewer.pictures.clip
    if clip is not None and clip.is_running:
        if row.button("Stop clip", icon=":material/stop_circle:"):
            clip.stop()
            st.rerun()
    elif row.button(
        "Clip",
        icon=":material/videocam:",
        disabled=not is_on,
        help=f"Record the picture with its labels, up to {MOST_S:.0f} seconds, to download it.",
    ):
        _after_consent(lambda: viewer.pictures.begin_clip(format))


def show_kept(viewer: Viewer) -> None:
    """The snapshot and the clip that are kept, each with Download and Discard."""
    snapshot: Snapshot | None = session_keys.SNAPSHOT.get()
    clip = viewer.pictures.clip
    if snapshot is None and (clip is None or clip.is_running):
        return
    left, right = st.columns(2, gap="medium")
    if snapshot is not None:
        with left.container(border=True):
            st.image(snapshot.png, caption="Snapshot", alt="The snapshot")
            with st.container(horizontal=True):
                st.download_button(
                    "Download PNG",
                    snapshot.png,
                    snapshot.name,
                    "image/png",
                    icon=":material/download:",
                    on_click="ignore",
                )
                st.button("Discard snapshot", on_click=session_keys.SNAPSHOT.clear)
    if clip is not None and not clip.is_running:
        with right.container(border=True):
            _show_clip(clip, viewer)


def _show_clip(clip: LiveClip, viewer: Viewer) -> None:
    clip.stop()
    data = clip.data
    if clip.failure:
        st.text(clip.failure)
    elif data is None:
        st.caption("The clip has no frames.")
    else:
        if clip.format == "mp4":
            st.video(data, format="video/mp4")
        early = f" {clip.ended_early}" if clip.ended_early else ""
        size = f"{len(data) / 1e6:.1f} MB"
        note = "" if clip.format == "mp4" else " Browsers don't play AVI; other programs do."
        st.caption(f"Clip of {clock(clip.length_s)}, {size}.{early}{note}")
    with st.container(horizontal=True):
        if data is not None:
            st.download_button(
                f"Download {clip.format.upper()}",
                data,
                f"ferapp-clip-{datetime.now():%Y%m%d-%H%M%S}.{clip.format}",
                _MIME[clip.format],
                icon=":material/download:",
                on_click="ignore",
            )
        st.button("Discard clip", on_click=viewer.pictures.forget_clip)


def clip_mark(viewer: Viewer) -> None:
    """The red mark of a clip that is being recorded; for a fragment."""
    clip = viewer.pictures.clip
    is_running = clip is not None and clip.is_running
    if clip is not None and is_running:
        limit = clock(MOST_S)
        st.markdown(f":red[**● Clip {clock(clip.length_s)}**] of {limit} · with pictures")
    if session_keys.CLIP_SHOWN.get() and not is_running:
        # The button on the page has to change as well.
        session_keys.CLIP_SHOWN.clear()
        st.rerun()
    if is_running:
        session_keys.CLIP_SHOWN.set(True)


def _take(picture: LivePicture | None) -> None:
    if picture is not None:
        name = f"ferapp-snapshot-{datetime.now():%Y%m%d-%H%M%S}.png"
        session_keys.SNAPSHOT.set(Snapshot(png_bytes(picture.image_rgb), name))


def _after_consent(act: Callable[[], None]) -> None:
    """Act at once where the visitor has agreed before, else after the dialog."""
    if session_keys.PICTURE_CONSENT.get():
        act()
        st.rerun()
    _ask(act)


@st.dialog("Before a picture is kept", width="medium")
def _ask(act: Callable[[], None]) -> None:
    st.markdown(_PURPOSE)
    who = st.radio("Who is shown?", WHO, index=None, key="picture-consent-who")
    if st.button("Agree and keep", type="primary", disabled=who is None):
        session_keys.PICTURE_CONSENT.set(f"{who}; {datetime.now().astimezone():%c %z}")
        act()
        st.rerun()
