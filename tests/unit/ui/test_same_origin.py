"""Pages of other sites are refused before Streamlit sees them."""

import asyncio
from typing import Any

import pytest
import streamlit as st

from ferapp.ui.server.same_origin import SameOrigin, is_same_origin

OWN = "http://localhost:8501"
FOREIGN = (
    "http://elsewhere.example",
    "http://elsewhere.example:8501",
    "http://localhost:9999",
    "http://localhost",
    "https://localhost",
    "http://127.0.0.1:8501",
    "http://0.0.0.0:8501",
    "http://[::1]:8501",
    "http://localhost.elsewhere.example:8501",
    "http://elsewhere.example@localhost:8501",
    "http://localhost:8501@elsewhere.example",
    "http://localhost:8501/",
    "http://localhost:08501x",
    "http://localhost:99999",
    "http://localhost:0",
    "ftp://localhost:8501",
    "file://",
    "//localhost:8501",
    "localhost:8501",
    "null",
    "",
)


def ask(
    kind: str = "websocket", method: str = "GET", path: str = "/", **headers: str
) -> tuple[bool, list[dict[str, Any]], str]:
    """Whether a request reached the app, what was answered, and the Host that the app saw."""
    reached: list[str] = []
    answers: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(dict(scope["headers"])[b"host"].decode())

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": [
            (name.replace("_", "-").lower().encode(), value.encode())
            for name, value in ({"Host": "localhost:8501"} | headers).items()
        ],
    }
    asyncio.run(SameOrigin(app)(scope, None, send))  # type: ignore[arg-type]
    return bool(reached), answers, "".join(reached)


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("kind", ["websocket", "http"])
def test_a_foreign_origin_never_reaches_the_app(kind: str, origin: str) -> None:
    is_served, answers, _ = ask(kind, Origin=origin)
    assert not is_served
    assert answers[0].get("status", 403) == 403 and answers[0].get("code", 1008) == 1008


@pytest.mark.parametrize("path", ["/", "/media/a.jpg", "/auth/logout", "/_stcore/upload_file/a/b"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_every_method_and_path_asks_for_the_own_origin(method: str, path: str) -> None:
    assert not ask("http", method, path, Origin="http://localhost:9999")[0]
    assert ask("http", method, path, Origin=OWN)[0]
    # A program, which no other site can make send a request.
    assert ask("http", method, path)[0]


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (OWN, "localhost:8501"),
        ("https://faces.example.org", "faces.example.org"),
        ("https://faces.example.org", "faces.example.org:443"),
        ("http://faces.example.org", "FACES.example.org:80"),
        ("http://[::1]:8501", "[::1]:8501"),
        ("https://faces.example.org:8443", "faces.example.org:8443"),
    ],
)
def test_the_own_origin_is_served_without_a_question_to_the_network(origin: str, host: str) -> None:
    assert is_same_origin(origin, host)
    is_served, _, seen = ask(Host=host, Origin=origin)
    # Otherwise Streamlit would look up this machine's addresses.
    assert is_served and seen == origin.partition("//")[2]


def test_an_origin_that_the_operator_lists_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {"server.corsAllowedOrigins": ["https://faces.example.org/"], "server.baseUrlPath": ""}
    monkeypatch.setattr(st, "get_option", listed.__getitem__)
    assert ask(Origin="https://faces.example.org")[2] == "faces.example.org"
    assert not ask(Origin="https://faces.example.com")[0]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_embed_nothing_and_log_nobody_out(site: str) -> None:
    link = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    embedded = link | {"Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}
    framed = link | {"Sec_Fetch_Dest": "iframe"}
    for page in ("/", "/live", "/oauth2callback"):
        assert ask("http", "GET", page, **link)[0], "a link leads to the app"
        assert not ask("http", "GET", page, **framed)[0]
        assert not ask("http", "POST", page, **link)[0]
    for path in ("/media/a.jpg", "/auth/logout", "/auth/login", "//auth/logout", "/_stcore/health"):
        assert not ask("http", "GET", path, **link)[0]
        assert not ask("http", "GET", path, **embedded)[0]
        assert ask("http", "GET", path, **link | {"Sec_Fetch_Site": "same-origin"})[0]
    assert not ask(Sec_Fetch_Site=site)[0]


@pytest.mark.parametrize("purpose", ["prefetch", "prefetch;prerender"])
@pytest.mark.parametrize("path", ["/", "/auth/logout", "/auth/login"])
def test_nothing_is_fetched_ahead_for_another_site(path: str, purpose: str) -> None:
    # As Chromium 156 sends it for the speculation rules of a page on another port.
    typed = {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert ask("http", "GET", path, **typed)[0]
    assert not ask("http", "GET", path, **typed, Sec_Purpose=purpose)[0]


def test_two_origins_or_hosts_are_refused() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("reached")

    async def send(message: Any) -> None:
        pass

    host, own = (b"host", b"localhost:8501"), (b"origin", OWN.encode())
    for headers in ([host, own, own], [host, host, own], [own]):
        scope = {"type": "websocket", "path": "/", "headers": headers}
        asyncio.run(SameOrigin(app)(scope, None, send))  # type: ignore[arg-type]


def test_other_events_pass() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    asyncio.run(SameOrigin(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen
