"""The live page: the video, the panel beside it, and help when there is no video."""

import os
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import streamlit as st

from ferapp.labels import label_colour, label_text
from ferapp.pipeline.people import FaceReading
from ferapp.serving.latest import Snapshot
from ferapp.serving.live_clip import ClipFormat
from ferapp.serving.seats import Seats
from ferapp.settings import StreamSettings
from ferapp.temporal.smoothing import label_delay_s
from ferapp.ui.live.absence import show_absence
from ferapp.ui.live.baseline import baseline_buttons, show_baseline
from ferapp.ui.live.camera import CONNECTION_FAILED, CameraOptions
from ferapp.ui.live.keeping import FORMATS, clip_mark, keep_buttons, show_kept
from ferapp.ui.live.minute import show_minute
from ferapp.ui.live.recording import live_controls, live_mark, mark_now
from ferapp.ui.live.webcam import (
    DEMO_KEY,
    WIDTHS,
    LiveSettings,
    Viewer,
    camera_key,
    demo,
    end_streams,
    streamer,
)
from ferapp.ui.pictures import results
from ferapp.ui.pictures.analysis import analyse
from ferapp.ui.server import metrics
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.controls import Choice, choose_time_constant
from ferapp.ui.shared.faces.bars import MOST_CARDS, FaceBars, show_bars
from ferapp.ui.shared.live_chart import prepare_charts
from ferapp.ui.shared.sources import Source
from ferapp.wording import counted, first_of

_PANEL_S: Final = 0.5
_MINUTE_S: Final = 1.0
_CONNECTING_S: Final = 15.0
_DELAY_S: Final = label_delay_s(StreamSettings().time_constant_s, StreamSettings().hold_s)
# A viewer at 640 x 480 and fifteen frames a second takes about a third of a core.
_VIEWERS_A_CORE: Final = 2
_NO_PICTURE: Final = (
    "No picture has come from the browser for five seconds. Press STOP and START again. If that "
    "does not help, the camera may send a format or a size that ferapp can't read (more than 4K): "
    "choose another picture size."
)
# Without a frame; long enough to find the camera and to allow it.
_MAX_IDLE_S: Final = 60.0
_STYLE: Final = """
.st-key-live-unseen { display: none; }
.st-key-live-source button { min-height: 2.5rem; }
"""


@dataclass(frozen=True)
class Options:
    """What the visitor chose about pictures and the page, beside the analysis.

    Attributes:
        clip_format: Of the next clip.
        pauses_hidden: Whether the analysis pauses while the page is in the background.
    """

    clip_format: ClipFormat
    pauses_hidden: bool


@st.cache_resource(show_spinner=False)
def _seats() -> Seats:
    return metrics.watch_queue(
        "live",
        Seats(_VIEWERS_A_CORE * (os.cpu_count() or 1), time.monotonic, max_idle_s=_MAX_IDLE_S),
    )


def show(choice: Choice) -> None:
    """The whole page below its heading."""
    # The video deserves the width that the margins of other pages take.
    st.html(f"<style>{_STYLE}</style>")
    with st.container(key="live-unseen"):
        prepare_charts()
    visitor = session_keys.VISITOR.setdefault(uuid.uuid4().hex)
    viewer = _viewer(choice, visitor)
    source, size, settings, options = _choose_settings(choice)
    viewer.settings = settings
    if _seats().place(visitor):
        end_streams()
        if _seats().has_lost(visitor):
            _show_loss(visitor)
        else:
            _show_queue(visitor)
        return
    is_camera = source != "Demo clip"
    _set_camera_options(viewer, options)
    video, panel = st.columns([2, 1], gap="medium")
    with video:
        # In a place of its own: an element that comes and goes before it would start it anew.
        with st.container():
            context = (
                streamer(camera_key(size), viewer, width=WIDTHS[size], ice_servers=_ice_servers())
                if is_camera
                else demo(DEMO_KEY, viewer)
            )
        is_on = bool(context.state.playing)
        _show_trouble(context, choice, is_camera=is_camera)
        _show_actions(viewer, choice, settings, options, is_on=is_on)
    with panel:
        _show_panel(viewer, visitor, is_on=is_on)
    if not is_on:
        viewer.pictures.forget_last()
        session_keys.PAGE_IS_HIDDEN.clear()
    show_kept(viewer)
    _show_minute(viewer, is_on=is_on)


def _set_camera_options(viewer: Viewer, options: Options) -> None:
    recorder = viewer.recorder
    session_keys.CAMERA_OPTIONS.set(
        CameraOptions(
            on_mark=partial(mark_now, viewer),
            can_mark=recorder is not None and recorder.is_running,
            pauses_hidden=options.pauses_hidden,
        )
    )


def _show_actions(
    viewer: Viewer, choice: Choice, settings: LiveSettings, options: Options, *, is_on: bool
) -> None:
    """What can be done with a running stream; and what is still to be said of the last one."""
    if not is_on and viewer.recorder is None and viewer.pictures.clip is None:
        return
    row = st.container(horizontal=True)
    with row:
        live_controls(viewer, choice, settings.stream, is_on=is_on)
    keep_buttons(row, viewer, options.clip_format, is_on=is_on)
    baseline_buttons(row, viewer, is_playing=is_on)


def _viewer(choice: Choice, visitor: str) -> Viewer:
    """This visitor's stream, with the models that are chosen now."""
    kept: Viewer | None = session_keys.VIEWER.get()
    analyzer = resources.analyzer(choice.models)
    if kept is None:
        kept = Viewer(analyzer, keep_seat=partial(_seats().use, visitor))
        session_keys.VIEWER.set(kept)
    kept.use(analyzer)
    return kept


def _choose_settings(choice: Choice) -> tuple[str, str, LiveSettings, Options]:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    source = row.segmented_control(
        "Source",
        ("Camera", "Demo clip"),
        default="Camera",
        required=True,
        key="live-source",
        persist_state="session",
    )
    size = row.selectbox(
        "Picture size",
        list(WIDTHS),
        index=1,
        key="live-size",
        persist_state="session",
        width=180,
        disabled=source != "Camera",
    )
    is_mirrored = row.toggle("Mirror", value=True, key="live-mirror", persist_state="session")
    is_paused = row.toggle("Pause", key="live-pause", persist_state="session")
    with row.popover("More", icon=":material/tune:"):
        with_fps = st.toggle("Frame rate on the picture", key="live-fps", persist_state="session")
        pauses_hidden = st.toggle(
            "Pause in the background",
            key="live-pause-hidden",
            persist_state="session",
            help="Analyse nothing while another tab or window covers this page. Without it, "
            "readings and recordings go on.",
        )
        format = st.selectbox(
            "Clips as", list(FORMATS), key="live-clip-format", persist_state="session"
        )
    is_hidden = bool(pauses_hidden and session_keys.PAGE_IS_HIDDEN.get())
    with st.sidebar, st.expander("Over time"):
        time_constant_s = choose_time_constant(
            "live-smoothing",
            "After this time, two thirds of a change are visible. Together with the label "
            f"hold time, this makes labels late: by about {_DELAY_S:.1f} s with the defaults. "
            "In video files labels are not late.",
        )
        hold_s = st.slider(
            "Label hold time",
            0.0,
            2.0,
            StreamSettings().hold_s,
            0.1,
            format="%.1f s",
            key="live-hold",
            persist_state="session",
            help="How long another expression has to lead before the label changes.",
        )
    stream = StreamSettings(choice.settings, time_constant_s, hold_s)
    settings = LiveSettings(stream, bool(is_mirrored), bool(is_paused) or is_hidden, bool(with_fps))
    return str(source), str(size), settings, Options(FORMATS[format], bool(pauses_hidden))


@st.fragment(run_every=_PANEL_S)
def _show_panel(viewer: Viewer, visitor: str, *, is_on: bool) -> None:
    """Reruns on its own, so that the video is not touched."""
    if _seats().place(visitor):
        st.rerun()
    live_mark(viewer)
    clip_mark(viewer)
    now = viewer.latest.snapshot()
    if viewer.is_silent(is_playing=is_on):
        st.warning(_NO_PICTURE, icon=":material/videocam_off:")
    if now.message:
        st.warning(now.message, icon=":material/error:")
    if now.frame is None:
        st.caption("Press START. Each face appears here, and its last minute below.")
        return
    if not is_on:
        st.caption("Stopped. The values are those of the last picture.")
    elif viewer.settings.is_paused:
        st.caption("Paused. The values are those of the last picture before.")
    show_baseline(now.frame)
    if is_on:
        show_absence(viewer.absence)
    faces = now.frame.faces
    show_bars(
        now.frame.labels,
        [_bars(face, now.frame.labels) for face in faces],
        key="live-bars",
        said=_said(faces) if is_on else "",
    )
    if len(faces) > MOST_CARDS:
        st.caption(f"Only in the picture: {counted(len(faces) - MOST_CARDS, 'other face')}.")


@st.fragment(run_every=_MINUTE_S)
def _show_minute(viewer: Viewer, *, is_on: bool) -> None:
    """The last minute at full width, and the figures for engineers."""
    now = viewer.latest.snapshot()
    if now.frame is None:
        return
    show_minute(now)
    with st.expander("Details", icon=":material/speed:"):
        st.caption(_counters(now))


def _bars(face: FaceReading, labels: tuple[str, ...]) -> FaceBars:
    return FaceBars(
        f"{face.id} {label_text(face.expression, face.flaw)}",
        label_colour(face.expression, face.flaw, labels=labels),
        face.smoothed,
        "baseline on" if face.is_corrected else "",
    )


def _said(faces: Sequence[FaceReading]) -> str:
    """The labels in a sentence, for screen readers."""
    labels = [f"face {face.id} {label_text(face.expression, face.flaw)}" for face in faces]
    return first_of(labels, MOST_CARDS) if labels else "No face"


def _counters(now: Snapshot) -> str:
    median, p95 = now.delay_ms
    return (
        f"Frames per second: {now.camera_fps:.0f} from the camera, "
        f"{now.analysed_fps:.0f} analysed; delay {median:.0f} ms (95th percentile {p95:.0f} ms); "
        f"{now.dropped} of {now.analysed + now.dropped} frames dropped for newer ones."
    )


def _show_trouble(context: Any, choice: Choice, *, is_camera: bool) -> None:
    """Say what is wrong, and offer photos instead."""
    if context.state.playing:
        session_keys.CONNECTING_SINCE.clear()
        return
    if context.state.signalling:
        _connecting(session_keys.CONNECTING_SINCE.setdefault(time.monotonic()))
    if not is_camera:
        return
    with st.expander("No video? Take single photos instead"):
        if st.toggle("Take single photos", key="live-photos"):
            _take_photos(choice)


def _take_photos(choice: Choice) -> None:
    photo = st.camera_input("Take a photo", resolution="720p")
    if photo:
        picture = Source(photo.file_id, "photo", photo.getvalue)
        results.show(analyse([picture], choice, resources.analyzer(choice.models)), choice)


@st.fragment(run_every=2.0)
def _connecting(since: float) -> None:
    if time.monotonic() - since > _CONNECTING_S:
        st.warning(CONNECTION_FAILED, icon=":material/wifi_off:")


@st.fragment(run_every=1.0)
def _show_queue(visitor: str) -> None:
    now = _seats().place(visitor)
    if not now:
        st.rerun()
    st.info(
        f"The server is full: {_seats().count} people are streaming. You are number {now} in the "
        "queue; the video starts by itself when it is your turn. Meanwhile you can analyse "
        "pictures.",
        icon=":material/hourglass:",
    )


def _show_loss(visitor: str) -> None:
    st.info(
        f"There was no video for {_MAX_IDLE_S:.0f} seconds while others were waiting, so your "
        "place went to the next person.",
        icon=":material/hourglass_disabled:",
    )
    if st.button("Join the queue again", type="primary"):
        _seats().rejoin(visitor)
        st.rerun()


def _ice_servers() -> list[dict[str, Any]]:
    """STUN and TURN servers of the operator, from ``.streamlit/secrets.toml``; none by default."""
    try:
        return [dict(server) for server in st.secrets.get("ice_servers", [])]
    except FileNotFoundError:
        return []
