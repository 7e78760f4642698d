"""Actions of the tests in a real browser that several pages need."""

import re
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import SCREENSHOTS, Server, Visit, sync_api

Page = sync_api.Page
LOOKS = [
    pytest.param(scheme, width, id=f"{scheme} {width}")
    for scheme, width in (("light", 1280), ("dark", 390))
]


def download(page: Page, button: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    return Path(waiting.value.path()).read_bytes()


def take_screenshot(page: Page, name: str) -> None:
    """Save the whole page as a picture, for people to look at."""
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(height + 20, 6000)})
    page.wait_for_timeout(500)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.set_viewport_size(size)


def is_wider_than_the_window(page: Page) -> bool:
    return page.evaluate(
        "[...document.querySelectorAll('[data-testid=stMain]')]"
        ".some(e => e.scrollWidth > e.clientWidth + 1)"
    )


def open_view(page: "sync_api.Page", view: str) -> None:
    page.get_by_role("radio", name=view, exact=True).click()


def wait_for_chart(page: "sync_api.Page") -> None:
    page.locator(".js-plotly-plot .main-svg").first.wait_for()


def wait_for_video(page: "sync_api.Page", condition: str, element: str = "video") -> None:
    """Wait until something is true of the video, also inside a component.

    Args:
        page: The page.
        condition: JavaScript of the element `v`.
        element: Another element to look at.
    """
    deadline = time.monotonic() + 30
    while not page.locator(element).evaluate(f"v => {condition}"):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def agree(page: "sync_api.Page") -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("No picture, no video, no sound").wait_for()
    assert dialog.get_by_role("button", name="Agree and record").is_disabled()
    dialog.get_by_text("I am the only person shown").click()
    dialog.get_by_role("button", name="Agree and record").click()
    dialog.wait_for(state="detached")


class Live:
    """The live page of one visitor."""

    def __init__(self, page: "sync_api.Page") -> None:
        self.page = page
        self.start_button = page.get_by_role("button", name="START", exact=True)
        self.video = page.locator(".camera video")

    def start(self) -> None:
        self.start_button.wait_for(timeout=30_000)
        self.start_button.click()
        self.video.wait_for(timeout=30_000)
        deadline = time.monotonic() + 30
        while not self.shown_frames():
            assert time.monotonic() < deadline, "no frame came"
            self.page.wait_for_timeout(50)

    def stop(self) -> None:
        self.page.get_by_role("button", name="STOP", exact=True).click()
        self.start_button.wait_for(timeout=15_000)

    def switch_to_demo(self) -> None:
        """Switch from the camera to the demo clip."""
        self.page.get_by_text("Demo clip", exact=True).click()
        self.page.get_by_text("Press START to play the demo clip").wait_for()
        self.page.wait_for_timeout(500)

    def shown_frames(self) -> int:
        return self.video.evaluate("v => v.getVideoPlaybackQuality().totalVideoFrames")

    def analysed_frames(self) -> int:
        details = self.page.locator("body").text_content() or ""
        match = re.search(r"of (\d+) frames dropped", details)
        return int(match[1]) if match else 0

    def bar_titles(self) -> str:
        """The headings of the bars."""
        return " ".join(self.page.locator(".face .title .text").all_text_contents())

    def curve_points(self) -> int:
        """How many points the longest curve of the last minute has."""
        return self.page.evaluate(
            "Math.max(0, ...[...document.querySelectorAll('.ferapp-chart')]"
            ".flatMap(c => (c.data ?? []).filter(t => t.type === 'scatter').map(t => t.x.length)))"
        )

    def has_box(self) -> bool:
        """Whether the returned frame has a box in the colour of happiness."""
        return self.video.evaluate(
            """v => {
              const c = document.createElement('canvas');
              c.width = v.videoWidth; c.height = v.videoHeight;
              const g = c.getContext('2d');
              g.drawImage(v, 0, 0);
              const d = g.getImageData(0, 0, c.width, c.height).data;
              let n = 0;
              const near = (value, wanted) => Math.abs(value - wanted) < 30;
              for (let i = 0; i < d.length; i += 4)
                if (near(d[i], 224) && near(d[i + 1], 161) && d[i + 2] < 40) n++;
              return n > 200;
            }"""
        )


def open_live(server: Server, visit: Visit, **look: object) -> Live:
    page = visit(f"{server.url}/live", **look)
    page.get_by_role("heading", name="Live").wait_for()
    return Live(page)
