"""A browser with a camera, and the start of a stream."""

import os
import re
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Playwright, TimeoutError

STARTS = 4


def launch(playwright: Playwright, camera: Path | None = None) -> Browser:
    """A browser that allows every page to use its camera.

    Args:
        playwright: Starts it.
        camera: A file that its camera shows; None for a green picture.
    """
    file = [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    return playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
        headless=True,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            *file,
        ],
    )


def find_camera(page: Page) -> tuple[Locator, Locator]:
    """Its START button and its video: of the page, or of streamlit-webrtc's own frontend."""
    own = "iframe[title^=streamlit_webrtc]"
    page.locator(f"{own}, .camera").first.wait_for(timeout=60_000)
    place = page.frame_locator(own) if page.locator(own).count() else page.locator(".camera")
    return place.get_by_role("button", name=re.compile("^start$", re.I)), place.locator("video")


def press_start(page: Page) -> Locator:
    """Start the stream; return its video. On a busy machine the component may need a second try."""
    start, video = find_camera(page)
    for attempt in range(STARTS):
        start.click(timeout=90_000)
        try:
            video.wait_for(timeout=20_000)
            return video
        except TimeoutError:
            if attempt == STARTS - 1 or not start.count():
                raise
    return video
