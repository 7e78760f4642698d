"""The live page in AppTest, without a browser."""

from fractions import Fraction

import av
import numpy as np
import pytest

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
