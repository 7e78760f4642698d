"""Clients that begin and never go on: does anybody else wait for them, and when are they cut off?

    python -m stress.slow

Some promise uploads and send no byte of them, others send half the head of a request. Meanwhile
another visitor uploads a picture, and the app is asked whether it is alive.
"""

import socket
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.machine import ROOT
from benchmarks.served import App
from stress.visitor import Visitor

SAMPLE = ROOT / "ferapp" / "samples" / "astronaut.jpg"
SESSIONS = 6
UPLOADS_EACH = 3
HALF_REQUESTS = 200
# The app's limits are 30 s for an upload, of which a visitor may have two at once, and 10 s for the
# head of a request.
PATIENCE_S = 80.0
PROMISED_BYTES = 300_000_000
MOST_UPLOAD_S = 10.0
MOST_ALIVE_MS = 3000.0


@dataclass
class Outcome:
    """The result.

    Attributes:
        open: How many clients were not cut off.
        over_s: After how many seconds the last one was cut off.
        upload_s: How long the upload of another visitor took.
        slowest_ms: The slowest answer of the app to whether it is alive.
    """

    open: int
    over_s: float
    upload_s: float
    slowest_ms: float

    @property
    def held(self) -> bool:
        """Whether all were cut off and nobody waited for them."""
        is_quick = self.upload_s < MOST_UPLOAD_S and self.slowest_ms < MOST_ALIVE_MS
        return not self.open and is_quick

    def __str__(self) -> str:
        ended = (
            f"{self.open} not cut off" if self.open else f"all cut off after {self.over_s:.0f} s"
        )
        return (
            f"{ended}; meanwhile an upload of another visitor {self.upload_s:.1f} s, "
            f"/healthz at most {self.slowest_ms:.0f} ms"
        )


def idle_uploads(url: str) -> Outcome:
    """Uploads that are promised and never sent."""
    with ExitStack() as stack:
        clients = []
        for _ in range(SESSIONS):
            visitor = stack.enter_context(Visitor(url))
            visitor.open()
            for number in range(UPLOADS_EACH):
                head = (
                    f"PUT /_stcore/upload_file/{visitor.session}/{number} HTTP/1.1\r\n"
                    f"Host: {urlsplit(url).netloc}\r\nCookie: {visitor.cookies}\r\n"
                    f"X-Xsrftoken: {visitor.token}\r\nContent-Length: {PROMISED_BYTES}\r\n"
                    "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
                )
                clients.append(stack.enter_context(_begin(url, head)))
        return _watch(url, clients)


def half_requests(url: str) -> Outcome:
    """Requests whose head never ends."""
    head = f"GET / HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(_begin(url, head)) for _ in range(HALF_REQUESTS)]
        return _watch(url, clients)


def _begin(url: str, head: str) -> socket.socket:
    address = urlsplit(url)
    client = socket.create_connection((address.hostname, address.port), PATIENCE_S)
    client.sendall(head.encode())
    client.setblocking(False)
    return client


def _watch(url: str, clients: Sequence[socket.socket]) -> Outcome:
    start_s = time.monotonic()
    with Visitor(url) as other:
        other.open()
        upload_s = other.upload({"a.jpg": SAMPLE.read_bytes()})
    slowest_s = 0.0
    while still := [client for client in clients if not _is_over(client)]:
        asked_s = time.monotonic()
        if asked_s - start_s > PATIENCE_S:
            break
        with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE_S):
            slowest_s = max(slowest_s, time.monotonic() - asked_s)
        time.sleep(0.2)
    return Outcome(len(still), time.monotonic() - start_s, upload_s, slowest_s * 1000)


def _is_over(client: socket.socket) -> bool:
    """Whether the app has closed a connection, with or without an answer."""
    try:
        while client.recv(10_000):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def run() -> tuple[Outcome, Outcome]:
    """Idle uploads, then half requests."""
    app = App(ROOT / "app.py")
    try:
        with Visitor(app.url) as first:
            first.open()
            first.upload({"warm.jpg": SAMPLE.read_bytes()})  # loads the models
        return idle_uploads(app.url), half_requests(app.url)
    finally:
        app.stop()


if __name__ == "__main__":
    for name, outcome in zip(("idle uploads", "half requests"), run(), strict=True):
        print(f"{name}: {outcome}")
