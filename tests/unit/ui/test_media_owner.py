"""A file at /media/ is served to the browser for which it was made, and to no other."""

import asyncio
from collections.abc import Iterator

import pytest
import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send
from streamlit.runtime import memory_media_file_storage as storage

from ferapp.ui.server.headers import SecurityHeaders
from ferapp.ui.server.media_owner import COOKIE, MediaOwner, keep_media_for_their_browsers

by_content_alone = storage._calculate_file_id
ANN, BOB = "a" * 32, "b" * 32


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(storage, "_calculate_file_id", storage._calculate_file_id)
    keep_media_for_their_browsers()
    yield


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path; over a WebSocket, name a file as a download outside a script is."""
    if scope["type"] == "http":
        await PlainTextResponse(scope["path"])(scope, receive, send)
        return
    data = (await receive())["bytes"]
    file_id = asyncio.to_thread(storage._calculate_file_id, data, "image/png")
    await send({"type": "websocket.send", "text": await asyncio.create_task(file_id)})


class Answer:
    """What came back: text and headers."""

    def __init__(self) -> None:
        self.text, self.headers = "", Headers()

    async def take(self, message: Message) -> None:
        self.text += message.get("text", "") + message.get("body", b"").decode()
        if "headers" in message:
            self.headers = Headers(raw=message["headers"])


def ask(
    path: str, browser: str = "", *, kind: str = "http", scheme: str = "http", data: bytes = b""
) -> Answer:
    """Send one request of a browser with this cookie."""
    cookie = [(b"cookie", f"a=b; {COOKIE}={browser}".encode())] if browser else []
    scope = {"type": kind, "method": "GET", "path": path, "headers": cookie, "scheme": scheme}
    answer = Answer()

    async def receive() -> Message:
        return {"type": "websocket.receive", "bytes": data}

    asyncio.run(SecurityHeaders(MediaOwner(app))(scope, receive, answer.take))
    return answer


def name_of(browser: str, data: bytes = b"a picture") -> str:
    return ask("/_stcore/stream", browser, kind="websocket", data=data).text


def path_of(name: str, browser: str) -> str:
    return ask(f"/media/{name}.png", browser).text


def test_the_own_browser_gets_the_file_and_others_what_an_absent_one_gives() -> None:
    name = name_of(ANN)
    assert path_of(name, ANN) == f"/media/{name}.png"
    for other in (BOB, "", "x", ANN.upper(), ANN[:-1], f"{ANN}0"):
        assert path_of(name, other) == "/media/absent"


def test_nobody_learns_from_an_address_who_has_the_same_picture() -> None:
    by_content = by_content_alone(b"a picture", "image/png")
    ann, bob = name_of(ANN), name_of(BOB)
    assert ann != bob and by_content not in ann + bob
    assert name_of(ANN) == name_of(ANN), "a page that reruns keeps its pictures"
    assert name_of(ANN) != name_of(ANN, b"another picture")


def test_a_file_without_a_browser_is_for_nobody() -> None:
    name = name_of("")
    assert path_of(name, "") == path_of(name, ANN) == "/media/absent"


@pytest.mark.parametrize("path", ["/", "/live", "/_stcore/health", "/auth/login"])
def test_a_browser_without_the_cookie_gets_one(path: str) -> None:
    cookie = ask(path).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "set-cookie" not in ask(path, ANN).headers
    assert "set-cookie" in ask(path, "not ours").headers


@pytest.mark.parametrize(
    "path", ["/static/js/a.js", "/static/media/a.woff2", "/media/a.png", "/_stcore/host-config"]
)
def test_what_a_page_loads_in_parallel_gives_no_cookie(path: str) -> None:
    assert "set-cookie" not in ask(path).headers


def test_a_logout_gives_another_cookie() -> None:
    cookie = ask("/auth/logout", ANN).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=") and ANN not in cookie


def test_behind_https_the_cookie_is_for_https() -> None:
    assert "; Secure" in ask("/", scheme="https").headers["Set-Cookie"]
    assert "; Secure" not in ask("/").headers["Set-Cookie"]


def test_a_base_path_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "get_option", lambda name: "faces" if "baseUrl" in name else None)
    path = f"/faces/media/{name_of(ANN)}.png"
    assert ask(path, ANN).text == path and ask(path, BOB).text == "/faces/media/absent"
    assert ask(path, ANN).headers["Cache-Control"] == "no-store"


def test_fonts_of_the_page_are_not_media() -> None:
    answer = ask("/static/media/font.woff2", ANN)
    assert answer.text == "/static/media/font.woff2" and "Cache-Control" not in answer.headers
