"""The live page in AppTest, without a browser."""

import ast
import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from aiortc.exceptions import OperationError

import ferapp
from ferapp.serving.seats import Seats
from ferapp.ui.live.page import _ice_servers
from ferapp.ui.live.webcam import LiveSettings
from tests.support.apps import components, open_app, page_text
from tests.support.fakes import Clock


@pytest.mark.usefixtures("without_webrtc_session")
def test_the_live_page_waits_for_start() -> None:
    at = open_app("live.py")
    assert not at.exception and "Press START" in page_text(at)
    assert not {"Record", "Snapshot", "Take neutral baseline"} & {b.label for b in at.button}
    camera = next(shown for key, shown in components(at).items() if key.startswith("live-640"))
    assert camera["mode"] == "SENDRECV" and "denied" in camera["errors"]["NotAllowedError"]


@pytest.mark.usefixtures("without_webrtc_session")
def test_a_full_server_gives_a_queue_position(monkeypatch: pytest.MonkeyPatch) -> None:
    seats = Seats(1, lambda: 0.0)
    seats.place("another visitor")
    monkeypatch.setattr("ferapp.ui.live.page._seats", lambda: seats)
    at = open_app("live.py")
    assert "You are number 1 in the queue" in page_text(at) and not at.exception
    seats.leave("another visitor")
    assert "Press START" in page_text(at.run())


@pytest.mark.usefixtures("without_webrtc_session")
def test_a_streaming_viewer_keeps_the_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    seats = Seats(1, clock)
    monkeypatch.setattr("ferapp.ui.live.page._seats", lambda: seats)
    me = open_app("live.py").session_state["viewer"]
    me.settings = LiveSettings(is_paused=True)
    grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
    grey.pts, grey.time_base = 0, Fraction(1, 90_000)
    for clock.now_s in np.arange(0.0, 30.0, 2.0):
        me.on_frame(grey)
        assert seats.place("another visitor") == 1
    clock.now_s = 60.0
    assert seats.place("another visitor") == 0, "no frame for long"


@pytest.mark.usefixtures("without_webrtc_session")
def test_a_page_that_streams_nothing_loses_the_slot_and_can_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    seats = Seats(1, clock, max_idle_s=60.0)
    monkeypatch.setattr("ferapp.ui.live.page._seats", lambda: seats)
    at = open_app("live.py")
    for clock.now_s in np.arange(0.0, 64.0, 2.0):
        seats.place(at.session_state["visitor"])
        seats.place("another visitor")
    assert "your place went to the next person" in page_text(at.run()) and not at.exception
    assert seats.waiting_count == 0, "the page that is only open waits for nothing"
    next(b for b in at.button if b.label == "Join the queue again").click().run()
    assert "You are number 1 in the queue" in page_text(at)
    seats.leave("another visitor")
    assert "Press START" in page_text(at.run())


@pytest.mark.usefixtures("without_webrtc_session")
def test_live_settings_reach_the_frames_at_once() -> None:
    at = open_app("live.py")
    at.slider(key="live-smoothing").set_value(1.5)
    at.toggle(key="live-mirror").set_value(False)
    at.slider(key="confidence").set_value(0.7).run()
    settings = at.session_state["viewer"].settings
    assert settings.stream.time_constant_s == 1.5 and not settings.is_mirrored
    assert settings.stream.analysis.detection.confidence == 0.7


def test_no_stun_server_is_used_by_default() -> None:
    assert _ice_servers() == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the page gives to streamlit-webrtc, at each of its runs."""
    calls: list[dict[str, Any]] = []

    def webrtc_streamer(**call: Any) -> Any:
        calls.append(call)
        return SimpleNamespace(state=SimpleNamespace(playing=False, signalling=False))

    monkeypatch.setattr("ferapp.ui.live.webcam.webrtc_streamer", webrtc_streamer)
    return calls


def test_the_camera_keeps_its_shape(asked: list[dict[str, Any]]) -> None:
    """With a height as well, browsers cut an eighth off each side of a wide camera."""
    at = open_app("live.py")
    at.selectbox(key="live-size").set_value("1280 pixels wide").run()
    video = [call["media_stream_constraints"]["video"] for call in asked]
    assert [v["width"] for v in (video[0], video[-1])] == [{"ideal": 640}, {"ideal": 1280}]
    assert all(set(v) == {"width", "frameRate"} for v in video)


def test_each_connection_analyses_frames_on_a_track_of_its_own(
    asked: list[dict[str, Any]],
) -> None:
    at = open_app("live.py")
    first = asked[-1]["sink_video_track"]
    assert asked[-1]["source_video_track"] is first
    at.run()
    assert asked[-1]["sink_video_track"] is first, "nothing was started yet"
    first.addTrack(object())
    at.run()
    assert asked[-1]["sink_video_track"] is not first


@pytest.mark.usefixtures("asked")
def test_the_answer_has_a_bitrate_for_the_size() -> None:
    sdp = "m=video 9 X 96\r\na=rtpmap:96 VP8/90000\r\n"
    at = open_app("live.py")
    context = SimpleNamespace(_sdp_answer_json=json.dumps({"type": "answer", "sdp": sdp}))
    at.session_state["live-640 pixels wide"] = context
    at.run()
    sent = json.loads(context._sdp_answer_json)
    assert sent["type"] == "answer" and "x-google-start-bitrate=1700" in sent["sdp"]


def test_a_browser_without_a_codec_of_ours_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**_: Any) -> Any:
        raise OperationError("Failed to set remote video description send parameters")

    seats = Seats(1, lambda: 0.0)
    monkeypatch.setattr("ferapp.ui.live.page._seats", lambda: seats)
    monkeypatch.setattr("ferapp.ui.live.webcam.webrtc_streamer", refuse)
    at = open_app("live.py")
    assert not at.exception
    assert "VP8 or H.264" in page_text(at) and "send parameters" not in page_text(at)


def test_photos_have_the_size_of_the_camera() -> None:
    """Without `resolution`, Streamlit takes them in the width of the widget, in CSS pixels."""
    code = [path.read_text(encoding="utf-8") for path in Path(ferapp.__file__).parent.rglob("*.py")]
    calls = [
        {keyword.arg for keyword in node.keywords}
        for text in code
        if "camera_input(" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.camera_input"
    ]
    assert len(calls) == 2 and all("resolution" in names for names in calls)
