"""The live page over WebRTC, with a fake camera that shows a real face."""

import re
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ferapp.ui.shared.live_chart import PLOTLY_ROUTE
from tests.e2e.conftest import Server, Visit
from tests.support.browser import LOOKS, Live, is_wider_than_the_window, open_live, take_screenshot

pytestmark = [pytest.mark.e2e, pytest.mark.live]

# Keeps the settings of every connection.
KEEP_CONNECTIONS = """
window.connections = [];
const Real = window.RTCPeerConnection;
window.RTCPeerConnection = new Proxy(Real, {
  construct(target, args) {
    const made = new target(...args);
    window.connections.push(args[0] ?? null);
    return made;
  },
});
"""


def thread_count(server: Server) -> int:
    # A request for a file ends the threads that have served no file for ten seconds.
    request = urllib.request.Request(f"{server.url}{PLOTLY_ROUTE}", method="HEAD")
    with urllib.request.urlopen(request, timeout=5):
        pass
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"Threads:\s+(\d+)", status)[1])


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_a_face_is_labelled_on_the_video_and_in_the_panel(
    server: Server, visit: Visit, scheme: str, width: int
) -> None:
    live = open_live(server, visit, scheme=scheme, width=width)
    live.start()
    live.page.get_by_text("1 happiness").first.wait_for()
    live.page.wait_for_timeout(2500)
    before, analysed = live.curve_points(), live.analysed_frames()
    assert live.has_box()
    live.page.wait_for_timeout(3000)
    assert live.curve_points() > before and live.analysed_frames() > analysed + 15
    assert live.bar_titles().startswith("1 happiness"), "the id stays while the face moves"
    take_screenshot(live.page, f"live, {scheme} {width}")
    assert not is_wider_than_the_window(live.page)
    live.stop()


def test_quick_changes_of_a_slider_do_not_stop_the_stream(server: Server, visit: Visit) -> None:
    live = open_live(server, visit)
    live.start()
    live.page.get_by_text("Expert settings", exact=True).click()
    slider = live.page.get_by_role("slider", name="Minimum face score")
    slider.focus()
    for i in range(20):
        live.page.keyboard.press("ArrowRight" if i % 4 < 2 else "ArrowLeft")
        live.page.wait_for_timeout(60)
    live.page.wait_for_timeout(2000)
    before = live.shown_frames()
    live.page.wait_for_timeout(2000)
    assert live.shown_frames() > before + 15
    live.stop()


def test_stopping_and_leaving_release_all_threads(fresh_server: Server, visit: Visit) -> None:
    live = open_live(fresh_server, visit)

    def start_and_stop(times: int) -> None:
        for _ in range(times):
            live.start()
            live.page.wait_for_timeout(1000)
            live.stop()

    # The pools of threads for encoders and for the files of a page grow to their size once.
    start_and_stop(2)
    open_live(fresh_server, visit).page.close()
    live.page.wait_for_timeout(11_000)
    few = thread_count(fresh_server) + 3
    start_and_stop(4)
    live.start()
    live.page.get_by_role("link", name="About").click()
    live.page.get_by_role("heading", name="About").wait_for()
    wait_for_threads(fresh_server, few)
    again = open_live(fresh_server, visit)
    again.start()
    again.page.close()
    wait_for_threads(fresh_server, few)


def wait_for_threads(server: Server, most: int) -> None:
    # A browser that vanishes counts as gone after thirty seconds without a response (RFC 7675).
    deadline = time.monotonic() + 60
    while thread_count(server) > most:
        assert time.monotonic() < deadline, f"{thread_count(server)} threads instead of {most}"
        time.sleep(0.5)


def test_two_viewers_see_only_their_own_labels(
    server: Server, launch: Callable[[str], Any]
) -> None:
    with ExitStack() as contexts:
        visitors = {}
        for sample, label in (("astronaut.jpg", "happiness"), ("grace-hopper.jpg", "neutral")):
            page = contexts.enter_context(launch(sample).new_context()).new_page()
            page.goto(f"{server.url}/live")
            visitors[label] = Live(page)
            visitors[label].start()
        assert_own_labels(visitors)


def assert_own_labels(visitors: dict[str, Live]) -> None:
    for label, live in visitors.items():
        live.page.get_by_text(f"1 {label}").first.wait_for(timeout=60_000)
    before = {label: live.shown_frames() for label, live in visitors.items()}
    for _ in range(6):
        for label, live in visitors.items():
            other = next(iter(set(visitors) - {label}))
            assert other not in live.bar_titles()
            live.page.wait_for_timeout(400)
    deadline = time.monotonic() + 60
    while any(live.shown_frames() < before[label] + 10 for label, live in visitors.items()):
        assert time.monotonic() < deadline, "both keep moving"
        visitors["happiness"].page.wait_for_timeout(500)
    for live in visitors.values():
        live.stop()


def test_the_demo_needs_no_camera(server: Server, visit: Visit) -> None:
    live = open_live(server, visit)
    live.switch_to_demo()
    live.start()
    live.page.get_by_text("1 happiness").first.wait_for(timeout=60_000)
    live.stop()


def test_no_stun_server_is_asked(server: Server, visit: Visit) -> None:
    live = open_live(server, visit)
    # The script has to be in the page before it connects.
    live.page.context.add_init_script(KEEP_CONNECTIONS)
    live.page.reload()
    live.start()
    connections = live.page.evaluate("window.connections")
    assert connections
    assert all((settings or {}).get("iceServers") == [] for settings in connections)
    live.stop()


def test_a_baseline_is_taken_and_shown(server: Server, launch: Callable[..., Any]) -> None:
    with launch("grace-hopper.jpg", is_still=True).new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/live")
        live = Live(page)
        live.start()
        page.get_by_text("1 neutral").first.wait_for(timeout=60_000)
        page.get_by_role("button", name="Take neutral baseline").click()
        page.get_by_text("get ready to look neutral").wait_for(timeout=10_000)
        take_screenshot(page, "baseline, countdown")
        page.get_by_text("Look neutral and hold still").wait_for(timeout=10_000)
        page.get_by_text("counts from now on").wait_for(timeout=30_000)
        page.get_by_text("baseline on").first.wait_for(timeout=30_000)
        page.get_by_text("without baseline").first.wait_for()
        take_screenshot(page, "baseline, taken")
        page.get_by_role("button", name="Remove baseline").click()
        page.get_by_text("baseline on").wait_for(state="detached")
        live.stop()


def test_a_smile_is_no_baseline(server: Server, launch: Callable[..., Any]) -> None:
    with launch("astronaut.jpg", is_still=True).new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/live")
        live = Live(page)
        live.start()
        page.get_by_text("1 happiness").first.wait_for(timeout=60_000)
        page.get_by_role("button", name="Take neutral baseline").click()
        page.get_by_text("did not look neutral, but was read as happiness").wait_for(timeout=30_000)
        take_screenshot(page, "baseline, refused")
        assert page.get_by_text("baseline on").count() == 0
        live.stop()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "Access to the camera was denied."),
        ("NotFoundError", "No camera was found."),
        ("NotReadableError", "The camera is in use or does not respond."),
        ("OtherError", "The browser could not open the camera (OtherError)."),
    ],
)
def test_a_camera_that_does_not_open_is_explained(
    server: Server, visit: Visit, error: str, sentence: str
) -> None:
    live = open_live(server, visit)
    live.page.evaluate(
        "error => { navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('no', error)); }",
        error,
    )
    live.start_button.click()
    live.page.get_by_role("alert").get_by_text(sentence).wait_for()
    assert live.start_button.is_visible(), "to be pressed again"
    take_screenshot(live.page, f"a camera that does not open, {error}")


def test_single_photos_can_replace_live_video(server: Server, visit: Visit) -> None:
    live = open_live(server, visit)
    live.page.get_by_text("No video? Take single photos instead").click()
    live.page.get_by_text("Take single photos", exact=True).click()
    # The browser plays only what can be seen.
    live.page.get_by_role("button", name="Take Photo").scroll_into_view_if_needed()
    live.page.wait_for_function("() => document.querySelector('video')?.currentTime > 0.5")
    live.page.get_by_role("button", name="Take Photo").click()
    live.page.get_by_text("1 · happiness").wait_for()
