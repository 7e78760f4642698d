"""The app as a visitor's browser sees it."""

import time
from urllib.error import URLError
from urllib.request import urlopen


def fetch_text(port: int, path: str, deadline_s: float) -> str:
    """Request a path of the app on a port, which may be starting until the deadline."""
    end_s = time.monotonic() + deadline_s
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
                return str(response.read().decode())
        except (URLError, ConnectionError):
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)
