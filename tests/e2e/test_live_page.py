"""What visitors do on the live page: keep pictures, mark moments, choose a camera, go away."""

import io
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from ferapp.pipeline.build import load_analyzer
from tests.e2e.conftest import CAMERAS, CHROMIUM, CROWD, FLAGS, Server, Visit
from tests.support.browser import (
    Live,
    is_wider_than_the_window,
    open_live,
    take_screenshot,
    wait_for_video,
)

pytestmark = [pytest.mark.e2e, pytest.mark.live]

HIDE = """(isHidden) => {
  Object.defineProperty(document, 'hidden', { get: () => isHidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def agree(live: Live, button: str, name: str) -> None:
    live.page.get_by_role("button", name=button, exact=True).click()
    dialog = live.page.get_by_role("dialog")
    assert dialog.get_by_role("button", name=name).is_disabled()
    dialog.get_by_text("I am the only person shown").click()
    dialog.get_by_role("button", name=name).click()
    dialog.wait_for(state="detached")


def download(live: Live, button: str) -> bytes:
    with live.page.expect_download() as waiting:
        live.page.get_by_role("button", name=button).click()
    return Path(waiting.value.path()).read_bytes()


def record_clip(live: Live, kind: str, *, seconds: int) -> list[np.ndarray]:
    """The frames of a clip, after its length and codec were checked."""
    live.page.get_by_text(f"● Clip 00:0{seconds}").wait_for()
    live.page.get_by_role("button", name="Stop clip").click()
    with av.open(io.BytesIO(download(live, f"Download {kind}"))) as container:
        [stream] = container.streams
        assert seconds <= float(stream.duration * stream.time_base) < seconds + 5
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
    assert stream.codec_context.name == {"MP4": "h264", "AVI": "mjpeg"}[kind]
    return frames


def test_a_visitor_keeps_pictures_and_marks_moments(server: Server, visit: Visit) -> None:
    live = open_live(server, visit)
    page = live.page
    live.start_button.wait_for(timeout=30_000)
    page.keyboard.press("Space")
    page.get_by_text("1 happiness").first.wait_for(timeout=60_000)
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement")
    page.keyboard.press("f")
    page.wait_for_function("() => !document.fullscreenElement")
    agree(live, "Record", "Agree and record")
    page.get_by_text("● Recording").wait_for()
    page.keyboard.press("m")
    page.get_by_text("numbers only · 1 mark").wait_for()
    agree(live, "Snapshot", "Agree and keep")
    photo = np.asarray(Image.open(io.BytesIO(download(live, "Download PNG"))))
    assert load_analyzer().analyze(photo).expressions == ["happiness"]
    page.get_by_role("button", name="Clip", exact=True).click()
    frames = record_clip(live, "MP4", seconds=2)
    assert load_analyzer().analyze(frames[len(frames) // 2]).expressions == ["happiness"]
    take_screenshot(page, "live, kept")
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_label("Clips as").click()
    page.get_by_role("option", name="AVI (Motion JPEG)").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clip", exact=True).click()
    frames = record_clip(live, "AVI", seconds=1)
    assert load_analyzer().analyze(frames[len(frames) // 2]).expressions == ["happiness"]
    live.stop()
    # Streamlit would run the script anew, and offer to clear its caches.
    live.start_button.focus()
    page.keyboard.press("c")
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard shortcuts").wait_for()
    assert not page.get_by_text("Clear caches").count()


def test_a_page_that_comes_back_says_what_went_on(
    server: Server, launch: Callable[..., Any]
) -> None:
    """Four faces on a phone and on a screen, and a tab in the background."""
    with launch(CROWD).new_context(viewport={"width": 1280, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{server.url}/live")
        live = Live(page)
        live.start()
        page.locator(".face").nth(3).wait_for(timeout=60_000)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(700)
            boxes = [box.bounding_box() for box in page.locator(".face").all()]
            boxes += [page.locator(".camera").bounding_box()]
            assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)]
            assert not is_wider_than_the_window(page)
        page.evaluate(HIDE, True)
        before = live.analysed_frames()
        page.wait_for_timeout(5500)
        page.evaluate(HIDE, False)
        note = page.get_by_text(re.compile("This page was in the background for 0:0[5-9]"))
        note.wait_for()
        assert "The camera, the readings and the recording went on." in note.inner_text()
        page.wait_for_timeout(700)
        assert live.analysed_frames() > before, "and they did"
        live.stop()


def overlap(a: dict[str, float], b: dict[str, float]) -> bool:
    def apart(side: str, length: str) -> bool:
        return a[side] + a[length] <= b[side] + 1 or b[side] + b[length] <= a[side] + 1

    return not (apart("x", "width") or apart("y", "height"))


def test_the_chosen_camera_is_used_after_a_reload(
    server: Server, launch: Callable[..., Any]
) -> None:
    with launch(CAMERAS).new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}/live")
        live = Live(page)
        live.start()
        cameras = page.locator(".camera select")
        cameras.wait_for()
        names = cameras.locator("option").all_inner_texts()
        assert len({*names}) == 3
        # The second one of Chromium gives depths, which no video shows.
        cameras.select_option(names[2])
        page.reload()
        live.start()
        assert cameras.evaluate("e => e.selectedOptions[0].text") == names[2]
        page.get_by_text("No face was read for").wait_for(timeout=30_000)
        live.stop()


def test_two_tabs_share_one_camera(server: Server, visit: Visit) -> None:
    first = open_live(server, visit)
    first.start()
    second = Live(first.page.context.new_page())
    second.page.goto(f"{server.url}/live")
    second.start()
    for live in (second, first):
        live.page.bring_to_front()
        live.page.get_by_text(re.compile(r"^\d+ happiness")).first.wait_for(timeout=60_000)
    second.stop()
    before = first.shown_frames()
    wait_for_video(first.page, f"v.getVideoPlaybackQuality().totalVideoFrames > {before} + 5")
    first.stop()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the browser in /proc")
def test_the_video_comes_back_after_sleep(
    fresh_server: Server, playwright: Any, tmp_path: Path
) -> None:
    """Half a minute is longer than either side waits for a sign of the other."""
    with playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=CHROMIUM, headless=True, args=FLAGS
    ) as context:
        live = Live(context.pages[0])
        live.page.goto(f"{fresh_server.url}/live")
        live.start()
        [browser] = {
            os.getpgid(int(process.name))
            for process in Path("/proc").glob("[0-9]*")
            if str(tmp_path) in command_line(process)
        }
        os.killpg(browser, signal.SIGSTOP)
        time.sleep(40)
        os.killpg(browser, signal.SIGCONT)
        live.page.get_by_text("Connecting again").wait_for(timeout=60_000)
        live.page.locator(".camera[data-status=playing]").wait_for(timeout=60_000)
        before = live.shown_frames()
        wait_for_video(live.page, f"v.getVideoPlaybackQuality().totalVideoFrames > {before} + 5")
        live.stop()


def command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text()
    except OSError:  # it ended meanwhile
        return ""
