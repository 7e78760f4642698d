"""Recording, viewing, exporting and deleting sessions, in a real browser."""

import io
import json
import re
import time
import uuid
from pathlib import Path

import numpy as np
import pandas
import pytest
from sqlalchemy import make_url

from ferapp.sessions.database import open_database
from ferapp.sessions.formats.exchange import read
from ferapp.sessions.session import Marker
from ferapp.sessions.store import LOCAL_OWNER, Store
from tests.e2e.conftest import SCREENSHOTS, Server, Visit, sync_api
from tests.support.browser import (
    LOOKS,
    agree,
    download,
    is_wider_than_the_window,
    open_live,
    open_view,
    take_screenshot,
    wait_for_chart,
)
from tests.support.sessions import some_readings, some_recording

pytestmark = pytest.mark.e2e

VIEWS = ("Overview", "Over time", "Summary", "Events", "Compare", "Replay", "Files")


def store_of(server: Server) -> Store:
    return Store(open_database(make_url(server.database)))


def store_session(server: Server, title: str, count: int, **changes: object) -> str:
    """Add a finished session to the database."""
    recording = some_recording(id=uuid.uuid4().hex, title=title, **changes)
    store = store_of(server)
    store.begin(recording, LOCAL_OWNER)
    store.add(recording.id, some_readings(count, faces=2 if count < 5000 else 1))
    store.finish(recording.id)
    store.close()
    return recording.id


def open_dashboard(server: Server, visit: Visit, **look: object) -> "sync_api.Page":
    page = visit(f"{server.url}/dashboard", **look)
    page.get_by_role("heading", name="Dashboard").wait_for()
    return page


def choose(page: "sync_api.Page", label: str, title: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=title).first.click()


def selected(page: "sync_api.Page", label: str) -> str:
    return page.locator("[data-testid=stSelectbox]", has_text=label).first.evaluate(
        "e => e.innerText + (e.querySelector('input')?.value ?? '')"
    )


def test_a_recording_is_viewed_exported_and_deleted(fresh_server: Server, visit: Visit) -> None:
    live = open_live(fresh_server, visit)
    page = live.page
    live.switch_to_demo()
    live.start()
    page.get_by_text("1 happiness").first.wait_for()
    page.get_by_role("button", name="Record", exact=True).click()
    agree(page)
    page.get_by_text(re.compile(r"Recording 00:(0[6-9]|[1-5])")).wait_for()
    before = live.shown_frames()
    take_screenshot(page, "recording")
    page.wait_for_timeout(1000)
    assert live.shown_frames() > before + 5, "the video goes on"
    page.get_by_role("button", name="Stop recording").click()
    page.get_by_text("was recorded").wait_for()
    live.stop()
    # The component still reports its end, which would bring this page back.
    page.wait_for_timeout(2000)
    page.get_by_role("link", name="Open the dashboard").click()
    page.get_by_role("heading", name="Dashboard").wait_for()
    wait_for_chart(page)
    page.get_by_text("readings with ssd-320-int8 and seresnet-48-int8").wait_for()

    open_view(page, "Files")
    table = pandas.read_csv(io.BytesIO(download(page, "CSV")), encoding="utf-8-sig")
    first = table[table["face"] == 1]  # the clip goes on to the next portrait
    assert len(table) > 60 and first["expression"].isin(["happiness"]).mean() > 0.5
    assert table["time_s"].is_monotonic_increasing and 5 < table["time_s"].max() < 30
    _, readings = read("a.parquet", download(page, "Parquet"))
    np.testing.assert_array_equal(readings.at_s, table["time_s"])
    metadata = json.loads(download(page, "JSON"))["recording"]
    assert metadata["models"]["detector"]["name"] == "ssd-320-int8"
    assert metadata["consent"].startswith("2026-11-29: I am the only person shown")
    report = download(page, "Report (HTML)")
    assert b"seresnet-48-int8" in report

    folder = Path(make_url(fresh_server.database).database).parent
    needle = readings.probabilities[10].tobytes()
    assert any(needle in file.read_bytes() for file in folder.iterdir())
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete this session").click()
    page.get_by_text("Nothing is recorded yet.").wait_for()
    take_screenshot(page, "no session")
    page.get_by_text("s left").wait_for(state="detached")
    page.close()  # the bytes go though nobody looks
    deadline = time.monotonic() + 15
    while any(needle in file.read_bytes() for file in folder.iterdir()):
        assert time.monotonic() < deadline, "the deleted bytes are still there"
        time.sleep(0.5)


def test_leaving_the_page_saves_the_recording(fresh_server: Server, visit: Visit) -> None:
    live = open_live(fresh_server, visit)
    page = live.page
    live.switch_to_demo()
    live.start()
    page.get_by_text("1 happiness").first.wait_for()
    page.get_by_role("button", name="Record", exact=True).click()
    agree(page)
    page.get_by_text("Recording 00:05").wait_for()
    page.get_by_role("link", name="About").click()
    page.get_by_text("Recording saved: 00:0").wait_for()
    page.wait_for_timeout(800)
    page.screenshot(path=SCREENSHOTS / "recording saved.png")
    store = store_of(fresh_server)
    (session,) = store.overviews(LOCAL_OWNER)
    assert not session.is_running and 5 <= session.duration_s < 12
    again = open_live(fresh_server, visit)
    again.switch_to_demo()
    again.start()
    again.page.get_by_text("1 happiness").first.wait_for()
    again.page.get_by_role("button", name="Record", exact=True).click()
    agree(again.page)
    again.page.get_by_text("Recording 00:04").wait_for()
    again.page.close()
    deadline = time.monotonic() + 60
    while (closed := store.overviews(LOCAL_OWNER)[0]).is_running:
        assert time.monotonic() < deadline, "the recording of a closed tab goes on"
        time.sleep(0.5)
    assert closed.recording.id != session.recording.id and closed.duration_s >= 4
    store.close()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_two_clicks_delete_one_session_which_undo_restores(
    fresh_server: Server, visit: Visit, scheme: str, width: int
) -> None:
    for title in ("third", "second", "first"):
        store_session(fresh_server, title, 300)
    store = store_of(fresh_server)
    newest = store.overviews(LOCAL_OWNER)[0].recording
    page = open_dashboard(fresh_server, visit, scheme=scheme, width=width)
    wait_for_chart(page)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("Delete this session?").wait_for()
    page.wait_for_timeout(300)
    page.screenshot(path=SCREENSHOTS / f"delete, {scheme} {width}.png")
    page.get_by_role("button", name="Delete this session").dblclick()
    page.get_by_text(f"Deleted: “{newest.title}”").wait_for()
    page.wait_for_timeout(1500)
    assert page.get_by_text("Delete this session?").count() == 0, "the question is closed"
    assert len(store.overviews(LOCAL_OWNER)) == 2 and not is_wider_than_the_window(page)
    assert newest.title not in selected(page, "Session"), "the next session is shown by its name"
    take_screenshot(page, f"undo, {scheme} {width}")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("Deleted:").wait_for(state="detached")
    assert len(store.overviews(LOCAL_OWNER)) == 3
    page.wait_for_timeout(1000)
    assert newest.title in selected(page, "Session")
    store.close()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_a_minute_and_an_hour_fit_every_window(
    fresh_server: Server, visit: Visit, scheme: str, width: int
) -> None:
    markers = (Marker(20.0, "film", 30.0),)
    store_session(fresh_server, "An hour", 54_000, markers=markers)
    store_session(fresh_server, "A minute", 900, markers=markers)
    page = open_dashboard(fresh_server, visit, scheme=scheme, width=width)
    for title in ("A minute", "An hour"):
        choose(page, "Session", title)
        for view in VIEWS:
            open_view(page, view)
            if view != "Files":
                wait_for_chart(page)
            page.wait_for_timeout(700)
            assert not is_wider_than_the_window(page), view
            take_screenshot(page, f"{title}, {view}, {scheme} {width}")
        open_view(page, VIEWS[0])


def test_the_report_loads_nothing_else(fresh_server: Server, visit: Visit, tmp_path: Path) -> None:
    store_session(fresh_server, "A <b>talk</b>", 900)
    page = open_dashboard(fresh_server, visit)
    open_view(page, "Files")
    file = tmp_path / "report.html"
    file.write_bytes(download(page, "Report (HTML)"))
    for scheme, width in (("light", 1280), ("dark", 390)):
        assert_report_is_complete(page.context.browser, file, scheme, width)


def assert_report_is_complete(
    browser: "sync_api.Browser", file: Path, scheme: str, width: int
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page, requests, errors = context.new_page(), [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(file.as_uri())
    page.get_by_role("heading", name="A <b>talk</b>").wait_for()
    assert page.locator("figure svg").count() > 3
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report, {scheme} {width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert requests == [file.as_uri()] and not errors
    context.close()


def test_an_imported_file_becomes_the_same_session(fresh_server: Server, visit: Visit) -> None:
    id = store_session(fresh_server, "Mine", 900)
    page = open_dashboard(fresh_server, visit)
    open_view(page, "Files")
    data = download(page, "Parquet")
    page.get_by_text("Open a file").click()
    page.locator("input[type=file]").set_input_files(
        [{"name": "colleague.parquet", "mimeType": "application/octet-stream", "buffer": data}]
    )
    deadline = 50
    store = store_of(fresh_server)
    while len(overviews := store.overviews(LOCAL_OWNER)) < 2:
        deadline -= 1
        assert deadline, "the file did not become a session"
        page.wait_for_timeout(200)
    other = next(s for s in overviews if s.recording.id != id)
    np.testing.assert_array_equal(
        store.readings(other.recording.id, LOCAL_OWNER).probabilities,
        store.readings(id, LOCAL_OWNER).probabilities,
    )
    store.close()


def test_the_replay_plays(fresh_server: Server, visit: Visit) -> None:
    store_session(fresh_server, "A minute", 900)
    page = open_dashboard(fresh_server, visit)
    open_view(page, "Replay")
    slider = page.get_by_role("slider", name="Seconds from the start")
    slider.wait_for()
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_timeout(3000)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()
    at_s = float(slider.input_value())
    assert 1.5 < at_s < 10
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    assert float(slider.input_value()) == pytest.approx(at_s + 0.1, abs=0.05)


def test_pictures_are_kept_as_a_session(fresh_server: Server, visit: Visit) -> None:
    page = visit(fresh_server.url)
    page.get_by_role("button", name="Keep as a session").click()
    agree(page)
    page.get_by_text("Kept as a session.").wait_for()
    page.get_by_role("link", name="Open the dashboard").click()
    wait_for_chart(page)
    take_screenshot(page, "a session of pictures")
