"""Pictures, videos and downloads are served to the browser for which they were made.

Streamlit serves them to everybody who has the address, and the address is a hash of the content:
anybody could ask whether somebody has this very picture open. Here each browser has a cookie, and
an address begins with a keyed hash of it. Any other browser gets what an absent file gives.
"""

import hmac
import re
import secrets
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakKeyDictionary

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ferapp.ui.server.headers import MEDIA, own_path
from ferapp.ui.server.private_parts import app_session, rename_media_files

COOKIE: Final = "ferapp_browser"
"""Holds a random number; ends with the browser, or with a logout."""

_VALUE: Final = re.compile(r"[0-9a-f]{32}")
# A page, and what it asks for before its WebSocket also where it comes from the browser's cache;
# not what it asks for in parallel, each of which would give another cookie.
_HEALTH: Final = "/_stcore/health"
_NO_PAGES: Final = ("/_stcore/", "/static/", "/component/", MEDIA)
_LOGOUT: Final = "/auth/logout"
_TAG_LENGTH: Final = 32
# Of this process, as the files are.
_key: Final = secrets.token_bytes(32)

# The browser at the other end of the WebSocket; its downloads are made outside any script.
_connected: Final[ContextVar[str]] = ContextVar("browser", default="")
# A script may still run when its visitor has just lost the connection.
_known: Final[WeakKeyDictionary[Any, str]] = WeakKeyDictionary()


class MediaOwner:
    """ASGI middleware that gives each browser a cookie, and serves its files to nobody else.

    Args:
        app: The next application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        browser = _valid(HTTPConnection(scope).cookies.get(COOKIE))
        if scope["type"] == "websocket":
            _connected.set(browser)
            await self._app(scope, receive, send)
            return
        path = own_path(scope["path"])
        tag = path.removeprefix(MEDIA)[:_TAG_LENGTH].encode()
        if path.startswith(MEDIA) and not hmac.compare_digest(tag, _tag(browser)):
            scope = {**scope, "path": f"{scope['path'].removesuffix(path)}{MEDIA}absent"}
        cookie = _new_cookie(path, browser, is_secure=scope["scheme"] == "https")

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and cookie:
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def keep_media_for_their_browsers() -> None:
    """Make Streamlit name files by the browser for which they are made; before the first one."""
    rename_media_files(lambda name: _tag(_browser()).decode() + _digest(f"{_browser()}|{name}"))


def _browser() -> str:
    """The cookie of the visitor for whom this runs; empty if there is none."""
    session = app_session()
    if session is None:
        return _connected.get()
    if browser := _valid(st.context.cookies.get(COOKIE)):
        _known[session] = browser
    return _known.get(session, "")


def _valid(value: str | None) -> str:
    return value if value and _VALUE.fullmatch(value) else ""


def _tag(browser: str) -> bytes:
    """What the addresses of a browser's files begin with; of none, something that nobody has."""
    return _digest(browser or secrets.token_hex())[:_TAG_LENGTH].encode()


def _digest(text: str) -> str:
    return hmac.new(_key, text.encode(), "sha256").hexdigest()


def _new_cookie(path: str, browser: str, *, is_secure: bool) -> str:
    """The value of a Set-Cookie header; empty if the browser keeps what it has."""
    gives = path == _HEALTH or not path.startswith(_NO_PAGES)
    if path != _LOGOUT and (browser or not gives):
        return ""
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE}={secrets.token_hex(16)}; Path=/; HttpOnly; SameSite=Lax{secure}"
