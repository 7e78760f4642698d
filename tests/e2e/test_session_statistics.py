"""Overview, events, comparison and the printed report, in a real browser on one server."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from ferapp.sessions.database import open_database
from ferapp.sessions.report.html import to_html
from ferapp.sessions.session import Marker
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.e2e.conftest import SCREENSHOTS, Server, Visit, sync_api
from tests.support.browser import (
    LOOKS,
    is_wider_than_the_window,
    open_view,
    take_screenshot,
    wait_for_chart,
)
from tests.support.sessions import some_readings, some_recording

pytestmark = pytest.mark.e2e

TITLES = ("rest", "film", "talk")
# A4 without the margins of the report, px at 96 dpi.
PAPER_WH = (687, 1016)


@pytest.fixture(scope="module")
def three_sessions() -> Iterator[Server]:
    """A server with three sessions of two faces each."""
    server = Server()
    with Store(open_database(make_url(server.database))) as store:
        for seed, title in enumerate(TITLES):
            recording = some_recording(id=uuid.uuid4().hex, title=title)
            readings = some_readings(300 + 150 * seed, faces=2, seed=seed)
            store.enter(recording, readings, LOCAL_OWNER)
    yield server
    server.stop()


def open_dashboard(server: Server, visit: Visit, **look: object) -> "sync_api.Page":
    page = visit(f"{server.url}/dashboard", **look)
    # The first visitor waits until the libraries are loaded.
    page.set_default_timeout(60_000)
    wait_for_chart(page)
    return page


def test_a_click_on_a_face_in_the_strip_opens_its_curve(
    three_sessions: Server, visit: Visit
) -> None:
    page = open_dashboard(three_sessions, visit)
    # The second row of the strip.
    row = page.locator(".ytick", has_text="Face 2").first.bounding_box()
    page.mouse.click(row["x"] + row["width"] + 60, row["y"] + row["height"] / 2)
    page.get_by_role("radio", name="Over time", checked=True).wait_for()
    face = page.get_by_role("combobox", name="Face").first
    face.wait_for()
    shown = face.evaluate("e => e.value || e.closest('[data-testid=stSelectbox]').innerText")
    assert "Face 2" in shown


def test_events_are_added_from_a_table_and_shaded(three_sessions: Server, visit: Visit) -> None:
    page = open_dashboard(three_sessions, visit)
    open_view(page, "Events")
    page.get_by_text("Add events from a table (CSV)").click()
    table = b"time;name;end\n2,5;film;7,5\n0:04;clap;\n0:12;clap;\n"
    page.locator("input[type=file]").first.set_input_files(
        [{"name": "events.csv", "mimeType": "text/csv", "buffer": table}]
    )
    page.get_by_role("button", name="Add 3 events").click()
    page.get_by_text("over 2 events").wait_for()
    wait_for_chart(page)
    take_screenshot(page, "events")
    open_view(page, "Overview")
    page.locator(".annotation-text", has_text="film").first.wait_for()
    take_screenshot(page, "overview with events")


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_three_sessions_are_compared(
    three_sessions: Server, visit: Visit, scheme: str, width: int
) -> None:
    page = open_dashboard(three_sessions, visit, scheme=scheme, width=width)
    open_view(page, "Compare")
    page.get_by_role("combobox", name="Sessions to compare").click()
    page.get_by_role("option").last.click()
    page.keyboard.press("Escape")
    names = page.locator(".infolayer .annotation-text")
    names.nth(2).wait_for()
    assert all("(n = 2)" in text for text in names.all_text_contents())
    assert not is_wider_than_the_window(page)
    take_screenshot(page, f"three sessions compared, {scheme} {width}")


def test_the_report_prints_its_overview_on_the_first_page(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    readings = some_readings(900, faces=6)
    events = (Marker(5.0, "film", 20.0), Marker(30.0, "clap"))
    file = tmp_path / "report.html"
    file.write_bytes(to_html(some_recording(title="Printed", markers=events), readings))
    width, height = PAPER_WH
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(file.as_uri())
    page.emulate_media(media="print")
    end = page.locator(".overview").evaluate("e => e.getBoundingClientRect().bottom + scrollY")
    assert end <= height, "the overview fits on the first page"
    boxes = page.evaluate(
        "[...document.querySelectorAll('svg')].map(e => {"
        " const b = e.getBoundingClientRect(); return [b.left, b.right, b.height]; })"
    )
    assert len(boxes) == 15, "strip, mean, number of faces, and two charts of each face"
    assert all(left >= 0 and right <= width + 1 for left, right, _ in boxes), "no chart is cut"
    assert all(60 < tall < height / 3 for *_, tall in boxes), "folded details are printed too"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "report, printed.png", full_page=True)
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert 5 <= pages <= 12
    (SCREENSHOTS / "report.pdf").write_bytes(pdf)
    page.close()
