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


def press_start(page: Page) -> Locator:
    """Start the stream; return its video. On a busy machine the component may need a second try."""
    frame = page.frame_locator('iframe[title^="streamlit_webrtc"]')
    start = frame.get_by_role("button", name=re.compile("^start$", re.I))
    video = frame.locator("video")
    for attempt in range(STARTS):
        start.click(timeout=90_000)
        try:
            video.wait_for(timeout=20_000)
            return video
        except TimeoutError:
            if attempt == STARTS - 1 or not start.count():
                raise
    return video
