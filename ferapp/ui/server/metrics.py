"""Figures about the running app for Prometheus; counts and times, never a name or an id.

```text
FERAPP_METRICS_TOKEN   lets others than this machine read them: Authorization: Bearer TOKEN
```
"""

import hmac
import os
import threading
from typing import Final, Protocol, TypeVar

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from streamlit.runtime import exists, get_instance
from streamlit.runtime.stats import ACTIVE_SESSIONS_FAMILY

from ferapp.ui.server.headers import PROXY_HEADERS

METRICS_ROUTE: Final = "/metrics"

PICTURES: Final = Counter("ferapp_pictures", "Pictures that were analysed.")
REFUSED: Final = Counter(
    "ferapp_pictures_refused", "Pictures that could not be analysed.", ["error"]
)
PICTURE_SECONDS: Final = Histogram(
    "ferapp_picture_seconds",
    "How long a picture took, without the wait for its turn.",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
WORKS: Final = Counter("ferapp_works", "Work on videos that is over.", ["work", "end"])
LIVE_FRAMES: Final = Counter("ferapp_live_frames", "Frames of live viewers.", ["outcome"])

_SEATS: Final = Gauge("ferapp_seats", "Who has a seat and who waits for one.", ["room", "state"])
_RECORDINGS: Final = Gauge("ferapp_recordings", "Live recordings that are running.")
_SESSIONS: Final = Gauge("ferapp_sessions", "Pages that are open.")

_VARIABLE: Final = "FERAPP_METRICS_TOKEN"
_HERE: Final = ("localhost", "127.0.0.1", "::1")


class Line(Protocol):
    """Some who are served, and others who wait."""

    @property
    def served(self) -> int:
        """How many are served."""
        ...

    @property
    def waiting(self) -> int:
        """How many are not yet."""
        ...


L = TypeVar("L", bound=Line)


def watched(room: str, seats: L) -> L:
    """Tell of these seats from now on, under the name of a room; gives them back."""
    _SEATS.labels(room, "taken").set_function(lambda: seats.served)
    _SEATS.labels(room, "waiting").set_function(lambda: seats.waiting)
    return seats


def _sessions() -> float:
    if not exists():
        return 0
    stats = get_instance().stats_mgr.get_stats([ACTIVE_SESSIONS_FAMILY])
    return sum(stat.value for stat in stats[ACTIVE_SESSIONS_FAMILY])  # type: ignore[attr-defined]


_SESSIONS.set_function(_sessions)
# Each recorder has a thread of this name for as long as it runs.
_RECORDINGS.set_function(lambda: sum(t.name == "recorder" for t in threading.enumerate()))


def metrics(request: Request) -> Response:
    """All figures as text; for others than this machine and those with the token, not found."""
    if not (_is_near(request) or _has_token(request)):
        return PlainTextResponse("Not Found", 404)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_near(request: Request) -> bool:
    """Whether it comes from this machine, by its own name, and through no proxy."""
    peer = request.client.host if request.client else None
    is_direct = not any(header in request.headers for header in PROXY_HEADERS)
    return is_direct and peer in _HERE and request.url.hostname in _HERE


def _has_token(request: Request) -> bool:
    token = os.environ.get(_VARIABLE)
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
