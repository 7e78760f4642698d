"""Nothing stays of a visitor who has left; a page without camera access says why."""

import time
from pathlib import Path

import pytest
import requests

from benchmarks.served import App
from stress.visitor import Visitor
from tests.e2e.conftest import Server, Visit
from tests.support.pictures import NO_FACE
from tests.support.places import ROOT

pytestmark = pytest.mark.e2e

# glibc returns blocks larger than 32 MB to the system as soon as they are free.
FILES, FILE_MB = 8, 40
PATIENCE_S = 20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_nothing_of_a_visitor_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's default is two minutes after the disconnection; here it is shorter."""
    monkeypatch.setenv("STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL", "2")
    app = App(ROOT / "app.py")
    try:
        with Visitor(app.url) as visitor:
            visitor.open()
            before_mb = app.rss_mb()
            photo = NO_FACE
            # Bytes after the end of a JPEG do no harm.
            visitor.upload({f"{n}.jpg": photo + bytes(FILE_MB * 1_000_000) for n in range(FILES)})
            urls = [i.url for e in visitor.elements if e.HasField("imgs") for i in e.imgs.imgs]
            cookies = visitor.cookies
            assert status(app, urls[0], cookies) == 200
            assert app.rss_mb() > before_mb + FILES * FILE_MB * 0.8
        deadline = time.monotonic() + PATIENCE_S
        most_mb = before_mb + FILES * FILE_MB / 2
        while status(app, urls[0], cookies) != 404 or app.rss_mb() > most_mb:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        app.stop()


def status(app: App, path: str, cookies: str) -> int:
    headers = {"Cookie": cookies}
    return requests.get(f"{app.url}{path}", headers=headers, timeout=10).status_code


def test_a_page_that_may_not_use_the_camera_says_so(server: Server, visit: Visit) -> None:
    """As over plain HTTP from another machine; the message needs no click."""
    page = visit("about:blank")
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', { get: () => false })")
    page.goto(f"{server.url}/live")
    page.get_by_text("Browsers allow the camera only on pages from this machine").wait_for()
