"""The pages in their main states, as a visitor brings them about: for checks and for pictures."""

from collections.abc import Callable
from typing import Final

import numpy as np
from playwright.sync_api import Page

from ferapp.media.images import jpeg_bytes
from tests.support.places import SAMPLES

State = Callable[[Page, str], None]
"""Brings a page of the app at this address into a state."""

FOOT: Final = "A model sees a face, not a feeling"


def first_view(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("img", name="3 faces: 2 neutral, 1 happiness", exact=True).wait_for()
    page.get_by_text(FOOT).wait_for()


def open_face(page: Page, url: str) -> None:
    first_view(page, url)
    page.get_by_role("button", name="1 · happiness > 99 %").click()
    page.locator(".card.chosen").wait_for()


def compared_models(page: Page, url: str) -> None:
    first_view(page, url)
    page.get_by_text("Compare with other models").click()
    page.get_by_text("Both found").wait_for()


def expert_settings(page: Page, url: str) -> None:
    first_view(page, url)
    menu = page.get_by_test_id("stExpandSidebarButton")
    if menu.is_visible():
        menu.click()
    page.get_by_text("Expert settings", exact=True).click()
    page.get_by_role("slider", name="Minimum face score").wait_for()


def many_pictures(page: Page, url: str) -> None:
    first_view(page, url)
    names = [path.stem for path in sorted(SAMPLES.glob("*.jpg"))]
    files = [(name, (SAMPLES / f"{name}.jpg").read_bytes()) for name in names]
    files += [("no-face", jpeg_bytes(np.full((300, 400, 3), 90, np.uint8))), ("broken", b"GIF89a")]
    page.locator("input[type=file]").set_input_files(
        [{"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": data} for name, data in files]
    )
    page.get_by_text(f"{len(files)} pictures,").wait_for()
    page.get_by_text(FOOT).wait_for()


def unreadable_picture(page: Page, url: str) -> None:
    many_pictures(page, url)
    page.locator(".sheet").get_by_role("button", name="broken.jpg").click()
    page.get_by_text("This file could not be read").wait_for()


def picture_without_a_face(page: Page, url: str) -> None:
    many_pictures(page, url)
    page.locator(".sheet").get_by_role("button", name="no-face.jpg").click()
    page.get_by_text("No face found").wait_for()


def keys(page: Page, url: str) -> None:
    first_view(page, url)
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keyboard shortcuts").wait_for()


def live_before(page: Page, url: str) -> None:
    page.goto(f"{url}/live")
    page.get_by_role("button", name="START", exact=True).wait_for()
    page.get_by_text(FOOT).wait_for()


def live_running(page: Page, url: str) -> None:
    live_before(page, url)
    page.get_by_text("Demo clip", exact=True).click()
    page.get_by_text("Press START to play the demo clip").wait_for()
    page.wait_for_timeout(500)
    page.get_by_role("button", name="START", exact=True).click()
    page.locator(".face .title .text").first.wait_for(timeout=30_000)


def video(page: Page, url: str) -> None:
    _open(page, url, "video")


def dashboard(page: Page, url: str) -> None:
    _open(page, url, "dashboard")


def about(page: Page, url: str) -> None:
    _open(page, url, "about")


def _open(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/{name}")
    page.get_by_role("heading", name=name.title(), level=1).wait_for()
    page.get_by_text(FOOT).first.wait_for()


STATES: Final[dict[str, State]] = {
    "first view": first_view,
    "open face": open_face,
    "compared models": compared_models,
    "expert settings": expert_settings,
    "many pictures": many_pictures,
    "unreadable picture": unreadable_picture,
    "picture without a face": picture_without_a_face,
    "keys": keys,
    "live before": live_before,
    "live running": live_running,
    "video": video,
    "dashboard": dashboard,
    "about": about,
}
