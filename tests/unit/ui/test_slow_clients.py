"""Slow and numerous clients are cut off by the HTTP server itself, and nobody else is."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from ferapp.serving.connections import (
    MAX_CONNECTIONS,
    MAX_MESSAGE_BYTES,
    ConnectionGuard,
    connection_limit,
)
from ferapp.ui.server.private_parts import guard_http
from tests.support.waiting import wait_until

MAX_REQUEST_S = 0.5
MAX_STANDSTILL_S = 1.0
# More than what the system takes in advance, which is up to ten megabytes on Linux.
LARGE_BYTES = 30_000_000
HEAD = b"GET /slow HTTP/1.1\r\nHost: a\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
CHANGED = (
    *("connection_made", "data_received", "connection_lost"),
    *("pause_writing", "resume_writing", "on_response_complete"),
)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, after twice the time at /slow, at length at /large; echo over a WebSocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await receive()
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * MAX_REQUEST_S)
    body = bytes(LARGE_BYTES) if scope["path"] == "/large" else b"ok"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    for name in CHANGED:
        monkeypatch.setattr(AutoHTTPProtocol, name, getattr(AutoHTTPProtocol, name))
    limits = {"max_request_s": MAX_REQUEST_S, "max_standstill_s": MAX_STANDSTILL_S}
    guard_http(ConnectionGuard(**limits, max_connections=8))
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 10)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def open_to(port: int, *, from_: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, (from_, 0))


def is_answered(client: socket.socket) -> bool:
    with client.makefile("rb") as answer:
        lines = [answer.readline() for _ in range(5)]
        return lines[0].startswith(b"HTTP/1.1 200") and answer.read(2) == b"ok"


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_two_hundred_half_requests_are_cut_off_and_others_are_served(port: int) -> None:
    halves = [open_to(port) for _ in range(200)]
    for client in halves:
        client.sendall(HEAD)
    with open_to(port) as other:
        other.sendall(WHOLE)
        assert is_answered(other)
    wait_until(lambda: all(map(is_closed, halves)), 5)
    for client in halves:
        client.close()


def test_a_head_that_drips_in_is_cut_off(port: int) -> None:
    with open_to(port) as client:
        start_s = time.monotonic()
        with pytest.raises(ConnectionError):
            for _ in range(100):
                client.sendall(b"X")
                time.sleep(MAX_REQUEST_S / 10)
        assert time.monotonic() - start_s < 4 * MAX_REQUEST_S


def test_silence_and_the_second_half_request_of_a_connection_are_cut_off(port: int) -> None:
    with open_to(port) as silent, open_to(port) as second:
        second.sendall(WHOLE)
        assert is_answered(second)
        second.sendall(HEAD)
        wait_until(lambda: is_closed(silent) and is_closed(second), 5)


def test_a_slow_answer_and_a_silent_websocket_are_not(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/") as page, open_to(port) as client:
        client.sendall(HEAD + b"\r\n")
        assert is_answered(client)
        time.sleep(2 * MAX_REQUEST_S)
        page.send("still here")
        page.send("still here")
        assert page.recv(5) == "still here"


def test_a_message_that_does_not_end_is_cut_off(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/", max_size=None) as page:
        page.send("x" * MAX_MESSAGE_BYTES)
        assert len(page.recv(5)) == MAX_MESSAGE_BYTES
        with pytest.raises(ConnectionClosedError, match="1009"):
            page.send(iter(["x" * 100_000] * 21))  # in as many parts
            page.recv(5)


def test_who_reads_a_large_answer_byte_by_byte_is_cut_off(port: int) -> None:
    with open_to(port) as client:
        client.sendall(LARGE)
        until_s = time.monotonic() + 10
        # What is here already could still be read.
        while not client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            assert client.recv(1) and time.monotonic() < until_s
            time.sleep(MAX_STANDSTILL_S / 10)


def test_who_reads_it_in_several_times_the_limit_gets_all_of_it(port: int) -> None:
    with open_to(port) as client:
        client.sendall(LARGE)
        start_s, count = time.monotonic(), 0
        while count < LARGE_BYTES and (data := client.recv(600_000)):
            count += len(data)
            time.sleep(len(data) / 600_000 * MAX_STANDSTILL_S / 15)
        assert count > LARGE_BYTES and time.monotonic() - start_s > 3 * MAX_STANDSTILL_S


class Transport:
    """A connection from an address."""

    def __init__(self, address: str) -> None:
        self.address, self.is_over, self.unread = address, False, 0

    def get_extra_info(self, _: str) -> Any:
        return (self.address, 1)

    def is_closing(self) -> bool:
        return self.is_over

    def get_write_buffer_size(self) -> int:
        return self.unread


def test_one_address_leaves_room_for_others() -> None:
    guard = ConnectionGuard(max_connections=8)
    mine = [Transport("192.0.2.1") for _ in range(3)]
    assert [guard.admit(t) for t in mine] == [True, True, False]
    assert guard.admit(Transport("192.0.2.2"))
    mine[0].is_over, mine[0].unread = True, 1
    assert not guard.admit(Transport("192.0.2.1")), "an answer that nobody reads is still there"
    mine[0].unread = 0
    assert guard.admit(Transport("192.0.2.1"))


def test_all_addresses_together_leave_room_for_this_machine() -> None:
    guard = ConnectionGuard(max_connections=8)
    assert sum(guard.admit(Transport(f"192.0.2.{n}")) for n in range(20)) == 8
    for near in ("127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", ""):
        assert all(guard.admit(Transport(near)) for _ in range(20))


def test_the_addresses_of_one_customer_count_as_one() -> None:
    guard = ConnectionGuard(max_connections=8)
    assert sum(guard.admit(Transport(f"2001:db8::{n}")) for n in range(1, 9)) == 2
    assert sum(guard.admit(Transport(f"::ffff:192.0.2.{n}")) for n in (1, 1, 1, 2)) == 3


def test_files_are_left_for_what_is_not_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    for files, limit in ((1024, 512), (resource.RLIM_INFINITY, MAX_CONNECTIONS), (1, 4)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, files=files: (files, files))
        assert connection_limit() == limit
