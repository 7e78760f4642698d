"""The live page: the video, the panel beside it, and help when there is no video."""

import os
import time
import uuid
from functools import partial
from typing import Any, Final

import streamlit as st

from ferapp.labels import label_text
from ferapp.pipeline.people import FaceReading
from ferapp.serving.latest import Snapshot
from ferapp.serving.seats import Seats
from ferapp.settings import StreamSettings
from ferapp.temporal.smoothing import label_delay_s
from ferapp.ui.live.baseline import baseline_buttons, show_baseline
from ferapp.ui.live.camera_check import CONNECTION_FAILED, camera_check
from ferapp.ui.live.minute import show_minute
from ferapp.ui.live.recording import live_controls, live_mark
from ferapp.ui.live.webcam import WIDTHS, LiveSettings, Viewer, demo, streamer
from ferapp.ui.pictures import results
from ferapp.ui.pictures.analysis import analyse
from ferapp.ui.pictures.sources import Picture
from ferapp.ui.server import metrics
from ferapp.ui.shared import resources, session_keys
from ferapp.ui.shared.charts import MOST_SIDE_BY_SIDE, alt_text, faces_side_by_side
from ferapp.ui.shared.controls import Choice
from ferapp.ui.shared.live_chart import live_chart
from ferapp.wording import counted

_PANEL_S: Final = 0.5
_CONNECTING_S: Final = 15.0
_DELAY_S: Final = label_delay_s(StreamSettings().time_constant_s, StreamSettings().hold_s)
# A viewer at 640 x 480 and fifteen frames a second takes about a third of a core.
_VIEWERS_A_CORE: Final = 2


@st.cache_resource(show_spinner=False)
def _seats() -> Seats:
    return metrics.watch_queue(
        "live", Seats(_VIEWERS_A_CORE * (os.cpu_count() or 1), time.monotonic)
    )


def show(choice: Choice) -> None:
    """The whole page below its heading."""
    visitor = session_keys.VISITOR.setdefault(uuid.uuid4().hex)
    viewer = _viewer(choice, visitor)
    source, size, settings = _choose_settings(choice)
    viewer.settings = settings
    place = _seats().place(visitor)
    if place:
        _show_queue(visitor)
        return
    video, panel = st.columns([3, 2], gap="medium")
    with video:
        if source == "Demo clip":
            context = demo("live-demo", viewer)
        else:
            context = streamer(
                f"live-{size}", viewer, width=WIDTHS[size], ice_servers=_ice_servers()
            )
        _show_trouble(context, choice, is_camera=source != "Demo clip")
    with panel:
        row = st.container(horizontal=True)
        with row:
            live_controls(viewer, choice, settings.stream, is_on=context.state.playing)
        baseline_buttons(row, viewer, is_playing=context.state.playing)
        _show_panel(viewer, visitor, context)


def _viewer(choice: Choice, visitor: str) -> Viewer:
    """This visitor's stream, with the models that are chosen now."""
    kept: Viewer | None = session_keys.VIEWER.get()
    analyzer = resources.analyzer(choice.models)
    if kept is None:
        kept = Viewer(analyzer, keep_seat=partial(_seats().place, visitor))
        session_keys.VIEWER.set(kept)
    kept.use(analyzer)
    return kept


def _choose_settings(choice: Choice) -> tuple[str, str, LiveSettings]:
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
    with st.sidebar, st.expander("Over time"):
        time_constant_s = st.slider(
            "Smoothing (time constant)",
            0.0,
            3.0,
            StreamSettings().time_constant_s,
            0.1,
            format="%.1f s",
            key="live-smoothing",
            persist_state="session",
            help="After this time, two thirds of a change are visible. Together with the label "
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
    return str(source), str(size), LiveSettings(stream, bool(is_mirrored), bool(is_paused))


@st.fragment(run_every=_PANEL_S)
def _show_panel(viewer: Viewer, visitor: str, context: Any) -> None:
    """Reruns on its own, so that the video is not touched."""
    _seats().place(visitor)
    live_mark(viewer)
    now = viewer.latest.snapshot()
    if now.message:
        st.warning(now.message, icon=":material/error:")
    if now.frame is None:
        st.caption("Press START. The panel shows each face and its last minute.")
        return
    if not context.state.playing:
        st.caption("Stopped. The charts show the last minute before.")
    show_baseline(now.frame)
    faces = {_title(face): face.smoothed for face in now.frame.faces}
    shares = [face.smoothed for face in now.frame.faces if face.smoothed is not None]
    live_chart(
        faces_side_by_side(now.frame.labels, faces),
        key="live-bars",
        alt="; ".join(alt_text(now.frame.labels, p) for p in shares) or "No face",
    )
    if len(faces) > MOST_SIDE_BY_SIDE:
        others = counted(len(faces) - MOST_SIDE_BY_SIDE, "other face")
        st.caption(f"Only in the picture: {others}.")
    show_minute(now)
    st.caption(_counters(now))


def _title(face: FaceReading) -> str:
    baseline = " · baseline on" if face.is_corrected else ""
    return f"{face.id} {label_text(face.expression, face.flaw)}{baseline}"


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
    # Above the expander: people would not look for the answer inside it.
    answer = st.empty()
    with st.expander("The camera does not start?"):
        advice = camera_check(key="camera-check")
        if advice:
            answer.text(advice)
        if st.toggle("Take single photos instead", key="live-photos"):
            _take_photos(choice)


def _take_photos(choice: Choice) -> None:
    photo = st.camera_input("Take a photo", resolution="720p")
    if photo:
        picture = Picture(photo.file_id, "photo", photo.getvalue)
        results.show(analyse([picture], choice, resources.analyzer(choice.models)))


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


def _ice_servers() -> list[dict[str, Any]]:
    """STUN and TURN servers of the operator, from ``.streamlit/secrets.toml``; none by default."""
    try:
        return [dict(server) for server in st.secrets.get("ice_servers", [])]
    except FileNotFoundError:
        return []
