"""A logout ends the login on the server: a copy of its cookie lets nobody in.

Streamlit keeps a login in a signed cookie and nowhere else; its logout deletes the cookie in the
browser that asks for it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ferapp.errors import UserError
from ferapp.ui.server.headers import own_path
from ferapp.ui.server.imports import importing
from ferapp.ui.server.private_parts import LOGIN_COOKIE, login_of

KEEP: Final = timedelta(days=32)
"""Longer than Streamlit accepts a login's cookie: 30 days, and a day of grace."""

_LOGOUT: Final = "/auth/logout"
_GOING_AWAY: Final = 1001
# An open page learns after this long that its login was ended at another replica.
_ASK_EVERY_S: Final = 10.0

T = TypeVar("T")
_logger = logging.getLogger(__name__)


class Logins(Protocol):
    """Where ended logins are kept; its methods may raise `UserError` and take a while."""

    def add(self, login: str, keep: timedelta) -> None:
        """Remember one."""

    def has(self, login: str) -> bool:
        """Whether it is one."""


class LoginsEnd:
    """ASGI middleware that ends logins, and takes no message of a visitor whose login has ended.

    Args:
        app: The next application.
        logins: Returns where ended logins are kept; by default, the database of sessions.
        clock: Returns seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        logins: Callable[[], Logins] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._logins = logins or _stored_logins
        self._clock = clock
        # Those of this process count also while the database fails.
        self._ended: set[str] = set()
        # Threads of their own: a database that does not answer must not hold those of the video.
        self._threads = ThreadPoolExecutor(2, "logins")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or handshake."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        login = login_of(HTTPConnection(scope).cookies)
        if login is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            if own_path(scope["path"]) == _LOGOUT:
                await self._end(login)
            await self._app(scope, receive, send)
        elif await self._is_ended(login):
            await self._app(_without_login(scope), receive, send)
        else:
            await self._app(scope, self._until_logout(login, receive, send), send)

    def _until_logout(self, login: str, receive: Receive, send: Send) -> Receive:
        asked_s = self._clock()

        async def receive_until_logout() -> Message:
            nonlocal asked_s
            message = await receive()
            is_ended = login in self._ended
            if not is_ended and self._clock() - asked_s > _ASK_EVERY_S:
                asked_s = self._clock()
                is_ended = await self._is_ended(login)
            if not is_ended or message["type"] != "websocket.receive":
                return message
            # The page connects again, and then nobody is logged in.
            await send({"type": "websocket.close", "code": _GOING_AWAY})
            return {"type": "websocket.disconnect", "code": _GOING_AWAY}

        return receive_until_logout

    async def _end(self, login: str) -> None:
        self._ended.add(login)
        try:
            await self._call(lambda: self._logins().add(login, KEEP))
        except UserError as exc:
            _logger.error("a logout could not be stored: %s", type(exc).__name__)

    async def _is_ended(self, login: str) -> bool:
        if login in self._ended:
            return True
        try:
            is_ended = await self._call(lambda: self._logins().has(login))
        except UserError as exc:
            # Nobody could get in while the database is away, also to what needs none.
            _logger.error("ended logins could not be read: %s", type(exc).__name__)
            return False
        if is_ended:
            self._ended.add(login)
        return is_ended

    async def _call(self, ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)


def _without_login(scope: Scope) -> Scope:
    """The handshake as a browser sends it that has not logged in."""
    scope = {**scope, "headers": list(scope["headers"])}
    headers = MutableHeaders(scope=scope)
    cookies = [part.strip() for part in "; ".join(headers.getlist("cookie")).split(";")]
    del headers["cookie"]
    headers["cookie"] = "; ".join(c for c in cookies if not c.startswith(LOGIN_COOKIE))
    return scope


def _stored_logins() -> Logins:
    # Imported late: the server listens first.
    with importing:
        from ferapp.ui.shared.resources import store
    return store().logins
