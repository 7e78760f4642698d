"""What the shipped configuration of nginx lets through, and what it does not, without a browser."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stress.visitor import Visitor
from tests.e2e.processes import App
from tests.support.nginx import CERTIFICATE, NGINX, shipped_nginx
from tests.support.other_site import HANDSHAKE
from tests.support.pictures import NO_FACE

pytestmark = pytest.mark.e2e

TOKEN = "a token of the operator"
ELSEWHERE = "127.0.0.2"
"""An address that is not this machine's for the app, and from which it can be asked."""

HEAD_S = 10.0
"""``client_header_timeout``."""


class Site:
    """The address of nginx, and how to ask there.

    Args:
        url: Its address.
        certificate: Its certificate.
        app: What is behind it.
    """

    def __init__(self, url: str, certificate: Path, app: App) -> None:
        self.url, self.certificate, self.app = url, certificate, app
        self.host = url.removeprefix("https://")
        self._tls = ssl.create_default_context(cafile=str(certificate))

    def connect(self) -> ssl.SSLSocket:
        name, port = self.host.split(":")
        plain = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
        return self._tls.wrap_socket(plain, server_hostname=name)

    def ask(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(self.host, timeout=20, context=self._tls)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=fields)
        answer = connection.getresponse()
        if answer.status != 101:
            answer.read()
        connection.close()
        return answer

    def send(self, request: str) -> str:
        """Send a request as it is written, and give the line that is answered."""
        with self.connect() as client:
            client.sendall(request.replace("\n", "\r\n").replace("HOST", self.host).encode())
            with client.makefile("rb") as answer:
                return answer.readline().decode()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not Path(NGINX).exists():
        pytest.skip("needs nginx (Debian: nginx)")
    folder = tmp_path_factory.mktemp("site")
    database = f"sqlite:///{folder}/sessions.db"
    app = App(folder / "app.log", FERAPP_DATABASE_URL=database, FERAPP_METRICS_TOKEN=TOKEN)
    try:
        app.wait_until_ready()
        files = tmp_path_factory.mktemp("nginx")
        with shipped_nginx(files, [app.port, app.port]) as url:
            yield Site(url, files / CERTIFICATE, app)
    finally:
        app.stop()


def test_a_picture_goes_up_and_comes_back_in_parts(site: Site) -> None:
    with Visitor(site.url, certificate=site.certificate) as visitor:
        visitor.open()
        visitor.upload({"a.jpg": NO_FACE})
        whole = visitor.pictures()[0]
        path = visitor.picture_urls()[0]
        answer = site.ask(path, Range="bytes=10-19", Cookie=visitor.cookies)
        assert (answer.status, answer.headers["Content-Range"]) == (
            206,
            f"bytes 10-19/{len(whole)}",
        )
        assert answer.headers["Cache-Control"] == "no-store"
        assert site.ask(path).status == 404, "another browser"


def test_every_cookie_is_for_https_and_not_for_scripts(site: Site) -> None:
    cookies = [
        cookie
        for path in ("/", "/_stcore/health")
        for cookie in site.ask(path).headers.get_all("Set-Cookie")
    ]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert names == {"ferapp_visitor", "ferapp_browser", "_streamlit_xsrf"}
    for cookie in cookies:
        assert "; secure" in cookie.lower() and "samesite=lax" in cookie.lower()
        # The page reads this one, to send it back beside itself.
        assert "httponly" in cookie.lower() or cookie.startswith("_streamlit_xsrf=")


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/_stcore/metrics", "//metrics"])
def test_what_is_for_operators_is_absent(site: Site, path: str) -> None:
    assert site.ask(path).status == 404


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"Bearer {TOKEN[:-1]}", 404),
        (f"Bearer {TOKEN}x", 404),
        (f"bearer {TOKEN}", 404),
        (f"Basic {TOKEN}", 404),
        (TOKEN, 404),
        ("Bearer ", 404),
        ("", 404),
        (None, 404),
    ],
)
def test_from_elsewhere_metrics_need_the_token(site: Site, given: str | None, status: int) -> None:
    headers = {} if given is None else {"Authorization": given}

    def ask(address: str, **more: str) -> int:
        connection = http.client.HTTPConnection(
            "127.0.0.1", site.app.port, timeout=20, source_address=(address, 0)
        )
        connection.request("GET", "/metrics", headers=headers | more)
        answer = connection.getresponse()
        assert (b"ferapp_pictures_total" in answer.read()) == (answer.status == 200)
        connection.close()
        return answer.status

    assert ask(ELSEWHERE) == status
    assert ask("127.0.0.1") == 200, "the person at the machine needs none"
    assert ask("127.0.0.1", Via="1.1 a proxy") == status
    assert site.ask("/metrics", **headers).status == 404, "not through nginx"


def test_pages_of_other_sites_are_refused(site: Site) -> None:
    assert site.ask("/_stcore/stream", Origin=site.url, **HANDSHAKE).status == 101
    for origin in ("https://elsewhere.example", "https://localhost", "http://localhost:8501"):
        assert site.ask("/_stcore/stream", Origin=origin, **HANDSHAKE).status == 403
        assert site.ask("/", Origin=origin).status == 403
    assert site.ask("/auth/logout", Sec_Fetch_Site="cross-site").status == 403


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 3\nTransfer-Encoding: chunked",
        "Content-Length: 3\nContent-Length: 4",
        "Transfer-Encoding: chunked, chunked",
        "Content-Length: 3x",
    ],
)
def test_a_request_with_two_lengths_is_refused(site: Site, lengths: str) -> None:
    line = site.send(f"PUT /_stcore/upload_file/a/b HTTP/1.1\nHost: HOST\n{lengths}\n\nabc")
    assert line.split()[1] in ("400", "501")


def test_a_head_that_does_not_end_is_cut_off(site: Site) -> None:
    with site.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        start_s = time.monotonic()
        assert site.ask("/healthz").status == 200
        assert client.recv(100) == b""
        assert HEAD_S - 2 < time.monotonic() - start_s < HEAD_S + 5
