"""Two replicas behind nginx with the shipped configuration, over HTTPS, in a real browser."""

import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import sync_api
from tests.e2e.processes import App
from tests.support import postgres
from tests.support.browser import Live
from tests.support.nginx import NGINX, shipped_nginx
from tests.support.places import SAMPLES
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.live]

COOKIE = "ferapp_visitor"
NOTICE = "A model sees a face, not a feeling"


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[App]]:
    if postgres.binaries() is None:
        pytest.skip("needs PostgreSQL's server programs (Debian: postgresql)")
    folder = tmp_path_factory.mktemp("replicas")
    with postgres.server() as database:
        apps = [
            App(
                folder / f"{number}.log",
                FERAPP_DATABASE_URL=database,
                STREAMLIT_SERVER_COOKIE_SECRET="the same at each replica",
            )
            for number in range(2)
        ]
        for app in apps:
            app.wait_until_ready()
        yield apps
        for app in apps:
            app.stop()


@pytest.fixture(scope="module")
def site(replicas: list[App], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx."""
    if not Path(NGINX).exists():
        pytest.skip("needs nginx (Debian: nginx)")
    ports = [app.port for app in replicas]
    with shipped_nginx(tmp_path_factory.mktemp("nginx"), ports) as url:
        yield url


OpenPage = Callable[..., "sync_api.Page"]


@pytest.fixture
def open_page(browser: Any, site: str) -> Iterator[OpenPage]:
    """Open a page as a new visitor."""
    contexts = []

    def open_in_new_context(path: str = "") -> "sync_api.Page":
        context = browser.new_context(ignore_https_errors=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{site}/{path}")
        return page

    yield open_in_new_context
    for context in contexts:
        context.close()


def open_page_count(app: App) -> int:
    """How many pages are open at a replica, by its own metrics."""
    with urllib.request.urlopen(f"{app.url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return int(float(next(x for x in lines if x.startswith("ferapp_open_pages ")).split()[1]))


def replica_of(page: "sync_api.Page", replicas: list[App], before: list[int]) -> App:
    """The replica that serves a page opened since the counts were taken."""
    page.get_by_text(NOTICE).first.wait_for()
    now = [open_page_count(app) for app in replicas]
    busier = [app for app, old, new in zip(replicas, before, now, strict=True) if new > old]
    assert len(busier) == 1
    return busier[0]


def upload(page: "sync_api.Page") -> None:
    page.locator("input[type=file]").set_input_files(SAMPLES / "astronaut.jpg")
    page.get_by_role("img", name="1 face: 1 happiness").wait_for()


def test_uploads_and_pictures_pass_and_the_connection_holds(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_text(NOTICE).first.wait_for()
    responses: list[tuple[str, int, str]] = []
    sockets: list[sync_api.WebSocket] = []
    page.on("response", lambda r: responses.append((r.request.method, r.status, r.url)))
    page.on("websocket", lambda s: sockets.append(s))
    page.reload()
    upload(page)
    assert ("PUT", 204) in {answer[:2] for answer in responses}, "the upload goes through the proxy"
    page.get_by_role("button", name="Remove").first.click()
    page.get_by_role("button", name="Officer").click()
    page.get_by_role("img", name="1 face: 1 neutral").wait_for()
    # A picture that the page has replaced in the meantime is gone.
    refused = [answer for answer in responses if answer[1] >= 400]
    assert not [answer for answer in refused if answer[1] != 404 or "/media/" not in answer[2]]
    assert len(sockets) == 1 and not sockets[0].is_closed()


def test_visitors_cannot_reach_what_is_for_operators(open_page: OpenPage, site: str) -> None:
    request = open_page().request
    for path in ("metrics", "readyz", "_stcore/metrics"):
        assert request.get(f"{site}/{path}").status == 404
    assert request.get(f"{site}/healthz").text() == "ok"
    # Requests for a bare address get no response at all.
    with pytest.raises(sync_api.Error):
        request.get(site.replace("localhost", "127.0.0.1"))


def test_a_visitor_is_not_mistaken_for_the_person_at_the_machine(open_page: OpenPage) -> None:
    open_page("dashboard").get_by_text("ferapp can't tell such visitors apart").wait_for()


def test_live_video_works_through_the_proxy(open_page: OpenPage) -> None:
    page = open_page("live")
    assert page.evaluate("window.isSecureContext && !!navigator.mediaDevices")
    live = Live(page)
    live.start()
    page.get_by_text("Details", exact=True).click()
    page.get_by_text("frames dropped").wait_for()
    assert live.analysed_frames() > 0
    live.stop()


def test_visitors_stay_at_one_replica_and_survive_its_death(
    open_page: OpenPage, replicas: list[App]
) -> None:
    pages: dict[App, list[sync_api.Page]] = {app: [] for app in replicas}
    # A page of the test before that goes away meanwhile would hide one that comes.
    wait_until(lambda: not any(open_page_count(app) for app in replicas), 30)
    while not all(pages.values()):
        before = [open_page_count(app) for app in replicas]
        page = open_page()
        pages[replica_of(page, replicas, before)].append(page)
        assert sum(map(len, pages.values())) < 12, "visitors are spread"
    first, second = replicas
    page = pages[first][0]
    cookies = [c["value"] for c in page.context.cookies() if c["name"] == COOKIE]
    for _ in range(2):
        before = [open_page_count(app) for app in replicas]
        again = page.context.new_page()
        again.goto(page.url)
        assert replica_of(again, replicas, before) is first
    upload(page)

    first.kill()
    page.reload()
    upload(page)
    assert open_page_count(second) > 0
    assert [c["value"] for c in page.context.cookies() if c["name"] == COOKIE] == cookies
