"""The app is closed by default: to other machines, other sites and injected content."""

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ferapp.media.encoder import Encoder
from ferapp.ui.live.webcam import demo_frame
from ferapp.ui.server.media_owner import COOKIE
from ferapp.ui.shared.live_chart import PLOTLY_ROUTE
from stress.visitor import Visitor
from tests.e2e.conftest import Server, Visit, sync_api
from tests.e2e.processes import App
from tests.support.browser import Live, agree, download, open_view, wait_for_chart, wait_for_video
from tests.support.other_site import ATTEMPTS, FOREIGN_ORIGINS, HANDSHAKE, another_site
from tests.support.pictures import NO_FACE
from tests.support.places import SAMPLES
from tests.support.uploads import UPLOAD_PATH, ask, open_session, put_file, xsrf_token

pytestmark = pytest.mark.e2e

ELSEWHERE = "http://elsewhere.example"
HEADERS = (
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
)
# Writes each violation of the policy to the console, in frames as well.
LOG_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`violation of ${event.effectiveDirective} by ${event.blockedURI}`));
"""


def test_the_app_listens_only_to_this_machine(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    # A server that listens on every address would accept this one as well.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config", PLOTLY_ROUTE])
def test_requests_for_another_host_name_are_refused(server: Server, path: str) -> None:
    assert ask(server, path).status == 200
    assert ask(server, path, Host="elsewhere.example").status == 400


def test_a_websocket_from_another_site_is_refused(server: Server) -> None:
    own = server.url
    assert ask(server, "/_stcore/stream", Origin=own, **HANDSHAKE).status == 101
    assert ask(server, "/_stcore/stream", Origin=ELSEWHERE, **HANDSHAKE).status == 403
    renamed = ask(server, "/_stcore/stream", Host="elsewhere.example", **HANDSHAKE)
    assert renamed.status in (400, 403)


def test_an_upload_needs_a_session_and_its_token(server: Server) -> None:
    xsrf = xsrf_token(server)
    with open_session(server) as session:
        id = session.initialize.session_id
        assert put_file(server, id, xsrf) == 204
        assert put_file(server, id, None) == 403
        assert put_file(server, "nobody", xsrf) == 400


def test_an_upload_with_two_lengths_is_refused(server: Server) -> None:
    with open_session(server) as session:
        path = f"{UPLOAD_PATH}/{session.initialize.session_id}/file"
        fields = {"Content_Length": "10", "Transfer_Encoding": "chunked"}
        assert ask(server, path, "PUT", **fields).status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/_stcore/health"),
        ("OPTIONS", "/_stcore/health"),
        ("GET", "/_stcore/host-config"),
        ("OPTIONS", f"{UPLOAD_PATH}/a/b"),
    ],
)
def test_no_other_site_may_read_a_response(server: Server, method: str, path: str) -> None:
    allowed = ask(server, path, method, Origin=ELSEWHERE).headers["Access-Control-Allow-Origin"]
    assert allowed not in ("*", ELSEWHERE)


def test_a_failing_page_reveals_nothing_to_the_browser(visit: Visit, tmp_path: Path) -> None:
    launcher = Path(__file__).parent / "careless.py"
    app = App(tmp_path / "log", launcher=launcher, CANARY="canary-4711")
    try:
        app.wait_until_ready()
        page = visit("about:blank")
        received: list[bytes] = []
        page.on("websocket", lambda s: s.on("framereceived", lambda m: received.append(m)))
        page.goto(f"{app.url}/about")
        page.get_by_test_id("stException").wait_for()
        sent = b"".join(message for message in received if isinstance(message, bytes))
        assert b"What this app can know" in sent
        for secret in (b"canary-4711", b"LookupError", b"Traceback", b"careless.py"):
            assert secret not in sent
    finally:
        app.stop()


def test_usage_statistics_are_off(server: Server) -> None:
    with open_session(server) as session:
        assert not session.config.gather_usage_stats


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/live", 200),
        ("/_stcore/health", 200),
        ("/_stcore/host-config", 200),
        ("/component/streamlit_webrtc.component.webrtc_streamer/index.html", 200),
        (PLOTLY_ROUTE, 200),
        ("/media/nothing.png", 404),
    ],
)
def test_every_response_has_the_security_headers(
    server: Server, visit: Visit, path: str, status: int
) -> None:
    if path.startswith("/component/"):
        # Streamlit serves a component only after a page has used it.
        visit(f"{server.url}/live").get_by_role("heading", name="Live").wait_for()
    answer = ask(server, path)
    assert answer.status == status
    assert [name for name in HEADERS if name not in answer.headers] == []


def test_media_are_kept_in_no_cache_and_served_to_their_browser_alone(
    server: Server, visit: Visit, launch: Callable[..., Any]
) -> None:
    page = visit(server.url)
    grey = {"name": "grey.jpg", "mimeType": "image/jpeg", "buffer": NO_FACE}
    page.locator("input[type=file]").set_input_files([grey])
    shown = page.locator("img[src*='/media/']").first
    shown.wait_for()
    page.wait_for_function("image => image.naturalWidth > 0", arg=shown.element_handle())
    path = "/media/" + str(shown.get_attribute("src")).partition("/media/")[2]
    (cookie,) = (c for c in page.context.cookies() if c["name"] == COOKIE)
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    own = ask(server, path, Cookie=f"{COOKIE}={cookie['value']}")
    assert own.status == 200 and own.headers["Cache-Control"] == "no-store"
    part = ask(server, path, Cookie=f"{COOKIE}={cookie['value']}", Range="bytes=0-1")
    assert part.status == 206
    page.locator("input[type=file]").set_input_files(SAMPLES / "astronaut.jpg")
    page.get_by_role("button", name="2. astronaut.jpg").click()
    # The button whose file is made at the click, without a script, and the one with its bytes.
    assert download(page, "Table (CSV)") and download(page, "Annotated picture (PNG)")

    absent = ask(server, "/media/0123456789.jpg")
    for headers in ({}, {"Cookie": f"{COOKIE}={'0' * 32}"}, {"Cookie": f"{COOKIE}="}):
        for method in ("GET", "HEAD"):
            other = ask(server, path, method, **headers)
            assert (other.status, other.headers.keys()) == (404, absent.headers.keys())
    context = launch("astronaut.jpg").new_context()
    assert context.request.get(f"{server.url}{path}").status == 404
    context.close()


def test_two_visitors_with_one_picture_have_two_addresses(server: Server) -> None:
    with Visitor(server.url) as ann, Visitor(server.url) as bob:
        for visitor in (ann, bob):
            visitor.open()
            visitor.upload({"a.jpg": NO_FACE})
        shown = [set(visitor.picture_urls()) for visitor in (ann, bob)]
        assert shown[0] and len(shown[0]) == len(shown[1]) and not shown[0] & shown[1]
        assert all(data.startswith(b"\xff\xd8") for data in bob.pictures())


def test_a_refusal_has_the_security_headers(server: Server) -> None:
    answer = ask(server, "/", Host="elsewhere.example")
    assert [name for name in HEADERS if name not in answer.headers] == []


@pytest.fixture
def open_logged(visit: Visit) -> Callable[[str], tuple["sync_api.Page", list[str]]]:
    """Open an address, and give the page with the list of errors on its console."""

    def open_page(url: str) -> tuple["sync_api.Page", list[str]]:
        page = visit("about:blank")
        errors: list[str] = []
        page.add_init_script(LOG_VIOLATIONS)
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page, errors

    return open_page


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of a face."""
    path = tmp_path / "clip.mp4"
    with Encoder(path, (640, 480)) as encoder:
        for number in range(30):
            encoder.add(demo_frame(2 + number / 15), number / 15)
    return path


def test_every_page_works_under_the_content_security_policy(
    fresh_server: Server, open_logged: Any, clip: Path
) -> None:
    page, errors = open_logged(fresh_server.url)
    page.set_default_timeout(60_000)
    page.locator("input[type=file]").set_input_files(SAMPLES / "astronaut.jpg")
    page.get_by_role("img", name="1 face: 1 happiness").wait_for()
    assert download(page, "Annotated picture (PNG)").startswith(b"\x89PNG")
    page.get_by_text("Camera", exact=True).click()
    page.wait_for_function("() => document.querySelector('video')?.currentTime > 0.5")
    page.get_by_role("button", name="Take Photo").click()
    page.get_by_role("button", name="Clear photo").wait_for()
    page.get_by_role("img", name="1 face: 1 happiness").wait_for()

    # Through the menu: for the address of a page, Streamlit requests files that do not exist.
    page.get_by_role("link", name="Live").click()
    live = Live(page)
    live.start()
    page.get_by_text("1 happiness").first.wait_for()
    wait_for_chart(page)
    page.get_by_role("button", name="Record", exact=True).click()
    agree(page)
    page.get_by_text(re.compile(r"Recording 00:0[2-9]")).wait_for()
    page.get_by_role("button", name="Stop recording").click()
    live.stop()
    # The component still reports its end, which would bring this page back.
    page.wait_for_timeout(2000)

    page.get_by_role("link", name="Video").click()
    page.get_by_role("heading", name="Video", exact=True).wait_for()
    page.locator("input[type=file]").set_input_files(clip)
    page.get_by_role("button", name="Analyse").click()
    page.locator("video").evaluate("v => { v.muted = true; return v.play() }")
    wait_for_video(page, "v.currentTime > 0.2")
    page.get_by_role("button", name="Make an annotated copy").click()
    page.get_by_role("button", name="Download the copy").wait_for()
    page.locator("video").evaluate("v => { v.muted = true; return v.play() }")
    wait_for_video(page, "v.currentTime > 0.2")
    assert download(page, "Download the copy")[4:8] == b"ftyp"

    page.get_by_role("link", name="Dashboard").click()
    for view in ("Over time", "Summary", "Compare", "Replay"):
        open_view(page, view)
        wait_for_chart(page)
    open_view(page, "Files")
    assert download(page, "Report (HTML)")
    page.get_by_role("link", name="About").click()
    page.get_by_role("heading", name="About").wait_for()
    page.wait_for_timeout(1000)
    assert errors == []


INJECTIONS = {
    "img-src": "const e = document.createElement('img'); e.src = url; document.body.append(e);",
    "script-src-elem": "const e = document.createElement('script'); e.src = url;"
    " document.body.append(e);",
    "script-src-attr": "document.body.insertAdjacentHTML('beforeend',"
    " `<img src='data:,' onerror='fetch(\"${url}\")'>`);",
    "style-src-elem": "const e = document.createElement('link'); e.rel = 'stylesheet';"
    " e.href = url; document.head.append(e);",
    "connect-src": "fetch(url).catch(() => null);",
    "frame-src": "const e = document.createElement('iframe'); e.src = url;"
    " document.body.append(e);",
    "form-action": "const e = document.createElement('form'); e.action = url;"
    " document.body.append(e); e.submit();",
    "base-uri": "const e = document.createElement('base'); e.href = url; document.head.append(e);",
}


def test_injected_content_reaches_nobody(server: Server, open_logged: Any) -> None:
    page, errors = open_logged(server.url)
    page.get_by_text("Or look at a sample").wait_for()
    with another_site() as (url, requested):
        for injection in INJECTIONS.values():
            page.evaluate(f"(url) => {{ {injection} }}", f"{url}/stolen")
        page.wait_for_timeout(1000)
    violated = {error.split()[2] for error in errors if error.startswith("violation of")}
    assert violated == set(INJECTIONS)
    assert requested == []


def test_no_other_site_may_frame_the_app(server: Server, open_logged: Any) -> None:
    with another_site(f"<iframe src='{server.url}'></iframe>") as (url, _):
        page, errors = open_logged(url)
        page.wait_for_timeout(1000)
        assert any("frame-ancestors" in error or "403" in error for error in errors), errors
        assert "Pictures" not in page.frames[1].content()


def test_a_page_on_another_port_reaches_nothing(server: Server, visit: Visit) -> None:
    own = visit(server.url)
    own.get_by_text("Or look at a sample").wait_for()
    seen = {name: own.evaluate(attempt, server.url) for name, attempt in ATTEMPTS.items()}
    assert set(seen.values()) == {"reached"}, seen
    with another_site() as (url, _):
        for site in (url, url.replace("127.0.0.1", "localhost")):
            for app in (server.url, server.url.replace("127.0.0.1", "localhost")):
                page = visit(site)
                seen = {name: page.evaluate(attempt, app) for name, attempt in ATTEMPTS.items()}
                assert set(seen.values()) == {"refused"}, (site, app, seen)


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_handshake_with_another_origin_is_refused(server: Server, origin: str) -> None:
    assert ask(server, "/_stcore/stream", Origin=origin, **HANDSHAKE).status == 403
    assert ask(server, "/_stcore/health", Origin=origin).status == 403
