"""A logout ends a login on the server, for every copy of its cookie."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from starlette.types import Message, Receive, Scope, Send
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from ferapp.errors import StoreError
from ferapp.ui.server.logout import LoginsEnd
from ferapp.ui.server.private_parts import LOGIN_COOKIE, login_of
from tests.support.fakes import Clock

CUT_OFF = ["websocket.receive", "websocket.close", "websocket.disconnect"]


class FakeLogins:
    """Ended logins that several replicas share."""

    def __init__(self) -> None:
        self.kept: dict[str, timedelta] = {}
        self.fails = False

    def add(self, login: str, keep: timedelta) -> None:
        if self.fails:
            raise StoreError("away")
        self.kept[login] = keep

    def has(self, login: str) -> bool:
        if self.fails:
            raise StoreError("away")
        return login in self.kept


def cookie_of(**claims: Any) -> str:
    """A login's cookie, signed as Streamlit signs it."""
    content = json.dumps({"sub": "ann", "iat": 1} | claims)
    return create_signed_value(get_cookie_secret(), LOGIN_COOKIE, content).decode()


def in_other_letters(cookie: str) -> str:
    """The same signature in other letters: the last one has bits that don't count."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters.index(cookie[-1])
    return cookie[:-1] + letters[last ^ 1]


class Replica:
    """The app of one process; it says who is logged in."""

    def __init__(self, logins: FakeLogins) -> None:
        self.clock = Clock()
        self._app = LoginsEnd(self._answer, logins=lambda: logins, clock=self.clock)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        cookies = HTTPConnection(scope).cookies
        await send({"type": "login", "is_there": LOGIN_COOKIE in cookies, "others": cookies})
        while scope["type"] == "websocket":
            message = await receive()
            await send(message)
            if message["type"] == "websocket.disconnect":
                return

    def ask(self, cookie: str, path: str = "/auth/logout") -> None:
        asyncio.run(self._run("http", path, cookie, []))

    def connect(self, cookie: str, *steps: Any) -> list[Message]:
        """Open a page; before each of its messages, a step is called."""
        return asyncio.run(self._run("websocket", "/_stcore/stream", cookie, list(steps)))

    def is_logged_in(self, cookie: str) -> bool:
        return bool(self.connect(cookie)[0]["is_there"])

    async def _run(self, kind: str, path: str, cookie: str, steps: list[Any]) -> list[Message]:
        header = f"a=b; {LOGIN_COOKIE}={cookie}; {LOGIN_COOKIE}_tokens=x; c=d".encode()
        scope = {"type": kind, "path": path, "headers": [(b"cookie", header)]}
        answers: list[Message] = []

        async def receive() -> Message:
            if not steps:
                return {"type": "websocket.disconnect", "code": 1000}
            await asyncio.to_thread(steps.pop(0))
            return {"type": "websocket.receive", "bytes": b""}

        async def send(message: Message) -> None:
            answers.append(message)

        await self._app(scope, receive, send)
        return answers


def test_a_copied_cookie_is_dead_after_the_logout_at_every_replica() -> None:
    logins, cookie = FakeLogins(), cookie_of()
    one, other = Replica(logins), Replica(logins)
    assert one.is_logged_in(cookie) and other.is_logged_in(cookie)
    one.ask(cookie)
    assert not one.is_logged_in(cookie) and not other.is_logged_in(cookie)
    assert not Replica(logins).is_logged_in(cookie), "also after a restart"
    assert set(logins.kept.values()) == {timedelta(days=32)}


def test_a_cookie_in_other_letters_is_the_same_login() -> None:
    cookie = cookie_of()
    copy = in_other_letters(cookie)
    replica = Replica(FakeLogins())
    assert copy != cookie and login_of({LOGIN_COOKIE: copy}) == login_of({LOGIN_COOKIE: cookie})
    replica.ask(cookie)
    assert not replica.is_logged_in(copy)


def test_other_logins_go_on_also_of_the_same_person() -> None:
    replica = Replica(FakeLogins())
    replica.ask(cookie_of())
    assert replica.is_logged_in(cookie_of(iat=2)) and replica.is_logged_in(cookie_of(sub="bob"))


def test_only_the_login_is_taken_out_of_the_handshake() -> None:
    replica = Replica(FakeLogins())
    replica.ask(cookie_of())
    assert replica.connect(cookie_of())[0]["others"] == {"a": "b", "c": "d"}


def test_an_open_page_with_the_copy_is_cut_off_at_its_next_message() -> None:
    logins, cookie = FakeLogins(), cookie_of()
    one, other = Replica(logins), Replica(logins)
    got = one.connect(cookie, lambda: None, lambda: one.ask(cookie))
    assert [m["type"] for m in got[1:]] == CUT_OFF
    logins.kept.clear()

    def log_out_elsewhere() -> None:
        one.ask(cookie)
        other.clock.now_s = 11.0

    got = other.connect(cookie, lambda: None, log_out_elsewhere)
    assert [m["type"] for m in got[1:]] == CUT_OFF


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/auth/login", "/oauth2callback"])
def test_other_requests_end_no_login(path: str) -> None:
    replica = Replica(FakeLogins())
    replica.ask(cookie_of(), path)
    assert replica.is_logged_in(cookie_of())


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", cookie_of()[:-3] + "xxx"], ids=range(4))
def test_a_forged_cookie_ends_and_stores_nothing(cookie: str) -> None:
    logins = FakeLogins()
    Replica(logins).ask(cookie)
    assert not logins.kept


def test_while_the_database_is_away_the_app_stays_open_and_logouts_count_here() -> None:
    logins, cookie = FakeLogins(), cookie_of()
    logins.fails = True
    replica = Replica(logins)
    assert replica.is_logged_in(cookie)
    replica.ask(cookie)
    assert not replica.is_logged_in(cookie)
