"""The pages in their main states, as a visitor brings them about: for checks and for pictures."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from playwright.sync_api import FilePayload, Page

from ferapp.media.encoder import Encoder
from ferapp.media.images import jpeg_bytes
from ferapp.sessions.formats.exchange import read, to_parquet
from ferapp.ui.shared.demo_clip import demo_frame
from ferapp.wording import counted
from tests.support.places import SAMPLES

State = Callable[[Page, str], None]
"""Brings a page of the app at this address into a state."""

_SLOW_MS: Final = 90_000
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
    page.get_by_role("button", name="Keyboard shortcuts").wait_for()
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


def video_results(page: Page, url: str) -> None:
    video(page, url)
    page.get_by_text("Demo clip", exact=True).click()
    page.get_by_role("button", name="Analyse").click(timeout=_SLOW_MS)
    page.locator(".player .head").nth(2).wait_for(timeout=_SLOW_MS)
    page.get_by_text("Share of time").first.wait_for()
    # To where somebody is seen.
    page.locator(".plot").scroll_into_view_if_needed()
    page.locator(".strip").first.click()
    page.get_by_role("button", name="Make an annotated copy").scroll_into_view_if_needed()


def several_videos(page: Page, url: str) -> None:
    video(page, url)
    page.locator("input[type=file]").set_input_files(_videos())
    page.get_by_role("button", name="Analyse 2 videos").click(timeout=_SLOW_MS)
    page.get_by_text("2 videos together").wait_for(timeout=_SLOW_MS)
    page.locator(".player .head").first.wait_for(timeout=_SLOW_MS)


def dashboard(page: Page, url: str) -> None:
    _open(page, url, "dashboard")


def example_session(page: Page, url: str) -> None:
    """Only while the visitor has no session."""
    dashboard(page, url)
    page.get_by_role("button", name="Look at an example session").click()
    _wait_for_chart(page)


def session(page: Page, url: str) -> None:
    dashboard(page, url)
    page.get_by_text("Sessions are deleted after 30 days").or_(
        page.get_by_role("radio", name="Compare")
    ).first.wait_for()
    if page.get_by_role("radio", name="Compare").count() == 0:
        page.get_by_text("Open a file", exact=True).click()
        for number, file in enumerate(_sessions(), start=1):
            page.locator("input[type=file]").set_input_files([file])
            told = page.get_by_text(f"You have {counted(number, 'session')}")
            told.wait_for(state="attached", timeout=_SLOW_MS)
    _wait_for_chart(page)


def session_summary(page: Page, url: str) -> None:
    session(page, url)
    _view(page, "Summary")
    page.get_by_text("Share of time").first.wait_for()


def session_events(page: Page, url: str) -> None:
    session(page, url)
    _view(page, "Events")
    page.get_by_text("During intervals").wait_for()


def compared_sessions(page: Page, url: str) -> None:
    session(page, url)
    _view(page, "Compare")
    page.get_by_role("combobox", name="Sessions to compare").click()
    page.get_by_role("option").last.click()
    page.keyboard.press("Escape")
    page.locator(".infolayer .annotation-text").nth(2).wait_for()


def laboratory(page: Page, url: str) -> None:
    _open(page, url, "laboratory")
    page.get_by_text("What they reach").wait_for()


def about(page: Page, url: str) -> None:
    _open(page, url, "about")


@cache
def _videos() -> list[FilePayload]:
    """Two short videos, one of each of two portraits."""
    files: list[FilePayload] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, from_s in (("interview", 2.0), ("portrait", 18.0)):
            path = Path(folder) / f"{name}.mp4"
            with Encoder(path, (640, 480)) as encoder:
                for number in range(60):
                    encoder.add(demo_frame(from_s + number / 15), number / 15)
            files.append({"name": path.name, "mimeType": "video/mp4", "buffer": path.read_bytes()})
    return files


@cache
def _sessions() -> list[FilePayload]:
    """The example session, and both halves of it as sessions of their own."""
    recording, readings = read("a.parquet", (SAMPLES / "example-session.parquet").read_bytes())
    middle_s = 30.0
    files: list[FilePayload] = []
    for title, from_s, to_s in (
        ("First half", 0.0, middle_s),
        ("Second half", middle_s, 2 * middle_s),
        ("Whole film", 0.0, 2 * middle_s),
    ):
        its = readings.at((from_s <= readings.at_s) & (readings.at_s < to_s))
        its = replace(its, at_s=its.at_s - from_s)
        markers = tuple(
            replace(m, at_s=m.at_s - from_s, end_s=m.end_s and m.end_s - from_s)
            for m in recording.markers
            if from_s <= m.at_s and m.until_s <= to_s
        )
        part = replace(recording, title=title, duration_s=to_s - from_s, markers=markers)
        data = to_parquet(part, its)
        files.append({"name": f"{title}.parquet", "mimeType": "", "buffer": data})
    return files


def _view(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def _wait_for_chart(page: Page) -> None:
    page.locator(".js-plotly-plot .main-svg").first.wait_for()


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
    "video results": video_results,
    "several videos": several_videos,
    "dashboard": dashboard,
    # Before those with sessions, which stay.
    "example session": example_session,
    "session": session,
    "session summary": session_summary,
    "session events": session_events,
    "compared sessions": compared_sessions,
    "laboratory": laboratory,
    "about": about,
}
