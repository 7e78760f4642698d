"""Metrics of the running app for Prometheus: counts and times, never a name or an id.

```text
FERAPP_METRICS_TOKEN   other machines may read them with: Authorization: Bearer TOKEN
```
"""

import hmac
import os
import threading
from typing import Final, Protocol, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ferapp.ui.server.headers import PROXY_HEADERS
from ferapp.ui.server.private_parts import open_pages

METRICS_ROUTE: Final = "/metrics"

PICTURES: Final = Counter("ferapp_pictures", "Pictures analysed.")
PICTURE_ERRORS: Final = Counter(
    "ferapp_picture_errors", "Pictures that could not be analysed, by class of error.", ["error"]
)
PICTURE_DURATION: Final = Histogram(
    "ferapp_picture_duration_seconds",
    "Time to read and analyse a picture, without waiting in the queue.",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
VIDEO_JOBS: Final = Counter(
    "ferapp_video_jobs", "Finished video jobs, by outcome.", ["job", "outcome"]
)
LIVE_FRAMES: Final = Counter(
    "ferapp_live_frames", "Frames of live viewers, by outcome.", ["outcome"]
)

_SLOTS: Final = Gauge("ferapp_slots_in_use", "Visitors being served.", ["queue"])
_QUEUE: Final = Gauge("ferapp_queue_length", "Visitors waiting.", ["queue"])
_RECORDINGS: Final = Gauge("ferapp_active_recordings", "Live recordings in progress.")
_PAGES: Final = Gauge("ferapp_open_pages", "Open pages of the app.")

_VARIABLE: Final = "FERAPP_METRICS_TOKEN"
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")


class Queue(Protocol):
    """A queue with visitors who are being served and visitors who wait."""

    @property
    def active_count(self) -> int:
        """How many are being served."""
        ...

    @property
    def waiting_count(self) -> int:
        """How many are waiting."""
        ...


Q = TypeVar("Q", bound=Queue)


def watch_queue(name: str, queue: Q) -> Q:
    """Publish under a name how many a queue serves and how many wait in it; returns the queue."""
    _SLOTS.labels(name).set_function(lambda: queue.active_count)
    _QUEUE.labels(name).set_function(lambda: queue.waiting_count)
    return queue


_PAGES.set_function(open_pages)
# Each recorder has a thread of this name for as long as it runs.
_RECORDINGS.set_function(lambda: sum(t.name == "recorder" for t in threading.enumerate()))


def metrics(request: Request) -> Response:
    """All metrics as text; 404 unless the request is from this machine or has the token."""
    if not (_is_local(request) or _has_token(request)):
        return PlainTextResponse("Not Found", 404)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    """Whether it comes from this machine, under a local name, and through no proxy."""
    peer = request.client.host if request.client else None
    is_direct = not any(header in request.headers for header in PROXY_HEADERS)
    return is_direct and peer in _LOCAL_NAMES and request.url.hostname in _LOCAL_NAMES


def _has_token(request: Request) -> bool:
    token = os.environ.get(_VARIABLE)
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
